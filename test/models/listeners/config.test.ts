import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { parseListenersConfig, refuseBroken } from '../../../src/models/listeners/config.js'
import { refused } from '../../throws.js'

const config = suite('models/listeners/config')

const json = {
  model_type: 'moel',
  hidden_dim: 300,
  emb_dim: 300,
  depth: 40,
  heads: 2,
  filter: 50,
  hop: 1,
  vocab_size: 24646,
}
const parse = (parts: object) => parseListenersConfig({ ...json, ...parts }, 'dir/config.json')

config('sizes and ids of the released programs', () => {
  const moel = parse({ topk: 5 })
  assert.equal([moel.listeners, moel.leastListener, moel.numEmotions, moel.maxPositions], [5, 1e-4, 32, 1000])
  assert.equal([moel.padId, moel.eosIds, moel.decoderStartId], [1, [2], 3])
  const all = parse({ num_emotions: 11 })
  assert.equal([all.listeners, all.leastListener], [11, 0])
  assert.is(parse({ topk: 40, num_emotions: 11 }).listeners, 11)
  assert.is(parse({ heads: 3 }).depth, 39)
  assert.is(parse({ model_type: 'transformer', hop: 2, topk: 5 }).listeners, 0)
  assert.is(parse({ emb_dim: undefined }).dModel, 300)
})

for (const key of ['pointer_gen', 'project', 'universal', 'act']) {
  config(`refuses ${key}, which the released program cannot run`, () =>
    refused(
      () => parse({ [key]: true }),
      new RegExp(`^dir/config.json: ${key} is true, but must be false: the released program`),
    ),
  )
}

for (const [parts, cause] of [
  [{ model_type: 'gpt' }, /model_type is "gpt", but must be transformer or moel or mime/],
  [{ model_type: 'mime', hop: 2 }, /hop is 2, but must be 1: the released program/],
  [{ model_type: 'mime', num_emotions: 11 }, /num_emotions is 11, but must be 32/],
  [{ emb_dim: 100 }, /emb_dim is 100, but must be hidden_dim \(300\)/],
  [{ hidden_dim: 3, emb_dim: 3 }, /hidden_dim is 3/],
  [{ depth: 1 }, /depth is 1, but must be an integer from 2/],
  [{ vocab_size: 6 }, /vocab_size is 6/],
  [{ topk: -1 }, /topk is -1/],
  [{ mean_query: true }, /mean_query is true, but must be false: nothing else/],
  [{ softmax: false }, /softmax is false/],
  [{ basic_learner: false }, /basic_learner is false/],
  [{ emo_combine: 'att' }, /emo_combine is "att", but must be gate/],
  [{ emo_input: 'cross_att' }, /emo_input is "cross_att", but must be self_att/],
  [{ filter: undefined }, /filter is missing/],
] as const) {
  config(`refuses ${JSON.stringify(parts)}`, () => refused(() => parse(parts), /^dir\/config\.json: /, cause))
}

config('a checkpoint that tells of them is refused by their names', async () => {
  const names = (...all: string[]) => new Map(all.map((name) => [name, {}]))
  refuseBroken(
    names('encoder.enc.0.layer_norm_mha.gamma', 'decoder.dec.1.x', 'emotion_input_encoder_1.enc.enc.0.x'),
    'm',
  )
  for (const [name, option] of [
    ['encoder.act_fn.p.weight', 'act'],
    ['encoder.enc.layer_norm_mha.gamma', 'universal'],
    ['decoder.dec.layer_norm_mha.gamma', 'universal'],
    ['encoder.embedding_proj_in.weight', 'project'],
  ] as const) {
    await refused(
      () => refuseBroken(names('x', name), 'm'),
      new RegExp(`m: the checkpoint holds ${name}.* --${option}`),
    )
  }
})

config.run()
