"""Trains misc-mini and comet-mini. See README.md; each subcommand is one step of the recipe."""
import argparse
import json
import math
import os
import random
import time

import torch
import torch.nn.functional as F

import data as D
import export as E
import generate as G
from model import Model, key_bias, parameters
from trainer import Run, log
from text import END, PAD, RELATIONS, START, Tokenizer, build_compact

COMET = {'model_type': 'bart', 'd_model': 256, 'encoder_layers': 3, 'decoder_layers': 3,
         'encoder_attention_heads': 8, 'decoder_attention_heads': 8, 'encoder_ffn_dim': 1024,
         'decoder_ffn_dim': 1024, 'max_position_embeddings': 128, 'scale_embedding': False}

MISC = {'model_type': 'misc', 'misc_variant': 'paper', 'num_strategies': 8, 'd_model': 256,
        'encoder_layers': 3, 'decoder_layers': 3, 'encoder_attention_heads': 8, 'decoder_attention_heads': 8,
        'encoder_ffn_dim': 1024, 'decoder_ffn_dim': 1024, 'max_position_embeddings': 192, 'scale_embedding': True}


def bf16():
    return torch.autocast('cpu', dtype=torch.bfloat16)


def nats(model, x, target):
    """Summed cross-entropy over the tokens that are not padding, and their number."""
    keep = target.ne(PAD)
    lg = model.logits(x[keep])
    return F.cross_entropy(lg, target[keep], reduction='sum'), int(keep.sum())


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
    return [{'ids': D.comet_query(tok, e, r, limit), 'tails': [tok.encode(t)[:16] + [END] for t in ts], 'event': e, 'relation': r}
            for (e, r), ts in D.comet_rows(a.data)[part].items()]


def comet_loss(model, rows):
    ids = D.pad([r['ids'] for r in rows])
    mask = ids.ne(PAD)
    owner = torch.tensor([i for i, r in enumerate(rows) for _ in r['tails']])
    target = D.pad([t for r in rows for t in r['tails']])
    dec = torch.cat([torch.full((len(target), 1), END), target[:, :-1]], 1)
    y = model.encode(ids, mask)
    x = model.decode(dec, [(y[owner], key_bias(mask[owner]), None)])
    return nats(model, x, target)


def comet_eval(model, rows, size=128):
    total = n = 0
    rows = sorted(rows, key=lambda r: len(r['ids']))
    with torch.no_grad():
        for i in range(0, len(rows), size):
            l, k = comet_loss(model, rows[i:i + size])
            total, n = total + float(l), n + k
    return math.exp(total / n)


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
    if a.init:
        comet_from_misc(model, torch.load(os.path.join(a.work, a.init))['state'])
    train, valid = (comet_items(a, tok, p, c['max_position_embeddings']) for p in ('train', 'valid'))
    log('parameters', parameters(model), 'queries', len(train), len(valid), 'tails', sum(len(r['tails']) for r in train))
    run = Run(model, os.path.join(a.work, 'comet.pt' if a.init else 'comet-first.pt'), a.minutes, a.lr, 60, 0.05, 0.995, a.workers)

    def work(rank):
        torch.manual_seed(rank)
        model.train()
        epoch, stop = 0, False
        while not stop:
            total = n = 0
            for rows in D.buckets(train, 96, rng, lambda r: len(r['ids'])):
                with bf16():
                    l, k = comet_loss(model, rows[rank::a.workers])
                run.step(l / k)
                total, n = total + float(l), n + k
                stop = run.done()
                if stop:
                    break
            epoch += 1

            def check(rank):
                if rank:
                    return
                with bf16():
                    ppl = comet_eval(model, valid)
                log('epoch', epoch, 'step', run.step_no, f'spent {run.spent:.0f} train {math.exp(total / n):.2f} valid {ppl:.2f}')
                if run.best is None or ppl < run.best[0]:
                    run.best = (ppl, run.step_no)
                    run.keep(os.path.join(a.work, 'comet-best.pt'), c)
            run.averaged(check)
        if rank == 0:
            run.save()
            log('best', run.best)

    run.start(work)


# ---- blocks -------------------------------------------------------------------------------------

def tails_of(model, queries, branches, most=9):
    """Greedy tails after each of the `branches` likeliest first ids. → a list of id lists a query."""
    ids = D.pad(queries)
    mask = ids.ne(PAD)
    y, bias = model.encode(ids, mask), key_bias(mask)
    kv = [layer.encoder_attn.keys(y) for layer in model.model.decoder.layers]

    def scores(dec, rows):
        memory = [[((k[rows], v[rows]), bias[rows], None)] for k, v in kv]
        lg = model.logits(model.decode(dec, memory, True)[:, -1])
        lg[:, [PAD, START, 3]] = -1e9
        lg[:, -18:] = -1e9
        return lg

    first = scores(torch.full((len(queries), 1), END), torch.arange(len(queries)))
    first[:, END] = -1e9
    owner = torch.arange(len(queries)).repeat_interleave(branches)
    dec = torch.full((len(owner), most + 1), PAD)
    dec[:, 0], dec[:, 1] = END, first.topk(branches, -1).indices.reshape(-1)
    alive = torch.arange(len(owner))
    for n in range(2, most + 1):
        new = scores(dec[alive, :n], owner[alive]).argmax(-1)
        dec[alive, n] = new
        alive = alive[new.ne(END)]
        if len(alive) == 0:
            break
    rows = [[t for t in r if t not in (PAD, END)] for r in dec[:, 1:].tolist()]
    return [rows[i:i + branches] for i in range(0, len(rows), branches)]


BRANCHES = {'[xAttr]': 3, '[xReact]': 3}


def cmd_blocks(a):
    """Blocks for every situation and every seeker post that a supporter's turn answers."""
    tok = tokenizer(a)
    best = torch.load(os.path.join(a.work, 'comet-best.pt'))
    model = Model({**best['config'], 'dropout': 0.0})
    model.load_state_dict(best['state'])
    model.eval()
    want = {'post': {}, 'situation': {}}
    for part in ('valid', 'test', 'train'):
        for c in D.conversations(a.data, part):
            want['situation'][c['situation'].strip()] = None
            last = None
            for t in c['dialog']:
                if t['speaker'] == 'usr':
                    last = t['text'].strip()
                elif last:
                    want['post'][last] = None
    events = list(dict.fromkeys([*want['situation'], *want['post']]))
    limit = best['config']['max_position_embeddings']
    ids = {e: [i for i in tok.encode(e) if i < tok.n][-(limit - 1):] for e in events}
    events = sorted((e for e in events if ids[e]), key=lambda e: len(ids[e]))
    found, start = {e: [] for e in events}, time.time()
    with torch.no_grad(), bf16():
        for r in RELATIONS[a.share::a.shares]:
            r = f'[{r}]'
            for i in range(0, len(events), 128):
                part = events[i:i + 128]
                for e, tails in zip(part, tails_of(model, [ids[e] + [tok.added[r]] for e in part], BRANCHES.get(r, 2))):
                    texts = [tok.decode(t) for t in tails]
                    found[e] += [f'{r} {t}' for t in dict.fromkeys(texts) if t]
            log(r, len(events), f'{time.time() - start:.0f} s')
    json.dump(found, open(os.path.join(a.work, f'found{a.share}.json'), 'w'))
    if not all(os.path.exists(os.path.join(a.work, f'found{i}.json')) for i in range(a.shares)):
        return
    found = [json.load(open(os.path.join(a.work, f'found{i}.json'))) for i in range(a.shares)]
    order = {f'[{r}]': i for i, r in enumerate(RELATIONS)}
    out = {w: {e: sorted((b for f in found for b in f.get(e, [])), key=lambda b: order[b.split(' ')[0]]) for e in want[w]} for w in want}
    json.dump(out, open(os.path.join(a.work, 'blocks.json'), 'w'), ensure_ascii=False, indent=0)
    for e in list(want['post'])[:3]:
        log(e, '->', out['post'][e])


def load_blocks(a):
    return json.load(open(os.path.join(a.work, 'blocks.json')))


# ---- misc-mini ----------------------------------------------------------------------------------

def thin_blocks(rows, rng, most=6):
    """Training's view of the blocks: a quarter of the rows lack one source or both; of the others'
    blocks a random few, mostly, which costs less and keeps the decoder from leaning on any one."""
    post, situation = [], []
    for r in rows:
        p, s = list(r['post']), list(r['situation'])
        few = rng.random() < 0.9
        for l in (p, s):
            rng.shuffle(l)
            if few:
                del l[most:]
        gone = rng.random()
        post.append([] if gone < 0.17 else p)
        situation.append([] if gone < 0.08 or 0.17 <= gone < 0.25 else s)
    return post, situation


def windows(a, tok, blocks):
    """Stage 1 material: conversations as lists of turns, with the blocks of each turn's last seeker post."""
    out = []
    for c in D.conversations(a.data, 'train'):
        turns, last = [], ''
        situation = [tuple(tok.block(b)) for b in blocks['situation'].get(c['situation'].strip(), [])]
        for t in c['dialog']:
            turns.append({'ids': [i for i in tok.encode(t['text'].strip()) if i < tok.n],
                          'post': [tuple(tok.block(b)) for b in blocks['post'].get(last, [])],
                          'situation': situation,
                          'strategy': D.STRATEGIES.index(t['strategy']) if 'strategy' in t else -100})
            if t['speaker'] == 'usr':
                last = t['text'].strip()
        out.append(turns)
    return out


def window_rows(convs, tok, rng, lo=32, hi=128, ahead=128):
    """One pass of stage 1: windows that tile every conversation from a random start."""
    rows = []
    for turns in convs:
        i, total = rng.randint(1, 4), 0
        while i < len(turns):
            reply, j = [], i
            while j < len(turns) and len(reply) < ahead:
                reply += turns[j]['ids'] + [END]
                j += 1
            t = turns[i]
            rows.append({'ids': tok.context([u['ids'] for u in turns[:i]], rng.randint(lo, hi)),
                         'reply': reply[:-1][:ahead - 1], 'post': t['post'], 'situation': t['situation'], 'strategy': t['strategy']})
            i = max(i + 1, j - 1)
    return rows


def misc_loss(model, batch, force=0.25):
    truth = None
    if force and model.training:
        s = batch['strategy']
        pick = (torch.rand(len(s)) < force) & (s >= 0)
        truth = (pick, F.one_hot(s.clamp(min=0), 8).float())
    sources, lg = model.memory(batch, truth=truth)
    x = model.decode(batch['dec'], sources)
    l, k = nats(model, x, batch['target'])
    return l, k, lg


def evaluate(model, rows, with_blocks=True, size=32):
    """→ nats of the replies (END included), and the number of strategies guessed right."""
    total = right = 0
    rows = sorted(rows, key=lambda r: (len(r['ids']), len(r['reply'])))
    none = [[] for _ in range(size)]
    with torch.no_grad():
        for i in range(0, len(rows), size):
            part = rows[i:i + size]
            batch = D.collate(part) if with_blocks else D.collate(part, none[:len(part)], none[:len(part)])
            l, _, lg = misc_loss(model, batch)
            total += float(l)
            right += int((lg.argmax(-1) == batch['strategy']).sum())
    return total, right


def pieces(full, rows):
    return sum(len(full.encode(r['text'])) for r in rows)


def cmd_misc(a):
    torch.manual_seed(a.stage)
    rng = random.Random(a.stage)
    tok = tokenizer(a)
    blocks = load_blocks(a) if os.path.exists(os.path.join(a.work, 'blocks.json')) else {'post': {}, 'situation': {}}
    c = {**MISC, 'vocab_size': tok.size, 'dropout': a.dropout, 'head_dropout': a.head_dropout}
    limit = c['max_position_embeddings']
    model = Model(c)
    if a.stage == 2:
        model.load_state_dict(torch.load(os.path.join(a.work, a.init))['state'])
    valid = D.examples(a.data, 'valid', tok, limit, blocks)
    subset = valid[::len(valid) // 400][:400]
    n = pieces(Tokenizer(os.path.join(a.data, 'tokenizer')), subset)
    convs, train = (windows(a, tok, blocks), None) if a.stage == 1 else (None, D.examples(a.data, 'train', tok, limit, blocks))
    log('parameters', parameters(model), 'valid', len(valid), 'train', len(train or convs), 'pieces', n, 'blocks', len(blocks['post']))
    run = Run(model, os.path.join(a.work, f'misc{a.stage}.pt'), a.minutes, a.lr, a.warm, a.decay, a.ema, a.workers,
              0.1 if a.stage == 1 else 0.01)

    def look(rank):
        """Valid by the averaged weights: rank 0 with blocks, the last rank without."""
        with bf16():
            if rank == 0:
                run.shared[8], run.shared[9] = evaluate(model, subset)
            if rank == a.workers - 1:
                run.shared[10] = evaluate(model, subset, False)[0]
        run.barrier()
        if rank:
            return
        with_b, right, without = run.shared[8:11].tolist()
        ppl, strict = math.exp(with_b / (n + len(subset))), math.exp(with_b / n)
        log(f'VALID step {run.step_no} ppl {ppl:.2f} strict {strict:.2f} without blocks {math.exp(without / (n + len(subset))):.2f} acc {100 * right / len(subset):.2f}')
        run.keep(os.path.join(a.work, f'misc{a.stage}-last.pt'), c)
        if run.best is None or ppl < run.best[0]:
            run.best = (ppl, run.step_no)
            run.keep(os.path.join(a.work, f'misc{a.stage}-best.pt'), c)

    def work(rank):
        torch.manual_seed(a.stage * 100 + rank + run.step_no)
        own, rng = random.Random(rank + run.step_no), random.Random(run.step_no)
        model.train()
        total = k_all = right = seen = 0
        checked, started, first = run.spent, time.time(), run.step_no
        while True:
            if a.stage == 1:
                batches = D.buckets(window_rows(convs, tok, rng), a.batch, rng, lambda r: len(r['ids']))
            else:                                # most contexts cut short: two thirds of a step is the encoder
                cut = [rng.random() < a.short for _ in train]
                batches = D.buckets([{**r, 'ids': r['short']} for r, s in zip(train, cut) if s], a.batch, rng, lambda r: len(r['reply']))
                batches += D.buckets([r for r, s in zip(train, cut) if not s], a.batch, rng, lambda r: (len(r['ids']) // 8, len(r['reply'])))
                rng.shuffle(batches)
            for part in batches:
                bare = a.stage == 1 and rng.random() < 0.5
                part = part[rank::a.workers]
                none = [[] for _ in part]
                batch = D.collate(part, none, none) if bare else D.collate(part, *thin_blocks(part, own), most_reply=127)
                with bf16():
                    l, k, lg = misc_loss(model, batch)
                    g = F.cross_entropy(lg, batch['strategy']) if bool((batch['strategy'] >= 0).any()) else 0.0
                rate = run.step(l / (k if a.stage == 1 else 24 * len(part)) + (0.3 if a.stage == 1 else 1.0) * g)
                total, k_all = total + float(l), k_all + k
                right += int((lg.argmax(-1) == batch['strategy']).sum())
                seen += int((batch['strategy'] >= 0).sum())
                if rank == 0 and run.step_no % 50 == 0:
                    log('step', run.step_no, f'spent {run.spent:.0f} lr {rate:.2e} train {math.exp(total / k_all):.1f} acc {100 * right / max(1, seen):.1f} s/step {(time.time() - started) / (run.step_no - first):.2f}')
                    total = k_all = right = seen = 0
                if rank == 0:
                    run.shared[13] = float(run.spent - checked > a.every * 60)
                stop = run.done()
                if stop or run.shared[13]:
                    run.averaged(look)
                    checked = run.spent
                if stop:
                    if rank == 0:
                        run.save()
                        log('best', run.best)
                    return

    run.start(work)


# ---- export and cards ---------------------------------------------------------------------------

def cmd_calibrate(a):
    """Valid perplexity (400 rows) with the logits divided by a few temperatures."""
    tok, best = tokenizer(a), torch.load(os.path.join(a.work, a.misc))
    model = Model({**best['config'], 'dropout': 0.0, 'head_dropout': 0.0})
    model.load_state_dict(best['state'])
    model.eval()
    rows = D.examples(a.data, 'valid', tok, best['config']['max_position_embeddings'], load_blocks(a))
    rows = sorted(rows[::len(rows) // 400][:400], key=lambda r: (len(r['ids']), len(r['reply'])))
    n = pieces(Tokenizer(os.path.join(a.data, 'tokenizer')), rows) + len(rows)
    grid = [1 + 0.04 * i for i in range(7)]
    total = [0.0] * len(grid)
    with torch.no_grad(), bf16():
        for i in range(0, len(rows), 32):
            batch = D.collate(rows[i:i + 32])
            x, keep = model.decode(batch['dec'], model.memory(batch)[0]), batch['target'].ne(PAD)
            lg = model.logits(x[keep])
            for j, t in enumerate(grid):
                total[j] += float(F.cross_entropy(lg / t, batch['target'][keep], reduction='sum'))
    for t, l in zip(grid, total):
        log(f'temperature {t:.2f} ppl {math.exp(l / n):.2f}')


def cmd_export(a):
    tok = tokenizer(a)
    for name, file in (('comet-mini', 'comet-best.pt'), ('misc-mini', a.misc)):
        best = torch.load(os.path.join(a.work, file))
        if name == 'misc-mini' and a.mix < 1:    # stage 1's encoder, averaged in, overfits the strategies less
            before = torch.load(os.path.join(a.work, 'misc1-best.pt'))['state']
            for key, value in best['state'].items():
                if key.startswith('model.encoder') and 'strategy_embedding' not in key and 'fusion' not in key:
                    best['state'][key] = a.mix * value + (1 - a.mix) * before[key]
        if name == 'misc-mini':                  # the logits' temperature, folded into the weights
            last = f'model.decoder.layers.{best["config"]["decoder_layers"] - 1}.final_layer_norm.'
            for key in (last + 'weight', last + 'bias', 'final_logits_bias'):
                best['state'][key] = best['state'][key] / a.temperature
        E.write(os.path.join(a.out, name), best['config'], best['state'], tok)
        log(name, sum(v.numel() for v in best['state'].values()), 'parameters')


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
             'comet': (comet_eval(comet, items), len(items), sum(len(r['tails']) for r in items))}
    for e in list(dict.fromkeys(r['event'] for r in items))[:10]:
        r = f'[{RELATIONS[len(facts["comet_samples"]) % 9]}]'
        with torch.no_grad():
            tails = tails_of(comet, [D.comet_query(tok, e, r, limit)], 3)[0]
        facts['comet_samples'].append((e, r, [tok.decode(t) for t in tails]))
    folder = os.path.join(a.out, 'misc-mini')
    model = E.load_model(folder)
    rows = D.examples(a.data, part, tok, model.c['max_position_embeddings'], load_blocks(a))[:a.rows]
    g, n = json.load(open(os.path.join(folder, 'generation_config.json'))), pieces(full, rows)
    facts.update(parameters=parameters(model), limit=model.c['max_position_embeddings'], generation=g, rows=len(rows), pieces=n,
                 most=100 * max(sum(r['strategy'] == k for r in rows) for k in range(8)) / len(rows))
    for name, on in (('with', True), ('without', False)):
        total, right = evaluate(model, rows, on)
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
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--workers', type=int, default=2, help='processes that share a batch')
    s = p.add_subparsers(dest='command', required=True)
    q = s.add_parser('tokenizer')
    q.add_argument('--minimum', type=int, default=6)
    q = s.add_parser('comet')
    q.add_argument('--minutes', type=float, default=10)
    q.add_argument('--init', default='misc1-best.pt', help="stage 1's checkpoint; empty: from nothing")
    q.add_argument('--lr', type=float, default=7e-4)
    q.add_argument('--dropout', type=float, default=0.1)
    q = s.add_parser('blocks')
    q.add_argument('--share', type=int, default=0, help='this process does the relations share, share + shares, …')
    q.add_argument('--shares', type=int, default=1)
    q = s.add_parser('misc')
    q.add_argument('--stage', type=int, choices=(1, 2), required=True)
    q.add_argument('--init', default='misc1-best.pt')
    q.add_argument('--minutes', type=float, default=30)
    q.add_argument('--lr', type=float, default=1e-3)
    q.add_argument('--warm', type=int, default=300)
    q.add_argument('--decay', type=float, default=0.03)
    q.add_argument('--ema', type=float, default=0.995)
    q.add_argument('--dropout', type=float, default=0.1)
    q.add_argument('--head-dropout', type=float, default=0.2)
    q.add_argument('--short', type=float, default=0.75, help='stage 2: share of the rows whose context is cut to 64 ids')
    q.add_argument('--batch', type=int, default=32)
    q.add_argument('--every', type=float, default=4, help='minutes between looks at valid')
    q = s.add_parser('calibrate')
    q.add_argument('--misc', default='misc2-best.pt')
    for name in ('export', 'fixtures', 'measure', 'card'):
        q = s.add_parser(name)
        q.add_argument('--out', default='weights')
        if name == 'export':
            q.add_argument('--misc', default='misc2-best.pt')
            q.add_argument('--mix', type=float, default=1.0, help="stage 2's share of the encoder's weights, chosen on valid")
            q.add_argument('--temperature', type=float, default=1.0, help='what calibrate found on valid')
        if name == 'fixtures':
            q.add_argument('--dir', default='test/fixtures')
        if name == 'measure':
            q.add_argument('--part', choices=('valid', 'test'), required=True)
            q.add_argument('--rows', type=int, default=None, help='only the first so many')
        if name == 'card':
            q.add_argument('--recipe', default='', help='a sentence for the card on how long each stage ran')
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    os.makedirs(a.work, exist_ok=True)
    globals()['cmd_' + a.command](a)


if __name__ == '__main__':
    main()
