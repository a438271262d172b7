import { InputError } from '../errors.js'
import { openSafetensors, type SafetensorsFile } from '../io/safetensors.js'
import type { ModelConfig } from '../models/model.js'
import {
  type Matrix,
  type ReferenceFile,
  type ReferenceInputs,
  type ReferenceStage,
  rowsOf,
} from '../models/reference.js'

/** Ids that a reference decoded, and the gap between its two best scores at each step. */
export interface ReferenceDecode {
  readonly name: DecodeName
  /** One row per input: ids after the start id, up to and including EOS. */
  readonly ids: readonly (readonly number[])[]
  readonly margins: readonly (readonly number[])[]
}

/** How the reference decoded: without any processor, or with those of model-spec §4 over the reply or context + reply. */
export const decodeNames = ['decode.greedy', 'generate.greedy', 'decode.penalised', 'decode.penalised_context'] as const
export type DecodeName = (typeof decodeNames)[number]

/** Whether the largest score is taken as it is. */
export const isGreedy = (name: DecodeName): boolean => name.endsWith('.greedy')

/** Inputs of a model, and the ids that its decoder reads of each. */
export interface CaseInputs<Input = unknown> extends Omit<ReferenceInputs<Input>, 'stages' | 'sequences'> {
  /** Where they are from: a path, as it was given. */
  readonly file: string
}

/** A reference capture (model-spec §6): inputs, and the outputs of every stage that the file holds. */
export interface ReferenceCase<Input = unknown> extends CaseInputs<Input> {
  /** Expected values of each stage, those of masked positions left out, row after row. */
  readonly stages: ReadonlyMap<string, Float32Array>
  readonly decodes: readonly ReferenceDecode[]
}

/** What of a model's description a reference file is read by. */
export interface ReferenceReader<Input> {
  readonly config: ModelConfig
  readReference(file: ReferenceFile): Promise<ReferenceInputs<Input>>
}

/**
 * Reads a reference file as a model's family does.
 *
 * @throws InputError where an input is missing or out of the vocabulary, where a tensor has another shape than this model
 *   gives, and where the file holds no stage at all.
 */
export async function readReferenceCase<Input>(
  path: string,
  { config, ...model }: ReferenceReader<Input>,
): Promise<ReferenceCase<Input>> {
  await using file = await openSafetensors(path)
  const {
    stages: computed,
    sequences,
    ...inputs
  } = await model.readReference({
    matrix: (name, dimensions, emptyAt) => readMatrix(file, name, dimensions, emptyAt),
    numbers: (name, shape) => readNumbers(file, name, shape),
    fault: (message) => new InputError(`${path}: ${message}`),
  })
  checkIds(path, config, sequences)
  const stages = await readStages(file, computed)
  return { file: path, ...inputs, stages, decodes: await readDecodes(file, config, inputs.inputs.length) }
}

async function readStages(
  file: SafetensorsFile,
  computed: ReadonlyMap<string, ReferenceStage>,
): Promise<Map<string, Float32Array>> {
  const { path } = file
  const stages = new Map<string, Float32Array>()
  for (const [name, { shape }] of file.tensors) {
    const stage = computed.get(name)
    if (!stage && /^(encoder|decoder)\.hidden\.\d+$/.test(name)) {
      throw new InputError(`${path}: holds ${name}, a layer more than this model has; was another model captured?`)
    }
    if (!stage) continue
    if (shape.join() !== stage.shape.join()) {
      throw new InputError(`${path}: ${name} has shape [${shape}], this model gives [${stage.shape}]`)
    }
    stages.set(name, keepRows(await file.readF32(name), shape.at(-1)!, stage.mask))
  }
  if (stages.size > 0) return stages
  throw new InputError(`${path}: holds no stage to compare (as logits, or decoder.hidden.0)`)
}

async function readMatrix(file: SafetensorsFile, name: string, dimensions: number, emptyAt = -1): Promise<Matrix> {
  const shape = file.tensors.get(name)?.shape
  if (!shape) throw new InputError(`${file.path}: holds no tensor ${name}; a reference file needs it`)
  if (shape.length !== dimensions || shape.some((size, i) => size === 0 && i !== emptyAt)) {
    throw new InputError(`${file.path}: ${name} has shape [${shape}], expected ${dimensions} sizes, none of them 0`)
  }
  return { values: await file.readI64(name), shape }
}

async function readNumbers(file: SafetensorsFile, name: string, expected: readonly number[]): Promise<Float32Array> {
  const shape = file.tensors.get(name)?.shape
  if (!shape) throw new InputError(`${file.path}: holds no tensor ${name}; a reference file needs it`)
  if (shape.join() === expected.join()) return await file.readF32(name)
  throw new InputError(`${file.path}: ${name} has shape [${shape}], expected [${expected}]`)
}

function checkIds(path: string, { vocabSize, maxPositions }: ModelConfig, rows: readonly (readonly number[])[]): void {
  for (const row of rows) {
    const wrong = row.find((id) => id < 0 || id >= vocabSize)
    if (wrong !== undefined) throw new InputError(`${path}: id ${wrong} is out of the vocabulary of ${vocabSize}`)
    if (row.length === 0) throw new InputError(`${path}: an input or reply has no ids`)
    if (row.length > maxPositions)
      throw new InputError(`${path}: ${row.length} ids, the model has ${maxPositions} positions`)
  }
}

/** The rows that count. */
function keepRows(values: Float32Array, width: number, mask: readonly number[] | undefined): Float32Array {
  if (!mask) return values
  const rows = [...mask.keys()].filter((row) => mask[row] !== 0)
  const kept = new Float32Array(rows.length * width)
  rows.forEach((row, i) => {
    kept.set(values.subarray(row * width, (row + 1) * width), i * width)
  })
  return kept
}

async function readDecodes(file: SafetensorsFile, config: ModelConfig, batch: number): Promise<ReferenceDecode[]> {
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
