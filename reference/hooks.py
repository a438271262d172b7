"""A run of a model by `transformers`, the program that most people run these checkpoints with, seen through forward hooks.

`capture.py MODEL OUT --hooks` runs this in the place of statements.py: the same stages, in the same order and shapes. It knows
BART, BlenderBot-small and OpenAI's GPT; no class of `transformers` computes the other families. The model is built from config.json
and filled with the weights that capture.py has read: nothing is fetched, and no code of a checkpoint runs.

Tried with transformers 4.57.6 and 5.18.0, on PyTorch 2.13. In both, BlenderBot-small's decoder does not multiply its embeddings by
√d, as earlier versions do and as its checkpoints were trained; that is put back, and the files' `source` says so.
"""
import os
import re
from contextlib import ExitStack

import torch

from statements import backbone, gpt, misc

CLASSES = {
    'bart': 'BartForConditionalGeneration',
    'blenderbot-small': 'BlenderbotSmallForConditionalGeneration',
    'openai-gpt': 'OpenAIGPTLMHeadModel',
}
# What a file may leave out: it is 0.
ZERO = re.compile(r'final_logits_bias|.*\.attn\.c_attn\.bias')
# A causal mask, which files of old versions hold.
MASK = re.compile(r'.*\.h\.\d+\.attn\.bias')


def hooked(statement, W, c):
    """What takes a statement's place: see statements.py. Exits where no class computes what it states, or none can be had."""
    name = 'MISC' if statement is misc else 'BlenderBot-Joint' if 'strategies' in c else c['model_type']
    if statement not in (backbone, gpt) or name not in CLASSES:
        raise SystemExit(f'--hooks: transformers has no class that computes {name}; without --hooks its statements do')
    os.environ['HF_HUB_OFFLINE'] = '1'
    try:
        import transformers
        kind = getattr(transformers, CLASSES[name])
    except ImportError as error:
        raise SystemExit(f'--hooks needs the package transformers: pip install transformers ({error})') from None
    model = filled(kind, W, c)
    program = f'transformers {transformers.__version__}'
    if name == 'blenderbot-small' and mended(model.model.decoder):
        program += ', with the scale of the decoder\'s embeddings, which it leaves out'
    if statement is gpt:
        encoder, layers = None, {'decoder': model.transformer.h}
    else:
        encoder = model.model.encoder
        layers = {'encoder': encoder.layers, 'decoder': model.model.decoder.layers}

    def run(W, c, row, see):
        def entry(name):
            def hook(_, inputs):
                see(name, inputs[0][0])
            return hook

        def output(name):
            def hook(_, inputs, out):
                # A tensor, or what has it first: that depends on the class and the version. One row in either.
                see(name, (out if torch.is_tensor(out) else out[0])[0])
            return hook

        with ExitStack() as hooks:
            for side, stack in layers.items():
                hooks.enter_context(stack[0].register_forward_pre_hook(entry(f'{side}.hidden.0')))
                for i, layer in enumerate(stack):
                    hooks.enter_context(layer.register_forward_hook(output(f'{side}.hidden.{i + 1}')))
            if encoder is not None:
                hooks.enter_context(encoder.register_forward_hook(output('encoder.last_hidden_state')))
            ids = {name: it[None] for name, it in row.items()}
            see('logits', model(**ids, attention_mask=torch.ones_like(ids['input_ids'])).logits[0])

    run.__name__ = program
    return run


def filled(kind, W, c):
    """The model of this class, with these weights and no others; exits where the two do not fit, and names the tensors."""
    config = kind.config_class(**c)
    config._attn_implementation = 'eager'
    model = kind(config).to(next(iter(W.values())).dtype).eval()
    model.tie_weights()
    own = model.state_dict()
    bare = 'transformer.h.0.ln_1.weight' in own and 'h.0.ln_1.weight' in W
    W = {f'transformer.{name}' if bare and not name.startswith('lm_head.') else name: it for name, it in W.items()}
    W = {name: it for name, it in W.items() if name in own or not MASK.fullmatch(name)}
    zeros = {name: torch.zeros_like(it) for name, it in own.items() if name not in W and ZERO.fullmatch(name)}
    # Tied tensors lie in one place, of which a file need have one name.
    held = {own[name].data_ptr() for name in {*W, *zeros} & own.keys()}
    wrong = {
        'lacks of': [name for name, it in own.items() if it.data_ptr() not in held],
        'holds what is not in': [name for name in W if name not in own],
        'has in another shape than': [name for name, it in W.items() if name in own and it.shape != own[name].shape],
    }
    if faults := [f'{what} {kind.__name__}: {", ".join(names)}' for what, names in wrong.items() if names]:
        raise SystemExit(f'--hooks: the file {"; ".join(faults)}')
    model.load_state_dict({**zeros, **W}, strict=False)
    if untied := [name for name, it in W.items() if not torch.equal(own[name], it)]:
        raise SystemExit(f'--hooks: {kind.__name__} ties tensors that differ in the file: {", ".join(untied)}')
    return model


def mended(decoder):
    """Whether BlenderBot-small's decoder left out the scale of its embeddings, which it has from here on."""
    seen = []
    ids = torch.arange(min(8, *(it.num_embeddings for it in (decoder.embed_tokens, decoder.embed_positions))))
    norm = decoder.layernorm_embedding
    with norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])), torch.no_grad():
        decoder(input_ids=ids[None])
    if decoder.embed_scale == 1 or not torch.equal(seen[0][0], decoder.embed_tokens.weight[ids]):
        return False
    norm.register_forward_pre_hook(lambda _, inputs: (inputs[0] * decoder.embed_scale,))
    return True
