import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { PickleValue } from '../../src/io/pickle.js'
import { findStateDict } from '../../src/io/state-dict.js'
import { TorchStorage, TorchTensor } from '../../src/io/torch-tensor.js'
import { cpuMs } from '../cpu-ms.js'
import { refused } from '../throws.js'

const stateDict = suite('io/state-dict')

const tensor = (size = 2) => new TorchTensor(new TorchStorage('0', 'F32', 4 * size), 'F32', [size], [1], 0)
const scalar = () => new TorchTensor(new TorchStorage('1', 'F32', 4), 'F32', [], [], 0)
const dict = (entries: Record<string, PickleValue>): PickleValue => new Map(Object.entries(entries))
const find = (value: PickleValue, chosen?: string) => findStateDict(value, 'file', chosen)
const names = (value: PickleValue, chosen?: string) => [...find(value, chosen).tensors.keys()]

stateDict('flat, or within others', () => {
  const weights = dict({ 'a.weight': tensor(), 'a.bias': tensor(), _metadata: null })
  assert.equal(names(weights), ['a.weight', 'a.bias'])
  assert.equal(find(weights).ignored, ['_metadata'])
  const optimizer = dict({ state: new Map([[0, dict({ exp_avg: tensor() })]]), param_groups: [] })
  const saved = dict({ epoch: 1, best: scalar(), model: dict({ state_dict: weights, version: 2 }), optimizer })
  assert.equal(names(saved), ['a.weight', 'a.bias'])
  assert.equal(find(saved).ignored.toSorted(), ['_metadata', 'best', 'epoch', 'optimizer', 'version'])
  assert.equal(names(dict({ step: scalar() })), ['step'])
})

stateDict("the parts of MoEL's program are joined", () => {
  const parts = { encoder_state_dict: dict({ w: tensor() }), generator_dict: dict({ 'proj.bias': tensor() }) }
  assert.equal(names(dict({ iter: 1, ...parts, embedding_dict: dict({ 'lut.weight': tensor() }) })), [
    'encoder.w',
    'generator.proj.bias',
    'embedding.lut.weight',
  ])
})

stateDict('of several, one is chosen by name, and none is guessed', async () => {
  const several = dict({ model: dict({ a: tensor() }), ema: dict({ b: tensor() }) })
  await refused(
    () => find(several),
    /^file: holds several dicts of tensors, \["model","ema"\]; choose one with --state-dict NAME$/,
  )
  assert.equal(names(several, 'ema'), ['b'])
  assert.equal(find(several, 'ema').ignored, ['model'])
  await refused(() => find(several, 'c'), /no dict of tensors called "c"; it holds \["model","ema"\]/)
  const mixed = dict({ a: tensor(), extra: dict({ b: tensor() }) })
  await refused(() => find(mixed), /tensors of its own \("\."\) and in dicts, \["extra"\]; choose one/)
  assert.equal(names(mixed, '.'), ['a'])
  assert.equal(names(mixed, 'extra'), ['b'])
  await refused(() => find(dict({ a: tensor() }), 'x'), /no dict of tensors called "x"; it holds none/)
})

stateDict('what holds none, or endless ones, is refused at once', async () => {
  for (const value of [null, 1, 'a', dict({}), dict({ a: 1 }), new Map([[1, tensor()]])] as PickleValue[]) {
    await refused(() => find(value), /save a model's state_dict\(\)/)
  }
  const itself = new Map<PickleValue, PickleValue>()
  itself.set('self', itself)
  await refused(() => find(itself), /holds no tensors by name/)
  // Every dict holds the next one many times.
  let doubled: PickleValue = dict({ a: tensor() })
  for (let i = 0; i < 50; i++) doubled = dict({ l: doubled, r: doubled, m: doubled })
  const start = cpuMs()
  await refused(() => find(doubled), /holds no tensors by name/)
  assert.ok(cpuMs() - start < 3000)
  // Each of many names leads to the same dict of many.
  const numbers = dict(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`n${i}`, i])))
  const many = dict(Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`d${i}`, numbers])))
  const begin = cpuMs()
  await refused(() => find(many), /holds no tensors by name/)
  ;(numbers as Map<PickleValue, PickleValue>).set('last', tensor())
  await refused(() => find(many), /holds several dicts of tensors/)
  const tensors = dict(Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`t${i}`, scalar()])))
  assert.is(find(tensors).tensors.size, 100_000)
  assert.ok(cpuMs() - begin < 3000)
  let deep: PickleValue = dict({ a: tensor() })
  for (let i = 0; i < 6; i++) deep = dict({ model: deep })
  await refused(() => find(deep), /holds no tensors by name/)
})

stateDict('names that no file of weights may have are refused', async () => {
  for (const name of ['', '__metadata__', 'a'.repeat(1001)]) {
    await refused(() => find(dict({ [name]: tensor() })), /^file: a tensor is called ".*rename it$/)
  }
})

stateDict('tensors that share storages may, within measure', async () => {
  const storage = new TorchStorage('0', 'F32', 4 * 2 ** 22)
  const view = () => new TorchTensor(storage, 'F32', [2 ** 22], [1], 0)
  const tied = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`t${i}`, view()]))
  assert.is(names(dict(tied)).length, 8)
  const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`t${i}`, view()]))
  await refused(() => find(dict(many)), /its tensors would take 150994944 bytes, but it holds 16777216/)
})

stateDict.run()
