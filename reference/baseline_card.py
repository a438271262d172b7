"""The card (README.md) of a baseline in weights/table2, from figures that train_baselines.py measured."""
import itertools
import json

from card import LICENCE, quote
from model import parameters

TITLES = {'transformer': 'Transformer', 'mt': 'MT Transformer', 'moel': 'MoEL (Lin et al., EMNLP 2019)', 'mime': 'MIME (Majumder et al., EMNLP 2020)',
          'joint': 'BlenderBot-Joint (Liu et al., ACL 2021, the program `codes`)'}

WORDS = """- Words as the released programs cut them, {ids} ids: those that stand three times or more in the conversations of stage 1. The
  released vocabularies hold the words of valid and test too. Here others are UNK: {share:.1f} % of test's words. A loss on UNK counts as
  a word's, which flatters perplexity; no reply draws UNK.
- One matrix is table of words and generator (`--weight_sharing` of the released programs, off in their READMEs), and there are no GloVe vectors.
- Roles are speakers: USR the seeker, SYS the supporter. Emotions are ESConv's eleven, the conversation's `emotion_type`."""

OWN = {
    'transformer': 'Label smoothing of 0.1, summed over words; no loss on the emotion.',
    'mt': 'Label smoothing of 0.1, summed over words, and the cross-entropy of the emotion, a row of which counts 1/16. Stage 1 is that of the Transformer.',
    'moel': 'As the MT Transformer. The true emotion chooses the listener in a share of the steps that falls by e in half of stage 2\'s '
            '(released: in 10,000 steps of 13,000 and more).',
    'mime': 'As the MT Transformer, and the KL term. The eleven emotions are taken for eleven of the 32 rows of its table, all negative: '
            'anxiety anxious, anger angry, fear afraid, depression devastated, sadness sad, disgust disgusted, shame ashamed, '
            'nervousness apprehensive, pain disappointed, jealousy jealous, guilt guilty. The side that mimics is therefore always the negative mixture.',
    'joint': 'Mean cross-entropy of strategy, words and END over the whole vocabulary. The vocabulary is misc-mini\'s with the eight '
             'strategies of `codes` and [CLS]; strategies stand in the context, of which the last four utterances are read.',
}


def replies(file):
    """The first twenty rows that misc eval --out wrote."""
    with open(file, encoding='utf-8') as f:
        rows = [r for r in map(json.loads, itertools.islice(f, 100)) if 'hypothesis' in r]
    yield from ('', '## Twenty replies', '', 'The first twenty rows of test, not chosen ones, as `misc eval` drew them.', '',
                '| last utterance | reply | human |', '|---|---|---|')
    for r in sorted(rows, key=lambda r: r['row'])[:20]:
        yield f"| {quote(r['context'][-1]['text'])} | {quote(r['hypothesis'])} | {quote(r['reference'])} |"


def card(name, folder, model, figures, recipe, file):
    joint, test = name == 'joint', figures['test']
    told = 'strategies' if joint else 'emotions'
    lines = [
        f'# {folder}', '',
        f'{TITLES[name]} in small: {parameters(model) / 1e6:.2f}M parameters, stored as f16. It is a baseline of the MISC paper\'s Table 2, '
        'made so that six systems compare on the same rows. It is far weaker than a model of the published size: do not judge the method by it.', '',
        '## Licence', '', LICENCE if joint else LICENCE.replace(' The merges come from\nblenderbot_small (Apache 2.0).', ''), '',
        '## Data', '',
        '- Stage 1, every turn but the first of a conversation: ESConv\'s train part and its failed conversations, and the dev and test '
        'conversations of EmpatheticDialogues (Rashkin et al., ACL 2019; CC BY-NC 4.0).',
        '- Stage 2, every supporter\'s turn after a seeker\'s: ESConv\'s train part.']
    if not joint:
        share = 100 * test['unknown'] / (test['ids'] - test['rows'])
        lines.append(WORDS.format(ids=model.c['vocab_size'], share=share))
    lines += [
        '', '## Recipe', '',
        '`reference/train_baselines.py`: Muon for the matrices, AdamW for the tables and vectors, batches of 32, cosine decay, the moving '
        'average of the weights, the best of its looks at 400 rows of valid. ' + OWN[name], '', recipe, '',
        '## Figures', '',
        'Of the exported weights in float32, teacher-forced, per id of its own vocabulary, END included. ' +
        ('The true strategy is given and not counted.' if joint else 'MIME is without noise, and chooses its polarity itself.' if name == 'mime' else ''), '',
        f'| | replies | ids | PPL | {told} told |', '|---|---|---|---|---|']
    for part, f in figures.items():
        right = '-' if name == 'transformer' else f"{f['told']:.1f} %"
        lines.append(f"| {part} | {f['rows']} | {f['ids']} | {f['ppl']:.2f} | {right} |")
    return '\n'.join([*lines, *(replies(file) if file else [])]) + '\n'
