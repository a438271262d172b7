"""Writing a checkpoint folder: config, f16 safetensors, tokenizer, generation defaults, fixtures."""
import json
import os
import struct

import numpy as np
import torch

import data as D
from generate import BEAMS, GENERATION
from model import Model
from text import END, PAD, START, STRATEGIES

DTYPES = {'float32': 'F32', 'float16': 'F16', 'int64': 'I64'}

LICENSE = """These weights, vocab.json and merges.txt are licensed under
Creative Commons Attribution-NonCommercial 4.0 International (CC BY-NC 4.0),
https://creativecommons.org/licenses/by-nc/4.0/ , and are for research use.

They were trained on ESConv (Liu et al., "Towards Emotional Support Dialog Systems",
ACL 2021; CC BY-NC 4.0) and on COMET blocks of its conversations that the authors of MISC published
(Tu et al., ACL 2022), those of misc-mini on EmpatheticDialogues too (Rashkin et al., "Towards Empathetic
Open-domain Conversation Models", ACL 2019; CC BY-NC 4.0). The merges are a subset of those of facebook/blenderbot_small-90M (Apache 2.0).
"""


def save_safetensors(path, tensors, metadata):
    head, blobs, offset = {'__metadata__': metadata}, [], 0
    for name, t in tensors.items():
        a = np.ascontiguousarray(t.numpy())
        b = a.tobytes()
        head[name] = {'dtype': DTYPES[str(a.dtype)], 'shape': list(a.shape), 'data_offsets': [offset, offset + len(b)]}
        offset += len(b)
        blobs.append(b)
    text = json.dumps(head, separators=(',', ':')).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + b''.join(blobs))


def load_safetensors(path):
    raw = bytearray(open(path, 'rb').read())
    n = struct.unpack('<Q', raw[:8])[0]
    kinds = {'F32': torch.float32, 'F16': torch.float16, 'BF16': torch.bfloat16, 'I64': torch.int64}
    out = {}
    for name, v in json.loads(raw[8:8 + n]).items():
        if name != '__metadata__':
            a, b = v['data_offsets']
            out[name] = torch.frombuffer(raw[8 + n + a:8 + n + b], dtype=kinds[v['dtype']]).reshape(v['shape'])
    return out


def load_model(folder):
    """The shipped weights: f16 on disk, float32 here."""
    c = json.load(open(os.path.join(folder, 'config.json')))
    model = Model({**c, 'dropout': 0.0, 'head_dropout': 0.0})
    model.load_state_dict({k: v.float() for k, v in load_safetensors(os.path.join(folder, 'model.safetensors')).items()})
    return model.eval()


def dump(folder, name, value):
    with open(os.path.join(folder, name), 'w', encoding='utf-8') as f:
        json.dump(value, f, indent=2, ensure_ascii=False)
        f.write('\n')


def write(folder, config, state, tok):
    os.makedirs(folder, exist_ok=True)
    bart, joint = (config['model_type'] == t for t in ('bart', 'blenderbot-small'))
    start = END if bart else START
    ids = {'pad_token_id': PAD, 'bos_token_id': START, 'eos_token_id': END, 'decoder_start_token_id': start}
    kind = 'Bart' if bart else 'BlenderbotSmall' if joint else 'Misc'
    c = {'architectures': [kind + 'ForConditionalGeneration'],
         **{k: v for k, v in config.items() if k not in ('dropout', 'head_dropout')},
         'activation_function': 'gelu', 'is_encoder_decoder': True, 'num_hidden_layers': config['encoder_layers'],
         'tie_word_embeddings': True, 'normalize_before': False, 'normalize_embedding': True,
         'dropout': config['dropout'], 'unk_token_id': 3, **ids, 'torch_dtype': 'float16'}
    if joint:
        # Its program draws as it does, and takes this alone from here.
        c['no_repeat_ngram_size'] = 3
        dump(folder, 'added_tokens.json', tok.added)
    elif not bart:
        c['id2strategy'] = {str(i): s for i, s in enumerate(STRATEGIES)}
    dump(folder, 'config.json', c)
    if not joint:
        dump(folder, 'generation_config.json', {**(BEAMS if bart else GENERATION), **ids})
    tok.save(folder)
    special = {'bos_token': '__start__', 'eos_token': '__end__', 'unk_token': '__unk__', 'pad_token': '__null__'}
    dump(folder, 'special_tokens_map.json', special)
    dump(folder, 'tokenizer_config.json', {**special, 'tokenizer_class': 'BlenderbotSmallTokenizer',
                                           'model_max_length': config['max_position_embeddings']})
    with open(os.path.join(folder, 'LICENSE'), 'w') as f:
        f.write(LICENSE)
    save_safetensors(os.path.join(folder, 'model.safetensors'), {k: v.half() for k, v in state.items()}, {'format': 'pt'})


def reference(path, model, rows, most=16):
    """Inputs and outputs of the shipped weights on real rows, as the golden case files hold them."""
    post = [r['post'][:10] for r in rows]
    situation = [r['situation'][:8] for r in rows]
    batch = D.collate(rows, post, situation)
    with torch.no_grad():
        sources, lg = model.memory(batch)
        dec = batch['dec'][:, :most]
        out = model.logits(model.decode(dec, sources))
        p = torch.softmax(lg, -1)
        C = model.encode(batch['ids'], batch['mask'])
    tensors = {'input_ids': batch['ids'], 'attention_mask': batch['mask'].long()}
    for name, lists in (('post', post), ('situation', situation)):
        n = max(len(l) for l in lists)
        ids = torch.zeros(len(rows), n, 10, dtype=torch.long)
        for i, l in enumerate(lists):
            for j, b in enumerate(l):
                ids[i, j, :len(b)] = torch.tensor(b)
        tensors[f'{name}_blocks.input_ids'] = ids
        tensors[f'{name}_blocks.mask'] = ids[:, :, 0].ne(0).long()
    tensors['decoder_input_ids'] = dec
    for i, name in ((1, 'post'), (2, 'situation')):
        tensors[f'fusion.{name}'] = sources[i][0]
    tensors.update({'encoder.last_hidden_state': C, 'strategy.logits': lg, 'strategy.probs': p,
                    'strategy.representation': sources[3], 'logits': out})
    save_safetensors(path, {k: v.contiguous() for k, v in tensors.items()}, {'source': 'ESConv test rows (CC BY-NC 4.0)', 'case': '0'})
