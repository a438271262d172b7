"""PyTorch's part of a family other than MISC: `python3 family_torch.py MODEL WORK`, asked as serve.ts says.

MODEL is a folder of `misc synth`; WORK a JSON file: the ids that are read, and the words of a reply at most.
"""
import json, sys
from torch_peer import serve, timed
work = json.load(open(sys.argv[2]))
kind = json.load(open(f'{sys.argv[1]}/config.json'))['model_type']
if kind in ('transformer', 'moel', 'mime'): import listeners_torch as T
else: import backbone_torch as T

def encode():
    return timed(lambda: T.start(work['ids']))

class Decode:
    """A word after the other, keys and values kept; when a reply is as long as it may be, the next begins."""
    def __init__(self):
        self.words = work['tokens']
        for _ in range(5): self()

    def __call__(self):
        if self.words == work['tokens']: self.words, self.token, self.state = 0, T.START, T.start(work['ids'])
        ms, logits = timed(lambda: T.step(self.state, self.token, self.words))
        self.words, self.token = self.words + 1, int(logits.argmax())
        return ms

def prepare_encode():
    encode()
    return lambda: encode()[0]

def prepare_released():
    """A word of a reply, on average: the first is the cheapest."""
    context = T.read(work['ids'])
    return lambda: timed(lambda: list(T.released(context, work['tokens'])))[0] / work['tokens']

def reply(ids):
    """The likeliest ids, the end among them."""
    return ids[:ids.index(T.END) + 1] if T.END in ids else ids

def cached():
    state, ids = T.start(work['ids']), []
    for position in range(work['said']): ids.append(int(T.step(state, ids[-1] if ids else T.START, position).argmax()))
    return reply(ids)

serve({'encode': prepare_encode, 'decode': Decode, 'released': prepare_released},
      {'ids of a reply': cached, 'ids of a reply, as released': lambda: reply(list(T.released(T.read(work['ids']), work['said'])))})
