"""PyTorch's part: `python3 torch_worker.py TOOLS`, asked as serve.ts says. TOOLS is the folder of misc_torch.py."""
import sys
sys.path.insert(0, sys.argv[1])
import torch
from common import inputs, load, misc_torch as T
from torch_peer import serve, timed
config, W = load()
ids, mask, post, situation = inputs()

def encode():
    return timed(lambda: T.encode(W, config, ids, mask, (T.blocks(W, config, post)[None], T.blocks(W, config, situation)[None])))

class Decode:
    """A step after the other, the keys and values of cross-attention made once."""
    def __init__(self):
        _, (C, (P, S)) = encode()
        _, g = T.strategy(W, C, 'released')
        self.cross, self.position = T.cross_cache(W, config, C, P, S, g), 32
        for _ in range(5): self()

    def __call__(self):
        if self.position == 32: self.position, self.past, self.token = 0, None, torch.tensor([[1]])
        return timed(self.step)[0]

    def step(self):
        logits, self.past = T.decode(W, config, self.token, self.cross, (None,) * 4, self.past, self.position)
        self.token = logits[:, -1].argmax(-1, keepdim=True)
        self.position += 1

def prepare_encode():
    encode()
    return lambda: encode()[0]

serve({'decode': Decode, 'encode': prepare_encode})
