import * as assert from 'uvu/assert'
import { OutOfMemoryError } from '../../src/errors.js'
import { Scratch } from '../../src/gpu/scratch.js'
import { exhaust, gpuSuite } from '../gpu.js'

gpuSuite('gpu/scratch', (test) => {
  test('a role keeps its tensor, grows by powers of two, and gives the old one back', (gpu) => {
    const before = gpu.allocatedBytes
    const scratch = new Scratch(gpu)
    const first = scratch.rows('hidden', 3, 8)
    assert.equal(first.shape, [4, 8])
    assert.is(scratch.rows('hidden', 1, 8), first)
    assert.is(scratch.rows('hidden', 4, 8), first)
    const other = scratch.rows('other', 4, 8)
    assert.is.not(other, first)
    const grown = scratch.rows('hidden', 5, 8)
    assert.equal(grown.shape, [8, 8])
    // Until the recording that names it is submitted, the outgrown tensor lives.
    assert.is(gpu.allocatedBytes - before, (4 + 4 + 8) * 8 * 4)
    scratch.release()
    assert.is(gpu.allocatedBytes - before, (4 + 8) * 8 * 4)
    assert.equal([scratch.rows('hidden', 8, 4).shape, scratch.rows('hidden', 8, 4, 'u32').dtype], [[8, 4], 'u32'])
    scratch.upload('ids', [2], Uint32Array.of(1, 2))
    scratch.dispose()
    assert.is(gpu.allocatedBytes, before)
  })

  test('what there was no memory for is made again', async (gpu) => {
    const before = gpu.allocatedBytes
    const scratch = new Scratch(gpu)
    const small = scratch.rows('hidden', 1, 8)
    const more = exhaust(gpu)
    const refused = gpu.scoped('scratch', () => [scratch.rows('hidden', 4, 8), scratch.rows('other', 4, 8)])
    assert.ok(more())
    assert.instance(await refused.catch((error: Error) => error), OutOfMemoryError)
    scratch.release()
    assert.not.ok(gpu.holds(small))
    assert.ok(['hidden', 'other'].every((role) => gpu.holds(scratch.rows(role, 2, 8))))
    scratch.dispose()
    assert.is(gpu.allocatedBytes, before)
  })

  test('rows planned for from the start are never made again', (gpu) => {
    const scratch = new Scratch(gpu, 100)
    const tensor = scratch.rows('hidden', 1, 8)
    assert.equal(tensor.shape, [100, 8])
    assert.is(scratch.rows('hidden', 100, 8), tensor)
    assert.equal(scratch.rows('hidden', 101, 8).shape, [128, 8])
    scratch.dispose()
  })
})
