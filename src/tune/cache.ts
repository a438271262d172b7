import { mkdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { AdapterInfo } from '../gpu/adapter.js'
import type { Gpu } from '../gpu/gpu.js'
import { cacheFolder } from '../io/cache-folder.js'
import { readJsonFile } from '../io/text-file.js'
import { writeWholeFile } from '../io/whole-file.js'
import { packageVersion } from '../package.js'

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

const nothing: Tuning = { choices: new Map(), unfinished: 0 }

/** Told what is wrong with a file that is ignored. */
export type Warn = (message: string) => void

type Owner = Pick<AdapterInfo, 'name' | 'driver'>

const limit = 2 ** 20
const names = { key: /^[\w-]+ \w+ \d+x\d+x\d+$/, kernel: /^[\w-]{1,60}$/ }

/** Where the measured choices of an adapter lie: a file per adapter, which may be deleted at any time. */
export function tuningFile({ name }: Pick<Owner, 'name'>): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? ['adapter']
  return join(cacheFolder(), 'tuned', `${words.join('-').slice(0, 80)}.json`)
}

/** Files that were complained about: once is enough. */
const told = new Set<string>()

/**
 * The choices measured on this adapter with this driver and this version of the package; none where there is no file. A file
 * that is stale, damaged or another adapter's is as good as none, with a word about it, once in a process.
 */
export async function readTuning(owner: Owner, warn: Warn): Promise<Tuning> {
  let file = 'the cache folder'
  try {
    file = tuningFile(owner)
    if (!(await isThere(file))) return nothing
    return parseTuning(await readJsonFile(file, limit), owner)
  } catch (error) {
    const { message } = error as Error
    const about = message.startsWith(file) ? message : `${file}: ${message}`
    if (!told.has(file)) warn(`${about}: kernels measured earlier are not used; misc tune measures them anew`)
    told.add(file)
    return nothing
  }
}

/** @throws Error where it is no regular file: a pipe would be waited for. */
async function isThere(file: string): Promise<boolean> {
  const info = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (info && !info.isFile()) throw new Error(`${file}: not a regular file`)
  return info !== undefined
}

/** @throws Error that says what is wrong, or for whom else the document was written. */
export function parseTuning(document: unknown, owner: Owner): Tuning {
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

/**
 * Writes choices to the adapter's file, beside those for other shapes that it has; whole or not at all, so that two processes
 * may do so at once.
 *
 * @returns the file.
 * @throws Error where the file cannot be written.
 */
export async function writeTuning(owner: Owner, { choices, unfinished }: Tuning): Promise<string> {
  const file = tuningFile(owner)
  const earlier = await readTuning(owner, () => {})
  const document = {
    adapter: owner.name,
    driver: owner.driver,
    version: packageVersion,
    unfinished,
    choices: Object.fromEntries([...earlier.choices, ...choices]),
  }
  await mkdir(dirname(file), { recursive: true })
  await isThere(file)
  await writeWholeFile(file, (to) => to.writeFile(`${JSON.stringify(document, null, 2)}\n`))
  return file
}

/** Lets a device use what was measured on its adapter: recordings made from now on do. */
export async function adoptTuning(gpu: Gpu, warn: Warn): Promise<Tuning> {
  const tuning = await readTuning(gpu.adapter, warn)
  gpu.variants.adopt(new Map([...tuning.choices].map(([key, { choice }]) => [key, choice])))
  return tuning
}

function fields(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new Error(`${what} is no JSON object`)
}
