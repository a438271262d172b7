import * as assert from 'uvu/assert'
import { loadModel } from '../../src/engine/load-model.js'
import type { Gpu } from '../../src/gpu/gpu.js'
import { rowParts, weightDtypes } from '../../src/gpu/tensor.js'
import type { MiscWeights } from '../../src/models/misc/layout.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { type ReplyScores, scoreReplies } from '../../src/validate/perplexity.js'
import { tinyModel } from '../engine-model.js'
import { gpuSuite, readRows } from '../gpu.js'

// Of few positions: caches must fit in a binding.
const folder = await tinyModel(8)

// The tiny model's embedding takes 739 KB in f32, and 185 KB in int8.
gpuSuite(
  'nn/load-weights: an embedding in parts',
  (test) => {
    for (const dtype of weightDtypes) {
      test(`in ${dtype} makes the same replies likely, to the bit, as a whole one`, async (gpu) => {
        const whole = await openGpu({ adapter: gpu.adapter.name })
        try {
          const load = async (on: Gpu) => {
            const before = on.allocatedBytes
            const weights = await loadModel(on, folder, { dtype })
            return { weights, bytes: on.allocatedBytes - before }
          }
          const [{ weights, bytes }, expected] = [await load(gpu), await load(whole)]
          const parts = rowParts(weights.embedding)
          assert.ok(parts.length > 1)
          assert.is(rowParts(expected.weights.embedding).length, 1)
          assert.equal(await readRows(gpu, weights.embedding), await readRows(whole, expected.weights.embedding))
          assert.is(bytes, expected.bytes)
          // Ids of every part, in context, blocks and reply.
          const ids = parts.flatMap(({ first, rows }) => [Math.max(first, 4), first + rows - 1])
          const some = (from: number) => Array.from({ length: 4 }, (_, i) => ids[(from + i * 3) % ids.length]!)
          const replies = Array.from({ length: ids.length }, (_, i) => ({
            dialogue: { context: some(i), post: [some(i + 1)], situation: [some(i + 2), some(i + 3)] },
            // One alone, and four together: more would make logits larger than a binding.
            reply: some(i).slice(0, i % 2 === 0 ? 1 : 4),
          }))
          const { vocabSize } = weights.config
          const scores = async (on: Gpu, weights: MiscWeights) => {
            const all: ReplyScores[] = []
            for (const reply of replies) all.push(...(await scoreReplies(on, weights, [reply], vocabSize)))
            return all
          }
          assert.equal(await scores(gpu, weights), await scores(whole, expected.weights))
        } finally {
          await whole.dispose()
        }
      })
    }
  },
  { maxBindingBytes: 2 ** 17 },
)
