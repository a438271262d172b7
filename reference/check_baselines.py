"""Compares the baselines with golden cases: prints the largest difference for each, fails over 1e-4.

python3 reference/check_baselines.py ../shared/golden
python3 reference/check_baselines.py test/fixtures/golden       # without BlenderBot-Joint, whose weights do not lie there
"""
import json
import os
import sys

import torch
import torch.nn.functional as F

from baselines import Baseline
from export import load_safetensors
from model import Model, key_bias
from words import EOS, PAD, SOS

LIMIT = 1e-4


def listeners(config, state, case):
    """(name, what the model says, what the case says, the positions that count) of a case."""
    model = Baseline(config).load(state).eval()
    ids, roles, mask, dec = (case[n] for n in ('input_ids', 'role_ids', 'attention_mask', 'decoder_input_ids'))
    noise = torch.stack([case['noise.positive'], case['noise.negative']]) if model.mime else None
    here, real = mask.bool(), case['labels'].gt(PAD) | case['labels'].eq(0)
    x, told = model(ids, roles, here, dec, noise=noise)
    logp = model.log_probs(x)
    nll = F.nll_loss(logp.flatten(0, 1), case['labels'].clamp(min=0).flatten(), reduction='none').view(real.shape)
    yield 'encoder.last_hidden_state', told['encoder'], here
    for name, found in (('emotion.logits', told['logits']), ('listeners.weights', told.get('listeners'))):
        if name in case:
            yield name, found, None
    yield 'log_probs', logp, real
    yield 'nll', (nll * real).sum(1) / real.sum(1), None
    if model.mime:
        yield 'log_probs.zero_noise', model.log_probs(model(ids, roles, here, dec, noise=0 * noise)[0]), real
    yield 'generate.greedy', greedy(model, ids, roles, here, noise), None


def greedy(model, ids, roles, mask, noise, steps=31):
    text, done = torch.full((len(ids), 1), SOS), torch.zeros(len(ids), dtype=torch.bool)
    for _ in range(steps):
        best = model.generator.proj(model(ids, roles, mask, text, noise=noise)[0][:, -1]).argmax(-1)
        text = torch.cat([text, torch.where(done, PAD, best)[:, None]], 1)
        done |= best.eq(EOS)
    return text[:, 1:]


def joint(config, state, case):
    model = Model({**config, 'dropout': 0.0})
    model.load_state_dict(state)
    mask, labels = case['attention_mask'], case['labels']
    y = model.eval().encode(case['input_ids'], mask)
    lg = model.logits(model.decode(case['decoder_input_ids'], [(y, key_bias(mask), None)]))
    yield 'encoder.last_hidden_state', y, mask.bool()
    yield 'logits', lg, labels.ge(0)
    yield 'strategy.logits', lg[:, 0, config['vocab_size'] - 8:], None
    yield 'loss.train.token', F.cross_entropy(lg.transpose(1, 2), labels, reduction='none'), labels.ge(0)


def main(goldens):
    torch.set_num_threads(1)                     # these models are too small to share
    worst = 0.0
    for name, stages in (('transformer', listeners), ('moel', listeners), ('mime', listeners), ('joint', joint)):
        folder = os.path.join(goldens, f'{name}-tiny')
        weights = os.path.join(folder, 'model.safetensors')
        if not os.path.exists(weights):
            print(f'{name}-tiny: no weights in {folder}')
            continue
        config, state = json.load(open(os.path.join(folder, 'config.json'))), load_safetensors(weights)
        for file in sorted(f for f in os.listdir(folder) if f.startswith('case')):
            case = load_safetensors(os.path.join(folder, file))
            with torch.no_grad():
                for stage, found, counts in stages(config, state, case):
                    off = (found - case[stage]).abs().double()
                    off = float((off if counts is None else off[counts]).max())
                    worst = max(worst, off)
                    print(f'{name}-tiny {file} {stage}: {off:.1e}')
    if worst > LIMIT:
        raise SystemExit(f'the largest difference is {worst:.1e}, more than {LIMIT:.0e}')


if __name__ == '__main__':
    main(*sys.argv[1:])
