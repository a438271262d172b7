"""Trains the paper's five baselines in small, for Table 2. See README.md; one process with one thread a model."""
import argparse
import json
import math
import os
import random
import time

import torch
import torch.nn.functional as F

import baseline_data as B
import baselines
import data as D
import export as E
from model import Model, key_bias, parameters
from train import nats
from trainer import Run, log, run_command
from words import UNK, Words

# The released sizes, but for one table of words in the generator's place too (--weight_sharing).
LISTENERS = {'emb_dim': 300, 'hidden_dim': 300, 'depth': 40, 'heads': 2, 'filter': 50, 'weight_sharing': True}
CONFIGS = {
    'transformer': {'model_type': 'transformer', **LISTENERS, 'hop': 2, 'num_emotions': 11},
    'mt': {'model_type': 'transformer', **LISTENERS, 'hop': 2, 'num_emotions': 11},
    'moel': {'model_type': 'moel', **LISTENERS, 'hop': 1, 'num_emotions': 11, 'topk': 5},
    'mime': {'model_type': 'mime', **LISTENERS, 'hop': 1, 'num_emotions': 32},
    'joint': {'model_type': 'blenderbot-small', 'd_model': 256, 'encoder_layers': 3, 'decoder_layers': 3,
              'encoder_attention_heads': 8, 'decoder_attention_heads': 8, 'encoder_ffn_dim': 512, 'decoder_ffn_dim': 512,
              'max_position_embeddings': B.JOINT_POSITIONS, 'scale_embedding': True},
}
FOLDERS = {'transformer': 'transformer-mini', 'mt': 'mt-transformer-mini', 'moel': 'moel-mini', 'mime': 'mime-mini',
           'joint': 'blenderbot-joint-mini'}
DROPOUT = {'joint': 0.1}                          # as released: BlenderBot-small's, and none in the others
LICENSE = """These weights and their vocabulary are licensed under
Creative Commons Attribution-NonCommercial 4.0 International (CC BY-NC 4.0),
https://creativecommons.org/licenses/by-nc/4.0/ , and are for research use.

They were trained on ESConv (Liu et al., "Towards Emotional Support Dialog Systems", ACL 2021; CC BY-NC 4.0)
and on EmpatheticDialogues (Rashkin et al., ACL 2019; CC BY-NC 4.0).
"""
MERGES = 'The merges are a subset of those of facebook/blenderbot_small-90M (Apache 2.0).\n'
MOST = 12_000                                     # ids of contexts that are computed at once; a batch of more goes in parts


def cmd_words(a):
    words = Words.of([t['text'] for turns in B.talks(a.data, a.few) for t in turns], a.minimum)
    words.save(os.path.join(a.work, 'words'))
    log('words', len(words.ids))


def text_of(a):
    if a.model == 'joint':
        return B.JointText(B.joint_tokenizer(a.tokenizer))
    return B.WordText(Words.load(os.path.join(a.work, 'words')), a.model == 'mime')


def make(config):
    return Model(config) if config['model_type'] == 'blenderbot-small' else baselines.Baseline(config)


def fill(model, state):
    if isinstance(model, Model):
        model.load_state_dict(state)
    else:
        model.load(state)
    return model


# ---- loss ---------------------------------------------------------------------------------------

def joint_states(model, batch):
    y = model.encode(batch['ids'], batch['mask'])
    return model.decode(batch['dec'], [(y, key_bias(batch['mask']), None)])


def loss_of(model, name, batch, oracle):
    """The released loss, summed over the batch, and the nats in it. BlenderBot-Joint's strategies are ids among others."""
    if name == 'joint':
        total, _ = nats(model, joint_states(model, batch), batch['target'])
        return total, float(total.detach())
    total, own, _, _ = baselines.loss(model, batch, name != 'transformer', oracle)
    return total, own


def parts_of(rows):
    """A batch's rows in parts of at most MOST ids of contexts, padding counted."""
    rows = sorted(rows, key=lambda r: len(r['ids']))
    while rows:
        n = max(1, MOST // len(rows[-1]['ids']))
        yield rows[-n:]
        rows = rows[:-n]


def evaluate(model, name, rows, text):
    """As the engine scores: no noise, MIME's own polarity, BlenderBot-Joint's strategy given and not counted.
    → nats and ids of the replies, END among them, and how many emotions (of joint: strategies) were told."""
    total = count = right = 0
    with torch.no_grad():
        for part in (p for i in range(0, len(rows), 64) for p in parts_of(rows[i:i + 64])):
            batch = B.collate(part, text)
            target = batch['target'].clone()
            if name == 'joint':
                x = joint_states(model, batch)
                told, true = model.logits(x[:, 0])[:, text.tok.n:text.tok.n + 8], target[:, 0] - text.tok.n
                target[:, 0] = text.pad
                keep = target.ne(text.pad)
                lg = model.logits(x[keep])
            else:
                noise = torch.zeros(2, len(part), model.c['hidden_dim'], dtype=model.generator.proj.bias.dtype)
                x, more = model(batch['ids'], batch['roles'], batch['mask'], batch['dec'], noise=noise)
                told, true = more['logits'], batch['emotion']
                keep = target.ne(text.pad)
                lg = model.generator.proj(x[keep]).float()
            total += float(F.cross_entropy(lg, target[keep], reduction='sum'))
            count += int(keep.sum())
            right += int((told.argmax(-1) == true).sum())
    return total, count, right


# ---- training -----------------------------------------------------------------------------------

def cmd_train(a):
    torch.manual_seed(a.seed)
    one, ancestor = a.stage == 1, 'transformer' if a.model == 'mt' else a.model
    if one and ancestor != a.model:
        raise SystemExit('stage 1 knows no emotions: that of mt is --model transformer --stage 1')
    text = text_of(a)
    size = text.tok.size if a.model == 'joint' else len(text.words.ids)
    dropout = DROPOUT.get(a.model, 0.0) if a.dropout is None else a.dropout
    config = {**CONFIGS[a.model], 'vocab_size': size, 'dropout': dropout}
    model = make(config)
    if a.init or not one:
        fill(model, torch.load(os.path.join(a.work, a.init or f'{ancestor}1-best.pt'))['state'])
    talk = [(t, [text.say(u) for u in t]) for t in B.talks(a.data, a.few)] if one else []
    train = [] if one else B.rows(a.data, 'train', text, a.few)
    valid = B.rows(a.data, 'valid', text, a.few)
    valid = valid[::max(1, len(valid) // 400)][:400]
    name = os.path.join(a.work, f'{a.model}{a.stage}')
    log(a.model, 'parameters', parameters(model), 'ids', size, 'train', len(talk or train), 'valid', len(valid))
    tables = ('embedding', 'generator', 'decoder_key', 'emoji_embedding')
    hidden = (lambda n: '.layers.' in n) if a.model == 'joint' else (lambda n: not n.startswith(tables))
    run = Run(model.to(getattr(torch, a.dtype)), name + '.pt', a.steps, a.lr or (1.5e-3 if one else 8e-4), a.warm, a.decay, a.ema, hidden=hidden)
    schedule = a.schedule or a.steps / 2

    def look(rank):
        """Valid by the averaged weights."""
        total, count, right = evaluate(model, a.model, valid, text)
        ppl = math.exp(total / count)
        log(f'VALID step {run.step_no} ppl {ppl:.2f} an id, told {100 * right / len(valid):.1f} %')
        if run.best is None or ppl < run.best[0]:
            run.best = (ppl, run.step_no)
            run.keep(name + '-best.pt', config)

    def work(rank):
        torch.manual_seed(a.seed * 1000 + 7 * run.step_no)
        rng = random.Random(a.seed * 1000 + run.step_no)
        model.train()
        total = tokens = 0
        started, first = time.process_time(), run.step_no
        while not run.done():
            rows = B.chat_rows(talk, text, rng) if one else train
            for part in D.buckets(rows, a.batch, rng, lambda r: (len(r['ids']) // 8, len(r['target']))):
                # MoEL listens by the true emotion, less and less often.
                oracle = a.model == 'moel' and not one and rng.random() <= 1e-4 + 0.9999 * math.exp(-run.step_no / schedule)
                k = sum(len(r['target']) for r in part)
                *others, last = parts_of(part)
                for rows in others:
                    l, own = loss_of(model, a.model, B.collate(rows, text), oracle)
                    (l / k).backward()
                    total += own
                l, own = loss_of(model, a.model, B.collate(last, text), oracle)
                rate = run.step(l / k)
                total, tokens = total + own, tokens + k
                if run.step_no % a.log == 0:
                    log('step', run.step_no, f'lr {rate:.2e} train {math.exp(total / tokens):.1f} {(time.process_time() - started) / (run.step_no - first):.2f} core-seconds a step')
                    total = tokens = 0
                if run.step_no % a.every == 0 or run.done():
                    run.averaged(look)
                    if a.patience and run.step_no - run.best[1] >= a.patience * a.every:
                        run.stop = run.step_no
                if run.done():
                    break
        run.save()
        log('best', run.best)

    run.start(work)


# ---- export, figures, cards ---------------------------------------------------------------------

def cmd_export(a):
    best = torch.load(os.path.join(a.work, a.checkpoint or f'{a.model}2-best.pt'))
    folder, text = os.path.join(a.out, FOLDERS[a.model]), text_of(a)
    if a.model == 'joint':
        E.write(folder, best['config'], best['state'], text.tok)
    else:
        write(folder, best['config'], best['state'], text.words)
    with open(os.path.join(folder, 'LICENSE'), 'w', encoding='utf-8') as f:
        f.write(LICENSE + (MERGES if a.model == 'joint' else ''))
    log(folder, os.path.getsize(os.path.join(folder, 'model.safetensors')), 'bytes')


def write(folder, config, state, words):
    """One of the word-level baselines, without the tensors that its forward pass does without."""
    os.makedirs(folder, exist_ok=True)
    E.dump(folder, 'config.json', {**{k: v for k, v in config.items() if k != 'dropout'}, 'torch_dtype': 'float16'})
    # A released vocabulary knows all words; here those that were left out of it are never said.
    E.dump(folder, 'generation_config.json', {'suppress_tokens': [UNK]})
    words.save(folder)
    state = {n: t.half() for n, t in state.items() if not baselines.unused(n, config)}
    E.save_safetensors(os.path.join(folder, 'model.safetensors'), state, {'format': 'pt'})


def exported(folder):
    """The exported weights, in float32."""
    config = json.load(open(os.path.join(folder, 'config.json'), encoding='utf-8'))
    state = {n: t.float() for n, t in E.load_safetensors(os.path.join(folder, 'model.safetensors')).items()}
    return fill(make({**config, 'dropout': 0.0}), state).eval()


def cmd_card(a):
    import baseline_card
    folder, text, figures = os.path.join(a.out, FOLDERS[a.model]), text_of(a), {}
    model = exported(folder)
    for part in ('valid', 'test'):
        rows = B.rows(a.data, part, text, a.few)
        total, count, right = evaluate(model, a.model, rows, text)
        unknown = 0 if a.model == 'joint' else sum(r['target'].count(UNK) for r in rows)
        figures[part] = {'rows': len(rows), 'ids': count, 'ppl': math.exp(total / count), 'told': 100 * right / len(rows), 'unknown': unknown}
        log(part, figures[part])
    with open(os.path.join(folder, 'README.md'), 'w', encoding='utf-8') as f:
        f.write(baseline_card.card(a.model, FOLDERS[a.model], model, figures, a.recipe, a.replies))


def cmd_fixture(a):
    """A tiny MIME with random weights, as export writes it, a conversation, and what PyTorch makes of its replies."""
    said = ["Hi, I'm so sad. I can't sleep!", 'Oh no... what is it?', 'My mother (she is 80) is ill; "very" ill.', 'Do you talk to her?', 'Not since May.',
            "That's hard. I'd call her."]
    speakers = ['usr', 'sys', 'usr', 'sys', 'usr', 'sys']
    dialog = [{'speaker': s, 'text': t, **({'strategy': 'Question'} if s == 'sys' else {})} for s, t in zip(speakers, said)]
    torch.manual_seed(5)
    words = Words.of(said[:4], 1)
    config = {**CONFIGS['mime'], 'emb_dim': 24, 'hidden_dim': 24, 'depth': 8, 'filter': 12, 'vocab_size': len(words.ids)}
    write(a.dir, config, make(config).state_dict(), words)
    with open(os.path.join(a.dir, 'test.jsonl'), 'w', encoding='utf-8') as f:
        f.write(json.dumps({'emotion_type': 'sadness', 'dialog': dialog}) + '\n')
    text = B.WordText(words, True)
    batch, model = B.collate(B.rows_of([{'emotion_type': 'sadness', 'dialog': dialog}], text), text), exported(a.dir)
    noise = torch.randn(2, len(batch['ids']), 24)
    with torch.no_grad():
        x, told = model(batch['ids'], batch['roles'], batch['mask'], batch['dec'], noise=noise)
        out = {'encoder.last_hidden_state': told['encoder'], 'emotion.logits': told['logits'], 'log_probs': model.log_probs(x)}
    inputs = {'input_ids': batch['ids'], 'role_ids': batch['roles'], 'attention_mask': batch['mask'].long(), 'decoder_input_ids': batch['dec'],
              'labels': batch['target'], 'noise.positive': noise[0], 'noise.negative': noise[1]}
    E.save_safetensors(os.path.join(a.dir, 'case0.safetensors'), {k: v.contiguous() for k, v in {**inputs, **out}.items()}, {'case': '0'})


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--data', default='../shared/data')
    p.add_argument('--work', default='.cache/baselines', help='where checkpoints go')
    p.add_argument('--dtype', choices=('float32', 'bfloat16'), default='float32', help='what training computes in')
    p.add_argument('--few', type=int, default=None, help='only so many conversations of each file, to try it out')
    s = p.add_subparsers(dest='command', required=True)
    q = s.add_parser('words')
    q.add_argument('--minimum', type=int, default=3, help='how often a word must stand in the conversations of stage 1')
    q = s.add_parser('fixture')
    q.add_argument('--dir', default='test/fixtures/mime-exported')
    for name in ('train', 'export', 'card'):
        q = s.add_parser(name)
        q.add_argument('--model', choices=tuple(CONFIGS), required=True)
        q.add_argument('--tokenizer', default='weights/misc-mini', help="whose pieces BlenderBot-Joint's vocabulary takes")
        if name != 'train':
            q.add_argument('--out', default='weights/table2')
        if name == 'train':
            q.add_argument('--stage', type=int, choices=(1, 2), required=True)
            q.add_argument('--init', default='', help="the checkpoint to start from; for stage 2 the model's own stage 1 unless told")
            q.add_argument('--seed', type=int, default=1)
            q.add_argument('--steps', type=int, default=3000)
            q.add_argument('--lr', type=float, default=None, help='default: 1.5e-3 in stage 1, 8e-4 in stage 2')
            q.add_argument('--warm', type=int, default=100)
            q.add_argument('--decay', type=float, default=0.1)
            q.add_argument('--ema', type=float, default=0.998)
            q.add_argument('--dropout', type=float, default=None, help="default: the released models' own: 0.1 of joint, else none")
            q.add_argument('--schedule', type=float, default=None, help="MoEL's: after so many steps the true emotion is taken e times less often; half of --steps unless told")
            q.add_argument('--batch', type=int, default=32)
            q.add_argument('--every', type=int, default=150, help='steps between looks at valid')
            q.add_argument('--patience', type=int, default=3, help='looks without a better one before the end; 0: all steps')
            q.add_argument('--log', type=int, default=25, help='steps between lines')
        if name == 'export':
            q.add_argument('--checkpoint', default='', help="default: stage 2's best")
        if name == 'card':
            q.add_argument('--recipe', default='', help='a sentence on how long each stage ran')
            q.add_argument('--replies', default=None, help='what misc eval --out wrote of the model: its first twenty replies are shown')
    a = p.parse_args()
    run_command(a, globals())


if __name__ == '__main__':
    main()
