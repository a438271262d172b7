/** What --hooks of reference/capture.py refuses; what it records, which needs `transformers`, is in test/long. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { goldenModel } from '../golden.js'
import { jointModel } from '../joint.js'
import { skipWithoutTorch, torchPython } from '../python.js'
import { tempFolder } from '../temp.js'
import { captureProgram } from '../validate/captured.js'

const hooks = suite('reference/capture.py --hooks: what it refuses')
const test = skipWithoutTorch(hooks, 'it asks capture.py for the hooks of models that have none')

/** What it says last where `transformers` cannot be imported; it exits with 1. */
function refusal(model: string): string {
  const packages = tempFolder()
  mkdirSync(join(packages, 'transformers'))
  writeFileSync(join(packages, 'transformers', '__init__.py'), 'raise ImportError("it is hidden by a test")\n')
  const PYTHONPATH = [packages, process.env.PYTHONPATH].filter((it) => it).join(delimiter)
  const args = [captureProgram, model, join(packages, 'out'), '--hooks']
  const { status, stderr } = spawnSync(torchPython()!, args, { env: { ...process.env, PYTHONPATH }, encoding: 'utf8' })
  assert.is(status, 1, stderr)
  assert.not.match(stderr, 'Traceback')
  // PyTorch itself may have said something before, such as a warning about NumPy.
  return stderr.trim().split('\n').at(-1)!
}

for (const [name, folder] of [
  ['MISC', () => goldenModel('misc-tiny-paper')],
  ['BlenderBot-Joint', jointModel],
  ['mime', () => goldenModel('mime-tiny')],
] as const) {
  test(`${name}, which no class of transformers computes`, async () => {
    const line = `--hooks: transformers has no class that computes ${name}; without --hooks its statements do`
    assert.is(refusal(await folder()), line)
  })
}

test('where transformers is missing, in one line', async () => {
  const line = '--hooks needs the package transformers: pip install transformers (it is hidden by a test)'
  assert.is(refusal(await goldenModel('gpt-tiny')), line)
})

hooks.run()
