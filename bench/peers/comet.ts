/** misc-webgpu's part of COMET: `node --import tsx comet.ts MODEL WORK ADAPTER`, asked as serve.ts says. WORK is a file of {@link CometWork}. */
import { readFileSync } from 'node:fs'
import { timed } from '../../src/bench/statistics.js'
import { BeamDecoder } from '../../src/engine/beam-decoder.js'
import { InputReader } from '../../src/engine/input-reader.js'
import { openModel } from '../../src/engine/load-model.js'
import { resolveOptions } from '../../src/generation/options.js'
import { tokenRules } from '../../src/generation/token-rules.js'
import type { Model } from '../../src/models/model.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { adoptTuning } from '../../src/platform/node/tuning-file.js'
import { serve, warmedUp } from './serve.js'
import type { CometWork } from './work.js'

const [folder, file, adapter] = process.argv.slice(2)
const { queries, beams, longest } = JSON.parse(readFileSync(file!, 'utf8')) as CometWork
const gpu = await openGpu({ adapter })
await adoptTuning(gpu, (message) => process.stderr.write(`${message}\n`))
const model: Model<readonly number[]> = await openModel(gpu, folder!)
const reader = new InputReader(gpu, model)
const decoder = new BeamDecoder<readonly number[]>({
  decoder: {
    ...{ gpu, model, rules: tokenRules(model.config), maxBatch: Number.POSITIVE_INFINITY },
    encode: (...inputs) => reader.encode(...inputs),
  },
  options: { maxQueue: Number.POSITIVE_INFINITY },
  exclusive: (work) => work(),
})
const options = resolveOptions({
  ...{ doSample: false, numBeams: beams, numReturnSequences: beams, lengthPenalty: 1, earlyStopping: false },
  ...{ maxLength: longest, minLength: 0, noRepeatNgramSize: 0, repetitionPenalty: 1 },
})
const search = (inputs: readonly (readonly number[])[]) =>
  decoder.search(inputs.map((input) => ({ input, options, history: [model.first(input).id] })))

await serve(
  { tails: () => warmedUp(() => timed(() => search(queries)), 1) },
  { 'tails of a query': async () => (await search(queries.slice(0, 1)))[0]!.map(({ ids }) => ids) },
)
