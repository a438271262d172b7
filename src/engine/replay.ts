import { Capture } from '../nn/capture.js'
import type { KvCache } from '../nn/kv-cache.js'
import type { ReplyDecoder } from './reply-decoder.js'

/** Rows that go through the decoder at a time: bounds the memory of their logits. */
const rowsAtOnce = 64

/** What a model computed of a reply that was drawn before, a row for each id that its decoder reads. */
export interface Replay<Told> {
  readonly told: Told
  /** Holds the sources' keys and values, in slot 0. */
  readonly cache: KvCache
  /** Values of a stage that was asked for: [rows, …]; of `scores`, always: the logits, [rows, V]. */
  stage(name: string): Float32Array
}

/**
 * Runs a reply through its model again, teacher-forced, and keeps what it computes on the way. Nothing of how replies are drawn
 * takes part, so that drawing stays as fast as it is. Needs the encoder's memory to itself.
 *
 * @param ids what the decoder reads after its first id: those drawn
 * @param isWanted whether a stage is kept beside the scores, by the name that a pass tells
 * @param look gets the replay while its memory lasts
 * @param startId the decoder's first id; default: the model's own
 * @throws OutOfMemoryError
 */
export async function replay<Input, Told, Result>(
  { gpu, model, reader }: Pick<ReplyDecoder<Input, Told>, 'gpu' | 'model' | 'reader'>,
  input: Input,
  ids: readonly number[],
  isWanted: (stage: string) => boolean,
  look: (replay: Replay<Told>) => Promise<Result>,
  startId = model.first(input).id,
): Promise<Result> {
  const first = model.first(input)
  const rows = [startId, ...ids]
  const sizes = { slots: 1, positions: first.length + rows.length, sources: model.sourceRows(input) }
  const cache = await gpu.scoped('room to explain a reply', () => model.createCache(sizes))
  const wanted = { has: (stage: string) => stage === 'scores' || isWanted(stage) }
  const values = new Map<string, Float32Array[]>()
  try {
    const { told } = await reader.encode([input], cache, [0])
    for (let start = 0; start < rows.length; start += rowsAtOnce) {
      const capture = new Capture(gpu, wanted)
      try {
        const newest = rows.slice(start, start + rowsAtOnce)
        await reader.run.submit((pass) => {
          const upload = (label: string, words: readonly number[]) =>
            pass.scratch.upload(label, [words.length], Uint32Array.from(words))
          const slots = upload('replay.slots', [0])
          const position = (first.position ?? first.length) + start
          const trace = capture.trace(pass.recorder)
          const scores = model.step({ ...pass, trace }, cache, {
            ...{ sequences: 1, newRows: newest.length, slots, table: slots },
            ids: upload('replay.ids', newest),
            positions: upload(
              'replay.positions',
              newest.map((_, i) => position + i),
            ),
            lengths: upload('replay.lengths', [first.length + start]),
          })
          trace('scores', scores, newest.length)
        }, 'explaining a reply')
        for (const [name, part] of await capture.read()) values.set(name, [...(values.get(name) ?? []), part])
      } finally {
        capture.dispose()
      }
    }
    const stage = (name: string) => joined(values.get(name) ?? [])
    return await look({ told: (await told)[0]!, cache, stage })
  } finally {
    cache.dispose()
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0))
  let end = 0
  for (const part of parts) {
    all.set(part, end)
    end += part.length
  }
  return all
}
