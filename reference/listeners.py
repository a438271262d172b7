"""Transformer (and MT Transformer), MoEL and MIME, the paper's other baselines, stated as statements.py states the rest."""
import math

import torch
import torch.nn.functional as F

from statements import attend, linear

# MIME's emotions by polarity, as its program lists them.
POSITIVE = [11, 16, 6, 8, 3, 1, 28, 13, 31, 17, 24, 0, 27]
NEGATIVE = [9, 4, 2, 14, 30, 29, 25, 15, 10, 23, 19, 18, 21, 7, 20, 5, 26, 12, 22]


def timing(length, d, dtype):
    """Sines and cosines of positions, in float32 as the programs keep them."""
    n = d // 2
    angles = torch.arange(length, dtype=torch.float64)[:, None] * torch.exp(
        -torch.arange(n, dtype=torch.float64) * math.log(1e4) / (n - 1))
    return F.pad(torch.cat([angles.sin(), angles.cos()], 1), (0, d % 2)).float().to(dtype)


def norm(W, name, x):
    """By the sample's deviation, with epsilon outside the root."""
    return W[f'{name}.gamma'] * (x - x.mean(-1, keepdim=True)) / (x.std(-1, keepdim=True) + 1e-6) + W[f'{name}.beta']


def attention(W, name, x, y, heads, causal=False):
    parts = (linear(W, f'{name}.{it}_linear', z) for it, z in (('query', x), ('key', y), ('value', y)))
    return linear(W, f'{name}.output_linear', attend(*parts, heads, causal))


def feed_forward(W, name, x, causal):
    for i in (0, 1):
        conv = f'{name}.layers.{i}.conv'
        padded = F.pad(x.T[None], (2, 0) if causal else (1, 1))
        x = F.relu(F.conv1d(padded, W[f'{conv}.weight'], W[f'{conv}.bias']))[0].T
    return x


def encoder(W, name, x, layers, heads):
    x = linear(W, f'{name}.embedding_proj', x)
    x = x + timing(*x.shape, x.dtype)
    for i in range(layers):
        layer = f'{name}.enc.{i}'
        y = norm(W, f'{layer}.layer_norm_mha', x)
        x = x + attention(W, f'{layer}.multi_head_attention', y, y, heads)
        x = x + feed_forward(W, f'{layer}.positionwise_feed_forward', norm(W, f'{layer}.layer_norm_ffn', x), False)
    return norm(W, f'{name}.layer_norm', x)


def decoder_layer(W, layer, x, states, heads):
    y = norm(W, f'{layer}.layer_norm_mha_dec', x)
    x = x + attention(W, f'{layer}.multi_head_attention_dec', y, y, heads, True)
    y = norm(W, f'{layer}.layer_norm_mha_enc', x)
    x = x + attention(W, f'{layer}.multi_head_attention_enc_dec', y, states, heads)
    return x + feed_forward(W, f'{layer}.positionwise_feed_forward', norm(W, f'{layer}.layer_norm_ffn', x), True)


def listeners(W, c, row, see):
    heads, hop, kind = c['heads'], c['hop'], c['model_type']
    table = W['embedding.lut.weight']

    def embed(ids):
        return table[ids] * math.sqrt(table.shape[1])

    C = encoder(W, 'encoder', embed(row['input_ids']) + embed(row['role_ids']), 1 if kind == 'mime' else hop, heads)
    see('encoder.last_hidden_state', C)
    x = linear(W, 'decoder.embedding_proj', embed(row['decoder_input_ids']))
    x = x + timing(*x.shape, x.dtype)
    if kind == 'mime':
        x = decoder_layer(W, 'decoder.dec.0', x, mimicry(W, c, C, row, see), heads)
    else:
        scores = linear(W, 'decoder_key', C[0])
        if kind == 'moel':
            x = heard(W, c, x, C, scores, see)
        else:
            see('emotion.logits', scores)
        for i in range(hop):
            x = decoder_layer(W, f'decoder.dec.{i}', x, C, heads)
    logits = linear(W, 'generator.proj', norm(W, 'decoder.layer_norm', x))
    see('log_probs', torch.log_softmax(logits, -1))


def heard(W, c, x, C, scores, see):
    """MoEL: the listeners of the likeliest emotions, by their shares, and one that always listens."""
    best = scores.topk(c['topk'])
    shares = torch.zeros_like(scores).scatter(0, best.indices, torch.softmax(best.values, -1))
    see('listeners.weights', shares)
    layers = ((share, f'decoder.experts.{i}') for i, share in enumerate(shares) if share > 1e-4)
    mixed = sum(share * decoder_layer(W, layer, x, C, c['heads']) for share, layer in layers)
    if c.get('basic_learner', True):
        mixed = mixed + decoder_layer(W, 'decoder.basic', x, C, c['heads'])
    return mixed


def mimicry(W, c, C, row, see):
    """MIME: the context with the emotions of one polarity and of the other, as the seeker's is; noise from the row."""
    E, heads = W['emoji_embedding.weight'], c['heads']
    scores = E @ linear(W, 's_weight', C[0])
    see('emotion.logits', scores)
    h, mixed = F.relu(linear(W, 'vae_sampler.h_prior', C[0])), {}
    for name, emotions in (('positive', POSITIVE), ('negative', NEGATIVE)):
        # The program has one variance for both.
        deviation = torch.exp(linear(W, 'vae_sampler.logvar_prior_positive', h) / 2)
        z = linear(W, f'vae_sampler.mu_prior_{name}', h) + row[f'noise.{name}'] * deviation
        mixed[name] = torch.softmax(linear(W, f'vae_sampler.Dense_z_prior_{name}', z), -1) @ E[emotions]
    order = ('positive', 'negative') if int(scores.argmax()) in POSITIVE else ('negative', 'positive')
    sides = [encoder(W, f'emotion_input_encoder_{i}.enc', torch.cat([C, mixed[name].expand(len(C), -1)], 1), 1, heads)
             for i, name in enumerate(order, 1)]
    both = torch.cat(sides, 1)
    return linear(W, 'cdecoder.fc2', both * torch.sigmoid(linear(W, 'cdecoder.fc1', both)))
