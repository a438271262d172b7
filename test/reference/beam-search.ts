/**
 * Beam search as transformers 4.2 has it (`generation_utils.beam_search`, `generation_beam_search`), for one input, line by line:
 * every beam is there from the start, at −1e9 but for the first, and all scores are one row. The twin of
 * src/generation/beam-search.ts, over anything that scores whole sequences.
 */

export interface ReferenceOptions {
  readonly numBeams: number
  readonly lengthPenalty: number
  readonly earlyStopping: boolean
  readonly numReturnSequences: number
  readonly maxLength: number
}

/** A hypothesis with the ids that it starts from, without EOS. */
export interface ReferenceHypothesis {
  readonly ids: readonly number[]
  readonly score: number
}

/**
 * @param scoresOf of sequences, each with the ids that it starts from: the log-probabilities of what comes next, as the
 *   processors leave them, f32
 * @param start the start id, or a prompt, which counts in `maxLength` too
 * @returns the best first; without those that only beams at −1e9 or −∞ have, which stand for nothing
 */
export async function beamSearch(
  scoresOf: (sequences: readonly (readonly number[])[]) => Promise<readonly Float32Array[]> | readonly Float32Array[],
  start: readonly number[],
  eosId: number,
  options: ReferenceOptions,
): Promise<ReferenceHypothesis[]> {
  const { numBeams, lengthPenalty, earlyStopping, numReturnSequences, maxLength } = options
  let sequences: number[][] = Array.from({ length: numBeams }, () => [...start])
  let beamScores = Float32Array.from({ length: numBeams }, (_, i) => (i === 0 ? 0 : -1e9))
  const beams: { score: number; ids: readonly number[] }[] = []
  let worstScore = 1e9
  const add = (ids: readonly number[], sum: number) => {
    const score = sum / ids.length ** lengthPenalty
    if (beams.length >= numBeams && !(score > worstScore)) return
    beams.push({ score, ids })
    if (beams.length > numBeams) {
      const sorted = beams.map((it, i) => [it.score, i] as const).sort((a, b) => a[0] - b[0] || a[1] - b[1])
      beams.splice(sorted[0]![1], 1)
      worstScore = sorted[1]![0]
    } else worstScore = Math.min(score, worstScore)
  }
  let done = false
  let curLen = start.length
  while (curLen < maxLength && !done) {
    const rows = await scoresOf(sequences)
    const vocab = rows[0]!.length
    const flat = rows.flatMap((row, beam) => Array.from(row, (score) => Math.fround(score + beamScores[beam]!)))
    const order = [...flat.keys()].sort((a, b) => compare(flat[b]!, flat[a]!) || a - b).slice(0, 2 * numBeams)
    const next: { ids: number[]; score: number }[] = []
    for (const [rank, at] of order.entries()) {
      const [beam, id] = [Math.floor(at / vocab), at % vocab]
      if (id === eosId) {
        if (rank < numBeams) add([...sequences[beam]!], flat[at]!)
      } else next.push({ ids: [...sequences[beam]!, id], score: flat[at]! })
      if (next.length === numBeams) break
    }
    if (next.length < numBeams) throw new Error('fewer ways to go on than beams: the vocabulary is too small')
    const best = flat[order[0]!]!
    done = beams.length >= numBeams && (earlyStopping || worstScore >= best / curLen ** lengthPenalty)
    sequences = next.map(({ ids }) => ids)
    beamScores = Float32Array.from(next, ({ score }) => score)
    curLen++
  }
  if (!done) for (const [i, ids] of sequences.entries()) add(ids, beamScores[i]!)
  const sorted = beams.map((it, i) => ({ ...it, i })).sort((a, b) => a.score - b.score || a.i - b.i)
  const found = sorted.toReversed().slice(0, numReturnSequences)
  return found
    .filter(({ score, ids }) => score * ids.length ** lengthPenalty > -1e8)
    .map(({ ids, score }) => ({ ids, score }))
}

/** Two −∞ are equal. */
const compare = (a: number, b: number) => (a === b ? 0 : a - b)
