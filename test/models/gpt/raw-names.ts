import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { openSafetensors } from '../../../src/io/safetensors.js'
import { type TensorSource, writeSafetensors } from '../../../src/io/safetensors-writer.js'
import { tempFolder } from '../../temp.js'

/** The tensors of a GPT, by Hugging Face's names. */
export type Tensors = Map<string, { shape: number[]; values: Float32Array<ArrayBuffer> }>

/** The tensors of a model folder. */
export async function tensorsOf(folder: string): Promise<Tensors> {
  await using file = await openSafetensors(join(folder, 'model.safetensors'))
  const tensors: Tensors = new Map()
  for (const { name, shape } of file.tensors.values()) {
    tensors.set(name, { shape: [...shape], values: await file.readF32(name) })
  }
  return tensors
}

/** A copy of a GPT's folder, its tensors changed. */
export async function changedGpt(folder: string, change: (tensors: Tensors) => Tensors): Promise<string> {
  const tensors = await tensorsOf(folder)
  const out = tempFolder()
  cpSync(join(folder, 'config.json'), join(out, 'config.json'))
  const sources = [...change(tensors)].map(([name, { shape, values }]): TensorSource => {
    return { name, shape, dtype: 'F32', data: () => [values] }
  })
  await writeSafetensors(join(out, 'model.safetensors'), sources)
  return out
}

/** As the COMET-2019 program names its tensors, positions behind ids in one table, and buffers beside the weights. */
export function rawNames(tensors: Tensors, prefix: string): Tensors {
  const raw: Tensors = new Map()
  for (const [name, tensor] of tensors) {
    const [, rest = ''] = /^transformer\.(h\..*)$/.exec(name) ?? []
    if (!rest) continue
    const norm = /\.ln_[12]\./.test(rest)
    raw.set(`${prefix}transformer.${rest.replace(/weight$/, norm ? 'g' : 'w').replace(/bias$/, 'b')}`, tensor)
  }
  const [tokens, positions] = ['tokens', 'positions'].map((it) => tensors.get(`transformer.${it}_embed.weight`)!)
  const rows = tokens!.shape[0]! + positions!.shape[0]!
  const values = new Float32Array(tokens!.values.length + positions!.values.length)
  values.set(tokens!.values)
  values.set(positions!.values, tokens!.values.length)
  const table = { shape: [rows, tokens!.shape[1]!], values }
  raw.set(`${prefix}transformer.embed.weight`, table)
  raw.set(`${prefix}lm_head.decoder.weight`, table)
  const places = positions!.shape[0]!
  for (let i = 0; raw.has(`${prefix}transformer.h.${i}.attn.c_attn.w`); i++) {
    const mask = { shape: [1, 1, places, places], values: new Float32Array(places * places).fill(1) }
    raw.set(`${prefix}transformer.h.${i}.attn.b`, mask)
  }
  raw.set(`${prefix}pos_emb_mask`, { shape: [1, 1, rows], values: new Float32Array(rows).fill(-1e12) })
  return raw
}
