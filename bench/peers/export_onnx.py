"""Graphs that ../../shared/tools/peer/export_onnx.py lacks: `python3 export_onnx.py TOOLS OUT`. TOOLS is that folder; OUT gets
blocks.onnx (512 COMET blocks alone, padded to ten ids) and the products gemm.onnx and gemv.onnx, whose weight is a constant."""
import os, sys
tools, out = sys.argv[1:3]
sys.path.insert(0, tools)
import torch
from common import load, misc_torch as T
os.makedirs(out, exist_ok=True)
config, weights = load()

class Blocks(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.names = {}
        for i, (name, value) in enumerate(weights.items()):
            if 'model.encoder' in name or name == 'model.shared.weight':
                self.register_buffer(f'w{i}', value)
                self.names[name] = f'w{i}'

    def forward(self, ids):
        return T.blocks({name: getattr(self, buffer) for name, buffer in self.names.items()}, config, ids)

class Product(torch.nn.Module):
    def __init__(self, k, n):
        super().__init__()
        self.register_buffer('weight', torch.sin(torch.arange(k * n) * 1.7 + 1).view(k, n))

    def forward(self, x): return x @ self.weight

def export(name, module, inputs, names, **more):
    with torch.no_grad():
        torch.onnx.export(module.eval(), inputs, f'{out}/{name}.onnx', input_names=names, output_names=['out'], opset_version=16, **more)

ids = torch.randint(4, 54000, (512, 10))
ids[:, 5:] = 0
export('blocks', Blocks(), (ids,), ['ids'])
export('gemm', Product(512, 2048), (torch.randn(256, 512),), ['x'])
export('gemv', Product(512, 54944), (torch.randn(1, 512),), ['x'])
