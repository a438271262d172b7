import { InputError } from '../errors.js'
import { openSafetensors, type SafetensorsFile } from '../io/safetensors.js'
import type { MiscConfig } from '../models/misc/config.js'
import type { DialogueIds } from '../models/misc/misc.js'

/** Ids that a reference decoded, and the gap between its two best scores at each step. */
export interface ReferenceDecode {
  readonly name: DecodeName
  /** One row per dialogue: ids after the start id, up to and including EOS. */
  readonly ids: readonly (readonly number[])[]
  readonly margins: readonly (readonly number[])[]
}

/** How the reference decoded: without any processor, or with those of model-spec §4 over the reply or context + reply. */
export const decodeNames = ['decode.greedy', 'decode.penalised', 'decode.penalised_context'] as const
export type DecodeName = (typeof decodeNames)[number]

/** A reference capture (model-spec §6): inputs, and the outputs of every stage that the file holds. */
export interface ReferenceCase {
  /** Its path, as it was given. */
  readonly file: string
  readonly dialogues: readonly DialogueIds[]
  /** [dialogues][ids], all of one length. */
  readonly decoderIds: readonly (readonly number[])[]
  /** Expected values of each stage, those of masked positions left out, row after row. */
  readonly stages: ReadonlyMap<string, Float32Array>
  readonly decodes: readonly ReferenceDecode[]
}

/**
 * Reads a reference file.
 *
 * @throws InputError where an input is missing or out of the vocabulary, where a tensor has another shape than this model
 *   gives, and where the file holds no stage at all.
 */
export async function readReferenceCase(path: string, config: MiscConfig): Promise<ReferenceCase> {
  await using file = await openSafetensors(path)
  const ids = await readMatrix(file, 'input_ids', 2)
  const mask = await readMatrix(file, 'attention_mask', 2)
  const post = await readBlocks(file, 'post_blocks')
  const situation = await readBlocks(file, 'situation_blocks')
  const decoder = await readMatrix(file, 'decoder_input_ids', 2)
  const batch = ids.shape[0]!
  for (const [name, size] of [
    ['attention_mask', mask.shape[0]],
    ['post_blocks', post.blocks.length],
    ['situation_blocks', situation.blocks.length],
    ['decoder_input_ids', decoder.shape[0]],
  ] as const) {
    if (size !== batch) throw new InputError(`${path}: ${name} has ${size} rows, input_ids ${batch}`)
  }
  const dialogues = rowsOf(ids).map((row, b): DialogueIds => {
    const length = rowsOf(mask)[b]!.filter((it) => it !== 0).length
    if (rowsOf(mask)[b]!.slice(0, length).includes(0)) {
      throw new InputError(`${path}: attention_mask of row ${b} has a gap; padding must stand at the end`)
    }
    return { context: row.slice(0, length), post: post.blocks[b]!, situation: situation.blocks[b]! }
  })
  for (const { context, post, situation } of dialogues) checkIds(path, config, [context, ...post, ...situation])
  const decoderIds = rowsOf(decoder)
  checkIds(path, config, decoderIds)

  const shapes = stageShapes(config, {
    batch,
    context: ids.shape[1]!,
    post: post.count,
    situation: situation.count,
    reply: decoder.shape[1]!,
  })
  const stages = new Map<string, Float32Array>()
  for (const [name, { shape }] of file.tensors) {
    const expected = shapes.get(name)
    if (!expected && /^(encoder|decoder)\.hidden\.\d+$/.test(name)) {
      throw new InputError(`${path}: holds ${name}, a layer more than this model has; was another model captured?`)
    }
    if (!expected) continue
    if (shape.join() !== expected.join()) {
      throw new InputError(`${path}: ${name} has shape [${shape}], this model gives [${expected}]`)
    }
    const values = await file.readF32(name)
    stages.set(name, keepRows(values, shape.at(-1)!, rowMask(name, mask.values, post.mask, situation.mask)))
  }
  if (stages.size === 0) throw new InputError(`${path}: holds no stage to compare (as logits, or encoder.hidden.0)`)
  return { file: path, dialogues, decoderIds, stages, decodes: await readDecodes(file, config, batch) }
}

/** Every stage that a model computes, with its shape, padding included. */
function stageShapes(
  { dModel, encoderLayers, decoderLayers, numStrategies, vocabSize }: MiscConfig,
  { batch, context, post, situation, reply }: Record<'batch' | 'context' | 'post' | 'situation' | 'reply', number>,
): Map<string, readonly number[]> {
  const hidden = (side: string, layers: number, length: number) =>
    Array.from({ length: layers + 1 }, (_, i) => [`${side}.hidden.${i}`, [batch, length, dModel]] as const)
  return new Map<string, readonly number[]>([
    ...hidden('encoder', encoderLayers, context),
    ['encoder.last_hidden_state', [batch, context, dModel]],
    ['blocks.post', [batch, post, dModel]],
    ['blocks.situation', [batch, situation, dModel]],
    ['fusion.post', [batch, post, dModel]],
    ['fusion.situation', [batch, situation, dModel]],
    ['strategy.logits', [batch, numStrategies]],
    ['strategy.probs', [batch, numStrategies]],
    ['strategy.representation', [batch, dModel]],
    ...hidden('decoder', decoderLayers, reply),
    ['logits', [batch, reply, vocabSize]],
  ])
}

interface Matrix {
  readonly values: number[]
  readonly shape: readonly number[]
}

/** @param emptyAt the dimension whose size may be 0, if any. */
async function readMatrix(file: SafetensorsFile, name: string, dimensions: number, emptyAt = -1): Promise<Matrix> {
  const shape = file.tensors.get(name)?.shape
  if (!shape) throw new InputError(`${file.path}: holds no tensor ${name}; a reference file needs it`)
  if (shape.length !== dimensions || shape.some((size, i) => size === 0 && i !== emptyAt)) {
    throw new InputError(`${file.path}: ${name} has shape [${shape}], expected ${dimensions} sizes, none of them 0`)
  }
  return { values: await file.readI64(name), shape }
}

/** Rows along the last dimension. */
function rowsOf({ values, shape }: Matrix): number[][] {
  const width = shape.at(-1)!
  return Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width))
}

async function readBlocks(file: SafetensorsFile, name: string) {
  // A reference may have no blocks at all: [batch, 0, length].
  const ids = await readMatrix(file, `${name}.input_ids`, 3, 1)
  const mask = await readMatrix(file, `${name}.mask`, 2, 1)
  const [batch = 0, count = 0] = ids.shape
  if (mask.shape.join() !== [batch, count].join()) {
    throw new InputError(`${file.path}: ${name}.mask has shape [${mask.shape}], expected [${batch}, ${count}]`)
  }
  const rows = rowsOf(ids).map((row) => row.slice(0, row.findLastIndex((id) => id !== 0) + 1))
  const blocks = Array.from({ length: batch }, (_, b) =>
    rows.slice(b * count, (b + 1) * count).filter((_, i) => mask.values[b * count + i] !== 0),
  )
  return { blocks, count, mask: mask.values }
}

function checkIds(path: string, { vocabSize, maxPositions }: MiscConfig, rows: readonly (readonly number[])[]): void {
  for (const row of rows) {
    const wrong = row.find((id) => id < 0 || id >= vocabSize)
    if (wrong !== undefined) throw new InputError(`${path}: id ${wrong} is out of the vocabulary of ${vocabSize}`)
    if (row.length === 0) throw new InputError(`${path}: a context, block or reply has no ids`)
    if (row.length > maxPositions)
      throw new InputError(`${path}: ${row.length} ids, the model has ${maxPositions} positions`)
  }
}

/** Which rows of a stage count; undefined where all do. */
function rowMask(stage: string, context: number[], post: number[], situation: number[]): number[] | undefined {
  if (stage.startsWith('encoder.')) return context
  if (stage.endsWith('.post')) return post
  return stage.endsWith('.situation') ? situation : undefined
}

function keepRows(values: Float32Array, width: number, mask: readonly number[] | undefined): Float32Array {
  if (!mask) return values
  const rows = [...mask.keys()].filter((row) => mask[row] !== 0)
  const kept = new Float32Array(rows.length * width)
  rows.forEach((row, i) => {
    kept.set(values.subarray(row * width, (row + 1) * width), i * width)
  })
  return kept
}

async function readDecodes(file: SafetensorsFile, config: MiscConfig, batch: number): Promise<ReferenceDecode[]> {
  const { eosIds } = config
  const decodes: ReferenceDecode[] = []
  for (const name of decodeNames) {
    const margin = file.tensors.get(`${name}.margin`)
    if (!file.tensors.has(name) || !margin) continue
    const ids = await readMatrix(file, name, 2)
    for (const [tensor, shape] of [
      [name, ids.shape],
      [`${name}.margin`, margin.shape],
    ] as const) {
      if (shape[0] === batch && shape.join() === ids.shape.join()) continue
      throw new InputError(`${file.path}: ${tensor} has shape [${shape}], expected [${batch}, ${ids.shape[1]}]`)
    }
    const margins = { values: [...(await file.readF32(margin.name))], shape: ids.shape }
    const ends = rowsOf(ids).map((row) => row.findIndex((id) => eosIds.includes(id)) + 1 || row.length)
    const cut = (matrix: Matrix) => rowsOf(matrix).map((row, b) => row.slice(0, ends[b]))
    const decoded = cut(ids)
    checkIds(file.path, config, decoded)
    decodes.push({ name, ids: decoded, margins: cut(margins) })
  }
  return decodes
}
