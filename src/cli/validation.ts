import type { AccuracyGate } from '../validate/accuracy-gate.js'
import type { Bisection } from '../validate/bisect.js'
import type { DistributionChange } from '../validate/distribution.js'
import type { OpReport } from '../validate/op-report.js'
import type { CaseReport } from '../validate/validate.js'

/** What `misc validate --json` prints. */
export interface Validation {
  /** Whether every stage is within its tolerance, every decoded id that scores decide is the same, and the gate is kept. */
  readonly ok: boolean
  /**
   * The first stage that is off, of the first case that has one; `decode` where only decoded ids differ, `gate` where all
   * else is well.
   */
  readonly first_failure: string | null
  /** The run that others were compared with, where it was no reference file. */
  readonly against?: string
  /** Two per reference file, or per few replies of --data. */
  readonly cases: readonly CaseReport[]
  /** Where there is --data and a dtype that rounds. */
  readonly gate?: AccuracyGate
  /** Where there is --data. */
  readonly change?: DistributionChange
  /** What each dispatch of the first case wrote: where there is --ops or --report. */
  readonly ops?: readonly OpReport[]
  /** Where the first stage that is off goes wrong: where there is --bisect or --report. */
  readonly bisection?: Bisection
}

/** A document of JSON; it has no infinity: an error that is no number is the largest one there is. */
export const jsonOf = (value: unknown): string =>
  `${JSON.stringify(value, (_, it: unknown) => (it === Number.POSITIVE_INFINITY ? Number.MAX_VALUE : it), 2)}\n`
