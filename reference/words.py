"""Words as Transformer, MoEL and MIME read them: the engine's rules (src/text/cleaned-words.ts, nltk-words.ts, word-context.ts).

`nltk_words` cuts as NLTK 3.8's `word_tokenize` does on lower-case text; test/fixtures/text/words.jsonl holds NLTK's own words.
"""
import json
import os
import re
from collections import Counter
from functools import lru_cache

from text import STRATEGIES

UNK, PAD, EOS, SOS, USR, SYS, CLS = range(7)
SPECIALS = ['UNK', 'PAD', 'EOS', 'SOS', 'USR', 'SYS', 'CLS']
POSITIONS = 1000
STRATEGY_TOKENS = [f'[{s}]' for s in (*STRATEGIES, 'Questions', 'Other')]
CONTRACTIONS = [pair.split('=') for pair in (
    "it's=it is|don't=do not|doesn't=does not|didn't=did not|you'd=you would|you're=you are|you'll=you will|i'm=i am|"
    "they're=they are|that's=that is|what's=what is|couldn't=could not|i've=i have|we've=we have|can't=cannot|"
    "i'd=i would|aren't=are not|isn't=is not|wasn't=was not|weren't=were not|won't=will not|there's=there is|"
    "there're=there are").split('|')]

# ---- sentences ----------------------------------------------------------------------------------

MARKS = r'[)";}\]*:@\'({\[?!]'
LAST_END = re.compile(rf'.*[.?!](?={MARKS}|\Z)', re.S)
LAST_INNER_END = re.compile(rf'.*[.?!](?={MARKS})', re.S)
CLOSING = re.compile(r'["\')\]}]*\Z')
OWN_WORD = re.compile(rf"'?(?:(?!{MARKS}).)*\Z", re.S)
LETTER_OR_NUMBER = re.compile(r'(?:[^\W\d]|-?[.,]?\d[\d,.-]*)\Z')
ABBREVIATIONS = set((
    'mr mrs ms dr prof messrs jr sr st sen rep reps gen col lt maj adm inc co corp cos ltd bros cie '
    'jan feb aug sep sept oct nov dec tues wed fri ave ft mg yr vs ok ill ala '
    'ariz calif colo conn fla ga kan ky mich minn nev okla ore pa tenn va vt wash wis ct sw '
    'a.m p.m a.d ph.d m.b.a u.s u.s.a u.s.s.r u.k u.n d.c l.a n.y n.j n.c s.c n.d n.h n.m r.i w.va '
    'c d e f g h k l m n p r s t v w').split())


def ends(head, following):
    """Whether a sentence ends with these characters, the last of which may end one."""
    if head[-1] in '?!':
        return True
    word = OWN_WORD.search(head)[0]
    if word.endswith('..'):
        return False
    stem = word[:-1]
    if stem in ABBREVIATIONS or stem.rpartition('-')[2] in ABBREVIATIONS:
        return False
    return not (LETTER_OR_NUMBER.match(stem) and (following[0].islower() or following[0] in ':;,.?!'))


def sentences(text):
    runs, found, sentence = text.split(), [], []
    for i, run in enumerate(runs):
        following = runs[i + 1] if i + 1 < len(runs) else None
        head = (LAST_INNER_END if following is None else LAST_END).match(run)
        head = head and head[0]
        rest = run[len(head):] if head else run
        if not sentence and found and CLOSING.match(run):
            found[-1] += ' ' + run
        elif head is None or not ends(head, rest or following):
            sentence.append(run)
        else:
            closing = CLOSING.match(rest)
            found.append(' '.join([*sentence, run if closing else head]))
            sentence = [] if closing else [rest]
    if sentence:
        found.append(' '.join(sentence))
    return found


# ---- words --------------------------------------------------------------------------------------

INNER = [(re.compile(p, re.I if 've|ll' in p else 0), r) for p, r in [
    (r'[«“‘„]|`+', r' \g<0> '), (r'^"', '``'), (r'``', r' \g<0> '), (r'([ ([{<])("|\'\')', r'\1 `` '),
    (r"'(?!re|ve|ll|m|t|s|d|n)(\w)\b", r"' \1"), (r'([^.])\.([\])}>"\'»”’ ]*)\Z', r'\1 . \2 '),
    (r'([:,])(\D)', r' \1 \2'), (r'[:,]\Z', r' \g<0> '), (r'\.{2,}', r' \g<0> '), (r'[;@#$%&?!]', r' \g<0> '),
    (r"([^'])' ", r"\1 ' "), (r'[*\][(){}<>]', r' \g<0> '), (r'--', ' -- ')]]
OUTER = [(re.compile(p, re.I), r) for p, r in [
    (r'[»”’]', r' \g<0> '), (r'\'\'|"', " '' "), (r"([^' ])('[smd]|') ", r'\1 \2 '), (r"([^' ])('ll|'re|'ve|n't) ", r'\1 \2 '),
    *((rf'\b{parts}\b', r' \1 \2 ') for parts in
      ('(can)(not)', "(d)('ye)", '(gim)(me)', '(gon)(na)', '(got)(ta)', '(lem)(me)', "(more)('n)")),
    (r'\b(wan)(na)(?=\s)', r' \1 \2 '), (r" ('t)(is)\b", r' \1 \2 '), (r" ('t)(was)\b", r' \1 \2 ')]]


def treebank_words(sentence):
    for pattern, by in INNER:
        sentence = pattern.sub(by, sentence)
    text = f' {sentence} '
    for pattern, by in OUTER:
        text = pattern.sub(by, text)
    return text.split()


def clean(text):
    text = text.lower()
    for said, written in CONTRACTIONS:
        text = text.replace(said, written)
    return text


@lru_cache(maxsize=1 << 17)
def words(text):
    """An utterance's words: strategies in brackets left out, cleaned, cut."""
    for token in STRATEGY_TOKENS:
        text = text.replace(token, ' ')
    return tuple(w for s in sentences(clean(text)) for w in treebank_words(s))


# ---- ids ----------------------------------------------------------------------------------------

class Words:
    """A vocabulary: SPECIALS, then words."""

    def __init__(self, ids):
        self.ids = ids

    @classmethod
    def load(cls, folder):
        return cls(json.load(open(os.path.join(folder, 'vocab.json'), encoding='utf-8')))

    @classmethod
    def of(cls, texts, minimum):
        """The words that stand at least `minimum` times in the texts, the most frequent first."""
        count = Counter(w for t in texts for w in words(t))
        kept = sorted((w for w, n in count.items() if n >= minimum and w not in SPECIALS), key=lambda w: (-count[w], w))
        return cls({w: i for i, w in enumerate([*SPECIALS, *kept])})

    def save(self, folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, 'vocab.json'), 'w', encoding='utf-8') as f:
            json.dump(self.ids, f, ensure_ascii=False)

    def encode(self, text):
        return [self.ids.get(w, UNK) for w in words(text)]

    def context(self, turns, limit=POSITIONS):
        """CLS and the words of (speaker, ids) in a row, and who says each; the oldest utterances go where that is too long, whole,
        and of a last one that alone is too long the last words stay."""
        kept, room = [], limit - 1
        for speaker, ids in reversed(turns):
            if len(ids) > room and room < limit - 1:
                break
            kept.append((SYS if speaker == 'sys' else USR, ids[max(0, len(ids) - room):]))
            if len(ids) > room:
                break
            room -= len(ids)
        kept.reverse()
        return [CLS, *(i for _, ids in kept for i in ids)], [CLS, *(role for role, ids in kept for _ in ids)]
