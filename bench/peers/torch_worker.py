"""PyTorch's part: `python3 torch_worker.py TOOLS`, asked as serve.ts says. TOOLS is the folder of misc_torch.py."""
import json, sys, time
sys.path.insert(0, sys.argv[1])
import torch
from common import inputs, load, misc_torch as T
torch.set_num_threads(2)
torch.set_grad_enabled(False)
config, W = load()
ids, mask, post, situation = inputs()

def encode():
    start = time.perf_counter()
    out = T.encode(W, config, ids, mask, (T.blocks(W, config, post)[None], T.blocks(W, config, situation)[None]))
    return (time.perf_counter() - start) * 1e3, out

class Decode:
    """A step after the other, the keys and values of cross-attention made once."""
    def __init__(self):
        _, (C, (P, S)) = encode()
        _, g = T.strategy(W, C, 'released')
        self.cross, self.position = T.cross_cache(W, config, C, P, S, g), 32
        for _ in range(5): self()

    def __call__(self):
        if self.position == 32: self.position, self.past, self.token = 0, None, torch.tensor([[1]])
        start = time.perf_counter()
        logits, self.past = T.decode(W, config, self.token, self.cross, (None,) * 4, self.past, self.position)
        self.token = logits[:, -1].argmax(-1, keepdim=True)
        self.position += 1
        return (time.perf_counter() - start) * 1e3

def prepare_encode():
    encode()
    return lambda: encode()[0]

prepare, prepared = {'decode': Decode, 'encode': prepare_encode}, {}
for line in sys.stdin:
    request = json.loads(line)
    try:
        task = request['task']
        if task not in prepared: prepared[task] = prepare[task]()
        answer = {'ms': [prepared[task]() for _ in range(request['times'])]}
    except Exception as error:
        answer = {'error': repr(error)}
    print('@answer ' + json.dumps(answer), flush=True)
