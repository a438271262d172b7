"""The cards (README.md) of weights/misc-mini and weights/comet-mini, from measured figures."""
import json
import os

DATA = """- Conversations: ESConv (Liu et al., ACL 2021), split by conversation into 910 train, 195 valid and
  195 test; "valid" and "test" below mean these.
- COMET blocks: those that the authors of MISC (Tu et al., ACL 2022) publish for the dev rows of their
  split. Rows whose situation stands in ESConv valid or test were left out of training; they are
  comet-mini's own valid and test. No test rows of that split were read.
- Vocabulary: {entries} entries, a subset of the merges of facebook/blenderbot_small-90M, and the 18 added
  tokens. The folders misc-mini and comet-mini hold the same vocab.json and merges.txt."""

MORE = """- Stage 1's other conversations: those of ESConv that failed, and all of EmpatheticDialogues (Rashkin et al., ACL 2019, CC BY-NC 4.0)."""

LICENCE = """CC BY-NC 4.0, from ESConv: **non-commercial, research use**. See LICENSE. The merges come from
blenderbot_small (Apache 2.0). Not for use in place of professional help."""


def quote(text):
    return text.replace('|', '\\|').replace('\n', ' ').strip()


def misc(recipe, v, t):
    f, g = {'valid': v, 'test': t, **v}, t['generation']
    row = lambda p, n: f"| {p}, {n} blocks | {f[p][n][0]:.1f} | {f[p][n][1]:.1f} | {f[p][n][2]:.1f} % |"
    lines = [
        '# misc-mini', '',
        'A small MISC (Tu et al., ACL 2022) in the `paper` fusion: a mixed-strategy emotional support',
        f'dialogue model of {f["parameters"] / 1e6:.2f}M parameters (d 256, 3 + 3 layers, 8 heads, FFN 1024, {f["limit"]} positions),',
        'stored as f16. It is made for tests, demonstrations and machines without the big weights. It is far',
        'weaker than the published model: do not judge the method by it.', '',
        '## Licence', '', LICENCE, '', '## Data', '', DATA.format(entries=f['entries']), MORE, '',
        '## Recipe', '',
        '`reference/train.py` (PyTorch on two CPU cores, bf16 activations and products, f32 weights). Muon for the layers\'',
        'matrices, AdamW for the rest, cosine decay by steps, gradient clipping at 1, moving average of the weights, dropout,',
        'and word dropout on the decoder\'s inputs.', '',
        '1. Stage 1, on ESConv\'s train part and its failed conversations and on EmpatheticDialogues: the encoder reads 32 to 128 ids of a conversation, in a seventh of the rows up to 512, the',
        '   decoder writes the next 32 to 128, both speakers\'; other windows in each epoch; half of them with the situation\'s own words for',
        '   blocks and a context that lacks its beginning. A seventh to a tenth of the rows are random words, to be written again. No strategy',
        '   loss, which would have the encoder learn its 12,000 labels by heart.',
        '2. comet-mini writes blocks for the situations and seeker posts, of train\'s posts for every third alone: three beams a relation.',
        '3. Stage 2, on train only, starting from stage 1: every supporter\'s turn after a seeker\'s is an example (12,235), a',
        '   quarter of them without one or both block sources; seven tenths of the rows see at most 6 random blocks a source.',
        '   The loss is that of the paper (eq. 8): mean reply cross-entropy + strategy cross-entropy. The decoder',
        '   gets the predicted mixture, in a quarter of the rows the true strategy. Early stop on 400 rows of valid. Two runs',
        '   that differ in their seed, their weights averaged.',
        '4. The strategy head alone is fitted anew to train, with a penalty on the squares of its matrices that valid chose.', '',
        recipe, '',
        '## Figures', '',
        'Measured by `reference/train.py measure` on the f16 weights, computed in float32, on every supporter\'s turn of',
        f'valid ({v["rows"]} replies, {v["pieces"]} blenderbot_small pieces) and test ({t["rows"]}, {t["pieces"]}).',
        'The decoder gets the predicted mixture. PPL = exp(total nats / pieces): the nats include those of __end__; the',
        'pieces are blenderbot_small\'s own (its whole vocabulary) with one __end__ a reply, and, in the stricter column,',
        'without it.', '',
        '| | PPL | PPL, stricter | strategy accuracy |', '|---|---|---|---|',
        row('valid', 'with'), row('valid', 'without'), row('test', 'with'), row('test', 'without'), '',
        f'Always guessing the most frequent strategy gives {v["most"]:.1f} % on valid and {t["most"]:.1f} % on test.', '',
        'Replies to the first 200 rows of test: distinct-1 {:.2f} %, distinct-2 {:.2f} %; the human replies there: {:.2f} %, {:.2f} %.'.format(*t['distinct'], *t['human'])]
    keys = ('temperature', 'top_k', 'top_p', 'repetition_penalty', 'no_repeat_ngram_size', 'min_length', 'max_length')
    lines += ['Drawn with generation_config.json (' + ', '.join(f'{k} {g[k]}' for k in keys) + '), the processors',
              'seeing the reply alone.', '',
              'For comparison, a rough trial (256 wide, 3 + 3 layers, 5.2k pieces of blenderbot_small\'s vocabulary, no blocks,',
              'batches of 32, AdamW 5e-4 with 300 warm-up steps, 2 s a step) reached valid PPL 98 and strategy accuracy',
              '31.7 % after one pass over train, 62.6 and 29.2 % after two.', '',
              *open(os.path.join(os.path.dirname(__file__), 'tried.md'), encoding='utf-8').read().split('\n'),
        '## Twenty replies', '',
              'The first twenty rows of test, not chosen ones, drawn as above.', '',
              '| seeker\'s last post | true strategy | misc-mini | human |', '|---|---|---|---|']
    for post, strategy, reply, human in t['replies']:
        lines.append(f'| {quote(post)} | {strategy} | {quote(reply)} | {quote(human)} |')
    return '\n'.join(lines) + '\n'


def comet(f, test):
    v, t, beams = f['comet'], test['comet'], f['comet_beams']
    lines = [
        '# comet-mini', '',
        'A small commonsense generator in BART\'s layout: an event\'s text → the tail of a relation. ' + f'{f["comet_parameters"] / 1e6:.2f}M parameters',
        '(d 256, 3 + 1 layers, 8 heads, FFN 1024, 128 positions with BART\'s offset of 2, no embedding scale), stored as f16. The',
        'encoder reads `{event} __end__`. The decoder starts with the relation, `[xReact]`, in the place of an id of its own, so that',
        'an event is encoded once, whatever is asked of it.', '',
        '## Licence', '', LICENCE, '', '## Data', '', DATA.format(entries=f['entries']), '',
        'Pairs: (last seeker post, relation, tail) and (situation, relation, tail); 30,600 tails of 12,701 queries in train.', '',
        '## Recipe', '',
        'Starts from stage 1 of misc-mini (prefix-LM on the conversations of ESConv train; see its card), as it was with 192 positions and a',
        'strategy loss. Then `reference/train.py comet`: mean tail cross-entropy, Muon and AdamW with 60 warm-up steps and cosine decay,',
        'dropout 0.2, moving average of the weights. First 609 steps of 96 queries, the relation as the last id of the encoder (valid 7.85,',
        'test 7.29). From there 800 steps of 14 events with all their tails at 7e-4, the relation where it is now. A frequent tail, in n > 5',
        'queries, is left out of an epoch with probability 1 - sqrt(5/n) (6.73, 6.43; 16.4 % of the true tails). Then, of three decoder layers,',
        'the first alone and 1,200 steps more in the same way: a step of tails is the cheaper by a third. The blocks that misc-mini was',
        'trained on are those of the first steps.', '',
        '## Figures', '',
        'exp(nats / own pieces), `__end__` counted in both, of the f16 weights in float32.', '',
        '| | queries | tails | PPL |', '|---|---|---|---|',
        f'| valid | {v[1]} | {v[2]} | {v[0]:.2f} |', f'| test | {t[1]} | {t[2]} | {t[0]:.2f} |', '',
        '## Beams', '',
        'generation_config.json asks for three beams that end as soon as three are finished (BART-large\'s `early_stopping`), 12 ids at most:',
        'misc-mini reads 30 blocks of a post and 20 of a situation, 3.3 a relation. Of all queries of valid they find '
        f'{beams[0]:.1f} % of the true', f'tails, {beams[2]} different ones of a relation, whose sets tell {beams[1]:.1f} bits of the event.', '',
        '## Ten samples', '',
        'The first ten events of its test pairs, the relations in turn; the three beams.', '',
        '| event | relation | tails |', '|---|---|---|']
    for event, relation, tails in test['comet_samples']:
        lines.append(f'| {quote(event)} | {relation} | {quote("; ".join(tails))} |')
    return '\n'.join(lines) + '\n'


def write(out, recipe, valid, test):
    for name, text in (('misc-mini', misc(recipe, valid, test)), ('comet-mini', comet(valid, test))):
        with open(os.path.join(out, name, 'README.md'), 'w', encoding='utf-8') as h:
            h.write(text)
