/**
 * onnxruntime-node's part of COMET: `node --import tsx comet_onnxruntime.ts FOLDER WORK webgpu|cpu`, asked as serve.ts says. FOLDER holds what
 * export_comet_onnx.py writes. A query at a time: the graphs give logits, and its caches come back; the beams are ours (src/generation).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ort from 'onnxruntime-node'
import { timed } from '../../src/bench/statistics.js'
import { BeamSearch, type Candidate } from '../../src/generation/beam-search.js'
import { provideVulkanLoader } from '../../src/platform/node/vulkan-loader.js'
import { serve } from './serve.js'
import type { CometWork } from './work.js'

await provideVulkanLoader()
const [folder, file, provider] = process.argv.slice(2) as [string, string, string]
const { queries, beams, longest } = JSON.parse(readFileSync(file, 'utf8')) as CometWork
const eos = 2
const options = {
  numBeams: beams,
  numReturnSequences: beams,
  lengthPenalty: 1,
  earlyStopping: false,
  maxLength: longest,
}
const open = (name: string) =>
  ort.InferenceSession.create(join(folder, `${name}.onnx`), {
    executionProviders: [provider],
    intraOpNumThreads: 2,
    logSeverityLevel: 3,
  })
const [start, step] = [await open('start'), await open('step')]
const int64 = (values: readonly number[], dims: number[]) =>
  new ort.Tensor('int64', BigInt64Array.from(values, BigInt), dims)
const named = (all: Readonly<Record<string, unknown>>, prefix: string) =>
  Object.entries(all as Record<string, ort.Tensor>).filter(([name]) => name.startsWith(prefix))

async function search(ids: readonly number[]) {
  const found = new BeamSearch(options, [eos])
  let results = await start.run({ ids: int64(ids, [1, ids.length]) })
  const cross = Object.fromEntries(named(results, 'cross'))
  let caches = named(results, 'past')
  for (let length = 1; ; length++) {
    const logits = results.logits as ort.Tensor
    // The last id that the length allows ends a tail.
    const forced = length === longest - 1
    found.advance(found.beams.map((_, beam) => (forced ? [{ id: eos, score: 0 }] : best(logits, beam))))
    if (found.done) return found.finish(false).map((it) => it.ids)
    const rows = found.beams
    const past = Object.fromEntries(
      caches.map(([name, cache]) => [
        `past${/\d+$/.exec(name)![0]}`,
        reordered(
          cache,
          rows.map((it) => it.parent),
        ),
      ]),
    )
    const tokens = int64(
      rows.map((it) => it.ids.at(-1)!),
      [beams, 1],
    )
    results = await step.run({ tokens, position: int64([length], [1]), ...cross, ...past })
    caches = named(results, 'new')
  }
}

/** The likeliest ids of a beam, with their log-probabilities. */
function best({ data, dims }: ort.Tensor, beam: number): Candidate[] {
  const vocab = dims.at(-1)!
  const row = (data as Float32Array).subarray(beam * vocab, (beam + 1) * vocab)
  const kept: { id: number; logit: number }[] = []
  const count = BeamSearch.candidates(beams, [eos])
  let largest = Number.NEGATIVE_INFINITY
  for (const value of row) if (value > largest) largest = value
  let total = 0
  for (let id = 0; id < vocab; id++) {
    const logit = row[id]!
    total += Math.exp(logit - largest)
    if (kept.length === count && logit <= kept[count - 1]!.logit) continue
    let at = kept.length
    while (at > 0 && kept[at - 1]!.logit < logit) at--
    kept.splice(at, 0, { id, logit })
    kept.length = Math.min(kept.length, count)
  }
  const logTotal = largest + Math.log(total)
  return kept.map(({ id, logit }) => ({ id, score: logit - logTotal }))
}

/** The rows of those that the beams come from. */
function reordered({ data, dims }: ort.Tensor, parents: readonly number[]): ort.Tensor {
  const values = data as Float32Array
  const size = values.length / beams
  const rows = new Float32Array(values.length)
  for (const [beam, parent] of parents.entries()) {
    rows.set(values.subarray(parent * size, (parent + 1) * size), beam * size)
  }
  return new ort.Tensor('float32', rows, dims)
}

/** One after another, of the same length, each takes as long as the first: a minute or two on a software adapter. */
const tails = async () => queries.length * (await timed(() => search(queries[0]!)))
await serve({ tails: async () => tails }, { 'tails of a query': () => search(queries[0]!) })
