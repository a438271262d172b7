import { ShapeError } from '../errors.js'
import { expectRows, expectShape, type Tensor } from '../gpu/tensor.js'

/**
 * Layers that are chosen for each sequence among some that are stacked one under the other. A row of the sequence goes through
 * all of them, side by side: it has a place for each, and a tensor [rows, places · n] the n columns of each place in turn.
 */
export interface Choices {
  /** u32 [slots, places, 2]: the layer, and the bits of its share (f32). Where that is 0 nothing is computed. */
  readonly table: Tensor
  /** u32 [≥ sequences]: the slot of each. */
  readonly slots: Tensor
  /** Rows of each sequence, one after another. */
  readonly newRows: number
}

/** @internal Checks a tensor that has its rows once for all places, or once for each. @returns for how many places it has them. */
export function placesOf(op: string, tensor: Tensor, rows: number, columns: number, places: number): number {
  expectRows(op, tensor, rows, ['columns'])
  const [, width] = tensor.shape
  if (width === columns) return 1
  if (width === places * columns) return places
  throw new ShapeError(`${op}: ${tensor.label} has ${width} columns, neither ${columns} nor ${places} · ${columns}`)
}

/** @internal Checks what is chosen for so many rows. @returns how many places there are. */
export function expectChoices(op: string, { table, slots, newRows }: Choices, rows: number): number {
  expectShape(op, table, ['slots', 'places', 2], 'u32')
  expectRows(op, slots, Math.ceil(rows / newRows), [], 'u32')
  return table.shape[1]!
}
