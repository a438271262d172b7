import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { GpuError } from '../../src/errors.js'
import { Variants } from '../../src/gpu/variants.js'

const choices = suite('gpu/variants')
const shape = { dtype: 'f32' as const, rows: 1, k: 512, n: 2048 }
const key = 'gemv f32 1x512x2048'

choices('the first candidate, unless measured; what is named goes first', () => {
  const variants = new Variants()
  assert.is(variants.choose('gemv', ['a', 'b', 'c'], shape), 'a')
  variants.adopt(new Map([[key, 'b']]))
  assert.is(variants.choose('gemv', ['a', 'b', 'c'], shape), 'b')
  assert.is(variants.choose('gemv', ['a', 'b', 'c'], { ...shape, rows: 2 }), 'a')
  assert.is(variants.choose('gemv', ['a', 'b', 'c']), 'a')
  variants.name('gemv', 'c')
  assert.is(variants.choose('gemv', ['a', 'b', 'c'], shape), 'c')
  variants.name('gemv', undefined)
  assert.is(variants.choose('gemv', ['a', 'b', 'c'], shape), 'b')
})

choices('a named kernel that is no candidate is an error, not another kernel', () => {
  const variants = new Variants()
  for (const name of ['c', '', '__proto__']) {
    variants.name('gemv', name)
    for (const candidates of [['a', 'b'], ['a']]) {
      assert.throws(
        () => variants.choose('gemv', candidates, shape),
        (error: Error) => error instanceof GpuError && error.message.endsWith(`only ${candidates.join(', ')}`),
      )
    }
    assert.is(variants.choose('gemm', ['a', 'b'], shape), 'a')
  }
})

choices('what was measured and is no candidate here is never chosen', () => {
  const variants = new Variants()
  for (const name of ['gone', '', '__proto__', 'constructor']) {
    variants.adopt(new Map([[key, name]]))
    assert.is(variants.choose('gemv', ['a', 'b'], shape), 'a')
  }
})

choices('remembers each class that was asked for and has a choice', () => {
  const variants = new Variants()
  variants.choose('gemv', ['a', 'b'], shape)
  variants.choose('gemv', ['a', 'b'], { ...shape, n: 2000 })
  variants.choose('gemv', ['a'], { ...shape, rows: 4 })
  variants.choose('layer-norm', ['wide', 'narrow'])
  assert.equal(
    variants.asked.map((it) => [it.shapeClass.key, it.candidates]),
    [[key, ['a', 'b']]],
  )
})

choices('tells which choices some work makes, those with one candidate too', () => {
  const variants = new Variants()
  variants.name('gemv', 'b')
  const choose = () => {
    variants.choose('gemv', ['a', 'b'], shape)
    variants.choose('layer-norm', ['wide'])
  }
  assert.equal(variants.watch(choose), [
    { op: 'gemv', candidates: ['a', 'b'], chosen: 'b' },
    { op: 'layer-norm', candidates: ['wide'], chosen: 'wide' },
  ])
  choose()
  assert.equal(
    variants.watch(() => {}),
    [],
  )
})

choices.run()
