"""Records every stage of a PyTorch run of a model, for `misc validate MODEL --reference OUT/*.safetensors`.

    python3 reference/capture.py MODEL OUT [--cases 3] [--seed 0] [--dtype float64] [--length 40]
    python3 reference/capture.py MODEL OUT --hooks

MODEL is a folder with config.json and model.safetensors, its sharded index, or pytorch_model.bin, of any family that misc-webgpu
knows. The equations are those of statements.py and baselines.py, not the model's own program: where that differs, say so there,
or write a file of the same form from the program's hooks. --hooks does so for BART, BlenderBot-small and OpenAI's GPT, whose
program is the package transformers (hooks.py). Ids are drawn at random; case 0 is one input, the others are three of several
lengths. Needs PyTorch (2.0 or newer) and NumPy.
"""
import argparse
import json
import os

import torch

from baselines import listeners
from export import load_safetensors, save_safetensors
from hooks import hooked
from statements import backbone, gpt, misc

def load(folder):
    config = json.load(open(os.path.join(folder, 'config.json')))
    index = os.path.join(folder, 'model.safetensors.index.json')
    pickled = os.path.join(folder, 'pytorch_model.bin')
    if os.path.exists(index):
        files = sorted(set(json.load(open(index))['weight_map'].values()))
        weights = {k: v for file in files for k, v in load_safetensors(os.path.join(folder, file)).items()}
    elif os.path.exists(os.path.join(folder, 'model.safetensors')):
        weights = load_safetensors(os.path.join(folder, 'model.safetensors'))
    elif os.path.exists(pickled):
        weights = torch.load(pickled, map_location='cpu', weights_only=True)
    else:
        raise SystemExit(f'{folder}: has neither model.safetensors, nor its index, nor pytorch_model.bin')
    return config, weights


def strategies(folder):
    """The ids of a BlenderBot-Joint's eight strategies, [first, end); None for other models."""
    path = os.path.join(folder, 'added_tokens.json')
    added = json.load(open(path)) if os.path.exists(path) else {}
    first = added.get('[Question]', added.get('[question]'))
    return None if first is None or '[xReact]' in added else (first, first + 8)


def family(config, weights):
    if config['model_type'] in ('transformer', 'moel', 'mime'):
        return listeners
    if config['model_type'] == 'openai-gpt':
        return gpt
    return misc if any('encoder_attn_comet.' in name for name in weights) else backbone


def draw(statement, config, rows, length, generator):
    """Inputs of each row, of several lengths."""
    places = config.get('max_position_embeddings', config.get('n_positions', 10 ** 9))
    ids = lambda n: torch.randint(4, config['vocab_size'], (n,), generator=generator)
    between = lambda low, high: int(torch.randint(low, high + 1, (1,), generator=generator))
    drawn = []
    for _ in range(rows):
        n = between(max(1, length // 2), min(length, places))
        row = {'input_ids': ids(n)}
        if statement is not gpt:
            start = 3 if statement is listeners else config.get('decoder_start_token_id', 1)
            row['decoder_input_ids'] = torch.cat([torch.tensor([start]), ids(min(length // 4 + 3, places - 1))])
        if statement is misc:
            for name, most in (('post', 7), ('situation', 5)):
                row[name] = [ids(between(1, 9)) for _ in range(between(1, most))]
        if statement is listeners:
            row['role_ids'] = torch.randint(4, 6, (n,), generator=generator)
            row['labels'] = ids(len(row['decoder_input_ids']))
            if config['model_type'] == 'mime':
                for it in ('positive', 'negative'):
                    row[f'noise.{it}'] = torch.randn(config['hidden_dim'], generator=generator)
        drawn.append(row)
    return drawn


def padded(rows, fill=0):
    """Tensors of several lengths as one, with a dimension of rows in front."""
    size = [max(sizes) for sizes in zip(*(row.shape for row in rows))]
    out = torch.full((len(rows), *size), fill, dtype=rows[0].dtype)
    for b, row in enumerate(rows):
        out[(b, *(slice(n) for n in row.shape))] = row
    return out


def inputs_of(rows, pad):
    """The inputs of a case as its file holds them."""
    tensors = {name: padded([row[name] for row in rows], pad if name != 'labels' else -100)
               for name in rows[0] if name not in ('post', 'situation')}
    tensors['attention_mask'] = padded([torch.ones_like(row['input_ids']) for row in rows])
    for name in ('post', 'situation'):
        if name in rows[0]:
            blocks = [padded([ten(ids) for ids in row[name]]) for row in rows]
            tensors[f'{name}_blocks.input_ids'] = padded(blocks)
            tensors[f'{name}_blocks.mask'] = padded([torch.ones(len(it), dtype=torch.long) for it in blocks])
    return tensors


def ten(ids):
    """A block's ids, padded with 0 to ten."""
    return torch.cat([ids, torch.zeros(10 - len(ids), dtype=torch.long)])


def capture(statement, weights, config, rows):
    stages = {}
    with torch.no_grad():
        for row in rows:
            statement(weights, config, row, lambda name, x: stages.setdefault(name, []).append(x.float()))
    return {name: padded(values) for name, values in stages.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model')
    parser.add_argument('out')
    parser.add_argument('--cases', type=int, default=3)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--length', type=int, default=40, help='ids of a context, at most')
    parser.add_argument('--dtype', choices=['float64', 'float32'], default='float64', help='what is computed in')
    parser.add_argument('--hooks', action='store_true', help='record the run of the class that transformers has for MODEL')
    a = parser.parse_args()
    config, weights = load(a.model)
    statement = family(config, weights)
    ids = strategies(a.model)
    if statement is backbone and ids and config.get('strategies', True):
        config['strategies'] = ids
    else:
        config.pop('strategies', None)
    dtype = getattr(torch, a.dtype)
    weights = {name: it.to(dtype) for name, it in weights.items() if it.is_floating_point()}
    run = hooked(statement, weights, config) if a.hooks else statement
    source = f'reference/capture.py --seed {a.seed} --dtype {a.dtype}' + (f' --hooks, {run.__name__}' if a.hooks else '')
    generator = torch.Generator().manual_seed(a.seed)
    os.makedirs(a.out, exist_ok=True)
    for case in range(a.cases):
        rows = draw(statement, config, 1 if case == 0 else 3, a.length, generator)
        for row in rows:
            for name, it in row.items():
                if torch.is_tensor(it) and it.is_floating_point():
                    row[name] = it.to(dtype)
        stages = capture(run, weights, config, rows)
        inputs = {name: it.float() if it.is_floating_point() else it
                  for name, it in inputs_of(rows, config.get('pad_token_id', 1 if statement is listeners else 0)).items()}
        path = os.path.join(a.out, f'case{case}.safetensors')
        about = {'source': source, 'case': str(case)}
        save_safetensors(path, {name: it.contiguous() for name, it in {**inputs, **stages}.items()}, about)
        print(f'{path}: {len(rows)} inputs, {len(stages)} stages of {run.__name__}')


if __name__ == '__main__':
    main()
