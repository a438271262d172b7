/** Faults as `misc validate --bisect` names them; those of weights alone are in validate.test.ts. */
import { execFileSync } from 'node:child_process'
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { strFromU8, unzipSync } from 'fflate'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { describeFolder, openModel } from '../../src/engine/load-model.js'
import type { MiscModel } from '../../src/models/misc/model.js'
import { findSwiftShader } from '../../src/platform/node/swiftshader.js'
import { bisect, bisectionVerdict } from '../../src/validate/bisect.js'
import { stageLimits } from '../../src/validate/comparison.js'
import { readReferenceCase } from '../../src/validate/reference-case.js'
import { captureCase, firstFailure, validateCase } from '../../src/validate/validate.js'
import { misc } from '../cli/in-process.js'
import { goldenCases, goldenModel } from '../golden.js'
import { sharedGpu, testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'
import { changedModel, withShader } from './planted.js'
import { rewritten } from './rewritten.js'

const bisection = suite(`validate/bisect on ${testAdapters[0]}`)
const model = await goldenModel('misc-tiny-released')
// One dialogue, without padding.
const tiny = goldenCases('misc-tiny-released')[0]!

const validate = async (folder: string, ...args: string[]) => {
  const { stdout, stderr, status } = await misc(['validate', folder, ...args, '--adapter', testAdapters[0]!])
  assert.is(status, 1, stderr)
  return stdout
}
const bisected = (words: string) => /^bisected: .*$/m.exec(words)![0]

bisection('a wrong epsilon: the norm, whose kernels all have it', async () => {
  const words = await withShader('layer-norm.wgsl', 'f32(d) + params.eps', 'f32(d) + 1e-3', () =>
    validate(model, '--reference', tiny, '--bisect'),
  )
  assert.match(words, /the first stage beyond tolerance is blocks\.post /)
  assert.match(
    bisected(words),
    /dispatch \d+, layer-norm, which writes encoder\.middle: its value \d+ is \S+, float64 gives \S+$/,
  )
})

bisection('one wrong kernel variant: by its name, with those that are right; the report runs it again', async () => {
  const report = join(tempFolder(), 'report.zip')
  // Both kernels of a product that a first adapter may choose here.
  const words = await withShader(
    'matmul-output.wgsl',
    'value = activate(value',
    'if (params.activation == 1) { value *= 1.01; } value = activate(value',
    () => validate(model, '--reference', tiny, '--report', report),
  )
  assert.match(
    bisected(words),
    /dispatch \d+, gem[mv]\.\S+, which writes feed-forward: its value \d+ is \S+, float64 gives \S+$/,
  )
  const files = unzipSync(readFileSync(report))
  assert.equal(Object.keys(files), ['report.json', 'report.md', 'heat-map.html', 'first-bad-op.mjs'])
  const { environment, config, ok, cases, ops, bisection } = JSON.parse(strFromU8(files['report.json']!))
  assert.equal([ok, cases.length, bisection.stage, config.d_model], [false, 2, 'blocks.post', 64])
  assert.ok(environment.adapter.name && environment.features.length > 0 && ops.length > 50)
  assert.ok(strFromU8(files['report.md']!).includes(words.trim()), 'the report says what the command said')
  assert.match(
    strFromU8(files['heat-map.html']!),
    /<th>blocks\.post<\/th><td style="background:hsl\(0 90% 55%\)" class="bad">/,
  )

  const folder = tempFolder()
  symlinkSync(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))
  const program = join(folder, 'first-bad-op.mjs')
  writeFileSync(program, files['first-bad-op.mjs']!)
  try {
    const name = testAdapters[0]!.split(' ')[0]!
    const icd = name === 'SwiftShader' ? (await findSwiftShader())!.icd : undefined
    const env = { ...process.env, ...(icd && { VK_ICD_FILENAMES: icd, VK_DRIVER_FILES: icd }) }
    execFileSync(process.execPath, [program, name], { stdio: 'pipe', encoding: 'utf8', env })
    assert.unreachable('it ends with 1')
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: string }
    assert.is(status, 1, String(error))
    assert.match(
      stdout,
      /^out: \d+ values, the farthest off by \S+, MORE than \S+: \[\d+\] is \S+, float64 gives \S+$/m,
    )
  }
})

bisection('a wrong variant among right ones', async () => {
  const gpu = await sharedGpu(testAdapters[0]!)
  if (!gpu.features.has('subgroups') || gpu.adapter.subgroupSize <= 4) {
    process.stderr.write(`skipped, ${gpu.adapter.name} has no gemm of the kind subgroup\n`)
    return
  }
  const words = await withShader('gemm.subgroup.wgsl', 'sums[r][c]);', 'sums[r][c] * 1.01);', () =>
    validate(model, '--reference', tiny, '--bisect'),
  )
  assert.match(
    bisected(words),
    /gemm\.subgroup, which writes encoder\.query: .*; the stage is well with the variants plain, and off with subgroup/,
  )
})

bisection('a flipped weight: every op is right, and so it is the weights', async () => {
  const folder = await changedModel({
    'model.decoder.layers.0.fc1.weight': (values) => {
      const largest = values.reduce((at, it, i) => (Math.abs(it) > Math.abs(values[at]!) ? i : at), 0)
      values[largest]! *= -1
    },
  })
  const words = await validate(folder, '--reference', tiny, '--bisect')
  assert.match(
    bisected(words),
    /every op gives what float64 makes of its inputs and weights: .* Weights read: .*model\.decoder\.layers\.0\.fc1\.weight/,
  )
})

bisection('an f16 overflow that stays finite: no value is lost, and the norm is named', async () => {
  // Activations whose variance f16 cannot hold; the norm after them hides how large they are.
  const loud = (values: Float32Array) => values.set(values.map((it) => it * 4096))
  const folder = await changedModel(
    Object.fromEntries(['weight', 'bias'].map((part) => [`model.encoder.layers.0.fc2.${part}`, loud])),
  )
  const gpu = await sharedGpu(testAdapters[0]!)
  const healthy = await openModel(gpu, folder)
  const { stages } = await captureCase(gpu, healthy, await readReferenceCase(tiny, await describeFolder(folder)))
  healthy.dispose()
  const copied = (name: string) => [name, (values: Float32Array) => values.set(stages.get(name)!)] as const
  const names = ['blocks.post', 'blocks.situation', 'encoder.hidden.1', 'encoder.hidden.2', 'encoder.last_hidden_state']
  const reference = await rewritten(tiny, Object.fromEntries(names.map(copied)))
  const overflow = [
    'squares / f32(d) + params.eps',
    'select(squares / f32(d) + params.eps, 3e38, squares / f32(d) > 65504)',
  ] as const
  const words = await withShader('layer-norm.wgsl', ...overflow, () =>
    validate(folder, '--reference', reference, '--bisect', '--ops'),
  )
  assert.match(words, /the first stage beyond tolerance is blocks\.post /)
  assert.match(bisected(words), /layer-norm, which writes encoder\.x: its value \d+ is \S+, float64 gives \S+/)
  assert.not.match(words, /not finite/)
  // What the norm reads is near the end of f16, as no other value is.
  const room = [...words.matchAll(/^ +\d+ {2}blocks\.post .* (\S+)×$/gm)].map(([, times]) => Number(times))
  assert.is(room.filter((it) => it < 20).length, 1, words)
})

bisection('a stale row of the cache: only id by id, and every op is right', async () => {
  const gpu = await sharedGpu(testAdapters[0]!)
  const stale = (await openModel(gpu, model, { family: 'misc' })) as MiscModel
  const step = stale.step.bind(stale)
  stale.step = (pass, cache, rows) => {
    const logits = step(pass, cache, rows)
    if (rows.newRows === 1) pass.recorder.copy(cache.self[0]!.keys, cache.self[0]!.values, 64)
    return logits
  }
  const reference = await readReferenceCase(tiny, await describeFolder(model))
  const limits = stageLimits('f32', 'misc')
  const failure = firstFailure(await validateCase(gpu, stale, reference, { limits }))!
  assert.equal([failure.stage, failure.report.mode], ['decoder.hidden.1', 'cached'])
  using found = await bisect(gpu, stale, reference, failure, limits)
  assert.equal([found.bisection.bad, found.bisection.step], [null, 1])
  assert.match(bisectionVerdict(found.bisection), /what earlier steps left in the cache is not what they computed/)
  stale.dispose()
})

bisection.run()
