"""Trains misc-mini and comet-mini. See README.md; each subcommand is one step of the recipe."""
import argparse
import copy
import csv
import json
import math
import multiprocessing as mp
import os
import random
import time
from collections import Counter

import torch
import torch.nn.functional as F

import data as D
import export as E
import generate as G
from model import CrossEntropy, Model, key_bias, parameters
from trainer import Run, log, run_command
from text import END, PAD, RELATIONS, START, UNK, Tokenizer, build_compact

# A deep encoder and a shallow decoder: an event is encoded once, and the decoder steps for all beams of all relations.
COMET = {'model_type': 'bart', 'd_model': 256, 'encoder_layers': 3, 'decoder_layers': 1,
         'encoder_attention_heads': 8, 'decoder_attention_heads': 8, 'encoder_ffn_dim': 1024,
         'decoder_ffn_dim': 1024, 'max_position_embeddings': 128, 'scale_embedding': False}

MISC = {'model_type': 'misc', 'misc_variant': 'paper', 'num_strategies': 8, 'd_model': 256,
        'encoder_layers': 3, 'decoder_layers': 3, 'encoder_attention_heads': 8, 'decoder_attention_heads': 8,
        'encoder_ffn_dim': 1024, 'decoder_ffn_dim': 1024, 'max_position_embeddings': 512, 'scale_embedding': True}


def nats(model, x, target):
    """Summed cross-entropy over the tokens that are not padding, and their number."""
    keep = target.ne(PAD)
    x, target = x[keep], target[keep]
    if torch.is_grad_enabled():
        return CrossEntropy.apply(x, model.model.shared.weight, model.final_logits_bias[0], target), len(target)
    return F.cross_entropy(model.logits(x), target, reduction='sum'), len(target)


def blurred(ids, p):
    """Word dropout: decoder inputs turn into __unk__ with probability p."""
    return ids.masked_fill((torch.rand(ids.shape) < p) & ids.gt(UNK), UNK)


# ---- tokenizer ----------------------------------------------------------------------------------

def cmd_tokenizer(a):
    full = Tokenizer(os.path.join(a.data, 'tokenizer'))
    texts = []
    for c in D.conversations(a.data, 'train'):
        texts += [t['text'] for t in c['dialog']] + [c['situation']]
    texts += sorted({t for ts in D.comet_rows(a.data)['train'].values() for t in ts})
    tok = build_compact(full, texts, a.minimum)
    tok.save(os.path.join(a.work, 'tokenizer'))
    log('entries', tok.n, 'merges', len(tok.merges))


def tokenizer(a):
    return Tokenizer(os.path.join(a.work, 'tokenizer'))


# ---- comet-mini ---------------------------------------------------------------------------------

def comet_items(a, tok, part, limit):
    """Events as ids, each with its queries: a relation's id, with which the decoder starts, and the tails."""
    out = {}
    for (e, r), ts in D.comet_rows(a.data)[part].items():
        event = out.setdefault(e, {'event': e, 'ids': D.comet_event(tok, e, limit), 'queries': []})
        event['queries'].append((tok.added[r], [tok.encode(t)[:16] + [END] for t in ts]))
    return list(out.values())


def rarer(items, rng, few=5, power=0.5):
    """An epoch's tails: one that stands in n > few of the queries stays with probability (few/n)^power. Otherwise beams write
    the same frequent tails for every event ("untrustworthy", "gets yelled at"), whatever the event."""
    count = Counter((relation, *t) for r in items for relation, tails in r['queries'] for t in tails)
    chance = {k: min(1.0, (few / n) ** power) for k, n in count.items()}
    stays = lambda relation, t: rng.random() < chance[(relation, *t)]
    return [{**r, 'queries': [(relation, [t for t in tails if stays(relation, t)]) for relation, tails in r['queries']]}
            for r in items]


def comet_loss(model, rows):
    ids = D.pad([r['ids'] for r in rows])
    mask = ids.ne(PAD)
    tails = [(i, relation, t) for i, r in enumerate(rows) for relation, ts in r['queries'] for t in ts]
    owner = torch.tensor([i for i, _, _ in tails])
    target = D.pad([t for _, _, t in tails])
    dec = torch.cat([torch.tensor([[relation] for _, relation, _ in tails]), target[:, :-1]], 1)
    y = model.encode(ids, mask)
    x = model.decode(dec, [(y[owner], key_bias(mask[owner]), None)])
    return nats(model, x, target)


def tails_of(items):
    return sum(len(tails) for r in items for _, tails in r['queries'])


def comet_eval(model, rows, size=16):
    total = n = 0
    rows = sorted(rows, key=lambda r: len(r['ids']))
    with torch.no_grad():
        for i in range(0, len(rows), size):
            l, k = comet_loss(model, rows[i:i + size])
            total, n = total + float(l), n + k
    return math.exp(total / n)


def comet_beams(model, rows, size=64):
    """→ the percentage of the true tails that beams find, how much the beams tell of the event (the entropy of the sets of
    tails within a relation, in bits, averaged over the relations: no more than log2 of the queries each has), and how many
    different tails of a relation there are."""
    found = total = 0
    sets = {}
    queries = sorted(((r['ids'], relation, tails) for r in rows for relation, tails in r['queries']), key=lambda q: len(q[0]))
    with torch.no_grad():
        for i in range(0, len(queries), size):
            events, starts, true = zip(*queries[i:i + size])
            for relation, expected, tails in zip(starts, true, G.beams(model, events, starts)):
                expected = {tuple(t[:-1]) for t in expected}
                found, total = found + sum(tuple(t) in expected for t in tails), total + len(expected)
                sets.setdefault(relation, Counter())[frozenset(map(tuple, tails))] += 1
    bits = [-sum(v / sum(c.values()) * math.log2(v / sum(c.values())) for v in c.values()) for c in sets.values()]
    different = sum(len({t for tails in c for t in tails}) for c in sets.values())
    return 100 * found / total, sum(bits) / len(bits), different


def comet_from_misc(model, source):
    """Starts comet-mini from stage 1 of misc-mini: what both have, and the positions as BART lays them out."""
    own = model.state_dict()
    for name, t in own.items():
        if name.endswith('embed_positions.weight'):
            # ahead of a layer norm, x·√d + p and x + p/√d are the same
            t[2:] = source[name][:len(t) - 2] / math.sqrt(t.shape[1])
        elif name in source:
            t.copy_(source[name])


def cmd_comet(a):
    torch.manual_seed(1)
    rng = random.Random(1)
    tok = tokenizer(a)
    c = {**COMET, 'vocab_size': tok.size, 'dropout': a.dropout}
    model = Model(c)
    start = torch.load(os.path.join(a.work, a.init))
    if start['config']['model_type'] == 'bart':
        model.load_state_dict({name: start['state'][name] for name in model.state_dict()})
    else:
        comet_from_misc(model, start['state'])
    train, valid = (comet_items(a, tok, p, c['max_position_embeddings']) for p in ('train', 'valid'))
    log('parameters', parameters(model), 'events', len(train), len(valid), 'tails', tails_of(train))
    run = Run(model.to(getattr(torch, a.dtype)), os.path.join(a.work, 'comet.pt'), a.steps, a.lr, 60, 0.1, 0.99, a.workers)

    def work(rank):
        torch.manual_seed(rank + 7 * run.step_no)
        model.train()
        while not run.done():
            total = n = 0
            for rows in D.buckets(rarer(train, rng, power=a.power), a.batch, rng, lambda r: len(r['ids'])):
                l, k = comet_loss(model, rows[rank::a.workers])
                run.step(l / k)
                total, n = total + float(l), n + k
                if run.done():
                    break

            def check(rank):
                if rank:
                    return
                ppl, hits, sets, different = comet_eval(model, valid), *comet_beams(model, valid[::5])
                log('step', run.step_no, f'train {math.exp(total / n):.2f} valid {ppl:.2f}, beams: {hits:.1f} % of the tails, {sets:.1f} bits, {different} tails')
                run.best = (hits, run.step_no)
                run.keep(os.path.join(a.work, a.name + '-best.pt'), c)
            run.averaged(check)
        if rank == 0:
            run.save()
            log('best', run.best)

    run.start(work)


# ---- blocks -------------------------------------------------------------------------------------

def blocks_of(model, tok, events, relation, size=64):
    """One relation's blocks as the engine infers them: up to three beams for each event's ids, none empty, "none" or twice."""
    out, number = [], tok.added[relation]
    with torch.no_grad():
        for i in range(0, len(events), size):
            for tails in G.beams(model, events[i:i + size], [number] * len(events[i:i + size])):
                out.append([f'{relation} {t}' for t in dict.fromkeys(tok.decode(t) for t in tails) if t not in ('', 'none')])
    log(relation, len(events), 'events', len({b for l in out for b in l}), 'different blocks')
    return out


def events_of(a, part):
    """A part's situations and the seeker's posts that a supporter's turn answers."""
    posts, situations = {}, {}
    for c in D.conversations(a.data, part):
        situations[c['situation'].strip()] = last = None
        for t in c['dialog']:
            if t['speaker'] == 'usr':
                last = t['text'].strip()
            elif last:
                posts[last] = None
    return {'post': list(posts), 'situation': list(situations)}


def cmd_blocks(a):
    """Blocks for the events of all parts, of train's posts every `stride`th alone: its other rows have no post blocks."""
    tok = tokenizer(a)
    best = torch.load(os.path.join(a.work, a.comet))
    model = Model({**best['config'], 'dropout': 0.0})
    model.load_state_dict(best['state'])
    model.eval()
    limit = model.c['max_position_embeddings']
    out = {'post': {}, 'situation': {}}
    for part in a.parts:
        for which, relations in (('situation', RELATIONS[:6]), ('post', RELATIONS)):
            events = events_of(a, part)[which]
            if part == 'train' and which == 'post':
                events = events[::a.stride]
            ids = {e: D.comet_event(tok, e, limit) for e in events if e not in out[which]}
            events = sorted((e for e in ids if len(ids[e]) > 1), key=lambda e: len(ids[e]))
            jobs = [(model, tok, [ids[e] for e in events], f'[{r}]') for r in relations]
            with mp.get_context('fork').Pool(a.workers) as pool:
                by_relation = pool.starmap(blocks_of, jobs, 1)
            out[which].update((e, sum(lists, [])) for e, *lists in zip(events, *by_relation))
            with open(os.path.join(a.work, 'blocks.json'), 'w', encoding='utf-8') as f:
                json.dump(out, f, ensure_ascii=False, indent=0)


def load_blocks(a):
    return json.load(open(os.path.join(a.work, 'blocks.json')))


# ---- misc-mini ----------------------------------------------------------------------------------

def thin_blocks(rows, rng, spans=0.0, most=6):
    """Training's view of the blocks: a quarter of the rows lack one source or both; of the others' blocks a random few,
    mostly, which keeps the decoder from leaning on any one. In a share `spans` of the rows the situation's
    own words take the place of its blocks: the most that tails could tell of it."""
    post, situation = [], []
    for r in rows:
        p, s = list(r['post']), list(r['situation'])
        for l in (p, s):
            if rng.random() < 0.7:
                rng.shuffle(l)
                del l[most:]
        if rng.random() < spans:
            s = r['spans']
        gone = rng.random()
        post.append([] if gone < 0.17 else p)
        situation.append([] if gone < 0.08 or 0.17 <= gone < 0.25 else s)
    return post, situation


def cmd_empathetic(a):
    """EmpatheticDialogues whole, one JSON line a conversation, from a CSV file for each emotion: Dialog_ID, Type, Actor, Text."""
    with open(os.path.join(a.work, 'empathetic.jsonl'), 'w', encoding='utf-8') as out:
        for name in sorted(n for n in os.listdir(a.of) if n.endswith('.csv')):
            conversations = {}
            for row in csv.DictReader(open(os.path.join(a.of, name), encoding='utf-8', errors='replace', newline='')):
                c = conversations.setdefault(row['Dialog_ID'], {'emotion': name[:-4], 'situation': '', 'utterances': []})
                text = (row['Text'] or '').replace('_comma_', ',').strip()
                if row['Type'] == 'situation':
                    c['situation'] = text
                elif text:
                    c['utterances'].append(text)
            out.writelines(json.dumps(c, ensure_ascii=False) + '\n' for c in conversations.values())


def windows(a, tok):
    """Stage 1's material: conversations as (turns, each its ids; the situation's own words as blocks)."""
    ids = lambda text: [i for i in tok.encode(text) if i < tok.n]
    return [([ids(u) for u in said], D.spans(tok, situation)) for said, situation in D.chats(a.data, a.empathetic) if len(said) > 1]


def window_rows(convs, tok, rng, lo=32, hi=128):
    """One pass of stage 1: windows that tile every conversation from a random start, each after a context, a seventh of
    them as long as there are positions. Half of them have the situation's own words for blocks; their context begins anywhere, so
    that what it leaves out is told by blocks alone."""
    rows = []
    for turns, situation in convs:
        i = rng.randint(1, min(4, len(turns) - 1))
        while i < len(turns):
            reply, j, ahead = [], i, rng.randint(lo, hi)
            while j < len(turns) and len(reply) < ahead:
                reply += turns[j] + [END]
                j += 1
            limit = MISC['max_position_embeddings'] if rng.random() < 1 / 7 else rng.randint(lo, hi)
            told = bool(situation) and rng.random() < 0.5
            rows.append({'ids': tok.context(turns[rng.randrange(i) if told else 0:i], limit), 'reply': reply[:-1][:ahead - 1],
                         'post': [], 'situation': situation if told else [], 'strategy': -100})
            i = max(i + 1, j - 1)
    return rows


def misc_loss(model, batch, force=0.25, blur=0.0):
    """Nats of the replies, their tokens, the strategies' logits. In training the decoder gets the true
    strategy in a share `force` of the rows and the predicted mixture in the others."""
    truth, dec = None, batch['dec']
    if model.training:
        s = batch['strategy']
        truth = ((torch.rand(len(s)) < force) & (s >= 0), F.one_hot(s.clamp(min=0), 8).float())
        dec = blurred(dec, blur)
    sources, lg = model.memory(batch, truth=truth)
    l, k = nats(model, model.decode(dec, sources), batch['target'])
    return l, k, lg


def evaluate(model, rows, with_blocks=True, size=32):
    """→ nats of the replies (END included), the number of strategies guessed right, and the nats of the strategies."""
    total = right = off = 0
    rows = sorted(rows, key=lambda r: (len(r['ids']), len(r['reply'])))
    none = [[] for _ in range(size)]
    with torch.no_grad():
        for i in range(0, len(rows), size):
            part = rows[i:i + size]
            batch = D.collate(part) if with_blocks else D.collate(part, none[:len(part)], none[:len(part)])
            l, _, lg = misc_loss(model, batch)
            total += float(l)
            right += int((lg.argmax(-1) == batch['strategy']).sum())
            off += float(F.cross_entropy(lg, batch['strategy'], reduction='sum'))
    return total, right, off


def pieces(full, rows):
    return sum(len(full.encode(r['text'])) for r in rows)


def cmd_misc(a):
    torch.manual_seed(a.seed)
    tok, one = tokenizer(a), a.stage == 1
    blocks = None if one else load_blocks(a)
    c = {**MISC, 'vocab_size': tok.size, 'dropout': a.dropout, 'head_dropout': a.head_dropout}
    model = Model(c)
    if a.init or not one:
        model.load_state_dict(torch.load(os.path.join(a.work, a.init or 'misc1-best.pt'))['state'])
    if not one and a.scale:
        sources_like_context(model, a.scale)
    valid = D.examples(a.data, 'valid', tok, c['max_position_embeddings'], blocks)
    subset = valid[::len(valid) // 400][:400]
    n = pieces(Tokenizer(os.path.join(a.data, 'tokenizer')), subset)
    convs, train = windows(a, tok), [] if one else D.examples(a.data, 'train', tok, c['max_position_embeddings'], blocks)
    log('parameters', parameters(model), 'valid', len(valid), 'train', len(train or convs), 'pieces', n)
    name = os.path.join(a.work, a.name or f'misc{a.stage}')
    run = Run(model.to(getattr(torch, a.dtype)), name + '.pt', a.steps, a.lr, a.warm, a.decay, a.ema, a.workers, stop=a.stop)

    def look(rank):
        """Valid by the averaged weights."""
        if rank:
            return
        total, right, off = evaluate(model, subset)
        ppl, strict = math.exp(total / (n + len(subset))), math.exp(total / n)
        kinds = {'spans': [{**r, 'situation': r['spans']} for r in subset]}
        if not one:
            kinds['none'] = [{**r, 'post': [], 'situation': []} for r in subset]
        others = {k: round(math.exp(evaluate(model, rows)[0] / (n + len(subset))), 2) for k, rows in kinds.items()}
        log(f'VALID step {run.step_no} ppl {ppl:.2f} {others} strict {strict:.2f} acc {100 * right / len(subset):.2f} strategy {off / len(subset):.4f}')
        run.keep(name + '-last.pt', c)
        if run.best is None or ppl < run.best[0]:
            run.best = (ppl, run.step_no)
            run.keep(name + '-best.pt', c)

    def work(rank):
        torch.manual_seed(a.seed * 1000 + rank + 7 * run.step_no)
        rng = random.Random(a.seed * 1000 + run.step_no)         # the same batches in every process
        own = random.Random(a.seed * 1000 + rank + 7 * run.step_no)
        model.train()
        total = tokens = right = seen = 0
        started, first = time.time(), run.step_no
        while not run.done():
            for part in stage_one(convs, tok, rng, a) if one else stage_two(train, rng, a):
                part = part[rank::a.workers]
                batch = D.collate(part) if one else D.collate(part, *thin_blocks(part, own, a.spans), most_reply=127)
                l, k, lg = misc_loss(model, batch, blur=a.blur)
                known = batch['strategy'] >= 0
                g = F.cross_entropy(lg[known], batch['strategy'][known]) if bool(known.any()) else 0.0
                # Stage 1 repeats so often that with a strategy loss the encoder would learn the labels by heart.
                rate = run.step(l / k if one else l / k + g)
                total, tokens = total + float(l), tokens + k
                right, seen = right + int((lg.argmax(-1) == batch['strategy']).sum()), seen + int(known.sum())
                if rank == 0 and run.step_no % 50 == 0:
                    log('step', run.step_no, f'lr {rate:.2e} train {math.exp(total / tokens):.1f} acc {100 * right / max(1, seen):.1f} s/step {(time.time() - started) / (run.step_no - first):.2f}')
                    total = tokens = right = seen = 0
                if run.step_no % a.every == 0 or run.done():
                    run.averaged(look)
                if run.done():
                    break
        if rank == 0:
            run.save()
            log('best', run.best)

    run.start(work)


def sources_like_context(model, scale):
    """Stage 2 meets the blocks for the first time: their attentions start as the context's, with its output times `scale`."""
    own = model.state_dict()
    for name, t in own.items():
        if '.encoder_attn_comet' in name and not name.endswith('out_proj.bias'):
            source = own[name.replace('encoder_attn_comet_st', 'encoder_attn').replace('encoder_attn_comet', 'encoder_attn')]
            t.copy_(source * (scale if 'out_proj' in name else 1))


def copies(tok, rng, n):
    """Rows of random words, to be written again: half of them stand in the context, half in one to four blocks beside a context of
    others. No language model guesses them, so the encoder has to tell its states apart and the decoder to read single ones."""
    words = lambda: [rng.randrange(UNK + 1, tok.n) for _ in range(rng.randint(3, 20))]
    rows = []
    for i in range(n):
        reply = context = words()
        blocks = []
        if i % 2:
            reply, context = reply[:12], words()
            blocks = [(tok.added[f'[{RELATIONS[j // 3]}]'], *reply[j:j + 3]) for j in range(0, len(reply), 3)]
        rows.append({'ids': context + [END], 'reply': reply, 'post': [], 'situation': blocks, 'strategy': -100})
    return rows


def sinusoids(n, d):
    at = torch.arange(n)[:, None] * torch.exp(-math.log(1e4) * torch.arange(0, d, 2) / d)
    return torch.stack((torch.sin(at), torch.cos(at)), -1).reshape(n, d)


def cmd_anew(a):
    """The average of checkpoints with those parts anew that had come to tell one mean of a context and no words: positions that
    are told apart, an encoder that passes its words on, a decoder whose attention to it copies what it looks at."""
    torch.manual_seed(5)
    config, state = load(a, a.of)
    model = Model(config)
    new = {name: t.clone() for name, t in model.state_dict().items()}
    for name, t in new.items():
        encoder = '.encoder.layers' in name or 'encoder.layernorm_embedding' in name
        if 'embed_positions' in name:
            state[name] = state[name] + 0.7 * sinusoids(*t.shape)
        elif encoder and name.endswith(('out_proj.weight', 'fc2.weight')):
            state[name] = 0.3 * t
        elif '.encoder_attn.v_proj.weight' in name:
            state[name] = torch.eye(len(t)) + 0.3 * t
        elif '.encoder_attn.out_proj.weight' in name:
            state[name] = 0.4 * (torch.eye(len(t)) + 0.3 * t)
        elif encoder or '.encoder_attn.' in name:
            state[name] = t
    model.load_state_dict(state)
    sources_like_context(model, 0.3)
    torch.save({'config': config, 'state': model.state_dict()}, os.path.join(a.work, a.name))


def stage_one(convs, tok, rng, a):
    rows = window_rows(convs, tok, rng)
    rows += copies(tok, rng, int(a.copies * len(rows)))
    return D.buckets(rows, a.batch, rng, lambda r: (len(r['ids']) > 128, len(r['reply']) // 16, len(r['ids'])))


def stage_two(train, rng, a):
    return D.buckets(train, a.batch, rng, lambda r: (len(r['ids']) // 8, len(r['reply'])))


def first_states(model, rows, size=32):
    """The encoder's first states, which the strategy head reads, [rows, d], and the true strategies."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]['ids']))
    states = torch.zeros(len(rows), model.c['d_model'])
    with torch.no_grad():
        for i in range(0, len(order), size):
            ids = D.pad([rows[j]['ids'] for j in order[i:i + size]])
            states[order[i:i + size]] = model.encode(ids, ids.ne(PAD))[:, 0].float()
    return states, torch.tensor([r['strategy'] for r in rows])


def cmd_head(a):
    """The average of the checkpoints, its strategy head fitted anew to train with everything else frozen, for each of a few
    penalties on the squares of its matrices; the penalty is chosen by the strategies' accuracy on valid."""
    tok, (config, state) = tokenizer(a), load(a, a.misc)
    model = Model({**config, 'dropout': 0.0, 'head_dropout': 0.0})
    model.load_state_dict(state)
    model.eval().bfloat16()
    (x, y), (vx, vy) = (first_states(model, D.examples(a.data, p, tok, config['max_position_embeddings'])) for p in ('train', 'valid'))
    best = None
    for penalty in PENALTIES:
        head = copy.deepcopy(model.model.encoder.strategy_head).float()
        head.load_state_dict({k: state[f'model.encoder.strategy_head.{k}'] for k in head.state_dict()})
        optimizer = torch.optim.LBFGS(head.parameters(), max_iter=1000, history_size=20, tolerance_change=1e-12, line_search_fn='strong_wolfe')

        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(head(x), y) + penalty * sum(p.square().sum() for p in head.parameters() if p.dim() == 2)
            loss.backward()
            return loss
        optimizer.step(closure)
        with torch.no_grad():
            lg = head(vx)
            off, right = float(F.cross_entropy(lg, vy)), 100 * float((lg.argmax(-1) == vy).float().mean())
        log('penalty', penalty, f'valid acc {right:.2f} strategy {off:.4f}')
        if best is None or right > best[0]:
            best = right, {f'model.encoder.strategy_head.{k}': v for k, v in head.state_dict().items()}
    torch.save({'config': config, 'state': {**state, **best[1]}}, os.path.join(a.work, 'misc-head.pt'))


# ---- export and cards ---------------------------------------------------------------------------

PENALTIES = [3e-4, 1e-3, 3e-3]
TEMPERATURES = [1.0, 1.04, 1.08, 1.12, 1.16, 1.2]


def load(a, files, shares=None):
    """The average of several checkpoints, each with its share: (config, state)."""
    found = [torch.load(os.path.join(a.work, f)) for f in files]
    shares = shares or [1 / len(found)] * len(found)
    return found[0]['config'], {k: sum(s * f['state'][k] for s, f in zip(shares, found, strict=True)) for k in found[0]['state']}


def cmd_calibrate(a):
    """On all of valid, of the average of the checkpoints: strategies, and perplexity with the logits divided by a few temperatures."""
    tok, (config, state) = tokenizer(a), load(a, a.misc)
    model = Model({**config, 'dropout': 0.0, 'head_dropout': 0.0})
    model.load_state_dict(state)
    model.eval().bfloat16()
    rows = D.examples(a.data, 'valid', tok, config['max_position_embeddings'], load_blocks(a))[::a.stride]
    n = pieces(Tokenizer(os.path.join(a.data, 'tokenizer')), rows)
    rows.sort(key=lambda r: (len(r['ids']), len(r['reply'])))
    total, right, off = [0.0] * len(TEMPERATURES), 0, 0.0
    with torch.no_grad():
        for i in range(0, len(rows), 32):
            batch = D.collate(rows[i:i + 32])
            sources, strategy = model.memory(batch)
            keep = batch['target'].ne(PAD)
            lg = model.logits(model.decode(batch['dec'], sources)[keep])
            for j, t in enumerate(TEMPERATURES):
                total[j] += float(F.cross_entropy(lg / t, batch['target'][keep], reduction='sum'))
            right += int((strategy.argmax(-1) == batch['strategy']).sum())
            off += float(F.cross_entropy(strategy, batch['strategy'], reduction='sum'))
    log(a.misc, f'acc {100 * right / len(rows):.2f} strategy {off / len(rows):.4f}',
        'ppl, strict by temperature', {t: (round(math.exp(l / (n + len(rows))), 2), round(math.exp(l / n), 2)) for t, l in zip(TEMPERATURES, total)})


def cmd_mean(a):
    """The average of checkpoints."""
    config, state = load(a, a.of, a.shares)
    torch.save({'config': config, 'state': state}, os.path.join(a.work, a.name))


def folded(config, state, temperature):
    """The logits divided by a temperature, by the weights."""
    last = f'model.decoder.layers.{config["decoder_layers"] - 1}.final_layer_norm.'
    divided = (last + 'weight', last + 'bias', 'final_logits_bias')
    return {k: v / temperature if k in divided else v for k, v in state.items()}


def cmd_shipped(a):
    """The exported weights as checkpoints to go on from."""
    for name, keys, temperature in (('comet-mini', COMET, 1), ('misc-mini', MISC, a.temperature)):
        folder = os.path.join(a.out, name)
        model = E.load_model(folder)
        told = json.load(open(os.path.join(folder, 'config.json'), encoding='utf-8'))
        config = {k: told[k] for k in (*keys, 'vocab_size', 'dropout')}
        torch.save({'config': config, 'state': folded(config, model.state_dict(), 1 / temperature)},
                   os.path.join(a.work, name.replace('-mini', '-shipped.pt')))
    Tokenizer(folder).save(os.path.join(a.work, 'tokenizer'))


def cmd_export(a):
    tok = tokenizer(a)
    for name in a.models:
        config, state = load(a, a.comet if name == 'comet-mini' else a.misc)
        if name == 'misc-mini':
            state = folded(config, state, a.temperature)
        E.write(os.path.join(a.out, name), config, state, tok)
        log(name, sum(v.numel() for v in state.values()), 'parameters')


def cmd_fixtures(a):
    """What the engine is checked against: two test rows with their outputs, and forty train utterances as ids."""
    folder = os.path.join(a.out, 'misc-mini')
    tok, model = Tokenizer(folder), E.load_model(folder)
    rows = D.examples(a.data, 'test', tok, model.c['max_position_embeddings'], load_blocks(a))
    E.reference(os.path.join(a.dir, 'misc-mini-reference.safetensors'), model,
                [r for r in rows if 40 < len(r['ids']) < 90 and len(r['reply']) > 12][:2])
    rng = random.Random(3)
    said = [t['text'] for c in D.conversations(a.data, 'train') for t in c['dialog']]
    odd = [u for u in said if any(ord(ch) > 126 for ch in u) or '\n' in u or any(ch in u for ch in '@#$%*/"~^')]
    with open(os.path.join(a.dir, 'misc-mini-tokenizer.jsonl'), 'w', encoding='utf-8') as f:
        for u in rng.sample(odd, 15) + rng.sample(said, 25):
            ids = tok.encode(u)
            f.write(json.dumps({'text': u, 'ids': ids, 'decoded': tok.decode(ids)}, ensure_ascii=False) + '\n')


def cmd_measure(a):
    """Measures the exported weights on one part, in float32 → facts-{part}.json."""
    full, part = Tokenizer(os.path.join(a.data, 'tokenizer')), a.part
    folder = os.path.join(a.out, 'comet-mini')
    tok, comet = Tokenizer(folder), E.load_model(folder)
    limit = comet.c['max_position_embeddings']
    items = comet_items(a, tok, part, limit)[:a.rows]
    facts = {'entries': tok.n, 'comet_parameters': parameters(comet), 'comet_samples': [],
             'comet': (comet_eval(comet, items), sum(len(r['queries']) for r in items), tails_of(items))}
    if part == 'valid':
        facts['comet_beams'] = comet_beams(comet, items)
    for item in items[:10]:
        r = f'[{RELATIONS[len(facts["comet_samples"]) % 9]}]'
        with torch.no_grad():
            tails = G.beams(comet, [item['ids']], [tok.added[r]])[0]
        facts['comet_samples'].append((item['event'], r, [tok.decode(t) for t in tails]))
    folder = os.path.join(a.out, 'misc-mini')
    model = E.load_model(folder)
    rows = D.examples(a.data, part, tok, model.c['max_position_embeddings'], load_blocks(a))[:a.rows]
    g, n = json.load(open(os.path.join(folder, 'generation_config.json'))), pieces(full, rows)
    facts.update(parameters=parameters(model), limit=model.c['max_position_embeddings'], generation=g, rows=len(rows), pieces=n,
                 most=100 * max(sum(r['strategy'] == k for r in rows) for k in range(8)) / len(rows))
    for name, on in (('with', True), ('without', False)):
        total, right, _ = evaluate(model, rows, on)
        facts[name] = (math.exp(total / (n + len(rows))), math.exp(total / n), 100 * right / len(rows))
        log(part, name, 'blocks', facts[name])
    if part == 'valid':
        rows = rows[:0]                          # replies are drawn for test alone
    rows = rows[:200]
    texts = [tok.decode(t) for t in G.replies(model, rows, tok, g, seed=1)]
    for name, what in (('distinct', texts), ('human', [r['text'] for r in rows])):
        facts[name] = (G.distinct(full, what, 1), G.distinct(full, what, 2))
    log(part, 'distinct', facts['distinct'], facts['human'])
    facts['replies'] = [(r['post_text'], D.STRATEGIES[r['strategy']], t, r['text']) for r, t in zip(rows[:20], texts)]
    json.dump(facts, open(os.path.join(a.work, f'facts-{part}.json'), 'w'), indent=1, ensure_ascii=False)


def cmd_card(a):
    import card
    card.write(a.out, a.recipe, *(json.load(open(os.path.join(a.work, f'facts-{p}.json'))) for p in ('valid', 'test')))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--data', default='../shared/data')
    p.add_argument('--work', default='.cache/train', help='where checkpoints and generated blocks go')
    p.add_argument('--dtype', choices=('float32', 'bfloat16'), default='float32', help='what training computes in')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--workers', type=int, default=2, help='processes that share a batch')
    s = p.add_subparsers(dest='command', required=True)
    q = s.add_parser('tokenizer')
    q.add_argument('--minimum', type=int, default=6)
    q = s.add_parser('comet')
    q.add_argument('--steps', type=int, default=300)
    q.add_argument('--init', default='misc1-best.pt', help="stage 1's checkpoint")
    q.add_argument('--name', default='comet', help='of the checkpoints')
    q.add_argument('--power', type=float, default=0.5, help='how strongly frequent tails are left out')
    q.add_argument('--batch', type=int, default=14, help='events, with all their tails')
    q.add_argument('--lr', type=float, default=7e-4)
    q.add_argument('--dropout', type=float, default=0.2)
    q = s.add_parser('blocks')
    q.add_argument('--stride', type=int, default=3, help="of train's posts take every so many")
    q.add_argument('--parts', nargs='+', default=['valid', 'train', 'test'])
    q.add_argument('--comet', default='comet-best.pt', help="comet-mini's checkpoint")
    q = s.add_parser('empathetic')
    q.add_argument('--of', required=True, help='the folder of CSV files')
    q = s.add_parser('misc')
    q.add_argument('--stage', type=int, choices=(1, 2), required=True)
    q.add_argument('--name', default='', help='of the checkpoints; misc1 or misc2 unless told')
    q.add_argument('--init', default='', help='the checkpoint to start from; for stage 2 misc1-best.pt unless told')
    q.add_argument('--seed', type=int, default=1)
    q.add_argument('--steps', type=int, default=2600)
    q.add_argument('--stop', type=int, default=0, help='make only so many of the steps')
    q.add_argument('--lr', type=float, default=1.5e-3)
    q.add_argument('--warm', type=int, default=150)
    q.add_argument('--decay', type=float, default=0.1)
    q.add_argument('--ema', type=float, default=0.998)
    q.add_argument('--dropout', type=float, default=0.2)
    q.add_argument('--head-dropout', type=float, default=0.3)
    q.add_argument('--blur', type=float, default=0.1, help='share of the decoder inputs that turn into __unk__')
    q.add_argument('--scale', type=float, default=0.3, help="of the block attentions' outputs at the start of stage 2; 0 leaves them as they are")
    q.add_argument('--spans', type=float, default=0.0, help='share of the rows whose situation blocks are its own words')
    q.add_argument('--empathetic', help='all of EmpatheticDialogues, as JSON lines of situation and utterances (stage 1)')
    q.add_argument('--copies', type=float, default=0.0, help='rows of random words to be written again, for each row of stage 1')
    q.add_argument('--batch', type=int, default=32)
    q.add_argument('--every', type=int, default=250, help='steps between looks at valid')
    q = s.add_parser('head')
    q.add_argument('--misc', nargs='+', default=['misc2-best.pt'], help='checkpoints to average')
    q = s.add_parser('calibrate')
    q.add_argument('--misc', nargs='+', default=['misc-head.pt'])
    q.add_argument('--stride', type=int, default=1, help='every so many rows of valid')
    q = s.add_parser('mean')
    q.add_argument('--of', nargs='+', required=True, help='checkpoints')
    q.add_argument('--shares', nargs='+', type=float, help='of each in the average; the same unless told')
    q.add_argument('--name', required=True, help='of the file to write')
    q = s.add_parser('anew')
    q.add_argument('--of', nargs='+', required=True, help='checkpoints to average')
    q.add_argument('--name', default='anew.pt', help='of the file to write')
    for name in ('export', 'shipped', 'fixtures', 'measure', 'card'):
        q = s.add_parser(name)
        q.add_argument('--out', default='weights')
        if name == 'export':
            q.add_argument('--models', nargs='+', choices=('comet-mini', 'misc-mini'), default=['comet-mini', 'misc-mini'])
            q.add_argument('--comet', nargs='+', default=['comet-best.pt'], help='checkpoints to average')
            q.add_argument('--misc', nargs='+', default=['misc-head.pt'], help='checkpoints to average')
            q.add_argument('--temperature', type=float, default=1.0, help='what calibrate found on valid')
        if name == 'shipped':
            q.add_argument('--temperature', type=float, default=1.1, help='what export was told')
        if name == 'fixtures':
            q.add_argument('--dir', default='test/fixtures')
        if name == 'measure':
            q.add_argument('--part', choices=('valid', 'test'), required=True)
            q.add_argument('--rows', type=int, default=None, help='only the first so many')
        if name == 'card':
            q.add_argument('--recipe', default='', help='a sentence for the card on how long each stage ran')
    a = p.parse_args()
    run_command(a, globals(), a.threads)


if __name__ == '__main__':
    main()
