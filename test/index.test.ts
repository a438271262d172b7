import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { compile, runNode, userFolder } from './user-folder.js'

const declarations = suite('index, declarations')

const program = `
import { Comet, type EventTails, type LoadOptions, Misc, type MiscExplanation, QueueFullError, type Reply, type TailOptions } from 'misc-webgpu'

const options: LoadOptions = { dtype: 'int8', comet: new URL('comet/', 'file:///'), onProgress: (read, total) => read / total }
const misc = await Misc.load(new URL('model/', 'file:///'), options)
try {
  const dialogue = [{ speaker: 'seeker' as const, text: 'hi' }]
  const reply: Reply = await misc.reply({ dialogue }, { signal: AbortSignal.timeout(1000), strategy: 'Question' })
  const sources: ('given' | 'inferred')[] = reply.blocks.post.map(({ source }) => source)
  const { blocks } = await misc.encode({ dialogue, blocks: { post: [{ relation: 'xReact', tail: 'sad' }], situation: [] } })
  const weights: number[] = blocks.post.map(({ source, weight }) => weight * sources.indexOf(source))
  const { words, strategies }: MiscExplanation = await misc.explain({ dialogue }, { seed: 1 })
  const sure: number[] = words.map((it) => it.probability * it.contributions.sum.post * it.attention.context[0]!)
  weights.push(...sure, strategies.predicted.Question)
  const told: [string, boolean, number] = [reply.text, reply.crisis, reply.cut.utterances]
  for await (const { text } of misc.stream({ dialogue })) told[0] += text
} catch (error) {
  if (!(error instanceof QueueFullError)) throw error
} finally {
  await misc[Symbol.asyncDispose]()
}
const comet = await Comet.load(undefined, { dtype: 'f16' })
const asked: TailOptions = { relations: comet.relations, numBeams: 3, signal: AbortSignal.timeout(1000) }
const [found]: EventTails[] = await comet.tails(['i lost my job'], asked)
const best: string | undefined = found?.tails.xReact?.[0]?.text
const without: LoadOptions = { comet: false }
await comet.dispose()
`

const folder = userFolder()
for (const [project, lib, types] of [
  ['of Node', 'es2022', 'node'],
  ['that names no types', 'es2022', ''],
  ['for browsers too', 'es2022,dom', ''],
] as const) {
  declarations(`check whole in a strict project ${project} with lib ${lib}`, () => {
    writeFileSync(join(folder, 'consumer.ts'), program)
    const strict = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--skipLibCheck', 'false']
    const settings = ['--noEmit', '--module', 'nodenext', '--target', 'es2022', '--lib', lib, '--types', types]
    compile(folder, 'consumer.ts', ...strict, ...settings)
  })
}

for (const [project, file, ...settings] of [
  ['that is bundled', 'consumer.ts', '--module', 'esnext', '--moduleResolution', 'bundler'],
  ['of CommonJS', 'consumer.cts', '--module', 'nodenext'],
] as const) {
  declarations(`are found by a project ${project}`, () => {
    const user =
      "import { load, type Engine } from 'misc-webgpu'\nexport const engine: Promise<Engine> = load('model')\n"
    writeFileSync(join(folder, file), user)
    compile(folder, file, '--noEmit', '--strict', '--target', 'es2022', '--types', 'node', ...settings)
  })
}

declarations.run()

const exported = suite('index, exports')

exported('package.json can be read, and nothing else beside the index', () => {
  const program = `
    const require = (await import('node:module')).createRequire(import.meta.url)
    console.log(require('misc-webgpu/package.json').name)
    for (const path of ['dist/index.js', 'dist/engine/misc.js', 'package', 'weights/misc-mini/config.json'])
      console.log(await import('misc-webgpu/' + path).then(() => 'found', (error) => error.code))`
  const refused = 'ERR_PACKAGE_PATH_NOT_EXPORTED\n'
  assert.is(runNode(folder, '--input-type=module', '--eval', program), `misc-webgpu\n${refused.repeat(4)}`)
})

exported.run()
