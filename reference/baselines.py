"""Transformer, MT Transformer, MoEL and MIME as released, with the state dicts' own tensor names; BlenderBot-Joint is model.py's.

Training, check_baselines.py and capture.py run the same equations, these. Every row of a padded batch is what it is alone: the
released encoders let the padding into their convolutions. A config has the keys of the released options: hidden_dim, depth, heads,
filter, hop, topk, weight_sharing.
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from model import NEG, Dropout, key_bias
from words import PAD, POSITIONS

SMOOTHING = 0.1
BATCH = 16                                        # of the released programs: the emotion's loss is a mean over it
# MIME's emotions by polarity, as its program lists them.
POSITIVE = [11, 16, 6, 8, 3, 1, 28, 13, 31, 17, 24, 0, 27]
NEGATIVE = [9, 4, 2, 14, 30, 29, 25, 15, 10, 23, 19, 18, 21, 7, 20, 5, 26, 12, 22]


def timing(length, d):
    """Sines and cosines of positions, in float32 as the programs keep them."""
    n = d // 2
    angles = torch.arange(length, dtype=torch.float64)[:, None] * torch.exp(
        -torch.arange(n, dtype=torch.float64) * math.log(1e4) / (n - 1))
    return F.pad(torch.cat([angles.sin(), angles.cos()], 1), (0, d % 2)).float()


def wide(x):
    """In float32, or in float64 where the model computes in that."""
    return x if x.dtype == torch.float64 else x.float()


class Norm(nn.Module):
    """By the sample's deviation, to which epsilon is added; float16 and bfloat16 are computed in float32."""

    def __init__(self, d):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(d)), nn.Parameter(torch.zeros(d))

    def forward(self, x):
        y = wide(x)
        y = y - y.mean(-1, keepdim=True)
        return (self.gamma * (y / (y.square().sum(-1, keepdim=True).div(y.shape[-1] - 1).sqrt() + 1e-6)) + self.beta).to(x.dtype)


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.h, depth, d = c['heads'], c['depth'] - c['depth'] % c['heads'], c['hidden_dim']
        self.query_linear, self.key_linear, self.value_linear = (nn.Linear(d, depth, bias=False) for _ in range(3))
        self.output_linear = nn.Linear(depth, d, bias=False)

    def split(self, x):
        return x.view(*x.shape[:2], self.h, -1).transpose(1, 2)

    def forward(self, x, memory, bias):
        q, k, v = self.query_linear(x), self.key_linear(memory), self.value_linear(memory)
        a = F.scaled_dot_product_attention(*(self.split(t) for t in (q, k, v)), bias.to(x.dtype))
        return self.output_linear(a.transpose(1, 2).flatten(2))


class Conv(nn.Module):
    """Width 3 over rows [B, L, in], with `left` zero rows in front of the first; ReLU."""

    def __init__(self, size, out, left):
        super().__init__()
        self.conv, self.left = nn.Conv1d(size, out, 3), left

    def forward(self, x):
        n, w = x.shape[1], self.conv.weight
        x = F.pad(x, (0, 0, self.left, 2 - self.left))
        x = torch.cat([x[:, j:j + n] for j in range(3)], 2)
        return F.relu(F.linear(x, w.transpose(1, 2).flatten(1), self.conv.bias))


class FeedForward(nn.Module):
    """Both convolutions end in a ReLU, as released. `real` [B, L, 1] is 0 in padded rows, which count as beyond the edge."""

    def __init__(self, c, left):
        super().__init__()
        d, f = c['hidden_dim'], c['filter']
        self.layers = nn.ModuleList([Conv(d, f, left), Conv(f, d, left)])

    def forward(self, x, real):
        for conv in self.layers:
            x = conv(x if real is None else x * real)
        return x


class EncoderLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.multi_head_attention, self.positionwise_feed_forward = Attention(c), FeedForward(c, 1)
        self.layer_norm_mha, self.layer_norm_ffn = Norm(c['hidden_dim']), Norm(c['hidden_dim'])
        self.drop = Dropout(c['dropout'])

    def forward(self, x, bias, real):
        y = self.layer_norm_mha(x)
        x = self.drop.add(x, self.multi_head_attention(y, y, bias))
        return self.drop.add(x, self.positionwise_feed_forward(self.layer_norm_ffn(x), real))


class DecoderLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.multi_head_attention_dec, self.multi_head_attention_enc_dec = Attention(c), Attention(c)
        self.positionwise_feed_forward = FeedForward(c, 2)
        self.layer_norm_mha_dec, self.layer_norm_mha_enc, self.layer_norm_ffn = (Norm(c['hidden_dim']) for _ in range(3))
        self.drop = Dropout(c['dropout'])

    def forward(self, x, causal, memory, bias):
        y = self.layer_norm_mha_dec(x)
        x = self.drop.add(x, self.multi_head_attention_dec(y, y, causal))
        x = self.drop.add(x, self.multi_head_attention_enc_dec(self.layer_norm_mha_enc(x), memory, bias))
        return self.drop.add(x, self.positionwise_feed_forward(self.layer_norm_ffn(x), None))


class Side(nn.Module):
    """What encoders and decoders have around their layers."""

    def __init__(self, c, size):
        super().__init__()
        self.embedding_proj = nn.Linear(size, c['hidden_dim'], bias=False)
        self.layer_norm, self.drop = Norm(c['hidden_dim']), Dropout(c['dropout'])
        self.register_buffer('timing', timing(POSITIONS, c['hidden_dim']), persistent=False)

    def enter(self, x):
        return self.embedding_proj(self.drop(x)) + self.timing[:x.shape[1]].to(x.dtype)


class Encoder(Side):
    def __init__(self, c, size):
        super().__init__(c, size)
        self.enc = nn.ModuleList(EncoderLayer(c) for _ in range(c['hop']))

    def forward(self, x, mask):
        x, bias, real = self.enter(x), key_bias(mask), mask[:, :, None].to(x.dtype)
        for layer in self.enc:
            x = layer(x, bias, real)
        return self.layer_norm(x)


class Decoder(Side):
    def __init__(self, c):
        super().__init__(c, c['hidden_dim'])
        if c['model_type'] == 'moel':
            self.basic = DecoderLayer(c)
            self.experts = nn.ModuleList(DecoderLayer(c) for _ in range(c['num_emotions']))
        self.dec = nn.ModuleList(DecoderLayer(c) for _ in range(c['hop']))

    def forward(self, x, memory, mask, listeners=None):
        """`listeners` [B, K]: the weights of MoEL's; those that are 0 are not computed."""
        x, bias = self.enter(x), key_bias(mask)
        causal = torch.full((x.shape[1],) * 2, NEG).triu(1)
        if listeners is not None:
            total = self.basic(x, causal, memory, bias)
            for e, expert in enumerate(self.experts):
                rows = listeners[:, e].gt(0).nonzero()[:, 0]
                if len(rows):
                    y = expert(x[rows], causal, memory[rows], bias[rows])
                    total = total.index_add(0, rows, y * listeners[rows, e, None, None].to(y.dtype))
            x = total
        for layer in self.dec:
            x = layer(x, causal, memory, bias)
        return self.layer_norm(x)


def module(**parts):
    m = nn.Module()
    for name, part in parts.items():
        setattr(m, name, part)
    return m


class Sampler(nn.Module):
    """MIME's mixtures of positive and of negative emotions. Of the released posterior only the KL term comes of it."""

    def __init__(self, d):
        super().__init__()
        self.h_prior = nn.Linear(d, d)
        for side in ('prior', 'posterior'):
            for polarity, emotions in (('positive', POSITIVE), ('negative', NEGATIVE)):
                for name, n in ((f'mu_{side}', d), (f'logvar_{side}', d), (f'Dense_z_{side}', len(emotions))):
                    setattr(self, f'{name}_{polarity}', nn.Linear(d, n))
        self.h_posterior_postive, self.h_posterior_negative = nn.Linear(2 * d, d), nn.Linear(2 * d, d)

    def prior(self, q):
        """→ (μ, log σ²) of both polarities; the second's log σ² is the first's, as released."""
        h = F.relu(self.h_prior(q))
        logvar = self.logvar_prior_positive(h)
        return (self.mu_prior_positive(h), logvar), (self.mu_prior_negative(h), logvar)

    def posterior(self, q, positive, negative):
        h = F.relu(self.h_posterior_postive(torch.cat([q, positive], 1)))
        g = F.relu(self.h_posterior_negative(torch.cat([q, negative], 1)))
        logvar = self.logvar_posterior_positive(h)
        return (self.mu_posterior_positive(h), logvar), (self.mu_posterior_negative(g), logvar)

    def mixture(self, polarity, gaussian, noise, table):
        mu, logvar = gaussian
        w = torch.softmax(getattr(self, f'Dense_z_prior_{polarity}')(mu + noise * torch.exp(0.5 * logvar)), -1)
        return w @ table[POSITIVE if polarity == 'positive' else NEGATIVE]


def divergence(a, b):
    """KL of one Gaussian (μ, log σ²) from another, summed."""
    (m, s), (n, t) = ((x.float() for x in g) for g in (a, b))
    return (0.5 * (t - s + (s.exp() + (m - n).square()) / t.exp() - 1)).sum()


class Baseline(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c = {'dropout': 0.0, 'topk': 0, 'weight_sharing': False, **c}
        d, v, k = c['hidden_dim'], c['vocab_size'], c['num_emotions']
        self.embedding = module(lut=nn.Embedding(v, d))
        self.encoder, self.decoder = Encoder(c, d), Decoder(c)
        self.decoder_key = nn.Linear(d, k, bias=False)
        self.generator = module(proj=nn.Linear(d, v), p_gen_linear=nn.Linear(d, 1))
        self.mime = c['model_type'] == 'mime'
        if self.mime:
            self.emoji_embedding = nn.Embedding(32, d)
            self.s_weight, self.e_weight = nn.Linear(d, d, bias=False), nn.Linear(d, d)
            self.cdecoder = module(fc1=nn.Linear(2 * d, 2 * d), fc2=nn.Linear(2 * d, d))
            self.emotion_input_encoder_1, self.emotion_input_encoder_2 = (module(enc=Encoder(c, 2 * d)) for _ in range(2))
            self.vae_sampler = Sampler(d)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)
        nn.init.normal_(self.embedding.lut.weight, 0, d ** -0.5)
        if c['weight_sharing']:
            self.generator.proj.weight = self.embedding.lut.weight

    def load(self, state):
        """Tensors that the forward pass does without may be missing, and the shared one's second name."""
        missing, unknown = self.load_state_dict(state, strict=False)
        shared = {'generator.proj.weight'} if self.c['weight_sharing'] else set()
        if unknown or any(n not in shared and not unused(n, self.c) for n in missing):
            raise SystemExit(f'tensors do not fit: missing {missing}, unknown {unknown}')
        return self

    def embed(self, ids):
        return self.embedding.lut(ids) * math.sqrt(self.c['hidden_dim'])

    def context(self, ids, roles, mask):
        return self.encoder(self.embed(ids) + self.embed(roles), mask)

    def forward(self, ids, roles, mask, dec, emotion=None, noise=None, oracle=False):
        """Hidden states of the decoder [B, U, d], a dict of what comes of the emotion: logits [B, K], MoEL's weights of the
        listeners, MIME's KL term. `emotion` [B] is the true one: MoEL listens by it with `oracle`, MIME takes its polarity."""
        C = self.context(ids, roles, mask)
        told = {'encoder': C}
        if self.mime:
            memory = self.mimic(C, mask, told, emotion, noise)
            return self.decoder(self.embed(dec), memory, mask), told
        told['logits'] = logits = wide(self.decoder_key(C[:, 0]))
        if self.c['model_type'] == 'moel':
            told['listeners'] = F.one_hot(emotion, self.c['num_emotions']).float() if oracle else self.listeners(logits)
        return self.decoder(self.embed(dec), C, mask, told.get('listeners')), told

    def listeners(self, logits):
        n = self.c['topk'] or self.c['num_emotions']
        top, index = logits.topk(min(n, logits.shape[1]))
        a = torch.softmax(torch.full_like(logits, -math.inf).scatter(1, index, top), -1)
        return a if self.training or not self.c['topk'] else a * a.gt(1e-4)

    def mimic(self, C, mask, told, emotion, noise):
        """v, which the decoder attends to in place of C; `noise` [2, B, d], drawn where it is None."""
        q, table = C[:, 0], self.emoji_embedding.weight
        told['logits'] = logits = wide(self.s_weight(q) @ table.t())
        emotion = logits.argmax(-1) if emotion is None else emotion
        positive = torch.isin(emotion, torch.tensor(POSITIVE))[:, None]
        prior = self.vae_sampler.prior(q)
        noise = torch.randn(2, *q.shape).to(q.dtype) if noise is None else noise
        p, n = (self.vae_sampler.mixture(name, prior[i], noise[i], table) for i, name in enumerate(('positive', 'negative')))
        read = lambda encoder, e: encoder.enc(torch.cat([C, e[:, None].expand(C.shape)], 2), mask)
        m = read(self.emotion_input_encoder_1, torch.where(positive, p, n))
        o = read(self.emotion_input_encoder_2, torch.where(positive, n, p))
        if self.training:
            real = mask[:, :, None].to(m.dtype)
            a, b = ((t * real).sum(1) / real.sum(1) for t in (m, o))
            posterior = self.vae_sampler.posterior(q, torch.where(positive, a, b), torch.where(positive, b, a))
            told['kl'] = sum(divergence(x, y) for x, y in zip(posterior, prior))
        c = torch.cat([m, o], 2)
        return self.cdecoder.fc2(torch.sigmoid(self.cdecoder.fc1(c)) * c)

    def log_probs(self, x):
        return F.log_softmax(wide(self.generator.proj(x)), -1)


def listeners(W, c, row, see):
    """The stages of one sequence: what statements.py's functions are to their families."""
    dtype = W['embedding.lut.weight'].dtype
    model = Baseline(c).to(dtype).load(W).eval()
    ids, roles, dec = (row[it][None] for it in ('input_ids', 'role_ids', 'decoder_input_ids'))
    noise = torch.stack([row['noise.positive'], row['noise.negative']])[:, None] if model.mime else None
    x, told = model(ids, roles, torch.ones_like(ids).bool(), dec, noise=noise)
    see('encoder.last_hidden_state', told['encoder'][0])
    if 'listeners' in told:
        see('listeners.weights', told['listeners'][0])
    else:
        see('emotion.logits', told['logits'][0])
    see('log_probs', model.log_probs(x)[0])


def unused(name, c):
    """Whether the forward pass does without a tensor."""
    if c['model_type'] == 'mime' and name.startswith(('decoder_key', 'e_weight')):
        return True
    return 'p_gen_linear' in name or 'posterior' in name or 'logvar_prior_negative' in name


def smoothed(logp, target, v):
    """The released label smoothing: KL, summed, of .9 on the target and the rest on all others but PAD. logp [N, V]."""
    rest = SMOOTHING / (v - 2)
    own = logp.gather(1, target[:, None])[:, 0]
    crossed = (1 - SMOOTHING) * own + rest * (logp.sum(1) - logp[:, PAD] - own)
    entropy = (1 - SMOOTHING) * math.log(1 - SMOOTHING) + SMOOTHING * math.log(rest)
    return entropy * len(target) - crossed.sum(), -own.sum()


def loss(model, batch, multitask, oracle=False):
    """The released loss of a batch, its nats, its tokens, and the emotions' logits.

    Label smoothing summed over words + the emotion's cross-entropy (a row counts 1/16, as in the released batches) + MIME's KL."""
    emotion, known = batch['emotion'], batch['emotion'].ge(0)
    true = emotion.clamp(min=0) if bool(known.all()) else None
    x, told = model(batch['ids'], batch['roles'], batch['mask'], batch['dec'], true, None, oracle)
    keep = batch['target'].ne(PAD)
    total, nats = smoothed(model.log_probs(x[keep]), batch['target'][keep], model.c['vocab_size'])
    if multitask and true is not None:
        total = total + F.cross_entropy(told['logits'], emotion, reduction='sum') / BATCH
    return total + told.get('kl', 0.0), float(nats.detach()), int(keep.sum()), told['logits']
