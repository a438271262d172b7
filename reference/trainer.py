"""AdamW over one flat vector in shared memory, by one or more processes that share a batch.

Each process has one thread and computes the gradient of its part of the batch; after that each
updates its own stretch of the parameters. The learning rate follows the wall clock.
"""
import math
import os
import time

import torch
import torch.multiprocessing as mp

BETAS, EPS = (0.9, 0.98), 1e-8


def log(*words):
    print(time.strftime('%H:%M:%S'), *words, flush=True)


class Run:
    def __init__(self, model, path, minutes, lr, warm, decay, ema, world=1, floor=0.01):
        self.model, self.path, self.seconds, self.lr, self.warm = model, path, minutes * 60, lr, warm
        self.decay, self.ema, self.world, self.floor, self.rank = decay, ema, world, floor, 0
        named = list(model.named_parameters())
        # tables and matrices decay, vectors do not: the flat vector holds the former first
        wide = lambda n, p: p.dim() == 2 and 'final_logits' not in n
        self.params = [p for n, p in named if wide(n, p)] + [p for n, p in named if not wide(n, p)]
        self.wide = sum(p.numel() for n, p in named if wide(n, p))
        total = sum(p.numel() for p in self.params)
        share = lambda: torch.zeros(total).share_memory_()
        self.flat, self.mean, self.m, self.v = share(), share(), share(), share()
        self.grads = [share() for _ in range(world)]
        self.shared = torch.zeros(16, dtype=torch.float64).share_memory_()   # norms, results, the decision to stop
        self.bounds = [total * r // world for r in range(world + 1)]
        at = 0
        for p in self.params:
            self.flat[at:at + p.numel()].copy_(p.detach().reshape(-1))
            p.data = self.flat[at:at + p.numel()].view(p.shape)
            at += p.numel()
        self.mean.copy_(self.flat)
        self.barrier_ = mp.get_context('fork').Barrier(world)
        self.step_no, self.spent, self.best = 0, 0.0, None
        if os.path.exists(path):
            s = torch.load(path)
            for name in ('flat', 'mean', 'm', 'v'):
                getattr(self, name).copy_(s[name])
            self.step_no, self.spent, self.best = s['step'], s['spent'], s['best']
            log('resumed at step', self.step_no, 'after', round(self.spent), 's')

    def start(self, work):
        """Runs work(rank) in every process; the calling process is rank 0."""
        others = [mp.get_context('fork').Process(target=self.enter, args=(work, r), daemon=True) for r in range(1, self.world)]
        for o in others:
            o.start()
        self.enter(work, 0)
        for o in others:
            o.join()

    def enter(self, work, rank):
        self.rank = rank
        at, g = 0, self.grads[rank]
        for p in self.params:
            p.grad = g[at:at + p.numel()].view(p.shape)
            at += p.numel()
        self.clock = self.saved = time.time()
        work(rank)

    def barrier(self):
        if self.world > 1:
            self.barrier_.wait()

    def done(self):
        """The same answer in every process: rank 0's clock decides."""
        if self.rank == 0:
            self.shared[15] = float(self.spent >= self.seconds)
        self.barrier()
        answer = bool(self.shared[15])
        self.barrier()
        return answer

    def step(self, loss):
        """`loss` is this process's; the gradient is the mean over the processes'."""
        loss.backward()
        a, b = self.bounds[self.rank], self.bounds[self.rank + 1]
        if self.rank == 0:
            now = time.time()
            self.spent, self.clock = self.spent + now - self.clock, now
            p = min(1.0, self.spent / self.seconds)
            self.shared[14] = self.lr * min(1.0, (self.step_no + 1) / self.warm) * max(self.floor, 0.5 * (1 + math.cos(math.pi * p)))
        self.barrier()
        with torch.no_grad():
            g = self.grads[0][a:b] / self.world
            for other in self.grads[1:]:
                g.add_(other[a:b], alpha=1 / self.world)
            self.shared[self.rank] = float(g.square().sum())
            self.barrier()
            norm = math.sqrt(float(self.shared[:self.world].sum()))
            if norm > 1:
                g.mul_(1 / norm)
            self.step_no += 1
            rate, t = float(self.shared[14]), self.step_no
            w, m, v = self.flat[a:b], self.m[a:b], self.v[a:b]
            m.mul_(BETAS[0]).add_(g, alpha=1 - BETAS[0])
            v.mul_(BETAS[1]).addcmul_(g, g, value=1 - BETAS[1])
            if self.wide > a:
                w[:self.wide - a].mul_(1 - rate * self.decay)
            denominator = v.sqrt().div_(math.sqrt(1 - BETAS[1] ** t)).add_(EPS)
            w.addcdiv_(m, denominator, value=-rate / (1 - BETAS[0] ** t))
            if t % 4 == 0:
                self.mean[a:b].lerp_(w, 1 - min(self.ema, (1 + t) / (10 + t)) ** 4)
        self.grads[self.rank].zero_()
        self.barrier()
        if self.rank == 0 and time.time() - self.saved > 150:
            self.save()
        return rate

    def save(self):
        torch.save({'flat': self.flat, 'mean': self.mean, 'm': self.m, 'v': self.v,
                    'step': self.step_no, 'spent': self.spent, 'best': self.best}, self.path + '.tmp')
        os.replace(self.path + '.tmp', self.path)
        self.saved = time.time()

    def averaged(self, work):
        """Every process calls this; work(rank) sees the averaged weights. Off the schedule's clock."""
        if self.rank == 0:
            self.spent += time.time() - self.clock
            kept = self.flat.clone()
            self.flat.copy_(self.mean)
        self.model.eval()
        self.barrier()
        result = work(self.rank)
        self.barrier()
        if self.rank == 0:
            self.flat.copy_(kept)
        self.model.train()
        self.barrier()
        self.clock = time.time()
        return result

    def keep(self, path, config):
        torch.save({'config': config, 'state': {k: v.clone() for k, v in self.model.state_dict().items()}}, path)
