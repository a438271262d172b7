"""Transformer, MoEL and MIME (shared/baselines.md) in PyTorch, as family_torch.py times them.

`released` draws a reply as the released programs do: for every word the decoder and the generator over the whole reply so far.
`start` and `step` keep what §1.8 says, which those programs do not; MoEL's listeners run side by side. Noise of MIME's is 0.
"""
import math, sys
import torch
import torch.nn.functional as F
from torch_peer import load
config, W = load(sys.argv[1])
KIND, HOP, HEADS = config['model_type'], config['hop'], config['heads']
D, WIDTH = config['hidden_dim'], config['depth'] // config['heads']
START, END, LEAST = 3, 2, 1e-4
POS = [11, 16, 6, 8, 3, 1, 28, 13, 31, 17, 24, 0, 27]
NEG = [9, 4, 2, 14, 30, 29, 25, 15, 10, 23, 19, 18, 21, 7, 20, 5, 26, 12, 22]

def signal(length):
    half = D // 2
    angles = torch.arange(length, dtype=torch.float64)[:, None] * torch.exp(-torch.arange(half, dtype=torch.float64) * math.log(1e4) / (half - 1))
    return F.pad(torch.cat([angles.sin(), angles.cos()], 1), (0, D % 2)).float()

TIMING = signal(1000)

def norm(x, gamma, beta): return gamma * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) + beta
def ln(p, x): return norm(x, W[f'{p}.gamma'], W[f'{p}.beta'])
def lin(p, x): return F.linear(x, W[f'{p}.weight'], W.get(f'{p}.bias'))
def words(ids): return W['embedding.lut.weight'][ids] * math.sqrt(D)
def heads(x): return x.unflatten(-1, (-1, WIDTH)).transpose(-2, -3)

def attend(q, k, v, hidden=None):
    scores = (q * WIDTH ** -0.5) @ k.transpose(-1, -2)
    if hidden is not None: scores = scores.masked_fill(hidden, -1e18)
    return (torch.softmax(scores, -1) @ v).transpose(-2, -3).flatten(-2)

# A layer over all rows of a sequence, [rows, d].

def attention(p, x, memory, hidden=None):
    q, k, v = heads(lin(f'{p}.query_linear', x)), heads(lin(f'{p}.key_linear', memory)), heads(lin(f'{p}.value_linear', memory))
    return lin(f'{p}.output_linear', attend(q, k, v, hidden))

def feed_forward(p, x, causal):
    for i in (0, 1):
        conv = f'{p}.positionwise_feed_forward.layers.{i}.conv'
        x = F.relu(F.conv1d(F.pad(x.T, (2, 0) if causal else (1, 1))[None], W[f'{conv}.weight'], W[f'{conv}.bias'])[0].T)
    return x

def encoder_layer(p, x):
    y = ln(f'{p}.layer_norm_mha', x)
    x = x + attention(f'{p}.multi_head_attention', y, y)
    return x + feed_forward(p, ln(f'{p}.layer_norm_ffn', x), False)

def decoder_layer(p, x, memory, hidden):
    y = ln(f'{p}.layer_norm_mha_dec', x)
    x = x + attention(f'{p}.multi_head_attention_dec', y, y, hidden)
    x = x + attention(f'{p}.multi_head_attention_enc_dec', ln(f'{p}.layer_norm_mha_enc', x), memory)
    return x + feed_forward(p, ln(f'{p}.layer_norm_ffn', x), True)

def encoder(p, x):
    x = lin(f'{p}.embedding_proj', x) + TIMING[:len(x)]
    for i in range(HOP): x = encoder_layer(f'{p}.enc.{i}', x)
    return ln(f'{p}.layer_norm', x)

# What is read.

def mimic(states, emotions, first):
    h, mixed = F.relu(lin('vae_sampler.h_prior', first)), []
    deviation = torch.exp(0.5 * lin('vae_sampler.logvar_prior_positive', h))
    for name, rows in (('positive', POS), ('negative', NEG)):
        z = lin(f'vae_sampler.mu_prior_{name}', h) + deviation * torch.zeros(D)
        mixed.append(torch.softmax(lin(f'vae_sampler.Dense_z_prior_{name}', z), -1) @ W['emoji_embedding.weight'][rows])
    if int(emotions.argmax()) not in POS: mixed.reverse()
    beside = lambda v: torch.cat([states, v.expand(len(states), -1)], 1)
    c = torch.cat([encoder(f'emotion_input_encoder_{i + 1}.enc', beside(v)) for i, v in enumerate(mixed)], 1)
    return lin('cdecoder.fc2', torch.sigmoid(lin('cdecoder.fc1', c)) * c)

def read(ids):
    """What the decoder attends to, [rows, d], and MoEL's listeners: their numbers and weights, the basic one last."""
    states = encoder('encoder', words(ids) + words([0] * len(ids)))
    if KIND == 'mime':
        emotions = F.linear(F.linear(states[0], W['s_weight.weight']), W['emoji_embedding.weight'])
        return mimic(states, emotions, states[0]), None
    emotions = F.linear(states[0], W['decoder_key.weight'])
    if KIND == 'transformer': return states, None
    best, numbers = emotions.topk(min(config.get('topk') or len(emotions), len(emotions)))
    weights = torch.softmax(best, -1)
    listening = weights > LEAST
    return states, (torch.cat([numbers[listening], torch.tensor([len(emotions)])]), torch.cat([weights[listening], torch.ones(1)]))

# A reply.

LAYERS = [f'decoder.dec.{i}' for i in range(HOP)]
LISTENERS = [f'decoder.experts.{i}' for i in range(config.get('num_emotions', 32))] + ['decoder.basic']

def generate(x): return lin('generator.proj', ln('decoder.layer_norm', x)) if 'generator.proj.weight' in W else \
    F.linear(ln('decoder.layer_norm', x), W['embedding.lut.weight'], W['generator.proj.bias'])

def released(context, count):
    """The likeliest ids, one after the other."""
    memory, listeners = context
    ids = [START]
    for length in range(1, count + 1):
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        x = lin('decoder.embedding_proj', words(ids)) + TIMING[:length]
        if listeners: x = sum(weight * decoder_layer(LISTENERS[i], x, memory, hidden) for i, weight in zip(*listeners))
        for p in LAYERS: x = decoder_layer(p, x, memory, hidden)
        ids.append(int(torch.log_softmax(generate(x), -1)[-1].argmax()))
        yield ids[-1]

def stack(names):
    """The weights of layers that run side by side, as they multiply rows: [layers, in, out]."""
    of = lambda part: torch.stack([W[f'{name}.{part}'] for name in names])
    matrix = lambda p, *parts: torch.cat([of(f'multi_head_attention_{p}.{it}_linear.weight') for it in parts], 1).transpose(1, 2).contiguous()
    weights = {
        'qkv': matrix('dec', 'query', 'key', 'value'), 'output': matrix('dec', 'output'),
        'query': matrix('enc_dec', 'query'), 'kv': matrix('enc_dec', 'key', 'value'), 'heard': matrix('enc_dec', 'output'),
    }
    for p in ('mha_dec', 'mha_enc', 'ffn'):
        for part in ('gamma', 'beta'): weights[f'{p}.{part}'] = of(f'layer_norm_{p}.{part}')[:, None]
    for i in (0, 1):
        conv = f'positionwise_feed_forward.layers.{i}.conv'
        weights[f'conv.{i}'] = of(f'{conv}.weight').permute(0, 3, 2, 1).flatten(1, 2).contiguous()
        weights[f'bias.{i}'] = of(f'{conv}.bias')[:, None]
    return weights

class Layers:
    """Layers side by side, and what they keep: keys and values of the reply and of what they attend to, and last rows before each convolution."""
    def __init__(self, weights, memory):
        self.w, count = weights, len(weights['qkv'])
        self.memory = [heads(it) for it in (memory @ weights['kv']).chunk(2, -1)]
        self.past = None
        self.rows = [torch.zeros(count, 2, D), torch.zeros(count, 2, config['filter'])]

    def norm(self, p, x): return norm(x, self.w[f'{p}.gamma'], self.w[f'{p}.beta'])

    def __call__(self, x):
        """[layers or 1, 1, d] to [layers, 1, d]"""
        q, k, v = (heads(it) for it in (self.norm('mha_dec', x) @ self.w['qkv']).chunk(3, -1))
        self.past = [torch.cat(it, -2) for it in zip(self.past, (k, v))] if self.past else [k, v]
        x = x + attend(q, *self.past) @ self.w['output']
        x = x + attend(heads(self.norm('mha_enc', x) @ self.w['query']), *self.memory) @ self.w['heard']
        y = self.norm('ffn', x)
        for i in (0, 1):
            window = torch.cat([self.rows[i], y], 1)
            self.rows[i] = window[:, 1:]
            y = F.relu(window.flatten(1)[:, None] @ self.w[f'conv.{i}'] + self.w[f'bias.{i}'])
        return x + y

STACKED = [stack([p]) for p in LAYERS]
ALL_LISTENERS = stack(LISTENERS) if KIND == 'moel' else None

def start(ids):
    memory, listeners = read(ids)
    heard = None
    if listeners: heard = (Layers({name: it[listeners[0]] for name, it in ALL_LISTENERS.items()}, memory), listeners[1][:, None, None])
    return {'listeners': heard, 'layers': [Layers(it, memory) for it in STACKED]}

def step(state, token, position):
    x = (lin('decoder.embedding_proj', words([token])) + TIMING[position])[None]
    if state['listeners']:
        listeners, weights = state['listeners']
        x = (weights * listeners(x)).sum(0, keepdim=True)
    for layer in state['layers']: x = layer(x)
    return generate(x)[0, 0]
