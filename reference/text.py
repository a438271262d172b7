"""blenderbot_small's byte-pair tokenizer, and the features MISC makes of a dialogue.

Conforms to the project's model notes, section 3 ("Text"). The compact vocabulary of the mini models
is a subset of blenderbot_small's merges in the same file format (`build_compact`).
"""
import json
import os
import re
from collections import Counter

SPECIALS = ['__null__', '__start__', '__end__', '__unk__', '__newln__']
PAD, START, END, UNK, NEWLN = range(5)
STRATEGIES = ['Question', 'Reflection of feelings', 'Information', 'Restatement or Paraphrasing',
              'Others', 'Self-disclosure', 'Affirmation and Reassurance', 'Providing Suggestions']
RELATIONS = ['xAttr', 'xEffect', 'xIntent', 'xNeed', 'xReact', 'xWant', 'oWant', 'oEffect', 'oReact']
ADDED = [f'[{s}]' for s in STRATEGIES] + [f'[{r}]' for r in RELATIONS] + ['[CLS]']
BLOCK_LEN, MAX_POST, MAX_SITUATION, TAILS = 10, 30, 20, 5


def cut_blocks(blocks, most):
    """At most `most` of a text's blocks, relation after relation and the best tail first, as the engine cuts them
    (src/text/comet-blocks.ts): five tails of a relation, and where that is too many, the last tails of the relations go."""
    ranked, seen = [], Counter()
    for i, block in enumerate(blocks):
        relation = block.partition(' ')[0]
        ranked.append((seen[relation], i))
        seen[relation] += 1
    kept = sorted(r for r in ranked if r[0] < TAILS)[:most]
    return [blocks[i] for _, i in sorted(kept, key=lambda r: r[1])]


def words_of(chunk):
    """The words that one whitespace-delimited chunk (with a newline right after it) is cut into."""
    chunk = re.sub(r'([.,!?()])', r' \1', chunk)
    chunk = re.sub(r"(')", r' \1 ', chunk)
    chunk = re.sub(r'\s{2,}', ' ', chunk)
    chunk = chunk.replace('\n', ' __newln__')
    return [w.lower() for w in chunk.split(' ') if w]


class Tokenizer:
    def __init__(self, folder=None, vocab=None, merges=None, added=ADDED):
        if folder:
            vocab = json.load(open(os.path.join(folder, 'vocab.json'), encoding='utf-8'))
            lines = open(os.path.join(folder, 'merges.txt'), encoding='utf-8').read().split('\n')[1:]
            merges = [tuple(l.split(' ')) for l in lines if l]
        self.vocab, self.merges = vocab, merges
        self.rank = {m: i for i, m in enumerate(merges)}
        self.n = len(vocab)
        self.added = {t: self.n + i for i, t in enumerate(added)}
        self.size = self.n + len(added)
        self.cls = self.added['[CLS]']
        self.names = {i: t for t, i in vocab.items()}
        self.names.update({i: t for t, i in self.added.items()})
        self.split = re.compile('(' + '|'.join(re.escape(t) for t in added + SPECIALS[:4]) + ')')
        self.cache = {}

    def segment(self, word, used=None):
        """Pieces of one lower-cased word, the last marked </w>; `used` collects the merges applied."""
        parts = list(word[:-1]) + [word[-1] + '</w>']
        while len(parts) > 1:
            best = min(zip(parts, parts[1:]), key=lambda p: self.rank.get(p, 1 << 60))
            if best not in self.rank:
                break
            if used is not None:
                used.append(best)
            out, i = [], 0
            while i < len(parts):
                if i + 1 < len(parts) and (parts[i], parts[i + 1]) == best:
                    out.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    out.append(parts[i])
                    i += 1
            parts = out
        return parts

    def word_ids(self, word):
        ids = self.cache.get(word)
        if ids is None:
            names = [p[:-4] if p.endswith('</w>') else p + '@@' for p in self.segment(word)]
            ids = self.cache[word] = [self.vocab.get(p, UNK) for p in names]
        return ids

    def encode(self, text):
        ids = []
        for part in self.split.split(text):
            if part in self.added:
                ids.append(self.added[part])
            elif part in SPECIALS[:4]:
                ids.append(SPECIALS.index(part))
            else:
                for chunk in re.findall(r'\S+\n?', part):
                    for word in words_of(chunk):
                        ids += self.word_ids(word)
        return ids

    def decode(self, ids):
        text = ' '.join(self.names[i] for i in ids if i > 3 and i != self.cls)
        text = text.replace('@@ ', '')
        for a, b in ((' .', '.'), (' ?', '?'), (' !', '!'), (' ,', ','), (" ' ", "'"), (" n't", "n't"),
                     (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re")):
            text = text.replace(a, b)
        return text.strip()

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'vocab.json'), 'w', encoding='utf-8') as f:
            json.dump(self.vocab, f, ensure_ascii=False)
        with open(os.path.join(folder, 'merges.txt'), 'w', encoding='utf-8') as f:
            f.write('#version: 0.2\n' + ''.join(f'{a} {b}\n' for a, b in self.merges))

    # ---- features -------------------------------------------------------------------------------
    def context(self, utterances, limit):
        """[CLS] u1 __end__ u2 __end__ …, cut at whole utterances from the left (notes, section 3)."""
        ids = []
        for u in utterances:
            ids += [i for i in (u if isinstance(u, list) else self.encode(u)) if i < self.n] + [END]
        if len(ids) > limit:
            ids = ids[-limit:]
            ids = ids[ids.index(END) + 1:]
        if len(ids) == limit:
            return [self.cls] + ids[1:]
        return [self.cls] + ids

    def block(self, text):
        return self.encode(text)[:BLOCK_LEN]


def build_compact(full, texts, minimum, tails=(), tail_minimum=1 << 60):
    """Keep the merges that `texts` use at least `minimum` times and whose parts can be produced."""
    counts = Counter()
    for t in texts:
        for chunk in re.findall(r'\S+\n?', t):
            counts.update(words_of(chunk))
    merges, chars = Counter(), Counter()
    for w, c in counts.items():
        used = []
        full.segment(w, used)
        for m in used:
            merges[m] += c
        for ch in w:
            chars[ch] += c
    keep = {m for m, c in merges.items() if c >= minimum}
    used = []
    for s in SPECIALS:
        full.segment(s, used)
    keep |= set(used)
    letters = {chr(c) for c in range(33, 127) if not chr(c).isupper()} | {c for c, n in chars.items() if n >= 2 and not c.isspace()}
    letters |= set('’‘“”–—…éñüöäá£€•°½´`')
    while True:
        made = letters | {c + '</w>' for c in letters} | {a + b for a, b in keep}
        drop = {m for m in keep if m[0] not in made or m[1] not in made}
        if not drop:
            break
        keep -= drop
    kept = [m for m in full.merges if m in keep]
    vocab = {s: i for i, s in enumerate(SPECIALS)}
    pieces = [c + '</w>' for c in letters] + list(letters) + [a + b for a, b in kept]
    names = {p[:-4] if p.endswith('</w>') else p + '@@' for p in pieces} - set(vocab)
    order = full.vocab                            # blenderbot_small's order: most frequent first
    for p in sorted(names, key=lambda p: (order.get(p, 1 << 60), p)):
        vocab[p] = len(vocab)
    return Tokenizer(vocab=vocab, merges=kept)
