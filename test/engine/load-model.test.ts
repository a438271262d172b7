import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { synthesize } from '../../src/cli/synth.js'
import { loadModel, openModel } from '../../src/engine/load-model.js'
import type { OnProgress } from '../../src/engine/loading-bar.js'
import { Misc } from '../../src/engine/misc.js'
import type { Reply } from '../../src/engine/reply.js'
import { GpuError, OutOfMemoryError } from '../../src/errors.js'
import { Gpu } from '../../src/gpu/gpu.js'
import type { Tensor } from '../../src/gpu/tensor.js'
import { bf16ToF32, f16ToF32, f32ToF16 } from '../../src/io/half.js'
import { openSafetensors } from '../../src/io/safetensors.js'
import { type TensorSource, writeSafetensors } from '../../src/io/safetensors-writer.js'
import { readWeights } from '../../src/validate/read-weights.js'
import { tinyConfig, tinyModel } from '../engine-model.js'
import { exhaust, firstGpuSuite, ownGpuSuite, storedValues, testAdapters } from '../gpu.js'
import { tempFolder } from '../temp.js'
import { refused } from '../throws.js'

const sound = await tinyModel()
const adapter = testAdapters[0]!

/** A copy of the tiny model, changed. */
function changed(change: (folder: string) => void): string {
  const folder = tempFolder()
  cpSync(sound, folder, { recursive: true })
  change(folder)
  return folder
}

const editJson = (file: string, edit: (json: Record<string, unknown>) => void) => (folder: string) => {
  const json = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  edit(json)
  writeFileSync(join(folder, file), JSON.stringify(json))
}

/** Edits the header of model.safetensors, data and all else left as they are. */
const editHeader = (edit: (json: string) => string) => (folder: string) => {
  const path = join(folder, 'model.safetensors')
  const bytes = readFileSync(path)
  const end = 8 + Number(bytes.readBigUInt64LE())
  const header = Buffer.from(edit(bytes.subarray(8, end).toString()))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  writeFileSync(path, Buffer.concat([length, header, bytes.subarray(end)]))
}

/** Writes one value of an F32 tensor of model.safetensors. */
const editValue = (tensor: string, at: number, value: number) => (folder: string) => {
  const path = join(folder, 'model.safetensors')
  const bytes = readFileSync(path)
  const end = 8 + Number(bytes.readBigUInt64LE())
  const { dtype, data_offsets } = JSON.parse(bytes.subarray(8, end).toString())[tensor]
  assert.is(dtype, 'F32')
  bytes.writeFloatLE(value, end + data_offsets[0] + 4 * at)
  writeFileSync(path, bytes)
}

ownGpuSuite('engine/load-model, no memory', (test) => {
  test('whatever it lacks: the error says what the weights take, all is freed, and the next load works', async (gpu) => {
    const [before, lacking] = [gpu.allocatedBytes, new Set<string>()]
    for (let buffers = 0; ; buffers = 3 * buffers + 1) {
      const more = exhaust(gpu, buffers)
      const loaded = await openModel(gpu, sound, { family: 'misc' }).catch((error: Error) => error)
      const lacked = more()
      gpu.check()
      if (!(loaded instanceof Error)) {
        assert.not.ok(lacked)
        break
      }
      assert.ok(lacked)
      assert.instance(loaded, OutOfMemoryError)
      assert.match(loaded.message, / [1-9]\d+ bytes were asked for beside the \d+ of tensors in use /)
      assert.match(loaded.message, /; of bytes, its weights take \d+ as f32, \d+ as f16, \d+ as int8; asked for f32$/)
      lacking.add(loaded.message.split(':')[0]!)
      assert.is(gpu.allocatedBytes, before, `without buffer ${buffers}`)
    }
    assert.equal([...lacking], [sound])
  })

  test('an engine that finds none closes its device', async ({ adapter }) => {
    const { open } = Gpu
    let opened: Gpu | undefined
    Gpu.open = async (...args) => {
      opened = await open.apply(Gpu, args)
      exhaust(opened, 30)
      return opened
    }
    try {
      const error = await Misc.load(sound, { adapter: adapter.name, comet: false }).catch((error: Error) => error)
      assert.instance(error, OutOfMemoryError)
      assert.ok(opened!.disposed)
    } finally {
      Gpu.open = open
    }
  })
})

const load = suite('engine/load-model')

const cases: [string, (folder: string) => void, RegExp][] = [
  ['a truncated file', (folder) => truncateSync(join(folder, 'model.safetensors'), 100_000), /model\.safetensors: .*/],
  [
    'a header of 2^60 bytes',
    (folder) => {
      const path = join(folder, 'model.safetensors')
      const bytes = readFileSync(path)
      bytes.writeBigUInt64LE(2n ** 60n)
      writeFileSync(path, bytes)
    },
    /model\.safetensors: .*1152921504606846976/,
  ],
  [
    'overlapping offsets',
    editHeader((json) => json.replace(/"data_offsets":\[(\d+),(\d+)\]/, '"data_offsets":[$1,99999]')),
    /model\.safetensors: /,
  ],
  [
    'a name that stands twice',
    editHeader((json) => json.replace(/^\{/, '{"final_logits_bias":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},')),
    /model\.safetensors: .*final_logits_bias/,
  ],
  ['a wrong dtype', editHeader((json) => json.replace('"F32"', '"I32"')), /I32/],
  ['a tensor that is missing', editHeader((json) => json.replace('final_logits_bias', 'final_logits_bios')), /_bias/],
  [
    'a config that disagrees with the shapes',
    editJson('config.json', (it) => {
      it.encoder_ffn_dim = 65
    }),
    /fc1\.weight \(shape \[64,32\], expected \[65,32\]\)/,
  ],
  [
    'another vocabulary',
    editJson('vocab.json', (it) => {
      it.zzzzzz = Object.keys(it).length
    }),
    /the tokenizer has 5774 ids, config\.json says 5773/,
  ],
  [
    'bad defaults',
    (folder) => writeFileSync(join(folder, 'generation_config.json'), '{"top_p": 2}'),
    /generation_config\.json: top_p must be a number above 0 and at most 1, got 2/,
  ],
  [
    'an end beyond the vocabulary',
    (folder) => writeFileSync(join(folder, 'generation_config.json'), '{"eos_token_id": [2, 5773]}'),
    /generation_config\.json: eos_token_id must be an id or a list of 1 to 64 ids from 0 to 5772, got \[2,5773\]/,
  ],
  ['no config', (folder) => rmSync(join(folder, 'config.json')), /has no config\.json/],
  ['no tokenizer', (folder) => rmSync(join(folder, 'merges.txt')), /merges\.txt: no such file/],
]

for (const [what, change, pattern] of cases) {
  load(`refuses ${what}`, () => refused(() => Misc.load(changed(change), { adapter }), pattern))
}

load('defaults come from generation_config.json; what it asks for in vain is told', async () => {
  const config = { max_new_tokens: 3, min_length: 9, num_beams: 4, num_beam_groups: 2 }
  const folder = changed((it) => writeFileSync(join(it, 'generation_config.json'), JSON.stringify(config)))
  const warnings: string[] = []
  const progress: Parameters<OnProgress>[] = []
  await using misc = await Misc.load(folder, {
    adapter,
    onWarning: (message) => warnings.push(message),
    onProgress: (...counts) => progress.push(counts),
  })
  // The third is the end, which beams have within their length.
  const { ids, score } = await misc.reply({ dialogue: [{ speaker: 'seeker', text: 'hi' }] })
  assert.is(ids.length, 2)
  assert.ok(score! < 0)
  assert.is(warnings.length, 1)
  assert.match(warnings[0]!, /without num_beam_groups 2$/)
  assert.equal([...new Set(progress.map(([, , stage]) => stage))], ['weights', 'kernels'])
  for (const stage of ['weights', 'kernels']) {
    const [done, total] = progress.findLast((it) => it[2] === stage)!
    assert.is(done, total)
  }
})

/** The greedy reply of the tiny model with these files changed; no file may be warned of. */
async function replyOf(generation: object, config: object = {}, more: object = {}): Promise<Reply> {
  const folder = changed((it) => {
    editJson('config.json', (json) => Object.assign(json, config))(it)
    writeFileSync(
      join(it, 'generation_config.json'),
      JSON.stringify({ do_sample: false, min_length: 0, ...generation }),
    )
  })
  const onWarning = (message: string) => assert.unreachable(message)
  await using misc = await Misc.load(folder, { adapter, tune: false, onWarning })
  return await misc.reply({ dialogue: [{ speaker: 'seeker', text: 'hi' }] }, { maxNewTokens: 10, seed: 1, ...more })
}

load('any of the ids that end a reply ends it; generation_config.json overrules config.json', async () => {
  const whole = await replyOf({})
  assert.is(whole.finishReason, 'length')
  const end = whole.ids[4]!
  const cut = whole.ids.slice(0, whole.ids.indexOf(end))
  for (const ended of [
    await replyOf({ eos_token_id: [2, end], do_sample: true, top_k: 1 }),
    await replyOf({ eos_token_id: end }),
    await replyOf({}, { eos_token_id: [2, end] }),
    await replyOf({ eos_token_id: [7, end] }, { eos_token_id: 2 }),
  ]) {
    assert.equal([ended.ids, ended.finishReason], [cut, 'stop'])
  }
  assert.equal((await replyOf({ eos_token_id: 2 }, { eos_token_id: [2, end] })).ids, whole.ids)
  const least = await replyOf({ eos_token_id: [2, end] }, {}, { minLength: 99 })
  assert.equal([least.ids.length, least.ids.includes(end)], [10, false])
})

load('every other key about single ids is honoured', async () => {
  const { ids } = await replyOf({})
  const [first, second] = ids as [number, number]
  const started = (await replyOf({ decoder_start_token_id: 77, pad_token_id: 9 })).ids
  assert.equal(started, (await replyOf({}, { decoder_start_token_id: 77 })).ids)
  assert.not.equal(started, ids)
  assert.not((await replyOf({ suppress_tokens: [first] })).ids.includes(first))
  assert.is.not((await replyOf({ begin_suppress_tokens: [first] })).ids[0], first)
  const worded = (await replyOf({ bad_words_ids: [[first, second], [2]] })).ids
  assert.is(worded[0], first)
  assert.is.not(worded[1], second)
  const forced = await replyOf({ forced_bos_token_id: 77, forced_eos_token_id: 2 })
  assert.equal([forced.ids.length, forced.ids[0], forced.finishReason], [9, 77, 'stop'])
})

load('what only sampling uses is not checked where nothing is sampled', async () => {
  assert.equal((await replyOf({ temperature: 0, top_p: 0 })).ids, (await replyOf({})).ids)
})

load('a checkpoint whose logits are not finite fails its replies, and says what to do', async () => {
  for (const fault of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const folder = changed(editValue('final_logits_bias', 77, fault))
    await using misc = await Misc.load(folder, { adapter, tune: false })
    for (const doSample of [true, false]) {
      const input = { dialogue: [{ speaker: 'seeker' as const, text: 'hi' }] }
      const error = await misc.reply(input, { seed: 1, doSample }).catch((it) => it)
      assert.instance(error, GpuError)
      assert.match(error.message, 'logits of a reply are not finite')
      assert.match(error.message, 'check the checkpoint with misc validate')
    }
  }
})

load('−∞ in final_logits_bias is an id that is never drawn', async () => {
  const input = { dialogue: [{ speaker: 'seeker' as const, text: 'hi' }] }
  const [first] = (await replyOf({})).ids
  await using misc = await Misc.load(changed(editValue('final_logits_bias', first!, Number.NEGATIVE_INFINITY)), {
    adapter,
  })
  const { ids } = await misc.reply(input, { doSample: false, maxNewTokens: 10 })
  assert.equal([ids.length, ids.includes(first!)], [10, false])
})

/** A model folder whose weights are stored in another dtype, and what is left of every tensor's values. */
async function stored(source: string, dtype: 'F32' | 'F16' | 'BF16') {
  const folder = tempFolder()
  cpSync(join(source, 'config.json'), join(folder, 'config.json'))
  await using file = await openSafetensors(join(source, 'model.safetensors'))
  const left = new Map<string, Float32Array>()
  const tensors: TensorSource[] = []
  for (const { name, shape } of file.tensors.values()) {
    const values = await file.readF32(name)
    const halves = new Uint16Array(values.length)
    if (dtype === 'F16') f32ToF16(values, halves)
    if (dtype === 'BF16') halves.set(new Uint16Array(values.buffer).filter((_, i) => i % 2 === 1))
    if (dtype === 'F16') f16ToF32(halves, values)
    if (dtype === 'BF16') bf16ToF32(halves, values)
    left.set(name, values)
    tensors.push({ name, shape, dtype, data: () => [dtype === 'F32' ? values : halves] })
  }
  await writeSafetensors(join(folder, 'model.safetensors'), tensors)
  return { folder, left }
}

firstGpuSuite('engine/load-model', (test) => {
  test('matrices are converted from any dtype to any', async (gpu) => {
    const source = tempFolder()
    const config = { ...tinyConfig, vocab_size: 50, decoder_ffn_dim: 66 }
    writeFileSync(join(source, 'config.json'), JSON.stringify(config))
    const made = tempFolder()
    await synthesize(join(source, 'config.json'), made)
    for (const from of ['F32', 'F16', 'BF16'] as const) {
      const { folder, left } = await stored(made, from)
      for (const dtype of ['f32', 'f16', 'int8'] as const) {
        const { embedding, encoder, decoder, strategy } = await loadModel(gpu, folder, { dtype })
        const [before, layer] = [encoder.layers[0]!, decoder.layers[0]!]
        const self = 'model.decoder.layers.0.self_attn'
        const stacked = ['q_proj', 'k_proj', 'v_proj'].flatMap((it) => [...left.get(`${self}.${it}.weight`)!])
        const matrices: [Tensor, Float32Array][] = [
          [embedding, left.get('model.shared.weight')!],
          [before.output.weight, left.get('model.encoder.layers.0.self_attn.out_proj.weight')!],
          [layer.queryKeyValue.weight, Float32Array.from(stacked)],
          [layer.feedForward.expand.weight, left.get('model.decoder.layers.0.fc1.weight')!],
        ]
        for (const [tensor, values] of matrices) {
          assert.is(tensor.dtype, dtype, tensor.label)
          const found = storedValues(values, tensor.shape[1]!, dtype)
          assert.equal(await readWeights(gpu, tensor), found, `${from} to ${dtype}: ${tensor.label}`)
        }
        // Side by side: a row of 96.
        const outputs = ['encoder_attn', 'encoder_attn_comet', 'encoder_attn_comet_st'].map(
          (name) => left.get(`model.decoder.layers.0.${name}.out_proj.weight`)!,
        )
        const joined = Float32Array.from({ length: 32 * 96 }, (_, i) => {
          const [row, column] = [Math.floor(i / 96), i % 96]
          return outputs[Math.floor(column / 32)]![row * 32 + (column % 32)]!
        })
        assert.equal(await readWeights(gpu, layer.crossOutput), storedValues(joined, 96, dtype))
        // Rows of 66 cannot be packed by four; vectors, positions and the codebook are never rounded.
        const kept = [layer.feedForward.contract.weight, layer.norm.weight, layer.output.bias, decoder.positions]
        assert.ok([...kept, strategy.codebook].every((it) => it.dtype === 'f32'))
        assert.equal(await readWeights(gpu, decoder.positions), left.get('model.decoder.embed_positions.weight'))
        assert.equal(await readWeights(gpu, kept[0]!), left.get('model.decoder.layers.0.fc2.weight'))
      }
    }
  })
})

load.run()
