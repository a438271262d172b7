import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { quantizeRows } from '../../src/io/quantize.js'
import { randomValues } from '../gpu.js'

const quantize = suite('io/quantize')

function quantized(values: Float32Array, columns: number) {
  const integers = new Int8Array(values.length)
  const scales = new Float32Array(values.length / columns)
  quantizeRows(values, columns, integers, scales)
  return { integers, scales }
}

quantize('the plain formula, row by row', () => {
  for (const [rows, columns] of [
    [1, 1],
    [3, 4],
    [7, 60],
    [2, 1001],
  ] as const) {
    // Rows of very different size.
    const values = randomValues(rows * columns, rows).map((value, i) => value * 10 ** (Math.floor(i / columns) - 3))
    const { integers, scales } = quantized(values, columns)
    for (let row = 0; row < rows; row++) {
      const part = values.subarray(row * columns, (row + 1) * columns)
      const scale = Math.fround(Math.max(...part.map(Math.abs)) / 127)
      assert.is(scales[row], scale)
      part.forEach((value, i) => {
        const integer = integers[row * columns + i]!
        assert.ok(Math.abs(integer) <= 127)
        assert.ok(Math.abs(integer * scale - value) <= scale * (0.5 + 1e-5), `${integer} · ${scale} for ${value}`)
      })
      assert.ok(integers.subarray(row * columns, (row + 1) * columns).some((it) => Math.abs(it) === 127))
    }
  }
})

quantize('whole multiples of a scale are kept exactly', () => {
  const values = Float32Array.from({ length: 255 }, (_, i) => (i - 127) / 4)
  const { integers, scales } = quantized(values, 255)
  assert.equal([scales[0], ...integers], [0.25, ...values.map((it) => it * 4)])
})

quantize('rows of zeros, and of next to nothing', () => {
  const { integers, scales } = quantized(Float32Array.of(0, -0, 1e-45, 0, 1, -1), 2)
  assert.equal([...integers], [0, 0, 0, 0, 127, -127])
  assert.is(scales[0], 0)
  const tiny = quantized(Float32Array.of(3e-37, 1e-45, 189e-45, -2e-38), 2)
  assert.equal([...tiny.integers], [0, 0, 0, 0])
})

quantize('what is not finite shows in the scale', () => {
  const { scales } = quantized(Float32Array.of(1, NaN, 1, -Infinity, 1, 2), 2)
  assert.equal([...scales.map((it) => Number(Number.isFinite(it)))], [0, 0, 1])
})

quantize.run()
