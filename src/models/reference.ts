import type { InputError } from '../errors.js'

/** Integers of a reference file, row-major. */
export interface Matrix {
  readonly values: readonly number[]
  readonly shape: readonly number[]
}

/** The inputs that a reference file holds, as a family reads them. */
export interface ReferenceFile {
  /**
   * A tensor of integers.
   *
   * @param emptyAt the dimension whose size may be 0, if any.
   * @throws InputError where it is missing or of other dimensions.
   */
  matrix(name: string, dimensions: number, emptyAt?: number): Promise<Matrix>
  /**
   * A tensor of numbers.
   *
   * @throws InputError where it is missing or of another shape.
   */
  numbers(name: string, shape: readonly number[]): Promise<Float32Array>
  /** What to throw where the file is wrong. */
  fault(message: string): InputError
}

/** A stage that a model computes. */
export interface ReferenceStage {
  /** As the file has it, padding included. */
  readonly shape: readonly number[]
  /** Which rows count, where not all do. */
  readonly mask?: readonly number[]
}

/** What a model is to compute of a reference capture (model-spec §6). */
export interface ReferenceInputs<Input = unknown> {
  readonly inputs: readonly Input[]
  /** Ids that the decoder reads of each, teacher-forced, and the ids of each that score processors may see before them. */
  readonly decoderIds: readonly (readonly number[])[]
  readonly contexts: readonly (readonly number[])[]
  /** Where the decoder's ids stand; default: 0, 1, 2, … */
  readonly decoderPositions?: readonly (readonly number[])[]
  /** All ids of the inputs, in sequences: they are checked against the model's limits. */
  readonly sequences: readonly (readonly number[])[]
  readonly stages: ReadonlyMap<string, ReferenceStage>
}

/** Rows along the last dimension. */
export function rowsOf({ values, shape }: Matrix): number[][] {
  const width = shape.at(-1)!
  return Array.from({ length: values.length / width }, (_, row) => values.slice(row * width, (row + 1) * width))
}

/** Ids, and which of them count: `input_ids` and `attention_mask`. @throws InputError */
export async function readMasked(file: ReferenceFile): Promise<{ ids: Matrix; mask: Matrix }> {
  const ids = await file.matrix('input_ids', 2)
  const mask = await file.matrix('attention_mask', 2)
  expectBatch(file, ids, { attention_mask: mask.shape })
  if (mask.shape[1] === ids.shape[1]) return { ids, mask }
  throw file.fault(`attention_mask has shape [${mask.shape}], expected [${ids.shape}]`)
}

/** The ids of every row without the padding at its end. @throws InputError where it stands elsewhere. */
export function unpadded(file: ReferenceFile, ids: Matrix, mask: Matrix): number[][] {
  const masks = rowsOf(mask)
  return rowsOf(ids).map((row, b) => {
    const length = masks[b]!.filter((it) => it !== 0).length
    if (!masks[b]!.slice(0, length).includes(0)) return row.slice(0, length)
    throw file.fault(`attention_mask of row ${b} has a gap; padding must stand at the end`)
  })
}

/** Throws where something is not of as many rows as `input_ids`. @throws InputError */
export function expectBatch(file: ReferenceFile, ids: Matrix, shapes: Record<string, readonly number[]>): void {
  for (const [name, [rows]] of Object.entries(shapes)) {
    if (rows !== ids.shape[0]) throw file.fault(`${name} has ${rows} rows, input_ids ${ids.shape[0]}`)
  }
}

/** The hidden states of encoder or decoder, `….hidden.0` the embedded ids. */
export function hiddenStages(side: string, layers: number, stage: ReferenceStage): [string, ReferenceStage][] {
  return Array.from({ length: layers + 1 }, (_, i) => [`${side}.hidden.${i}`, stage])
}
