import * as assert from 'uvu/assert'
import { DisposedError } from '../../src/errors.js'
import { Staging } from '../../src/gpu/staging.js'
import { writeWeights } from '../../src/gpu/weight-format.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { gpuSuite, randomValues } from '../gpu.js'

gpuSuite('gpu/staging', (test) => {
  test('host memory that is used again and again hands over the same', async (gpu) => {
    const [rows, columns] = [5, 8]
    const values = randomValues(rows * columns, 3)
    const staging = new Staging(gpu, 2 * columns * 4)
    for (const dtype of ['f32', 'f16', 'int8'] as const) {
      const [written, uploaded] = ['written', 'uploaded'].map((label) => gpu.tensor(label, [rows, columns], dtype))
      writeWeights(gpu, written!, values)
      for (const firstRows of [[3], [0, 2], [1, 4]]) {
        const starts = firstRows.map((row) => row * columns)
        await staging.upload(
          starts.map((start) => ({ tensor: uploaded!, values: values.subarray(start, start + columns), start })),
        )
      }
      assert.equal(await gpu.read(uploaded!), await gpu.read(written!), dtype)
      if (written!.scale) assert.equal(await gpu.readF32(uploaded!.scale!), await gpu.readF32(written!.scale))
      gpu.free(written!, uploaded!)
    }
    staging.dispose()
  })

  test('small values lie together, of any length', async (gpu) => {
    const staging = new Staging(gpu, 64)
    const tensors = [1, 3, 5].map((length) => gpu.tensor('vector', [length]))
    const values = tensors.map(({ shape }) => randomValues(shape[0]!, shape[0]!))
    await staging.upload(tensors.map((tensor, i) => ({ tensor, values: values[i]!, start: 0 })))
    for (const [i, tensor] of tensors.entries()) assert.equal(await gpu.readF32(tensor), values[i]!)
    staging.dispose()
  })

  test('a device that is gone is told by its own error', async ({ adapter }) => {
    const gpu = await openGpu({ adapter: adapter.name })
    const staging = new Staging(gpu, 64)
    const tensor = gpu.tensor('vector', [4])
    await gpu.dispose()
    const upload = staging.upload([{ tensor, values: new Float32Array(4), start: 0 }])
    assert.instance(await upload.catch((error: Error) => error), DisposedError)
  })
})
