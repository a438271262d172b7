"""MISC (paper variant), a plain BART and a BlenderBot-small, with the checkpoint's own tensor names.

Module attributes are named so that `state_dict()` gives the published names. The forward pass takes
ragged input the cheap way: a batch's distinct COMET blocks are encoded once.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

NEG = -1e9


class Dropout(nn.Module):
    """Dropout whose masks are slices of one pool of random bits (torch's CPU generator is slow)."""
    pools = {}

    def __init__(self, p):
        super().__init__()
        self.p = p

    def mask(self, x):
        key, n = (self.p, x.dtype), x.numel()
        if key not in Dropout.pools:
            Dropout.pools[key] = ((torch.rand(1 << 25) >= self.p).float() / (1 - self.p)).to(x.dtype)
        pool = Dropout.pools[key]
        start = int(torch.randint(0, pool.numel() - n, (1,)))
        return pool[start:start + n].view(x.shape)

    def forward(self, x):
        return x * self.mask(x) if self.training and self.p else x

    def add(self, x, h):
        """x + dropout(h)."""
        return torch.addcmul(x, h, self.mask(h)) if self.training and self.p else x + h


class CrossEntropy(torch.autograd.Function):
    """Summed cross-entropy of x·Wᵀ + b, its gradients made on the way, a few rows at a time."""

    @staticmethod
    def forward(ctx, x, w, b, target, rows=256):
        total, dx, dw, db = 0.0, torch.empty_like(x), torch.zeros_like(w), torch.zeros_like(b)
        for i in range(0, len(x), rows):
            part, t = x[i:i + rows], target[i:i + rows, None]
            g = torch.softmax(F.linear(part, w, b), -1)
            total -= float(g.gather(1, t).float().log().sum())
            g.scatter_add_(1, t, torch.full(t.shape, -1, dtype=g.dtype))
            dx[i:i + rows] = g @ w
            dw += g.t() @ part
            db += g.sum(0)
        ctx.save_for_backward(dx, dw, db)
        return torch.tensor(total)

    @staticmethod
    def backward(ctx, scale):
        return (*(g * scale.to(g.dtype) for g in ctx.saved_tensors), None, None)


class LayerNorm(nn.LayerNorm):
    """In float32 whatever the model computes in."""

    def forward(self, x):
        return F.layer_norm(x.float(), self.normalized_shape, self.weight.float(), self.bias.float(), self.eps).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.h, self.e = heads, d // heads
        self.k_proj, self.v_proj, self.q_proj, self.out_proj = (nn.Linear(d, d) for _ in range(4))

    def split(self, x):
        return x.view(x.shape[0], -1, self.h, self.e).transpose(1, 2)

    def keys(self, y):
        return self.split(self.k_proj(y)), self.split(self.v_proj(y))

    def forward(self, x, y, bias=None):
        q = self.split(self.q_proj(x))
        k, v = y if isinstance(y, tuple) else self.keys(y)
        a = F.scaled_dot_product_attention(q, k, v, None if bias is None else bias.to(q.dtype))
        return self.out_proj(a.transpose(1, 2).reshape(x.shape[0], -1, self.h * self.e))


class Layer(nn.Module):
    """One encoder layer; with `sources`, one decoder layer whose cross-attention adds its sources up."""

    def __init__(self, c, ffn, heads, sources=()):
        super().__init__()
        d = c['d_model']
        self.self_attn = Attention(d, heads)
        self.self_attn_layer_norm = LayerNorm(d)
        self.sources = sources
        for s in sources:
            setattr(self, s, Attention(d, heads))
        if sources:
            self.encoder_attn_layer_norm = LayerNorm(d)
        self.fc1, self.fc2 = nn.Linear(d, ffn), nn.Linear(ffn, d)
        self.final_layer_norm = LayerNorm(d)
        self.drop = Dropout(c['dropout'])

    def forward(self, x, bias, memory=()):
        x = self.self_attn_layer_norm(self.drop.add(x, self.self_attn(x, x, bias)))
        if self.sources:
            total = 0
            for name, m in zip(self.sources, memory):
                if m is None:                       # the source is left out altogether
                    continue
                attn = getattr(self, name)
                if name == 'encoder_attn_strategy':  # one key: its softmax is 1
                    total = total + attn.out_proj(attn.v_proj(m))[:, None]
                    continue
                y, b, some = m
                if y is None:                       # nothing to attend to: zero before out_proj
                    total = total + attn.out_proj.bias
                    continue
                a = attn(x, y, b)
                if some is not None:
                    a = torch.where(some[:, None, None], a, attn.out_proj.bias.to(a.dtype))
                total = total + a
            x = self.encoder_attn_layer_norm(self.drop.add(x, total))
        h = self.fc2(self.drop(F.gelu(self.fc1(x))))
        return self.final_layer_norm(self.drop.add(x, h))


class Side(nn.Module):
    def __init__(self, c, side, sources=()):
        super().__init__()
        d = c['d_model']
        self.offset = 2 if c['model_type'] == 'bart' else 0
        # BlenderBot-small's decoder; MISC's adds the positions first.
        self.norm_first = side == 'decoder' and c['model_type'] == 'blenderbot-small'
        self.embed_positions = nn.Embedding(c['max_position_embeddings'] + self.offset, d)
        self.layernorm_embedding = LayerNorm(d)
        self.layers = nn.ModuleList(Layer(c, c[f'{side}_ffn_dim'], c[f'{side}_attention_heads'], sources)
                                    for _ in range(c[f'{side}_layers']))
        self.scale = math.sqrt(d) if c['scale_embedding'] else 1.0
        self.drop = Dropout(c['dropout'])

    def embed(self, table, ids, start=0):
        pos = self.embed_positions.weight[self.offset + start:self.offset + start + ids.shape[1]]
        x = F.embedding(ids, table) * self.scale
        return self.drop(self.layernorm_embedding(x) + pos if self.norm_first else self.layernorm_embedding(x + pos))


def key_bias(mask):
    return (~mask.bool()).float()[:, None, None, :] * NEG


class Head(nn.Module):
    def __init__(self, d, n, p):
        super().__init__()
        self.dense, self.out_proj, self.drop = nn.Linear(d, d), nn.Linear(d, n), Dropout(p)

    def forward(self, x):
        return self.out_proj(self.drop(torch.tanh(self.dense(self.drop(x)))))


class Backbone(nn.Module):
    """What `model.` holds: shared, encoder, decoder."""

    def __init__(self, c):
        super().__init__()
        d, misc = c['d_model'], c['model_type'] == 'misc'
        self.shared = nn.Embedding(c['vocab_size'], d)
        self.encoder = Side(c, 'encoder')
        self.decoder = Side(c, 'decoder', ('encoder_attn', 'encoder_attn_comet', 'encoder_attn_comet_st',
                                           'encoder_attn_strategy') if misc else ('encoder_attn',))
        if misc:
            e = self.encoder
            e.strategy_head = Head(d, 8, c.get('head_dropout', c['dropout']))
            e.strategy_embedding = nn.Embedding(8, d)
            e.fusion_layer_norm_post = LayerNorm(d)
            e.fusion_layer_norm_situation = LayerNorm(d)


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c = {'dropout': 0.1, **c}
        self.model = Backbone(c)
        self.register_parameter('final_logits_bias', nn.Parameter(torch.zeros(1, c['vocab_size'])))
        d = c['d_model']
        for name, p in self.named_parameters():
            if 'shared' in name or 'embed_positions' in name:
                nn.init.normal_(p, 0, d ** -0.5)
            elif 'strategy_embedding' in name:
                nn.init.normal_(p, 0, 0.5)
            elif p.dim() == 2 and 'final_logits' not in name:
                nn.init.xavier_uniform_(p)
            elif name.endswith('.bias'):
                nn.init.zeros_(p)

    # ---- encoder --------------------------------------------------------------------------------
    def encode(self, ids, mask):
        e = self.model.encoder
        x, bias = e.embed(self.model.shared.weight, ids), key_bias(mask)
        for layer in e.layers:
            x = layer(x, bias)
        return x

    def encode_blocks(self, ids):
        """ids [n, ≤10] padded with 0 → the state of each block's first token, [n, d]."""
        return self.encode(ids, ids.ne(0))[:, 0]

    def fuse(self, which, H, C, mask):
        """Eq. 4: LN(Ĥ + softmax(Ĥ Cᵀ) C). H [B, N, d] of a plain gather from the distinct blocks."""
        H, C = H.float(), C.float()               # the scores are large: bfloat16 would blur them
        Z = torch.softmax(H @ C.transpose(1, 2) + (~mask.bool()).float()[:, None, :] * NEG, -1) @ C
        return getattr(self.model.encoder, f'fusion_layer_norm_{which}')(H + Z)

    def strategy(self, C):
        return self.model.encoder.strategy_head(C[:, 0]).float()

    def represent(self, p):
        return p.to(self.model.shared.weight.dtype) @ self.model.encoder.strategy_embedding.weight

    # ---- decoder --------------------------------------------------------------------------------
    def decode(self, ids, memory, own=False):
        """Hidden states [B, U, d] of the decoder; with `own`, memory is a list with each layer's sources."""
        t, dec = ids.shape[1], self.model.decoder
        bias = torch.full((t, t), NEG).triu(1)
        x = dec.embed(self.model.shared.weight, ids)
        for i, layer in enumerate(dec.layers):
            x = layer(x, bias, memory[i] if own else memory)
        return x

    def logits(self, x):
        return (F.linear(x, self.model.shared.weight) + self.final_logits_bias[0]).float()

    # ---- whole passes ---------------------------------------------------------------------------
    def bart(self, ids, mask, dec):
        y = self.encode(ids, mask)
        return self.decode(dec, [(y, key_bias(mask), None)])

    def memory(self, batch, probs=None, truth=None):
        """batch: ids, mask, blocks [n, L] (distinct), post/situation [B, N] (index into blocks, -1 none).
        Returns the four sources, the strategy logits; `probs` overrides the predicted mixture,
        `truth` (a mask [B] and one-hot rows) overrides it for some rows."""
        C = self.encode(batch['ids'], batch['mask'])
        blocks = self.encode_blocks(batch['blocks']) if batch['blocks'].shape[0] else None
        logits = self.strategy(C)
        p = torch.softmax(logits, -1) if probs is None else probs
        if truth is not None:
            p = torch.where(truth[0][:, None], truth[1], p)
        sources = [(C, key_bias(batch['mask']), None)]
        for which in ('post', 'situation'):
            index = batch[which]
            if blocks is None or index.shape[1] == 0 or not bool((index >= 0).any()):
                sources.append((None, None, None))
                continue
            have = index >= 0
            H = self.fuse(which, blocks[index.clamp(min=0)], C, batch['mask']).to(C.dtype)
            some = have.any(1)
            sources.append((H, key_bias(have), None if bool(some.all()) else some))
        sources.append(self.represent(p))
        return sources, logits


def parameters(model):
    return sum(p.numel() for p in model.parameters())
