import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shapeClass } from '../../src/gpu/shape-class.js'

const classes = suite('gpu/shape-class')

classes('rows fall into few classes, columns are rounded up', () => {
  const key = (rows: number, k: number, n: number) => shapeClass('gemv', { dtype: 'f32', rows, k, n }).key
  assert.is(key(1, 512, 54962), 'gemv f32 1x512x16384')
  assert.is(key(3, 1536, 512), 'gemv f32 4x2048x512')
  assert.is(key(17, 1, 0), 'gemv f32 64x1x1')
  assert.equal(
    [2, 4, 5, 16, 64, 65, 5000].map((rows) => key(rows, 8, 8).split(/ |x/)[2]),
    [...['4', '4', '16', '16', '64', '256', '256']],
  )
})

classes('the class of a class’s own sizes is the class itself', () => {
  for (const rows of [1, 2, 16, 30, 900]) {
    for (const size of [1, 4, 63, 64, 5773, 1e6]) {
      const one = shapeClass('attention', { dtype: 'f32', rows, k: size, n: size })
      assert.equal(shapeClass('attention', one), one)
    }
  }
})

classes.run()
