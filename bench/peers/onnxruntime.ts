/**
 * onnxruntime-node's part: `node --import tsx onnxruntime.ts FOLDER webgpu|cpu`, asked as serve.ts says. FOLDER holds what
 * ../shared/tools/peer/export_onnx.py and ./export_onnx.py write.
 */
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { timed } from '../../src/bench/statistics.js'
import { provideVulkanLoader } from '../../src/platform/node/vulkan-loader.js'
import { serve, type Task, warmedUp } from './serve.js'
import { gemm, gemv, lengths, type Product, values } from './work.js'

await provideVulkanLoader()
const [folder, provider] = process.argv.slice(2) as [string, string]
const layers = 8
const heads = 16
const headWidth = 32
const cached = 5

const open = (name: string) =>
  ort.InferenceSession.create(join(folder, `${name}.onnx`), {
    executionProviders: [provider],
    intraOpNumThreads: 2,
    logSeverityLevel: 3,
  })
const floats = (dims: number[]) => new ort.Tensor('float32', values(dims.reduce((a, b) => a * b)), dims)
const ids = (dims: number[], id: (i: number) => number) =>
  new ort.Tensor(
    'int64',
    BigInt64Array.from({ length: dims.reduce((a, b) => a * b) }, (_, i) => BigInt(id(i))),
    dims,
  )
/** Blocks of so many ids and padding behind: the exported graph cannot do without. */
const blockIds = (count: number) =>
  ids([count, lengths.paddedLength], (i) =>
    i % lengths.paddedLength < lengths.blockLength ? 10 + ((i * 11) % 50000) : 0,
  )

async function encode(): Promise<Task> {
  const session = await open('encode')
  const all: Record<string, ort.Tensor> = {
    ids: ids([1, lengths.context], (i) => 10 + i * 7),
    mask: ids([1, lengths.context], () => 1),
    post: blockIds(lengths.post),
    situation: blockIds(lengths.situation),
  }
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]!]))
  return warmedUp(() => timed(() => session.run(feeds)), 1)
}

/** A step after the other: its caches go out, and in again with the next. */
async function decode(): Promise<Task> {
  const session = await open('decode')
  const { context, post, situation } = lengths
  const feeds: Record<string, ort.Tensor> = {}
  const cache = (count: number) => floats([1, heads, count, headWidth])
  const start = () => {
    for (let i = 0; i < layers; i++) {
      feeds[`pk${i}`] = feeds[`pv${i}`] = cache(cached)
      for (const [j, n] of [context, context, post, post, situation, situation].entries())
        feeds[`c${i}_${j}`] ??= cache(n)
    }
  }
  let position = cached
  const task = async () => {
    if (position === cached || position > cached + 31) {
      start()
      position = cached
    }
    feeds.tok = ids([1, 1], () => 5)
    feeds.pos = ids([1], () => position)
    position++
    let results: ort.InferenceSession.OnnxValueMapType = {}
    const ms = await timed(async () => {
      results = await session.run(feeds)
    })
    for (let i = 0; i < layers; i++) {
      feeds[`pk${i}`] = results[`o${2 * i}`] as ort.Tensor
      feeds[`pv${i}`] = results[`o${2 * i + 1}`] as ort.Tensor
    }
    return ms
  }
  return warmedUp(task, 3)
}

async function blocks(): Promise<Task> {
  const session = await open('blocks')
  const feeds = { ids: blockIds(lengths.manyBlocks) }
  return warmedUp(() => timed(() => session.run(feeds)), 1)
}

async function product(name: string, { rows, k }: Product): Promise<Task> {
  const session = await open(name)
  const feeds = { x: floats([rows, k]) }
  return warmedUp(() => timed(() => session.run(feeds)), 3)
}

await serve({ encode, decode, blocks, gemm: () => product('gemm', gemm), gemv: () => product('gemv', gemv) })
