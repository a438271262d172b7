"""COMET-BART as graphs: `python3 export_comet_onnx.py MODEL OUT [IDS] [BEAMS]`. MODEL is a folder of `misc synth`; OUT gets start.onnx (a query's
encoder, the keys and values of cross-attention, and the first step of all beams) and step.onnx (a step of the beams, with caches)."""
import os, sys, torch
import bart_torch as T
out, ids, beams = sys.argv[2], *(int(it) for it in (sys.argv[3:] + ['20', '5'])[:2])
os.makedirs(out, exist_ok=True)
weights, layers = T.W, T.config['decoder_layers']
start_id = T.config.get('decoder_start_token_id', 2)
flat = lambda pairs: [it for pair in pairs for it in pair]
pairs = lambda it: list(zip(it[::2], it[1::2]))
names = lambda prefix: [f'{prefix}{i}' for i in range(2 * layers)]

class Part(torch.nn.Module):
    def __init__(self, keep):
        super().__init__()
        self.names = {name: f'w{i}' for i, name in enumerate(weights) if keep(name)}
        for name, buffer in self.names.items(): self.register_buffer(buffer, weights[name])

    def take(self): T.W = {name: getattr(self, buffer) for name, buffer in self.names.items()}

class Start(Part):
    def forward(self, ids):
        self.take()
        cross = [tuple(it.repeat(beams, 1, 1, 1) for it in pair) for pair in T.cross_keys(T.encode(ids))]
        # Every beam reads the start id; all the same, so that the next step has rows for all.
        logits, past = T.decode(ids[:, :1].repeat(beams, 1) * 0 + start_id, cross, None, 0)
        return (logits[:, -1], *flat(cross), *flat(past))

class Step(Part):
    def forward(self, tokens, position, *caches):
        self.take()
        logits, past = T.decode(tokens, pairs(caches[:2 * layers]), pairs(caches[2 * layers:]), position)
        return (logits[:, -1], *flat(past))

def export(name, module, inputs, input_names, output_names, axes):
    with torch.no_grad():
        torch.onnx.export(module.eval(), inputs, f'{out}/{name}.onnx', input_names=input_names, output_names=output_names, dynamic_axes=axes, opset_version=16)

export('start', Start(lambda name: True), (torch.arange(4, 4 + ids)[None],), ['ids'], ['logits'] + names('cross') + names('past'), {})
of = lambda length: [torch.randn(beams, T.DEC, length, T.config['d_model'] // T.DEC) for _ in range(2 * layers)]
export('step', Step(lambda name: 'encoder.' not in name.replace('encoder_attn', '')), (torch.full((beams, 1), 5), torch.tensor([3]), *of(ids), *of(3)),
       ['tokens', 'position'] + names('cross') + names('past'), ['logits'] + names('new'), {name: {2: 'T'} for name in names('past') + names('new')})
