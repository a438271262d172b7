import type { Recorder } from '../gpu/recorder.js'
import { expectRows, type Tensor } from '../gpu/tensor.js'

/** Tensors of {@link cachedWindows}, each of these rows or more. */
export interface CachedWindowsTensors {
  /** [sequences · newRows, d]: the rows of a sequence one after another. */
  readonly x: Tensor
  /** [slots, 3, d]: the last rows of sequences, row i at i % 3; the new rows' last two are written to it. */
  readonly last: Tensor
  /** u32 [sequences]: how many rows came before. Only read. */
  readonly lengths: Tensor
  /** The row table, u32 [sequences] or [sequences, columns]: the slot of a sequence's row j, at column j or the last. Only read. */
  readonly table: Tensor
  /** [sequences · newRows, 3 · d] */
  readonly out: Tensor
}

/**
 * Each row with the two before it, as a causal convolution of width 3 reads them: out[row, 3c + j] = x[row + j − 2, c], with
 * zeros before a sequence's first row. Rows that came earlier are the cache's. Only three are kept, and only one of them is
 * written in a step of one row: beams that fork still find theirs.
 *
 * @throws ShapeError
 */
export function cachedWindows(
  recorder: Recorder,
  { x, last, lengths, table, out }: CachedWindowsTensors,
  { sequences, newRows }: { readonly sequences: number; readonly newRows: number },
): void {
  expectRows('cachedWindows', x, sequences * newRows, ['d'])
  const d = x.shape[1]!
  expectKeptRows('cachedWindows', { last, lengths, table }, sequences, d)
  expectRows('cachedWindows', out, sequences * newRows, [3 * d])
  const params = { d, new_rows: newRows, columns: table.shape[1] ?? 1 }
  const kernel = recorder.gpu.kernel('cached-windows')
  recorder.dispatch(kernel, { x, last, lengths, slots: table, out }, params, [Math.ceil(d / 64), sequences])
}

/** @internal Checks what is kept of sequences' last rows, d wide, and where. */
export function expectKeptRows(
  op: string,
  { last, lengths, table }: Pick<CachedWindowsTensors, 'last' | 'lengths' | 'table'>,
  sequences: number,
  d: number,
): void {
  expectRows(op, last, 1, [3, d])
  expectRows(op, lengths, sequences, [], 'u32')
  expectRows(op, table, sequences, table.shape.slice(1), 'u32')
}
