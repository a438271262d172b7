"""Drawing replies, with Hugging Face's processors in the order of the model notes, section 4."""
import torch

import data as D
from text import END, PAD, START

GENERATION = {'do_sample': True, 'temperature': 0.7, 'top_k': 30, 'top_p': 0.8, 'repetition_penalty': 1.05,
              'no_repeat_ngram_size': 3, 'min_length': 6, 'max_length': 64}


def scores(lg, history, g, n):
    """One row's processed scores; `history` is the reply so far, __start__ included."""
    lg = lg.clone()
    lg[n:] = -float('inf')
    seen = torch.tensor(sorted(set(history)))
    v = lg[seen]
    lg[seen] = torch.where(v < 0, v * g['repetition_penalty'], v / g['repetition_penalty'])
    k = g['no_repeat_ngram_size']
    if k and len(history) >= k:
        tail = tuple(history[len(history) - k + 1:])
        for i in range(len(history) - k + 1):
            if tuple(history[i:i + k - 1]) == tail:
                lg[history[i + k - 1]] = -float('inf')
    if len(history) < g['min_length']:
        lg[END] = -float('inf')
    lg = lg / g['temperature']
    if g['top_k']:
        lg[lg < lg.topk(g['top_k']).values[-1]] = -float('inf')
    if g['top_p'] < 1:
        s, order = lg.sort(descending=True)
        over = torch.softmax(s, -1).cumsum(-1) > g['top_p']
        over[1:] = over[:-1].clone()
        over[0] = False
        lg[order[over]] = -float('inf')
    return lg


def replies(model, rows, tok, g, seed=0, probs=None, blocks=True, size=50):
    """→ reply ids of each row. Every row draws from its own stream, seeded by `seed` and its number."""
    out = []
    with torch.no_grad():
        for start in range(0, len(rows), size):
            part = rows[start:start + size]
            none = [[] for _ in part]
            batch = D.collate(part) if blocks else D.collate(part, none, none)
            sources, _ = model.memory(batch, probs=probs)
            memory = []                             # each layer's keys and values, projected once
            for layer in model.model.decoder.layers:
                memory.append([(getattr(layer, n).keys(m[0]), *m[1:]) if isinstance(m, tuple) and m[0] is not None else m
                               for n, m in zip(layer.sources, sources)])
            streams = [torch.Generator().manual_seed(seed * 100003 + start + i) for i in range(len(part))]
            ids = torch.full((len(part), 1), START)
            done = [False] * len(part)
            while ids.shape[1] < g['max_length'] and not all(done):
                lg = model.logits(model.decode(ids, memory, True)[:, -1])
                new = []
                for i in range(len(part)):
                    if done[i]:
                        new.append(PAD)
                        continue
                    s = scores(lg[i], ids[i].tolist(), g, tok.n)
                    t = int(torch.multinomial(torch.softmax(s, -1), 1, generator=streams[i]) if g['do_sample'] else s.argmax())
                    done[i] = t == END
                    new.append(t)
                ids = torch.cat([ids, torch.tensor(new)[:, None]], 1)
            out += [[t for t in r[1:] if t not in (PAD, END)] for r in ids.tolist()]
    return out


def distinct(full, texts, k):
    """Percent of different k-grams, on ids of the full blenderbot_small tokenizer; a reply gives
    len − k of them, as the paper's authors count."""
    grams, total = set(), 0
    for t in texts:
        ids = full.encode(t)
        grams.update(tuple(ids[i:i + k]) for i in range(len(ids) - k))
        total += max(0, len(ids) - k)
    return 100 * len(grams) / max(1, total)
