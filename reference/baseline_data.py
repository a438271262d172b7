"""ESConv and the pre-training conversations as the baselines read them: words and roles, or BlenderBot-Joint's ids.

Both kinds of text have the same three methods: `say` (a turn as the context has it), `target` and `context`.
"""
import json
import os

import torch

import data as D
from text import END, PAD, START, STRATEGIES, Tokenizer
from words import EOS, SOS, Words
from words import PAD as WORD_PAD

# src/text/emotions.ts
EMOTIONS = ['anxiety', 'anger', 'fear', 'depression', 'sadness', 'disgust', 'shame', 'nervousness', 'pain', 'jealousy', 'guilt']
MIME_EMOTIONS = [14, 4, 9, 25, 5, 10, 29, 30, 15, 21, 18]      # what each is among the 32 of EmpatheticDialogues
# The program `codes`: two strategies have other names than MISC's.
JOINT_ADDED = ['[Questions]' if s == 'Question' else '[Other]' if s == 'Others' else f'[{s}]' for s in STRATEGIES] + ['[CLS]']
JOINT_UTTERANCES, JOINT_POSITIONS = 4, 512


def talks(data, few=None):
    """Stage 1's conversations, as D.chats has them, with speakers; EmpatheticDialogues' first speaker is the seeker."""
    for part in ('train', 'failed'):
        for c in D.conversations(data, part)[:few]:
            yield [{'speaker': t['speaker'], 'text': t['text'].strip()} for t in c['dialog']]
    for part in ('dev', 'test'):
        with open(os.path.join(data, 'empathetic', part + '.jsonl'), encoding='utf-8') as f:
            for line in list(f)[:few]:
                yield [{'speaker': ('usr', 'sys')[i % 2], 'text': u.strip()} for i, u in enumerate(json.loads(line)['utterances'])]


class WordText:
    """Transformer, MT Transformer, MoEL and MIME."""

    def __init__(self, words, mime):
        self.words, self.mime, self.pad, self.start = words, mime, WORD_PAD, SOS

    def say(self, turn):
        return turn['speaker'], self.words.encode(turn['text'])

    def target(self, turn, said):
        return said[1] + [EOS]

    def context(self, said, limit):
        ids, roles = self.words.context(said, limit)
        return {'ids': ids, 'roles': roles}

    def emotion(self, name):
        number = EMOTIONS.index(name)
        return MIME_EMOTIONS[number] if self.mime else number


class JointText:
    """BlenderBot-Joint, the program `codes`: strategies inline, the last four utterances, each with its END."""

    def __init__(self, tok):
        self.tok, self.pad, self.start = tok, PAD, START

    def say(self, turn):
        ids = self.tok.encode(' '.join(turn['text'].split()))
        return self.label(turn) + ids

    def label(self, turn):
        return [self.tok.n + STRATEGIES.index(turn['strategy'])] if turn.get('strategy') in STRATEGIES else []

    def target(self, turn, said):
        return (said + [END])[:JOINT_POSITIONS]

    def context(self, said, limit):
        ids = [i for turn in said[-JOINT_UTTERANCES:] for i in turn + [END]]
        kept = ids[-min(limit, JOINT_POSITIONS):]
        first = kept.index(END) if len(kept) < len(ids) else 0
        return {'ids': (kept[first:] if first < len(kept) - 1 else kept) or [END]}

    def emotion(self, name):
        return -1


def joint_tokenizer(folder):
    """With the vocabulary of a folder of MISC's."""
    given = Tokenizer(folder)
    return Tokenizer(vocab=given.vocab, merges=given.merges, added=JOINT_ADDED)


def rows(data, part, text, few=None):
    """An example for each supporter's turn that has a seeker's before it, as the engine takes them (src/text/esconv.ts)."""
    return rows_of(D.conversations(data, part)[:few], text)


def rows_of(conversations, text):
    out = []
    for c in conversations:
        said, heard = [text.say(t) for t in c['dialog']], False
        for i, turn in enumerate(c['dialog']):
            if turn['speaker'] == 'usr':
                heard = True
            elif heard and turn['text'].strip():
                out.append({**text.context(said[:i], 1000), 'target': text.target(turn, said[i]),
                            'emotion': text.emotion(c['emotion_type']), 'text': turn['text'].strip()})
    return out


def chat_rows(talk, text, rng, lo=32, hi=128):
    """One pass of stage 1: every turn but the first of a conversation after a context of 32 to 128 ids, a seventh of them 512."""
    return [{**text.context(said[:i], 512 if rng.random() < 1 / 7 else rng.randint(lo, hi)),
             'target': text.target(turns[i], said[i])[:hi], 'emotion': -1}
            for turns, said in talk for i in range(1, len(turns)) if said[i] and text.target(turns[i], said[i])[:-1]]


def collate(rows, text):
    batch = {'ids': D.pad([r['ids'] for r in rows], text.pad), 'target': D.pad([r['target'] for r in rows], text.pad)}
    lengths = torch.tensor([len(r['ids']) for r in rows])
    batch['mask'] = torch.arange(batch['ids'].shape[1]) < lengths[:, None]
    if 'roles' in rows[0]:
        batch['roles'] = D.pad([r['roles'] for r in rows], text.pad)
    batch['dec'] = torch.cat([torch.full((len(rows), 1), text.start), batch['target'][:, :-1]], 1)
    batch['emotion'] = torch.tensor([r['emotion'] for r in rows])
    return batch
