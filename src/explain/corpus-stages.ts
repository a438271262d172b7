import type { EsconvRow } from '../text/esconv-row.js'

/** How many stages a conversation has. */
const STAGES = 6

/** Stages of conversations, and the one of each row. */
export interface Stages {
  /** `progress`: by the part of the conversation that is over. `turn`: by the turn's number, where no row tells the whole length. */
  readonly by: 'progress' | 'turn'
  /** Of each of the six, in words. */
  readonly labels: readonly string[]
  /** 0–5, by row. */
  readonly ofRows: readonly number[]
}

/**
 * The stages in which the replies of rows lie, six as in Figure 3.
 *
 * Where the data tells how long each conversation is: the fifths of its turns, and its last turn alone, as ESConv's authors split
 * it (Liu et al. 2021, §4.3: k/L in [i/5, (i + 1)/5), and 1). Else by the number of the turn: six groups of as like a size as whole
 * numbers allow, because misc-esconv's rows are windows of conversations and do not say where these end.
 *
 * @param rows at least one
 */
export function stagesOf(rows: readonly EsconvRow[]): Stages {
  const places = rows.map(({ place }) => place)
  if (places.every(({ of }) => of !== null)) {
    return {
      by: 'progress',
      labels: ['0–20 %', '20–40 %', '40–60 %', '60–80 %', '80–100 %', 'last turn'],
      ofRows: places.map(({ turn, of }) => Math.min(STAGES - 1, Math.floor((turn * (STAGES - 1)) / of!))),
    }
  }
  const turns = places.map(({ turn }) => turn)
  const lasts = lastTurns(turns)
  const labels = lasts.map((last, i) => {
    const first = (i === 0 ? 0 : lasts[i - 1]!) + 1
    return first > last ? '–' : first === last ? `${last}` : `${first}–${last}`
  })
  return { by: 'turn', labels, ofRows: turns.map((turn) => lasts.findIndex((last) => turn <= last)) }
}

/** The last turn of each stage: quantiles. */
function lastTurns(turns: readonly number[]): number[] {
  const sorted = [...turns].sort((a, b) => a - b)
  return Array.from({ length: STAGES }, (_, i) => sorted[Math.ceil((sorted.length * (i + 1)) / STAGES) - 1]!)
}
