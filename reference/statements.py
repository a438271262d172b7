"""The forward passes of every family, stated in PyTorch for one sequence at a time and without masks: what each row is alone.

Written from the equations (MISC's paper, BART's, OpenAI GPT's) and the names that checkpoints hold; nothing here is taken from
the WebGPU code. Every function takes the state dict W. Yields go to `see(name, values)`, in the order of computation.
"""
import math

import torch
import torch.nn.functional as F


def linear(W, name, x):
    return F.linear(x, W[f'{name}.weight'], W.get(f'{name}.bias'))


def norm(W, name, x, eps=1e-5):
    return F.layer_norm(x, x.shape[-1:], W[f'{name}.weight'], W[f'{name}.bias'], eps)


def attend(q, k, v, heads, causal=False):
    """q [T, d], k and v [S, d] → [T, d]; without keys: zeros."""
    if not len(k):
        return torch.zeros_like(q)
    q, k, v = (x.view(len(x), heads, -1).transpose(0, 1) for x in (q, k, v))
    scores = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[1:], dtype=torch.bool).triu(1), -math.inf)
    return (torch.softmax(scores, -1) @ v).transpose(0, 1).flatten(1)


def attention(W, name, x, y, heads, causal=False):
    q, k, v = linear(W, f'{name}.q_proj', x), linear(W, f'{name}.k_proj', y), linear(W, f'{name}.v_proj', y)
    return linear(W, f'{name}.out_proj', attend(q, k, v, heads, causal))


def feed_forward(W, layer, x):
    return norm(W, f'{layer}.final_layer_norm', x + linear(W, f'{layer}.fc2', F.gelu(linear(W, f'{layer}.fc1', x))))


class Backbone:
    """An encoder-decoder: BART, BlenderBot-small, and MISC's."""

    def __init__(self, W, c, misc=False):
        self.W, self.c = W, c
        self.offset = 2 if c['model_type'] == 'bart' else 0
        self.scale = math.sqrt(c['d_model']) if c.get('scale_embedding', False) else 1.0
        # A plain BlenderBot-small's decoder norms before it adds positions.
        self.norm_first = c['model_type'] != 'bart' and not misc

    def embed(self, side, ids):
        W, name = self.W, f'model.{side}.layernorm_embedding'
        x = W['model.shared.weight'][ids] * self.scale
        places = W[f'model.{side}.embed_positions.weight'][self.offset:self.offset + len(ids)]
        return norm(W, name, x) + places if side == 'decoder' and self.norm_first else norm(W, name, x + places)

    def encode(self, ids, see=lambda name, x: None, on_layer=lambda i, x: None):
        W, heads = self.W, self.c['encoder_attention_heads']
        x = self.embed('encoder', ids)
        see('encoder.hidden.0', x)
        for i in range(self.c['encoder_layers']):
            layer = f'model.encoder.layers.{i}'
            x = norm(W, f'{layer}.self_attn_layer_norm', x + attention(W, f'{layer}.self_attn', x, x, heads))
            x = feed_forward(W, layer, x)
            see(f'encoder.hidden.{i + 1}', x)
            on_layer(i, x)
        return x

    def decode(self, ids, sources, see):
        """sources: what each cross-attention reads, by its name."""
        W, heads = self.W, self.c['decoder_attention_heads']
        x = self.embed('decoder', ids)
        see('decoder.hidden.0', x)
        for i in range(self.c['decoder_layers']):
            layer = f'model.decoder.layers.{i}'
            x = norm(W, f'{layer}.self_attn_layer_norm', x + attention(W, f'{layer}.self_attn', x, x, heads, True))
            crossed = sum(attention(W, f'{layer}.{name}', x, y, heads) for name, y in sources.items())
            x = feed_forward(W, layer, norm(W, f'{layer}.encoder_attn_layer_norm', x + crossed))
            see(f'decoder.hidden.{i + 1}', x)
        bias = W.get('final_logits_bias', torch.zeros(1, dtype=x.dtype))
        return x @ W['model.shared.weight'].T + bias.flatten()


def backbone(W, c, row, see):
    """BART, BlenderBot-small, and with c['strategies'], the ids of its strategies, BlenderBot-Joint."""
    model = Backbone(W, c)
    states = model.encode(row['input_ids'], see)
    see('encoder.last_hidden_state', states)
    if 'strategies' in c:
        start = torch.tensor([c.get('decoder_start_token_id', 1)])
        first = model.decode(start, {'encoder_attn': states}, lambda name, x: None)[0]
        logits = first[c['strategies'][0]:c['strategies'][1]]
        see('strategy.logits', logits)
        see('strategy.probs', torch.softmax(logits, -1))
    see('logits', model.decode(row['decoder_input_ids'], {'encoder_attn': states}, see))


def misc(W, c, row, see):
    """MISC: eq. 1-7 of the paper, or with the tensors of muAttn what the authors' program computes."""
    model, names = Backbone(W, c, misc=True), ('post', 'situation')
    released = 'model.encoder.layers.0.muAttn.q_proj.weight' in W
    empty = torch.zeros(0, c['d_model'], dtype=W['model.shared.weight'].dtype)
    H = {it: torch.stack([model.encode(ids)[0] for ids in row[it]]) if row[it] else empty for it in names}
    for name in names:
        see(f'blocks.{name}', H[name])

    def fuse(i, x):
        for name, attn in zip(names, ('muAttn', 'muAttn_st')):
            if released and len(H[name]):
                H[name] = mutual(W, f'model.encoder.layers.{i}.{attn}', x, H[name])

    C = model.encode(row['input_ids'], see, fuse)
    see('encoder.last_hidden_state', C)
    for name in names:
        if not released and len(H[name]):
            H[name] = norm(W, f'model.encoder.fusion_layer_norm_{name}', H[name] + torch.softmax(H[name] @ C.T, -1) @ C)
        see(f'fusion.{name}', H[name])

    head = 'model.encoder.strategy_head'
    logits = C[:1]
    if released:
        logits = linear(W, head, logits)
        bn = 'model.encoder.batchNorm_strategy'
        parts = [W[f'{bn}.{it}'] for it in ('running_mean', 'running_var', 'weight', 'bias')]
        for _ in range(2):
            logits = F.batch_norm(logits, *parts, False, 0.0, 1e-5)
    else:
        logits = linear(W, f'{head}.out_proj', torch.tanh(linear(W, f'{head}.dense', logits)))
    p = torch.softmax(logits[0], -1)
    g = p @ W['model.encoder.strategy_embedding.weight'][:len(p)]
    for name, x in (('logits', logits[0]), ('probs', p), ('representation', g)):
        see(f'strategy.{name}', x)

    sources = {'encoder_attn': C, 'encoder_attn_comet': H['post'], 'encoder_attn_comet_st': H['situation'],
               'encoder_attn_strategy': g[None]}
    see('logits', model.decode(row['decoder_input_ids'], sources, see))


def mutual(W, name, X, H):
    """Eq. 4 as released."""
    scores = linear(W, f'{name}.k_proj', H) @ linear(W, f'{name}.q_proj', X).T * math.sqrt(X.shape[-1])
    mixed = torch.softmax(scores, -1) @ linear(W, f'{name}.v1_proj', X) + linear(W, f'{name}.v2_proj', H)
    y = norm(W, f'{name}.layerNorm_2', mixed, 1e-8)
    return norm(W, f'{name}.layerNorm_3', F.relu(linear(W, f'{name}.FN', y)) + y, 1e-8)


def gpt(W, c, row, see):
    """OpenAI's GPT, as COMET-2019 is one: Conv1D weights are stored [in, out]."""
    pre = 'transformer.' if 'transformer.tokens_embed.weight' in W else ''
    eps, ids = c.get('layer_norm_epsilon', 1e-5), row['input_ids']

    def conv(name, x):
        return x @ W[f'{name}.weight'] + W.get(f'{name}.bias', 0)

    x = W[f'{pre}tokens_embed.weight'][ids] + W[f'{pre}positions_embed.weight'][:len(ids)]
    see('decoder.hidden.0', x)
    for i in range(c['n_layer']):
        layer = f'{pre}h.{i}'
        q, k, v = conv(f'{layer}.attn.c_attn', x).chunk(3, -1)
        x = norm(W, f'{layer}.ln_1', x + conv(f'{layer}.attn.c_proj', attend(q, k, v, c['n_head'], True)), eps)
        h = F.gelu(conv(f'{layer}.mlp.c_fc', x), approximate='tanh')
        x = norm(W, f'{layer}.ln_2', x + conv(f'{layer}.mlp.c_proj', h), eps)
        see(f'decoder.hidden.{i + 1}', x)
    see('logits', x @ W[f'{pre}tokens_embed.weight'].T)
