"""PyTorch's part of COMET: `python3 comet_torch.py MODEL QUERIES`, asked as serve.ts says.

BART on the CPU as users of COMET-ATOMIC 2020 run it: one query after another, beam search as transformers does it (cached keys
and values, reordered at every step). MODEL is a folder of `misc synth`; QUERIES a JSON file: ids of every query and the beams' settings.
"""
import json, math, sys
import torch
from bart_torch import config, cross_keys, decode, encode
from torch_peer import serve, timed

def search(ids, beams, longest):
    """Beam search of transformers 4.2 (length penalty 1, no early stopping): the ids and scores of the best `beams` tails."""
    eos, start = config.get('eos_token_id', 2), config.get('decoder_start_token_id', 2)
    cross = [(k.expand(beams, -1, -1, -1), v.expand(beams, -1, -1, -1)) for k, v in cross_keys(encode(torch.tensor([ids])))]
    rows, scores, past, done = torch.full((beams, 1), start), torch.full((beams,), -1e9), None, []
    scores[0] = 0.0
    while rows.shape[1] < longest:
        length = rows.shape[1]
        logits, past = decode(rows[:, -1:], cross, past, length - 1)
        logits = logits[:, -1]
        if length == longest - 1:    # forced to end
            forced = torch.full_like(logits, -math.inf)
            forced[:, eos] = 0.0
            logits = forced
        all_scores = torch.log_softmax(logits, -1) + scores[:, None]
        best, at = all_scores.view(-1).topk(2 * beams)
        width, chosen = logits.shape[1], []
        for rank, (score, index) in enumerate(zip(best.tolist(), at.tolist())):
            beam, token = divmod(index, width)
            if token == eos:
                if rank < beams: done = sorted(done + [(score / length, rows[beam].tolist())], reverse=True)[:beams]
            else: chosen.append((score, beam, token))
            if len(chosen) == beams: break
        if not chosen: break
        if len(done) == beams and done[-1][0] >= best[0].item() / length: break
        parents = torch.tensor([beam for _, beam, _ in chosen])
        rows = torch.cat([rows[parents], torch.tensor([[token] for _, _, token in chosen])], 1)
        scores = torch.tensor([score for score, _, _ in chosen])
        past = [(k.index_select(0, parents), v.index_select(0, parents)) for k, v in past]
    return done

def tails():
    return timed(lambda: [search(ids, work['beams'], work['longest']) for ids in work['queries']])[0]

def first():
    """Ids of the first query's tails, best first, without start."""
    return [ids[1:] for _, ids in search(work['queries'][0], work['beams'], work['longest'])]

work = json.load(open(sys.argv[2]))
serve({'tails': lambda: tails}, {'tails of a query': first})
