import { basename } from 'node:path'
import { InputError } from '../errors.js'
import { openSafetensors, type SafetensorsFile } from '../io/safetensors.js'
import type { MiscConfig } from '../model/config.js'
import type { DialogueIds } from '../model/misc.js'

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
  readonly file: string
  readonly dialogues: readonly DialogueIds[]
  /** [dialogues][ids], all of one length. */
  readonly decoderIds: readonly (readonly number[])[]
  /** Expected values of each stage, those of masked positions left out, row after row. */
  readonly stages: ReadonlyMap<string, Float32Array>
  readonly decodes: readonly ReferenceDecode[]
}

const stagePattern =
  /^(blocks\.(post|situation)|encoder\.(hidden\.\d+|last_hidden_state)|fusion\.(post|situation)|strategy\.(logits|probs|representation)|decoder\.hidden\.\d+|logits)$/

/**
 * Reads a reference file.
 *
 * @throws InputError where an input is missing, of another shape than it should be, or out of the vocabulary.
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

  const stages = new Map<string, Float32Array>()
  for (const [name, { shape }] of file.tensors) {
    if (!stagePattern.test(name)) continue
    const values = await file.readF32(name)
    stages.set(name, keepRows(values, shape.at(-1)!, rowMask(name, mask.values, post.mask, situation.mask)))
  }
  return { file: basename(path), dialogues, decoderIds, stages, decodes: await readDecodes(file, config) }
}

interface Matrix {
  readonly values: number[]
  readonly shape: readonly number[]
}

async function readMatrix(file: SafetensorsFile, name: string, dimensions: number): Promise<Matrix> {
  const shape = file.tensors.get(name)?.shape
  if (!shape) throw new InputError(`${file.path}: holds no tensor ${name}; a reference file needs it`)
  if (shape.length !== dimensions || shape.includes(0)) {
    throw new InputError(`${file.path}: ${name} has shape [${shape}], expected ${dimensions} dimensions`)
  }
  return { values: await file.readI64(name), shape }
}

/** Rows along the last dimension. */
function rowsOf({ values, shape }: Matrix): number[][] {
  const width = shape.at(-1)!
  return Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width))
}

async function readBlocks(file: SafetensorsFile, name: string) {
  const ids = await readMatrix(file, `${name}.input_ids`, 3)
  const mask = await readMatrix(file, `${name}.mask`, 2)
  const [batch = 0, count = 0] = ids.shape
  if (mask.shape.join() !== [batch, count].join()) {
    throw new InputError(`${file.path}: ${name}.mask has shape [${mask.shape}], expected [${batch}, ${count}]`)
  }
  const rows = rowsOf(ids).map((row) => row.slice(0, row.findLastIndex((id) => id !== 0) + 1))
  const blocks = Array.from({ length: batch }, (_, b) =>
    rows.slice(b * count, (b + 1) * count).filter((_, i) => mask.values[b * count + i] !== 0),
  )
  return { blocks, mask: mask.values }
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

async function readDecodes(file: SafetensorsFile, { eosId }: MiscConfig): Promise<ReferenceDecode[]> {
  const decodes: ReferenceDecode[] = []
  for (const name of decodeNames) {
    if (!file.tensors.has(name) || !file.tensors.has(`${name}.margin`)) continue
    const ids = await readMatrix(file, name, 2)
    const margins = { values: [...(await file.readF32(`${name}.margin`))], shape: ids.shape }
    const ends = rowsOf(ids).map((row) => (row.includes(eosId) ? row.indexOf(eosId) + 1 : row.length))
    const cut = (matrix: Matrix) => rowsOf(matrix).map((row, b) => row.slice(0, ends[b]))
    decodes.push({ name, ids: cut(ids), margins: cut(margins) })
  }
  return decodes
}
