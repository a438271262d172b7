import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Tensor } from '../../src/gpu/tensor.js'
import {
  layoutsOf,
  linear,
  mapLayout,
  matrix,
  matrixElements,
  norm,
  row,
  rows,
  rowsFrom,
  sideBySide,
  stack,
  sum,
  TensorTable,
  transposed,
} from '../../src/nn/layout.js'

const layout = suite('nn/layout')
const table = new TensorTable()
const [a, b] = [table.linear('r', 'a', 3, 4), table.linear('r', 'b', 5, 4)]
const c = table.tensor('s', 'c', 3, 8)
const flat = table.tensor('s', 'flat', 1, 9)

layout('a table holds tensors in the order of their declaration', () => {
  assert.equal(
    table.tensors.map(({ name, shape }) => `${name} [${shape}]`),
    ['a.weight [3,4]', 'a.bias [3]', 'b.weight [5,4]', 'b.bias [5]', 'c [3,8]', 'flat [1,9]'],
  )
})

layout('the shape on the GPU is that of the parts, put together', () => {
  assert.equal(matrix(a.weight, b.weight).shape, [8, 4])
  assert.equal(stack(a.bias, b.bias).shape, [8])
  assert.equal(stack(flat).shape, [1, 9])
  assert.equal(row(flat).shape, [9])
  assert.equal(rows(a.bias, a.bias).shape, [2, 3])
  assert.equal(sideBySide(a.weight, c).shape, [3, 12])
  assert.equal(sum(a.bias, a.bias).shape, [3])
  assert.equal(transposed(c).shape, [8, 3])
  assert.equal(matrix(rowsFrom(c, 1, 2), rowsFrom(c, 0, 1)).shape, [3, 8])
})

layout('matrices alone take the dtype of weights, and only where their rows are whole words', () => {
  const ragged = table.tensor('r', 'ragged', 3, 6)
  assert.is(matrix(a.weight).dtype('int8'), 'int8')
  assert.is(sideBySide(a.weight, c).dtype('f16'), 'f16')
  assert.is(matrix(ragged).dtype('f16'), 'f32')
  assert.equal(
    [transposed(b.weight), transposed(a.weight)].map((it) => it.dtype('f16')),
    ['f32', 'f32'],
  )
  assert.is(transposed(new TensorTable().tensor('r', 'even', 4, 6)).dtype('int8'), 'int8')
  assert.is(sideBySide(ragged, ragged).dtype('f16'), 'f16')
  for (const it of [stack(c), row(flat), rows(a.bias), sum(a.bias)]) assert.is(it.dtype('int8'), 'f32')
})

layout('a tree keeps its form when a tensor is made for every layout, in their order', () => {
  const tree = { kind: 'x' as const, nothing: undefined, layers: [linear(a, b), norm(a)] }
  const made: string[] = []
  const loaded = mapLayout(tree, (it) => {
    made.push(it.label)
    return { label: it.label } as Tensor
  })
  assert.equal(made, ['a.weight + 1', 'a.bias + 1', 'a.weight', 'a.bias'])
  assert.is(loaded.kind, 'x')
  assert.is(loaded.nothing, undefined)
  assert.is(loaded.layers[1]!.bias.label, 'a.bias')
  assert.equal(
    layoutsOf(tree).map((it) => it.label),
    made,
  )
  assert.is(matrixElements(tree), 8 * 4)
})

layout.run()
