import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TuneReport } from '../../src/cli/tune.js'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { goldenModel } from '../golden.js'
import { testAdapters } from '../gpu.js'
import { inCache } from '../platform/node/in-cache.js'
import { tempFolder } from '../temp.js'
import { misc } from './in-process.js'

const tune = suite('cli/tune')

for (const adapter of testAdapters) {
  tune(
    `${adapter}: measures, keeps the choices, and doctor tells of them; a damaged file is only told of`,
    async () => {
      const cache = tempFolder()
      await inCache(findSwiftShader, cache)
      const here = (...args: string[]) => inCache(() => misc(args), cache)
      const model = await goldenModel('misc-tiny-paper')
      const { status, stdout, stderr } = await here('tune', model, '--adapter', adapter, '--budget', '4', '--json')
      assert.is(status, 0, stderr)
      const report = JSON.parse(stdout) as TuneReport
      assert.equal([report.adapter, report.model, report.problem], [adapter, model, null])
      assert.ok(report.classes.length > 0, 'nothing was measured')
      assert.ok(report.seconds > 0)
      for (const { class: key, guess, choice, gain, ms } of report.classes) {
        assert.is(Object.keys(ms)[0], guess)
        assert.ok(choice === guess ? gain === 1 : gain > 1.04, `${key}: ${choice} gains ${gain}`)
      }
      const keys = report.classes.map((it) => it.class)
      assert.equal(Object.keys(JSON.parse(readFileSync(report.file!, 'utf8')).choices).sort(), keys.sort())

      const doctor = async () => JSON.parse((await here('doctor', '--adapter', adapter, '--json')).stdout).used.tuning
      const { file, classes, problem } = await doctor()
      assert.equal([file, classes, problem], [report.file, keys.length, null])
      writeFileSync(file, '{"adapter":')
      const after = await doctor()
      assert.is(after.classes, 0)
      assert.match(after.problem, /not JSON/)
      const generate = await here('validate', model, '--reference', join(model, 'no-such-file'), '--adapter', adapter)
      assert.is(generate.status, 2)
    },
  )
}

tune('where nothing can be written the table is printed all the same, with exit code 1', async () => {
  const file = join(tempFolder(), 'file')
  writeFileSync(file, '')
  const adapter = testAdapters.find((it) => !/swiftshader/i.test(it))
  if (!adapter) return
  const model = await goldenModel('misc-tiny-paper')
  const { status, stdout, stderr } = await inCache(
    () => misc(['tune', model, '--adapter', adapter, '--budget', '0']),
    file,
  )
  assert.is(status, 1)
  assert.match(stdout, /^0 of 0 guesses replaced, in \S+ s$/m)
  assert.match(stderr, /^misc: the choices could not be kept: E(NOTDIR|EXIST)/m)
})

tune('bad usage', async () => {
  const { status, stderr } = await misc(['tune', '--budget', 'long'])
  assert.is(status, 2)
  assert.match(stderr, /--budget must be a number of seconds, got "long"/)
  assert.match((await misc(['tune', '--help'])).stdout, /Examples:\n {2}misc tune\n/)
})

tune.run()
