"""Muon and AdamW over one flat float32 vector in shared memory, by one or more processes that share a batch.

The model itself computes on a copy of that vector in its own type, float32 or bfloat16. Each process has one thread and
computes the gradient of its part of the batch; after that each updates its own share of the parameters.
Muon (Jordan et al., 2024) takes the layers' matrices, AdamW all else.
"""
import ctypes
import math
import os
import time

import torch
import torch.multiprocessing as mp

BETAS, EPS = (0.9, 0.98), 1e-8
MOMENTUM, SCALE = 0.95, 0.4                      # Muon's; its updates are SCALE large, root mean square, as AdamW's are
STRETCH = 1 << 16                                # what the optimizer updates at a time: it fits the cache


def orthogonal(g, dtype):
    """Newton-Schulz: U Vᵀ of g = U S Vᵀ, roughly, computed in `dtype`: bfloat16 takes twenty times as long where no unit has it.
    Of a convolution's filters each is a row."""
    g = g.flatten(1)
    wide = g.shape[0] <= g.shape[1]
    x = (g if wide else g.t()).to(dtype).contiguous()
    x = x / (x.float().norm() + 1e-7)
    for _ in range(5):
        y = x @ x.t()
        x = 3.4445 * x + (-4.7750 * y + 2.0315 * y @ y) @ x
    return (x if wide else x.t()).float()


def log(*words):
    print(time.strftime('%H:%M:%S'), *words, flush=True)


def run_command(a, names, threads=1):
    """Does what the command line asks for: `cmd_{a.command}` among the names of a program."""
    torch.set_num_threads(threads)
    libc = ctypes.CDLL('libc.so.6')              # keep freed memory: a step's tensors come back at the same places
    libc.mallopt(-1, (1 << 31) - 1), libc.mallopt(-3, 1 << 30)
    os.makedirs(a.work, exist_ok=True)
    names['cmd_' + a.command](a)


class Run:
    """`steps` updates with a cosine learning rate, `stop` of which are made; `path` holds the whole state, resumed when it exists.
    `hidden` tells the names of the matrices that Muon takes."""

    def __init__(self, model, path, steps, lr, warm, decay, ema, world=1, floor=0.02, stop=0, hidden=lambda name: '.layers.' in name):
        self.model, self.path, self.steps, self.lr, self.warm = model, path, steps, lr, warm
        self.decay, self.ema, self.world, self.floor, self.stop, self.rank = decay, ema, world, floor, stop or steps, 0
        named = list(model.named_parameters())
        # in the flat vector first the layers' matrices, then the tables, which decay too, then the vectors
        kind = lambda n, p: 2 if p.dim() == 1 or 'final_logits' in n else 0 if hidden(n) else 1
        named.sort(key=lambda np: kind(*np))
        self.names, self.params = [n for n, _ in named], [p for _, p in named]
        size = lambda k: sum(p.numel() for n, p in named if kind(n, p) == k)
        self.matrices, self.wide = size(0), size(0) + size(1)
        total = sum(p.numel() for p in self.params)
        share = lambda dtype=torch.float32: torch.zeros(total, dtype=dtype).share_memory_()
        self.flat, self.mean, self.m, self.v, self.total = (share() for _ in range(5))
        dtype = named[0][1].dtype
        self.copy = share(dtype)
        self.grads = [share(dtype) for _ in range(world)]
        self.shared = torch.zeros(world, dtype=torch.float64).share_memory_()    # each process's share of the gradient's norm
        self.bounds = [self.matrices + (total - self.matrices) * r // world for r in range(world + 1)]
        for p, a, b in self.places():
            self.flat[a:b].copy_(p.detach().reshape(-1))
            p.data = self.copy[a:b].view(p.shape)
        self.mean.copy_(self.flat)
        self.barrier_ = mp.get_context('fork').Barrier(world)
        self.step_no, self.best = 0, None
        if os.path.exists(path):
            s = torch.load(path)
            for name in ('flat', 'mean', 'm', 'v'):
                getattr(self, name).copy_(s[name])
            self.step_no, self.best = s['step'], s['best']
            log('resumed at step', self.step_no)
        self.copy.copy_(self.flat)

    def places(self):
        at = 0
        for p in self.params:
            yield p, at, at + p.numel()
            at += p.numel()

    def start(self, work):
        """Runs work(rank) in every process; the calling process is rank 0."""
        others = [mp.get_context('fork').Process(target=self.enter, args=(work, r), daemon=True) for r in range(1, self.world)]
        for o in others:
            o.start()
        self.enter(work, 0)
        for o in others:
            o.join()

    def enter(self, work, rank):
        self.rank, self.saved = rank, time.time()
        for p, a, b in self.places():
            p.grad = self.grads[rank][a:b].view(p.shape)
        work(rank)

    def barrier(self):
        if self.world > 1:
            self.barrier_.wait()

    def done(self):
        return self.step_no >= self.stop

    def rate(self):
        p = min(1.0, self.step_no / self.steps)
        return self.lr * min(1.0, (self.step_no + 1) / self.warm) * max(self.floor, 0.5 * (1 + math.cos(math.pi * p)))

    def step(self, loss):
        """`loss` is this process's; the gradient is the mean over the processes'."""
        loss.backward()
        self.barrier()
        with torch.no_grad():
            own = [(a, b, p.shape) for p, a, b in self.places() if b <= self.matrices][self.rank::self.world]
            own += [(i, min(self.bounds[self.rank + 1], i + STRETCH), None)
                    for i in range(self.bounds[self.rank], self.bounds[self.rank + 1], STRETCH)]
            norm, rate = 0.0, self.rate()
            for a, b, _ in own:
                g = self.total[a:b].copy_(self.grads[0][a:b])
                for other in self.grads[1:]:
                    g += other[a:b]
                norm += float(g.div_(self.world).square().sum())
            self.shared[self.rank] = norm
            self.barrier()
            clip = 1 / max(1.0, math.sqrt(float(self.shared.sum())))
            self.step_no += 1
            for a, b, shape in own:
                self.update(a, b, shape, clip, rate)
        self.grads[self.rank].zero_()
        self.barrier()
        if self.rank == 0 and time.time() - self.saved > 150:
            self.save()
        return rate

    def update(self, a, b, shape, clip, rate):
        t, w, m, v, g = self.step_no, self.flat[a:b], self.m[a:b], self.v[a:b], self.total[a:b].mul_(clip)
        if shape and not bool(g.any()):          # an attention that this stage does not use
            return
        if self.wide > a:
            w[:self.wide - a].mul_(1 - rate * self.decay)
        if shape:
            m.mul_(MOMENTUM).add_(g)
            step = orthogonal(g.add_(m, alpha=MOMENTUM).view(shape), self.copy.dtype)
            w.add_(step.reshape(-1), alpha=-rate * SCALE * math.sqrt(max(shape[0], shape[1:].numel())))
        else:
            m.mul_(BETAS[0]).add_(g, alpha=1 - BETAS[0])
            v.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
            w.addcdiv_(m, v.sqrt().div_(math.sqrt(1 - BETAS[1] ** t)).add_(EPS), value=-rate / (1 - BETAS[0] ** t))
        self.mean[a:b].lerp_(w, 1 - min(self.ema, (1 + t) / (10 + t)))
        self.copy[a:b].copy_(w)

    def save(self):
        torch.save({'flat': self.flat, 'mean': self.mean, 'm': self.m, 'v': self.v,
                    'step': self.step_no, 'best': self.best}, self.path + '.tmp')
        os.replace(self.path + '.tmp', self.path)
        self.saved = time.time()

    def averaged(self, work):
        """Every process calls this; work(rank) sees the averaged weights."""
        self.barrier()
        if self.rank == 0:
            self.copy.copy_(self.mean)
        self.model.eval()
        self.barrier()
        result = work(self.rank)
        self.barrier()
        if self.rank == 0:
            self.copy.copy_(self.flat)
        self.model.train()
        self.barrier()
        return result

    def keep(self, path, config):
        """The averaged weights, in float32."""
        state = {n: self.mean[a:b].view(p.shape).clone() for n, (p, a, b) in zip(self.names, self.places())}
        torch.save({'config': config, 'state': state}, path + '.tmp')
        os.replace(path + '.tmp', path)
