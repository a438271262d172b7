import { InputError } from '../errors.js'
import type { ResolvedOptions } from '../generation/options.js'
import { seedWords } from '../generation/seed.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Tensor } from '../gpu/tensor.js'

/** u32 words of one of the two parts of a row of {@link SamplingRows.settings}: `struct Settings` of the shaders. */
const SETTINGS_WORDS = 12
/** u32 words of a row of {@link SamplingRows.state}: `struct State` of the shaders. */
const STATE_WORDS = 4
/** Marks an id of a history that stands earlier in it too. */
const REPEATED = 0x80000000

/**
 * What `state` says of a row: it goes on, it drew an id that ends a reply, it is as long as allowed, or its logits were not
 * finite or left no id to draw.
 */
export const rowStatus = { running: 0, stop: 1, length: 2, failed: 3 } as const

/**
 * All that is needed on the GPU to draw the ids of several replies, a row each; rows start and end on their own. Made by
 * {@link samplingRows}.
 */
export interface SamplingRows {
  /** u32 [rows, 2, 12]: the options of a row's first draw, and of all others. */
  readonly settings: Tensor
  /** u32 [rows, 4]: ids of the history; ids drawn; {@link rowStatus}; the id drawn last. See {@link readDraws}. */
  readonly state: Tensor
  /** u32 [rows, capacity]: the ids that the processors see; bit 31 marks those that stand earlier in the row too. */
  readonly history: Tensor
  /** u32 [rows]: the id drawn last, which the next decode step reads; the pad id in rows that have ended. */
  readonly ids: Tensor
  /** u32 [rows]: how many ids the decoder has read before it. A row that ends keeps the length it had. */
  readonly lengths: Tensor
  /** u32 [rows]: its position, which counts on from that of the row's first id as the length does. */
  readonly positions: Tensor
}

/** What one step did to a row, read back. */
export interface RowDraw {
  readonly id: number
  /** One of {@link rowStatus}. */
  readonly status: number
}

/** The draws of the first `count` rows, from the words of {@link SamplingRows.state}. */
export function readDraws(state: Uint32Array, count: number): RowDraw[] {
  return Array.from({ length: count }, (_, row) => {
    const [, , status, id] = state.subarray(row * STATE_WORDS)
    return { id: id!, status: status! }
  })
}

/** Makes the tensors. All rows have ended, until {@link startRow}. */
export function samplingRows(gpu: Gpu, rows: number, capacity: number): SamplingRows {
  const tensors = {
    settings: gpu.tensor('sampling.settings', [rows, 2, SETTINGS_WORDS], 'u32'),
    state: gpu.tensor('sampling.state', [rows, STATE_WORDS], 'u32'),
    history: gpu.tensor('sampling.history', [rows, capacity], 'u32'),
    ids: gpu.tensor('sampling.ids', [rows], 'u32'),
    lengths: gpu.tensor('sampling.lengths', [rows], 'u32'),
    positions: gpu.tensor('sampling.positions', [rows], 'u32'),
  }
  for (let row = 0; row < rows; row++) stopRow(gpu, tensors, row)
  return tensors
}

/**
 * Starts a reply in a row.
 *
 * @param history the ids that stand before, which the processors see: the start id, after the context's ids where they
 *   are to be penalised. The last of them is the first that the decoder reads.
 * @param first how many ids the decoder has read before that one, and where it stands; default: both 0, or the same.
 * @param opening how the first id is drawn, where that is the reply's opening, which the rules name; default: it is a word.
 * @throws InputError where the longest reply allowed does not fit in the history
 */
export function startRow(
  gpu: Gpu,
  rows: SamplingRows,
  row: number,
  options: ResolvedOptions,
  history: readonly number[],
  { length = 0, position = length }: { readonly length?: number; readonly position?: number } = {},
  opening?: ResolvedOptions,
): void {
  setRows(gpu, rows, row, [{ options, opening, history, drawn: 0, length, position }])
}

/** A row at any point of its reply. */
export interface RowState {
  readonly options: ResolvedOptions
  /** As for {@link startRow}. */
  readonly opening?: ResolvedOptions | undefined
  /** The ids that stand before, as for {@link startRow}, and those drawn. */
  readonly history: readonly number[]
  /** How many of them were drawn. */
  readonly drawn: number
  /** How many ids the decoder has read before the last of them. */
  readonly length: number
  /** Where the last of them stands. */
  readonly position: number
}

/**
 * Sets rows, one after the other from `first` on, each to any point of its reply: beams fork.
 *
 * @throws InputError as {@link startRow} does
 */
export function setRows(gpu: Gpu, rows: SamplingRows, first: number, states: readonly RowState[]): void {
  const capacity = rows.history.shape[1]!
  const count = states.length
  const settings = new Uint32Array(count * 2 * SETTINGS_WORDS)
  const state = new Uint32Array(count * STATE_WORDS)
  const histories = new Uint32Array(count * capacity)
  for (const [i, { options, opening, history, drawn }] of states.entries()) {
    const longest = history.length - drawn + options.maxLength - 1
    if (history.length === 0 || longest > capacity) {
      throw new InputError(
        `a reply of maxLength ${options.maxLength} after ${history.length - drawn} ids exceeds ${capacity} ids`,
      )
    }
    const words = settingsWords(options)
    settings.set(opening ? settingsWords(opening, true) : words, 2 * i * SETTINGS_WORDS)
    settings.set(words, (2 * i + 1) * SETTINGS_WORDS)
    state.set([history.length, drawn, rowStatus.running, history.at(-1)!], i * STATE_WORDS)
    histories.set(historyWords(history), i * capacity)
  }
  const words = (of: (state: RowState) => number) => Uint32Array.from(states, of)
  gpu.write(rows.settings, settings, first * 2 * SETTINGS_WORDS)
  gpu.write(rows.state, state, first * STATE_WORDS)
  gpu.write(rows.history, histories, first * capacity)
  gpu.write(
    rows.ids,
    words((it) => it.history.at(-1)!),
    first,
  )
  gpu.write(
    rows.lengths,
    words((it) => it.length),
    first,
  )
  gpu.write(
    rows.positions,
    words((it) => it.position),
    first,
  )
}

/** Ends a row: from now on its id is the pad id. */
export function stopRow(gpu: Gpu, rows: SamplingRows, row: number): void {
  gpu.write(rows.state, Uint32Array.of(0, 0, rowStatus.stop, 0), row * STATE_WORDS)
}

function historyWords(ids: readonly number[]): Uint32Array {
  const seen = new Set<number>()
  return Uint32Array.from(ids, (id) => {
    const word = seen.has(id) ? id | REPEATED : id
    seen.add(id)
    return word
  })
}

function settingsWords(options: ResolvedOptions, opening = false): Uint32Array {
  const words = new Uint32Array(SETTINGS_WORDS)
  const floats = new Float32Array(words.buffer)
  words[0] = options.doSample ? 1 : 0
  floats[1] = bitsPerScore(options.temperature)
  words[2] = options.topK
  words[3] = fractionWord(options.topP)
  floats[4] = options.repetitionPenalty
  floats[5] = 1 / options.repetitionPenalty
  words[6] = Math.min(options.noRepeatNgramSize, 2 ** 31)
  words[7] = options.minLength
  words[8] = options.maxLength
  words.set(seedWords(options.seed), 9)
  words[11] = opening ? 1 : 0
  return words
}

/** log2(e) / temperature as f32: how many bits apart are two scores that differ by 1; one bit halves a probability. */
export function bitsPerScore(temperature: number): number {
  // A tiny temperature must not make it infinite: the best id's 0 · ∞ would be no number.
  return Math.fround(Math.min(Math.LOG2E / temperature, 3e38))
}

/** A part of 1 in units of 2^-32; for 1 itself the highest u32. */
export function fractionWord(part: number): number {
  return Math.min(Math.round(part * 2 ** 32), 2 ** 32 - 1)
}
