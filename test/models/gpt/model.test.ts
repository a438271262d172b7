import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { synthesize } from '../../../src/cli/synth.js'
import { describeFolder, openModel } from '../../../src/engine/load-model.js'
import type { Gpu } from '../../../src/gpu/gpu.js'
import { openCheckpoint } from '../../../src/io/checkpoint.js'
import { openSafetensors } from '../../../src/io/safetensors.js'
import { GptModel, type Prompt } from '../../../src/models/gpt/model.js'
import { recognizeModel } from '../../../src/models/registry.js'
import { goldenCases, goldenModel } from '../../golden.js'
import { assertClose, firstGpuSuite, randomValues, seededRandom } from '../../gpu.js'
import { atOnce, greedy, oneByOne } from '../../model-runs.js'
import { gpt } from '../../reference/gpt.js'
import { sharedPath } from '../../shared.js'
import { tempFolder } from '../../temp.js'
import { refused } from '../../throws.js'
import { validated } from '../../validate/validated.js'
import { changedGpt, rawNames, type Tensors, tensorsOf } from './raw-names.js'

const folder = await goldenModel('gpt-tiny')
const [reference] = goldenCases('gpt-tiny') as [string]
const V = 320

async function open(gpu: Gpu, from = folder): Promise<GptModel> {
  const model = await openModel(gpu, from)
  assert.instance(model, GptModel)
  return model as GptModel
}

/** The first row's prompt of the reference, and the greedy ids after it. */
async function referenceGreedy(): Promise<{ prompt: number[]; ids: number[] }> {
  await using file = await openSafetensors(reference)
  const [ids, all] = [await file.readI64('input_ids'), await file.readI64('greedy')]
  assert.equal(all.slice(0, 17), ids.slice(0, 17))
  return { prompt: all.slice(0, 17), ids: all.slice(17) }
}

async function agrees(gpu: Gpu, from: string, files = [reference]): Promise<void> {
  const reports = await validated(gpu, from, files)
  assert.equal(
    reports.map(({ mode }) => mode),
    ['full', 'cached'],
  )
  for (const { mode, stages, argmax_agreement } of reports) {
    assert.equal([stages.map(({ name }) => name), argmax_agreement], [['logits'], 1])
    assert.ok(
      stages.every((stage) => stage.ok),
      `${mode}: ${JSON.stringify(stages)}`,
    )
  }
}

/** With biases of keys and values that change nothing: scores move alike for all keys, and c_proj takes the values' back. */
function withBias(tensors: Tensors): Tensors {
  for (let i = 0; i < 3; i++) {
    const name = `transformer.h.${i}.attn`
    const weight = tensors.get(`${name}.c_proj.weight`)!.values
    const { shape, values } = tensors.get(`${name}.c_proj.bias`)!
    const bias = randomValues(192, i + 1)
    bias.fill(0, 0, 64)
    const moved = values.map((it, out) => {
      let sum = it
      for (let c = 0; c < 64; c++) sum -= bias[128 + c]! * weight[c * 64 + out]!
      return sum
    })
    tensors.set(`${name}.c_proj.bias`, { shape, values: moved })
    tensors.set(`${name}.c_attn.bias`, { shape: [192], values: bias as Float32Array<ArrayBuffer> })
    tensors.set(`${name}.bias`, { shape: [1, 1, 48, 48], values: new Float32Array(48 * 48).fill(1) })
  }
  return tensors
}

firstGpuSuite('models/gpt/model', (test) => {
  test('logits, full and cached, in each dtype; masked places take no part', async (gpu) => {
    await agrees(gpu, folder)
    for (const dtype of ['f16', 'int8'] as const) {
      for (const { mode, stages } of await validated(gpu, folder, [reference], dtype)) {
        assert.ok(stages[0]!.ok && stages[0]!.max_abs > 1e-5, `${dtype} ${mode}: ${JSON.stringify(stages)}`)
      }
    }
  })

  test('the file of the reference as it is', async (gpu) => {
    const shared = sharedPath('golden', 'gpt-tiny')
    if (!shared) return void process.stderr.write('skipped, ../shared is missing: loads gpt-tiny as it is\n')
    await agrees(gpu, shared, [join(shared, 'case0.safetensors')])
  })

  test('greedy ids are those of the reference, alone and beside others', async (gpu) => {
    const model = await open(gpu)
    const { prompt, ids } = await referenceGreedy()
    const one = { input: prompt, history: prompt }
    assert.equal(await greedy(gpu, model, [one], ids.length), [ids])
    const others = [prompt.slice(0, 1), prompt.slice(3, 9), [...prompt, ...prompt]].map((it) => ({
      input: it,
      history: it,
    }))
    const alone: number[][] = []
    for (const it of others) alone.push(...(await greedy(gpu, model, [it], ids.length)))
    const together = await greedy(gpu, model, [others[0]!, others[2]!, one, others[1]!], ids.length)
    assert.equal(together, [alone[0], alone[2], ids, alone[1]])
  })

  test('drawing goes on from the position of the last id, not from how many there are', async (gpu) => {
    const model = await open(gpu)
    const { prompt } = await referenceGreedy()
    const placed = { ids: prompt.slice(0, 6), positions: [0, 1, 2, 3, 4, 17] }
    const ids = (await greedy(gpu, model, [{ input: placed, history: placed.ids }], 12))[0]!
    const [logits] = await oneByOne(gpu, model, [{ input: placed, ids: [placed.ids[5]!, ...ids.slice(0, -1)] }])
    const best = ids.map((_, row) => logits!.subarray(row * V, (row + 1) * V)).map((it) => it.indexOf(Math.max(...it)))
    assert.equal(ids, best)
    const counted = { input: placed.ids, history: placed.ids }
    assert.not.equal(await greedy(gpu, model, [counted], 12), [ids])
  })

  test('after a prompt, id by id is as all at once; in a ragged batch, where positions run on over what is left out, as alone', async (gpu) => {
    const model = await open(gpu)
    const random = seededRandom(3)
    const ids = (length: number) => Array.from({ length }, () => Math.floor(random() * V))
    const shapes: [prompt: number, ids: number, gap: number][] = [
      [17, 6, 0],
      [5, 12, 13],
      [1, 9, 0],
      [2, 20, 4],
      [30, 3, 2],
      [1, 5, 20],
    ]
    const inputs = shapes.map(([length, count, gap]) => {
      const all = ids(length + count - 1)
      const positions = [...all.keys()].map((i) => (i >= length - 1 ? i + gap : i))
      const whole: Prompt = { ids: all.slice(0, 1), positions: positions.slice(0, 1) }
      const prompt: Prompt = gap
        ? { ids: all.slice(0, length), positions: positions.slice(0, length) }
        : all.slice(0, length)
      return { forced: { input: prompt, ids: all.slice(length - 1) }, whole, all, positions, length }
    })
    const forced = inputs.map((it) => it.forced)
    const together = await oneByOne(gpu, model, forced)
    const atOnceTogether = await atOnce(gpu, model, forced)
    for (const [i, { forced, length, all }] of inputs.entries()) {
      assertClose(atOnceTogether[i]!, together[i]!, 1e-5)
      assertClose((await oneByOne(gpu, model, [forced]))[0]!, together[i]!, 1e-5)
      // Nothing before it: all of it in one pass, where no position runs on.
      if (shapes[i]![2] > 0) continue
      const [whole] = await atOnce(gpu, model, [{ input: all.slice(0, 1), ids: all }])
      assertClose(whole!.subarray((length - 1) * V), together[i]!, 1e-5)
    }
    // Another position is another input.
    const gapless = { input: inputs[1]!.all.slice(0, 5), ids: inputs[1]!.forced.ids }
    const [moved] = await oneByOne(gpu, model, [gapless])
    assert.ok(Math.max(...moved!.map((it, i) => Math.abs(it - together[1]![i]!))) > 1e-2)
  })

  test('the names of COMET-2019: the same logits, and the buffers that are named like biases are none', async (gpu) => {
    await agrees(gpu, await changedGpt(folder, (tensors) => rawNames(tensors, 'module.')))
    await agrees(gpu, await changedGpt(folder, (tensors) => rawNames(withBias(tensors), '')))
  })

  test('widths that no tile divides, and masks anywhere, agree with the twin', async (gpu) => {
    for (const [n_embd, n_head, n_layer, vocab_size, n_positions] of [
      [54, 3, 2, 101, 30],
      [66, 11, 1, 57, 70],
      [20, 1, 3, 7, 9],
    ] as const) {
      const config = { model_type: 'openai-gpt', n_embd, n_head, n_layer, vocab_size, n_positions, synthetic_seed: 3 }
      const [from, made] = [join(tempFolder(), 'config.json'), tempFolder()]
      writeFileSync(from, JSON.stringify(config))
      await synthesize(from, made)
      const tensors = await tensorsOf(made)
      const random = seededRandom(n_embd)
      const places = [...Array(n_positions).keys()]
      const rows = [1, 0.5, 0.7].map((part, b) => ({
        ids: places.map(() => Math.floor(random() * vocab_size)),
        // The last begins with padding.
        mask: places.map((i) => (random() < part && !(b === 2 && i < 4) ? 1 : 0)),
      }))
      const model = await open(gpu, made)
      const inputs = rows.map(({ ids, mask }) => {
        const kept = places.filter((i) => mask[i] !== 0)
        return { input: { ids: kept.map((i) => ids[i]!), positions: kept }, kept }
      })
      // Drawn after the whole prompt, all in one batch: the logits of its last id.
      const forced = inputs.map(({ input }) => ({ input, ids: input.ids.slice(-1) }))
      const found = await oneByOne(gpu, model, forced)
      for (const [b, { ids, mask }] of rows.entries()) {
        const last = inputs[b]!.kept.at(-1)!
        const expected = gpt(tensors, { layers: n_layer, heads: n_head }, ids, mask)
        assertClose(found[b]!, expected.subarray(last * vocab_size, (last + 1) * vocab_size), 2e-5)
      }
    }
  })

  test('queries, keys and values with a bias, and names without a prefix', async (gpu) => {
    await agrees(gpu, await changedGpt(folder, withBias))
    const bare = (tensors: Tensors) => new Map([...tensors].map(([name, it]) => [name.replace('transformer.', ''), it]))
    await agrees(gpu, await changedGpt(folder, (tensors) => bare(withBias(tensors))))
  })

  test('a prompt without ids, or with fewer positions, is refused', async (gpu) => {
    const model = await open(gpu)
    await refused(() => model.first([]), /a prompt has 0 ids and 0 positions/)
    await refused(() => model.size({ ids: [1, 2], positions: [0] }), /has 2 ids and 1 positions/)
  })
})

const without = (tensors: Tensors, name: string): Tensors => new Map([...tensors].filter(([it]) => it !== name))

const files = suite('models/gpt/model: files')

files('a bias that some layers lack, and another table, are named', async () => {
  const recognized = async (change: (tensors: Tensors) => Tensors) => {
    const changed = await changedGpt(folder, change)
    await using checkpoint = await openCheckpoint(changed)
    return recognizeModel(checkpoint, changed)
  }
  await refused(
    () => recognized((tensors) => without(withBias(tensors), 'transformer.h.1.attn.c_attn.bias')),
    /h\.1\.attn\.c_attn\.bias \(missing\)/,
  )
  await refused(
    () => recognized((tensors) => without(tensors, 'transformer.positions_embed.weight')),
    /as a decoder alone: transformer\.positions_embed\.weight \(missing\)/,
  )
  const short = (tensors: Tensors) => {
    const raw = rawNames(tensors, '')
    const { shape, values } = raw.get('transformer.embed.weight')!
    return raw.set('transformer.embed.weight', { shape: [shape[0]! - 1, 64], values: values.slice(64) })
  }
  await refused(() => recognized(short), /transformer\.embed\.weight \(shape \[367,64\], expected \[368,64\]\)/)

  const { tensors } = await recognized((tensors) => rawNames(tensors, ''))
  assert.equal(
    tensors.tied.map(({ name }) => name),
    ['lm_head.decoder.weight'],
  )
  const buffers = [0, 1, 2].map((i) => `transformer.h.${i}.attn.b`)
  assert.equal(tensors.unused.map(({ name }) => name).sort(), ['pos_emb_mask', ...buffers])
  assert.is((await describeFolder(folder)).family, 'gpt')
})

files.run()
