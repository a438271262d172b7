import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ShapeError } from '../../src/errors.js'
import { expectRows, expectShape, type Tensor } from '../../src/gpu/tensor.js'

const tensors = suite('gpu/tensor')
const tensor = { label: 'x', shape: [2, 3], dtype: 'f32', bytes: 24 } as unknown as Tensor
const refusal = (work: () => void): string => {
  try {
    work()
  } catch (error) {
    assert.instance(error, ShapeError)
    return (error as Error).message
  }
  return ''
}

tensors('a wrong shape or dtype is named with the op, the tensor, what is needed and what is there', () => {
  assert.is(
    refusal(() => expectShape('op', tensor, [2, 3])),
    '',
  )
  assert.is(
    refusal(() => expectShape('op', tensor, ['rows', 3])),
    '',
  )
  assert.is(
    refusal(() => expectShape('op', tensor, ['rows', 4])),
    'op: x must be f32 [rows, 4], got f32 [2, 3]',
  )
  assert.is(
    refusal(() => expectShape('op', tensor, [2])),
    'op: x must be f32 [2], got f32 [2, 3]',
  )
  assert.is(
    refusal(() => expectShape('op', tensor, [2, 3], 'u32')),
    'op: x must be u32 [2, 3], got f32 [2, 3]',
  )
})

tensors('a tensor may have more rows than are used, not fewer', () => {
  assert.is(
    refusal(() => expectRows('op', tensor, 1, [3])),
    '',
  )
  assert.is(
    refusal(() => expectRows('op', tensor, 3, [3])),
    'op: x must have 3 rows or more, got f32 [2, 3]',
  )
})

tensors.run()
