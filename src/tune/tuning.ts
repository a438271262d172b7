import type { AdapterInfo } from '../gpu/adapter-info.js'

/** What was measured for one shape class. */
export interface TunedChoice {
  readonly guess: string
  readonly choice: string
  /** Median milliseconds of each kernel that was measured. */
  readonly ms: Readonly<Record<string, number>>
  /** Kernels that were not measured, or whose result was off: they are no candidates. */
  readonly left_out: readonly string[]
}

/** What is known of an adapter. */
export interface Tuning {
  /** By the key of the shape class. */
  readonly choices: ReadonlyMap<string, TunedChoice>
  /** Measurements in the background, one after the other, that were begun and did not end: did they crash a driver? */
  readonly unfinished: number
}

/** What is known of an adapter that was never measured. */
export const noTuning: Tuning = { choices: new Map(), unfinished: 0 }

/** Told what is wrong with a file that is ignored. */
export type Warn = (message: string) => void

/** Whose kernels were measured. */
export type TunedAdapter = Pick<AdapterInfo, 'name' | 'driver'>

const names = { key: /^[\w-]+ \w+ \d+x\d+x\d+$/, kernel: /^[\w-]{1,60}$/ }

/** @throws Error that says what is wrong, or for whom else the document was written. */
export function parseTuning(document: unknown, owner: TunedAdapter, packageVersion: string): Tuning {
  const { adapter, driver, version, unfinished, choices } = fields(document, 'the file')
  const expected = { adapter: owner.name, driver: owner.driver, version: packageVersion }
  for (const [what, value] of Object.entries({ adapter, driver, version })) {
    if (typeof value !== 'string') throw new Error(`has no ${what}`)
    const now = expected[what as keyof typeof expected]
    if (value !== now) throw new Error(`was measured with ${what} ${JSON.stringify(value.slice(0, 80))}, now ${now}`)
  }
  const kernel = (value: unknown) => typeof value === 'string' && names.kernel.test(value)
  if (!Number.isSafeInteger(unfinished) || (unfinished as number) < 0) throw new Error('has a wrong count: unfinished')
  const entries = Object.entries(fields(choices, 'choices')).map(([key, value]): [string, TunedChoice] => {
    const entry = fields(value, key.slice(0, 80))
    const { guess, choice, left_out } = entry
    const ms = fields(entry.ms, 'ms')
    const fits =
      names.key.test(key) &&
      [guess, choice, ...Object.keys(ms)].every(kernel) &&
      Object.values(ms).every((it) => typeof it === 'number' && it >= 0) &&
      Object.hasOwn(ms, choice as string) &&
      Array.isArray(left_out) &&
      left_out.every(kernel)
    if (!fits) throw new Error(`the choice ${JSON.stringify(key.slice(0, 80))} is none that this package wrote`)
    return [key, entry as unknown as TunedChoice]
  })
  return { choices: new Map(entries), unfinished: unfinished as number }
}

/** What {@link parseTuning} reads, to be kept as JSON. */
export function tuningDocument({ choices, unfinished }: Tuning, owner: TunedAdapter, packageVersion: string): object {
  const { name: adapter, driver } = owner
  return { adapter, driver, version: packageVersion, unfinished, choices: Object.fromEntries(choices) }
}

function fields(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Error(`${what} is no JSON object`)
}
