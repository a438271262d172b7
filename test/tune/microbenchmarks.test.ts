import * as assert from 'uvu/assert'
import { shapeClass } from '../../src/gpu/shape-class.js'
import { weightDtypes } from '../../src/gpu/tensor.js'
import { writeWeights } from '../../src/gpu/weight-format.js'
import { randomValues } from '../../src/random-values.js'
import { fillInputs, microbenchmarks } from '../../src/tune/microbenchmarks.js'
import { readRows } from '../../src/validate/read-weights.js'
import { gpuSuite } from '../gpu.js'

gpuSuite('tune/microbenchmarks', (test) => {
  for (const dtype of weightDtypes) {
    test(`a product's weight in ${dtype} is filled in pieces, with the same values as at once`, async (gpu) => {
      const [k, n] = [512, 2048]
      const benchmark = microbenchmarks.gemv!(gpu, shapeClass('gemv', { dtype, rows: 1, k, n }))
      let pieces = 0
      for (const fill of fillInputs(gpu, benchmark)) {
        await fill()
        pieces++
      }
      assert.ok(pieces >= 4 + 2, `${pieces} pieces`)
      const whole = gpu.matrix('whole', [n, k], dtype)
      writeWeights(gpu, whole, randomValues(1, n * k))
      const [weight, x] = benchmark.inputs as [typeof whole, typeof whole]
      assert.equal(await readRows(gpu, weight), await readRows(gpu, whole))
      if (whole.scale) assert.equal(await gpu.read(weight.scale!), await gpu.read(whole.scale))
      assert.equal(await gpu.read(x), randomValues(1, k))
      gpu.free(whole, ...benchmark.tensors)
    })
  }

  test('attention reads no zeros where it may read at all', async (gpu) => {
    for (const op of ['attention', 'cached-attention', 'cross-attention']) {
      const benchmark = microbenchmarks[op]!(gpu, shapeClass(op, { dtype: 'f32', rows: 4, k: 32, n: 4 }))
      for (const fill of fillInputs(gpu, benchmark)) await fill()
      for (const tensor of benchmark.inputs) assert.ok((await gpu.read(tensor)).every((value) => value !== 0))
      const left = benchmark.tensors.filter(
        (it) => it.dtype === 'f32' && it !== benchmark.out && !benchmark.inputs.includes(it),
      )
      assert.equal(left, [])
      gpu.free(...benchmark.tensors)
    }
  })
})
