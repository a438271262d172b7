import { suite } from 'uvu'
import { openSafetensors } from '../../src/io/safetensors.js'
import { goldenCases, goldenModel, LISTENERS_GOLDENS } from '../golden.js'
import { assertClose } from '../gpu.js'
import { tensorsOf } from '../models/gpt/raw-names.js'
import { listeners } from './listeners.js'
import { logSoftmax } from './log-softmax.js'

const twin = suite('reference/listeners')

for (const name of LISTENERS_GOLDENS) {
  twin(`${name}: every row of its captures`, async () => {
    const tensors = await tensorsOf(await goldenModel(name))
    const modelType = name.split('-')[0] as 'transformer' | 'moel' | 'mime'
    const shape = {
      modelType,
      hop: modelType === 'transformer' ? 2 : 1,
      heads: 2,
      topk: 5,
      numEmotions: modelType === 'mime' ? 32 : 11,
    }
    for (const path of goldenCases(name)) {
      await using file = await openSafetensors(path)
      const [batch, length] = file.tensors.get('input_ids')!.shape as [number, number]
      const replyLength = file.tensors.get('labels')!.shape[1]!
      const ints = async (tensor: string) => await file.readI64(tensor)
      const [ids, roles, mask, reply, labels] = await Promise.all(
        ['input_ids', 'role_ids', 'attention_mask', 'decoder_input_ids', 'labels'].map(ints),
      )
      const told = await file.readF32(modelType === 'moel' ? 'listeners.weights' : 'emotion.logits')
      const states = await file.readF32('encoder.last_hidden_state')
      const logProbs = await file.readF32('log_probs')
      for (let b = 0; b < batch; b++) {
        const kept = mask!.slice(b * length, (b + 1) * length).filter((it) => it !== 0).length
        const count = labels!.slice(b * replyLength, (b + 1) * replyLength).indexOf(2) + 1
        const row = (values: readonly number[], size: number, end: number) => values.slice(b * size, b * size + end)
        const noise = async (side: string) => (await file.readF32(`noise.${side}`)).subarray(b * 36, (b + 1) * 36)
        const found = listeners(
          tensors,
          shape,
          { ids: row(ids!, length, kept), roles: row(roles!, length, kept) },
          row(reply!, replyLength, count),
          ...(modelType === 'mime' ? [{ positive: await noise('positive'), negative: await noise('negative') }] : []),
        )
        const K = shape.numEmotions
        assertClose(found.emotions, told.subarray(b * K, (b + 1) * K), 1e-5)
        assertClose(found.states, states.subarray(b * length * 36, (b * length + kept) * 36), 1e-5)
        for (let i = 0; i < count; i++) {
          const start = (b * replyLength + i) * 203
          const scores = logSoftmax(Float32Array.from(found.logits.subarray(i * 203, (i + 1) * 203)))
          assertClose(scores, logProbs.subarray(start, start + 203), 1e-5)
        }
      }
    }
  })
}

twin.run()
