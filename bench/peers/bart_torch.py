"""BART and BlenderBot-small in PyTorch, keys and values cached. The model is the folder that the program is first given."""
import math, sys
import torch
import torch.nn.functional as F
from torch_peer import load

config, W = load(sys.argv[1])
ENC, DEC, BART = config.get('encoder_attention_heads'), config.get('decoder_attention_heads'), config['model_type'] == 'bart'
OFFSET, SCALE = 2 if BART else 0, math.sqrt(config['d_model']) if config.get('scale_embedding') else None

def lin(p, x): return F.linear(x, W[p + '.weight'], W[p + '.bias'])
def ln(p, x): return F.layer_norm(x, (x.shape[-1],), W[p + '.weight'], W[p + '.bias'])
def heads(x, n): b, t, d = x.shape; return x.view(b, t, n, d // n).transpose(1, 2)
def unheads(x): b, h, t, e = x.shape; return x.transpose(1, 2).reshape(b, t, h * e)
def attend(q, k, v): return torch.softmax((q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2), -1) @ v

def embed(side, ids, start):
    positions = torch.arange(ids.shape[1]) + (OFFSET + start)
    x, places, norm = W['model.shared.weight'][ids], W[f'model.{side}.embed_positions.weight'][positions], f'model.{side}.layernorm_embedding'
    if SCALE: x = x * SCALE
    # BlenderBot-small's decoder norms the words before it adds their positions.
    return ln(norm, x) + places if side == 'decoder' and not BART else ln(norm, x + places)

def feed_forward(p, x): return ln(f'{p}.final_layer_norm', x + lin(f'{p}.fc2', F.gelu(lin(f'{p}.fc1', x))))

def encode(ids):
    x = embed('encoder', ids, 0)
    for i in range(config['encoder_layers']):
        p = f'model.encoder.layers.{i}'
        q, k, v = (heads(lin(f'{p}.self_attn.{c}_proj', x), ENC) for c in 'qkv')
        x = ln(f'{p}.self_attn_layer_norm', x + lin(f'{p}.self_attn.out_proj', unheads(attend(q, k, v))))
        x = feed_forward(p, x)
    return x

def cross_keys(states):
    return [tuple(heads(lin(f'model.decoder.layers.{i}.encoder_attn.{c}_proj', states), DEC) for c in 'kv') for i in range(config['decoder_layers'])]

def decode(ids, cross, past, start):
    x, new = embed('decoder', ids, start), []
    for i in range(config['decoder_layers']):
        p = f'model.decoder.layers.{i}'
        q, k, v = (heads(lin(f'{p}.self_attn.{c}_proj', x), DEC) for c in 'qkv')
        if past is not None: k, v = torch.cat([past[i][0], k], 2), torch.cat([past[i][1], v], 2)
        new.append((k, v))
        x = ln(f'{p}.self_attn_layer_norm', x + lin(f'{p}.self_attn.out_proj', unheads(attend(q, k, v))))
        q = heads(lin(f'{p}.encoder_attn.q_proj', x), DEC)
        x = ln(f'{p}.encoder_attn_layer_norm', x + lin(f'{p}.encoder_attn.out_proj', unheads(attend(q, *cross[i]))))
        x = feed_forward(p, x)
    return F.linear(x, W['model.shared.weight']) + W['final_logits_bias'], new
