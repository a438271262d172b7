import * as assert from 'uvu/assert'
import { OutOfMemoryError } from '../../src/errors.js'
import type { Tensor, WeightDtype } from '../../src/gpu/tensor.js'
import { adapterFit } from '../../src/nn/adapter-fit.js'
import { matrix, stack, type TensorLayout } from '../../src/nn/layout.js'
import { gpuSuite } from '../gpu.js'

gpuSuite(
  'nn/adapter-fit',
  (test) => {
    test('foretells what the device refuses, and what it reads in parts', (gpu) => {
      const { maxBufferSize } = gpu.limits
      const limits = { maxBufferSize, maxStorageBufferBindingSize: gpu.maxBindingBytes }
      const large = Math.floor(maxBufferSize / 4096)
      let [refused, inParts] = [0, 0]
      for (const shape of [
        [256, 1024],
        [257, 1024],
        [2, 5000],
        [70, 4096],
        [large + 1, 1024],
        [300, 1023],
      ]) {
        const spec = { name: 'm', shape, role: 'r' }
        for (const [layout, dtype] of [
          [matrix(spec), 'f32'],
          [matrix(spec), 'f16'],
          [matrix(spec), 'int8'],
          [stack(spec), 'f32'],
        ] as [TensorLayout, WeightDtype][]) {
          const fit = adapterFit([layout], dtype, [{ name: 'small', bytes: 4 }], limits)
          const its = layout.dtype(dtype)
          // No buffer of that size is made here, only asked for where it is too large.
          if (fit.largestMatrix.bytes > 2 ** 27 && fit.largestMatrix.bytes <= maxBufferSize) continue
          let tensor: Tensor | undefined
          try {
            tensor = layout.isMatrix ? gpu.matrix('m', [shape[0]!, shape[1]!], its) : gpu.tensor('m', shape)
          } catch (error) {
            assert.instance(error, OutOfMemoryError)
            refused++
          }
          const what = `${layout.stacking} [${shape}] in ${its}`
          assert.is(fit.tooLarge.length, tensor ? 0 : 1, what)
          assert.is(fit.inParts, tensor?.partRows ? 1 : 0, what)
          if (!tensor) continue
          if (tensor.partRows) inParts++
          assert.is(layout.isMatrix ? fit.largestMatrix.bytes : fit.largestOther.bytes, tensor.bytes)
          gpu.free(tensor)
        }
      }
      assert.ok(refused >= 5 && inParts >= 4, `${refused} refused, ${inParts} in parts`)
    })
  },
  { maxBindingBytes: 2 ** 20 },
)
