"""Drawing replies, with Hugging Face's processors in the order of the model notes, section 4; COMET's beams."""
import torch

import data as D
from model import key_bias
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


# COMET's, as its generation_config.json tells the engine.
BEAMS = {'num_beams': 3, 'num_return_sequences': 3, 'max_length': 12, 'min_length': 0, 'do_sample': False,
         'early_stopping': True, 'length_penalty': 1.0, 'no_repeat_ngram_size': 0}


def beams(model, events, starts, width=BEAMS['num_beams'], longest=BEAMS['max_length']):
    """Beam search of a BART as Hugging Face 4.2 does it with early stopping, which ends with the step by which `width` are done:
    so many tails a query, best first, each its ids. A query is an event's ids and the id that the decoder starts with; a score
    is the sum of the log-probabilities by the length, the start counted, __end__ not."""
    ids = D.pad(events)
    mask = ids.ne(PAD)
    y, bias, dec, rows = model.encode(ids, mask), key_bias(mask), model.model.decoder, len(events)
    cross = [layer.encoder_attn.keys(y) for layer in dec.layers]
    past = [None] * len(dec.layers)
    text = torch.tensor(starts)[:, None, None].repeat(1, width, 1)
    score = torch.full((rows, width), -1e9)
    score[:, 0] = 0
    done, best = torch.full((rows, width), -1e9), torch.full((rows, width, longest), PAD)
    owner, results = torch.arange(rows), [None] * rows

    def add(new, at, words):
        """Hypotheses `words` of the texts `at` with scores `new` join the `width` best."""
        nonlocal done, best
        room = torch.nn.functional.pad(words, (0, longest - words.shape[2]), value=PAD)
        done, top = torch.cat([done, new], 1).topk(width, 1)
        best = torch.cat([best, room.gather(1, at[:, :, None].expand(-1, -1, longest))], 1)
        best = best.gather(1, top[:, :, None].expand(-1, -1, longest))

    def finish(which):
        for o, tails in zip(owner[which].tolist(), best[which].tolist()):
            results[o] = [[t for t in r[1:] if t not in (PAD, END)] for r in tails]

    for n in range(1, longest):
        x = dec.embed(model.model.shared.weight, text[:, :, -1].reshape(-1, 1), n - 1)
        for i, layer in enumerate(dec.layers):
            own = layer.self_attn.keys(x)
            past[i] = own if past[i] is None else tuple(torch.cat(p, 2) for p in zip(past[i], own))
            x = layer.self_attn_layer_norm(x + layer.self_attn(x, past[i]))
            a = layer.encoder_attn(x.view(len(owner), width, -1), cross[i], bias)
            x = layer.encoder_attn_layer_norm(x + a.reshape(x.shape))
            x = layer.final_layer_norm(x + layer.fc2(torch.nn.functional.gelu(layer.fc1(x))))
        lg = torch.log_softmax(model.logits(x[:, 0]), -1).view(len(owner), width, -1) + score[:, :, None]
        top, at = lg.flatten(1).topk(2 * width, 1)
        beam, word = at // lg.shape[2], at % lg.shape[2]
        ends = word[:, :width].eq(END)
        add(torch.where(ends, top[:, :width] / n, torch.tensor(-1e9)), beam[:, :width], text)
        over = done[:, -1] > -1e9
        # the best `width` that go on, in their order
        score, keep = top.masked_fill(word.eq(END), -1e9).topk(width, 1)
        beam, word = beam.gather(1, keep), word.gather(1, keep)
        text = torch.cat([text.gather(1, beam[:, :, None].expand(-1, -1, n)), word[:, :, None]], 2)
        flat = beam + torch.arange(len(owner))[:, None] * width
        if bool(over.any()):
            finish(over)
            on = ~over
            if not bool(on.any()):
                return results
            owner, text, score, done, best, flat, bias = (t[on] for t in (owner, text, score, done, best, flat, bias))
            cross = [tuple(t[on] for t in kv) for kv in cross]
        past = [tuple(t[flat.flatten()] for t in kv) for kv in past]
    add(score / longest, torch.arange(width).expand(len(owner), -1), text)
    finish(torch.ones(len(owner), dtype=torch.bool))
    return results


def distinct(full, texts, k):
    """Percent of different k-grams, on ids of the full blenderbot_small tokenizer; a reply gives
    len − k of them, as the paper's authors count."""
    grams, total = set(), 0
    for t in texts:
        ids = full.encode(t)
        grams.update(tuple(ids[i:i + k]) for i in range(len(ids) - k))
        total += max(0, len(ids) - k)
    return 100 * len(grams) / max(1, total)
