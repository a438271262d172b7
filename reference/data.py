"""Reading ESConv and the MISC paper's dev rows, and making batches of them."""
import json
import os
import random

import numpy as np
import torch

from text import END, MAX_POST, MAX_SITUATION, PAD, RELATIONS, START, STRATEGIES, Tokenizer, cut_blocks


def conversations(data, part):
    return [json.loads(l) for l in open(os.path.join(data, 'esconv', part + '.jsonl'), encoding='utf-8')]


def chats(data, empathetic=None):
    """Stage 1's conversations, (utterances, situation): ESConv's train part and its failed ones, and EmpatheticDialogues: what of
    it lies in `data`, which lacks situations, or all of it from a file of JSON lines, {"situation": …, "utterances": […]}."""
    esconv = [([t['text'].strip() for t in c['dialog']], c['situation'].strip()) for p in ('train', 'failed') for c in conversations(data, p)]
    files = [empathetic] if empathetic else [os.path.join(data, 'empathetic', p + '.jsonl') for p in ('dev', 'test')]
    told = [json.loads(l) for f in files for l in open(f, encoding='utf-8')]
    return esconv + [([u.strip() for u in c['utterances']], c.get('situation', '').strip()) for c in told]


def pad(rows, value=PAD):
    out = torch.full((len(rows), max((len(r) for r in rows), default=0)), value)
    for i, r in enumerate(rows):
        out[i, :len(r)] = torch.as_tensor(r)
    return out


# ---- COMET: pairs from the paper's dev rows ---------------------------------------------------------

def comet_rows(data):
    """(event, [(relation, tail)]) of the dev rows, by part: a row whose situation stands in esconv
    valid or test belongs there and is never trained on; the rest is train. No test rows are read."""
    folder = os.path.join(data, 'misc-esconv')
    read = lambda name: open(os.path.join(folder, name), encoding='utf-8').read().split('\n')
    rows, posts = read('devWithStrategy_short.tsv'), read('devComet.txt')
    blocks, situations = read('devComet_st.txt'), read('devSituation.txt')
    held = {c['situation'].strip(): p for p in ('valid', 'test') for c in conversations(data, p)}
    out = {'train': {}, 'valid': {}, 'test': {}}
    for row, post, block, situation in zip(rows, posts, blocks, situations):
        if not row.strip():
            continue
        part = out[held.get(situation.strip(), 'train')]
        turns = [u.strip().split(' ', 3) for u in row.split('EOS')][:-1]
        seeker = [t for t in turns if len(t) == 4 and t[1] == '0']
        for event, field in ((seeker[-1][3] if seeker else '', post), (situation, block)):
            if not event.strip():
                continue
            for one in field.split('__EOS__'):
                relation, _, tail = one.strip().partition(' ')
                if relation[1:-1] in RELATIONS and tail.strip():
                    tails = part.setdefault((event.strip(), relation), [])
                    if tail.strip() not in tails:
                        tails.append(tail.strip())
    return out


def comet_event(tok, event, limit):
    """The ids of "{event} __end__", cut on the left to `limit`. The relation is for the decoder to start with: an event is
    encoded once, whatever is asked of it."""
    ids = [i for i in tok.encode(event) if i < tok.n]
    return ids[-(limit - 1):] + [END]


# ---- MISC: supporter turns ----------------------------------------------------------------------

def spans(tok, text):
    """A text's own words as blocks, nine ids each."""
    ids = [i for i in tok.encode(text) if i < tok.n]
    cut = [ids[i:i + 9] for i in range(0, len(ids), 9)][:MAX_SITUATION]
    return [(tok.added[f'[{RELATIONS[i % 6]}]'], *c) for i, c in enumerate(cut)]


def examples(data, part, tok, limit, blocks=None):
    """One example for each supporter turn that has a seeker's before it. `blocks` is
    {"post": {text: [block]}, "situation": {…}} as `train.py blocks` writes it."""
    out = []
    for number, c in enumerate(conversations(data, part)):
        ids = [tok.encode(t['text'].strip()) for t in c['dialog']]
        last = None
        for i, turn in enumerate(c['dialog']):
            text = turn['text'].strip()
            if turn['speaker'] == 'usr':
                last = text
                continue
            if last is None or not text:
                continue
            ex = {'conversation': number, 'turn': i, 'ids': tok.context(ids[:i], limit),
                  'reply': [t for t in ids[i] if t < tok.n], 'text': text, 'post_text': last,
                  'situation_text': c['situation'].strip(), 'spans': spans(tok, c['situation']), 'strategy': STRATEGIES.index(turn['strategy'])}
            for which, event, most in (('post', last, MAX_POST), ('situation', c['situation'].strip(), MAX_SITUATION)):
                ex[which] = [tuple(tok.block(b)) for b in cut_blocks(blocks[which].get(event, []), most)] if blocks else []
            out.append(ex)
    return out


def collate(rows, post=None, situation=None, most_reply=None):
    """A batch: contexts padded; the batch's distinct blocks once, with an index for each row."""
    post = [r['post'] for r in rows] if post is None else post
    situation = [r['situation'] for r in rows] if situation is None else situation
    distinct = {}
    index = lambda lists: pad([[distinct.setdefault(b, len(distinct)) for b in l] for l in lists], -1)
    batch = {'post': index(post), 'situation': index(situation), 'ids': pad([r['ids'] for r in rows])}
    batch['mask'] = batch['ids'].ne(PAD)
    batch['blocks'] = pad(list(distinct)) if distinct else torch.zeros(0, 1, dtype=torch.long)
    replies = [r['reply'][:most_reply] + [END] for r in rows]
    batch['target'] = pad(replies)
    batch['dec'] = torch.cat([torch.full((len(rows), 1), START), batch['target'][:, :-1]], 1)
    batch['strategy'] = torch.tensor([r['strategy'] for r in rows])
    return batch


def buckets(rows, size, rng, key, chunk=40):
    """Shuffled batches of rows of like length."""
    order = list(range(len(rows)))
    rng.shuffle(order)
    out = []
    for i in range(0, len(order), size * chunk):
        part = sorted(order[i:i + size * chunk], key=lambda j: key(rows[j]))
        out += [part[k:k + size] for k in range(0, len(part), size)]
    rng.shuffle(out)
    return [[rows[j] for j in b] for b in out if len(b) >= 8]
