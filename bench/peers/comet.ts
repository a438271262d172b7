/** misc-webgpu's part of COMET: `node --import tsx comet.ts MODEL WORK ADAPTER`, asked as serve.ts says. WORK is a file of {@link CometWork}. */
import { readFileSync } from 'node:fs'
import { timed } from '../../src/bench/statistics.js'
import { BeamDecoder, searchAlone } from '../../src/engine/beam-decoder.js'
import { usualSearch } from '../../src/engine/comet-folder.js'
import { InputReader } from '../../src/engine/input-reader.js'
import { openModel } from '../../src/engine/load-model.js'
import { resolveOptions } from '../../src/generation/options.js'
import { tokenRules } from '../../src/generation/token-rules.js'
import { openGpu } from '../../src/platform/node/open-gpu.js'
import { adoptTuning } from '../../src/platform/node/tuning-file.js'
import { serve, warmedUp } from './serve.js'
import type { CometWork } from './work.js'

const [folder, file, adapter] = process.argv.slice(2)
const { queries, beams, longest } = JSON.parse(readFileSync(file!, 'utf8')) as CometWork
const gpu = await openGpu({ adapter })
await adoptTuning(gpu, (message) => process.stderr.write(`${message}\n`))
const model = await openModel(gpu, folder!, { family: 'bart' })
const decoder = new BeamDecoder(searchAlone(new InputReader(gpu, model), tokenRules(model.config)))
const options = resolveOptions({
  ...{ ...usualSearch, doSample: false },
  ...{ numBeams: beams, numReturnSequences: beams, maxLength: longest },
})
const search = (inputs: readonly (readonly number[])[]) =>
  decoder.search(inputs.map((input) => ({ input, options, history: [model.first().id] })))

await serve(
  { tails: () => warmedUp(() => timed(() => search(queries)), 1) },
  { 'tails of a query': async () => (await search(queries.slice(0, 1)))[0]!.map(({ ids }) => ids) },
)
