import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MiscConfig } from '../../src/model/config.js'
import { estimateMemory } from '../../src/model/memory.js'

const memory = suite('model/memory')

const config = { dModel: 8, decoderLayers: 3, maxPositions: 5, maxPostBlocks: 30, maxSituationBlocks: 20 } as MiscConfig
const tensors = [{ shape: [4, 8] }, { shape: [8] }, { shape: [1, 16] }]

memory('counts weights and caches by dtype', () => {
  const bytes = (element: number, weights: number) => {
    const selfCache = 3 * 2 * 5 * 8 * element
    const crossCache = 3 * 2 * (5 + 50) * 8 * element + 3 * 8 * element
    return { weights, selfCache, crossCache, total: weights + selfCache + crossCache }
  }
  assert.equal(estimateMemory(tensors, config, 'paper', 'f32'), bytes(4, (32 + 8 + 16) * 4))
  assert.equal(estimateMemory(tensors, config, 'paper', 'f16'), bytes(2, (32 + 8 + 16) * 2))
  assert.equal(estimateMemory(tensors, config, 'paper', 'int8'), bytes(2, 32 + 4 * 4 + (8 + 16) * 2))
})

memory('a plain backbone caches the context alone', () => {
  assert.is(estimateMemory([], config, 'plain', 'f32').total, 2 * 3 * 2 * 5 * 8 * 4)
})

memory.run()
