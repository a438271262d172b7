import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { openModel } from '../../src/engine/load-model.js'
import type { Tensor } from '../../src/gpu/tensor.js'
import { openCheckpoint } from '../../src/io/checkpoint.js'
import type { ListenersCache } from '../../src/models/listeners/cache.js'
import type { ListenersModel } from '../../src/models/listeners/model.js'
import { MiscCache } from '../../src/models/misc/decoder.js'
import { recognizeModel } from '../../src/models/registry.js'
import { estimateMemory } from '../../src/nn/memory.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { goldenModel, LISTENERS_GOLDENS } from '../golden.js'
import { testAdapters } from '../gpu.js'

const memory = suite('nn/memory')

/** A model's estimate, as misc inspect makes it. */
async function estimate(folder: string, dtype: 'f32' | 'f16' | 'int8') {
  await using checkpoint = await openCheckpoint(folder)
  return estimateMemory(recognizeModel(checkpoint, folder), dtype)
}

/** Bytes of every tensor that an object holds, however deep. */
function tensorBytes(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  if ('buffer' in value && 'bytes' in value) {
    const { bytes, scale } = value as Tensor
    return bytes + (scale?.bytes ?? 0)
  }
  return Object.values(value).reduce<number>((sum, it) => sum + tensorBytes(it), 0)
}

for (const name of [
  ...(['misc-tiny-paper', 'misc-odd-released', 'bart-tiny', 'blenderbot-tiny', 'gpt-tiny'] as const),
  ...LISTENERS_GOLDENS,
]) {
  memory(`is what loading ${name} takes, in each dtype`, async () => {
    const folder = await goldenModel(name)
    const gpu = await openGpu({ adapter: testAdapters[0]! })
    try {
      for (const dtype of ['f32', 'f16', 'int8'] as const) {
        const model = await openModel(gpu, folder, { dtype })
        const { byRole, ...expected } = await estimate(folder, dtype)
        // The timing signal is no weight.
        const { timing } = model.weights as Partial<ListenersModel['weights']>
        assert.is(expected.weights, tensorBytes(model.weights) - tensorBytes(timing), dtype)
        assert.is(
          Object.values(byRole).reduce((sum, bytes) => sum + bytes, 0),
          expected.weights,
        )
        const cache = model.createCache({ slots: 1 })
        const { strategy, windows, choices } = cache as Partial<MiscCache & ListenersCache>
        assert.is(expected.selfCache, tensorBytes(cache.self) + tensorBytes(windows))
        assert.is(expected.crossCache, tensorBytes(cache.cross) + tensorBytes(strategy) + tensorBytes(choices))
        assert.is(choices !== undefined, name === 'moel-tiny')
        assert.is(cache instanceof MiscCache, name.startsWith('misc'))
        assert.is(expected.total, expected.weights + expected.selfCache + expected.crossCache)
        cache.dispose()
        model.dispose()
      }
    } finally {
      await gpu.dispose()
    }
  })
}

memory('roles: matrices shrink, vectors and tables do not', async () => {
  const folder = await goldenModel('misc-tiny-paper')
  const [f32, f16, int8] = await Promise.all((['f32', 'f16', 'int8'] as const).map((it) => estimate(folder, it)))
  assert.is(f16!.byRole['decoder-ffn']! * 2, f32!.byRole['decoder-ffn'])
  assert.is(f16!.byRole['norms-biases'], f32!.byRole['norms-biases'])
  // fc1 [128, 64] and fc2 [64, 128] of two layers: a byte an element, a scale a row.
  assert.is(int8!.byRole['decoder-ffn'], 2 * (2 * 128 * 64 + 4 * (128 + 64)))
})

memory('the caches are those of the shape', () => {
  const cache = { layers: 3, d: 8, heads: 2, positions: 5, sources: [7, 4] }
  const layout = { tensors: [], weights: [] }
  const { selfCache, crossCache } = estimateMemory({ layout, cache: { ...cache, ofSources: 24 } }, 'f32')
  assert.equal([selfCache, crossCache], [3 * 2 * 5 * 8 * 4, (3 * 2 * 11 * 8 + 24) * 4])
  const beside = { ...cache, sideBySide: [6, 1, 1], ofSequence: 10 }
  assert.is(estimateMemory({ layout, cache: beside }, 'f32').selfCache, (8 * 2 * 5 * 8 + 10) * 4)
  const alone = estimateMemory({ layout, cache: { ...cache, sources: [] } }, 'f32')
  assert.equal([alone.crossCache, alone.total], [0, 3 * 2 * 5 * 8 * 4])
})

memory.run()
