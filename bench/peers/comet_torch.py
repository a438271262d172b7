"""PyTorch's part of COMET: `python3 comet_torch.py MODEL QUERIES`, asked as serve.ts says.

BART on the CPU as users of COMET-ATOMIC 2020 run it: one query after another, beam search as transformers does it (cached keys
and values, reordered at every step). MODEL is a folder of `misc synth`; QUERIES a JSON file: ids of every query and the beams' settings.
"""
import json, math, struct, sys, time
import numpy, torch
import torch.nn.functional as F
torch.set_num_threads(2)
torch.set_grad_enabled(False)

def load(folder):
    data = open(f'{folder}/model.safetensors', 'rb').read()
    length = struct.unpack('<Q', data[:8])[0]
    header = json.loads(data[8:8 + length])
    header.pop('__metadata__', None)
    of = lambda it: numpy.frombuffer(data, '<f4', (it['data_offsets'][1] - it['data_offsets'][0]) // 4, 8 + length + it['data_offsets'][0])
    return json.load(open(f'{folder}/config.json')), {k: torch.from_numpy(of(v).reshape(v['shape']).copy()) for k, v in header.items()}

config, W = load(sys.argv[1])
ENC, DEC, OFFSET = config['encoder_attention_heads'], config['decoder_attention_heads'], 2

def lin(p, x): return F.linear(x, W[p + '.weight'], W[p + '.bias'])
def ln(p, x): return F.layer_norm(x, (x.shape[-1],), W[p + '.weight'], W[p + '.bias'])
def heads(x, n): b, t, d = x.shape; return x.view(b, t, n, d // n).transpose(1, 2)
def unheads(x): b, h, t, e = x.shape; return x.transpose(1, 2).reshape(b, t, h * e)
def attend(q, k, v): return torch.softmax((q / math.sqrt(q.shape[-1])) @ k.transpose(-1, -2), -1) @ v

def embed(side, ids, start):
    positions = torch.arange(ids.shape[1]) + (OFFSET + start)
    x = W['model.shared.weight'][ids] + W[f'model.{side}.embed_positions.weight'][positions]
    return ln(f'model.{side}.layernorm_embedding', x)

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
    started = time.perf_counter()
    for ids in work['queries']: search(ids, work['beams'], work['longest'])
    return (time.perf_counter() - started) * 1e3

def first():
    """Ids of the first query's tails, best first, without start."""
    return [ids[1:] for _, ids in search(work['queries'][0], work['beams'], work['longest'])]

if __name__ == '__main__':
    # Debian's torch without an optimized BLAS beside it: a fifth of the speed that its users have.
    if 'BLAS_INFO=generic' in torch.__config__.show() and not any(it in open('/proc/self/maps').read() for it in ('openblas', 'libblis', 'libmkl')):
        sys.exit('this PyTorch takes its products from the reference BLAS, which would be no fair peer: apt-get install libopenblas0-pthread')
    work = json.load(open(sys.argv[2]))
    for line in sys.stdin:
        request = json.loads(line)
        try: answer = {'said': first()} if 'say' in request else {'ms': [tails() for _ in range(request['times'])]}
        except Exception as error: answer = {'error': repr(error)}
        print('@answer ' + json.dumps(answer), flush=True)
