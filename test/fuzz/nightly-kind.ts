/**
 * One kind of `npm run fuzz`, in a process of its own: a case at which it ends, hangs or eats up memory takes no other kind along.
 * It writes the number of each case into a file before it reads the case, and prints what came of all of them as JSON.
 */
import { openSync, writeSync } from 'node:fs'
import { growthOf, type Sample, useNow } from '../../src/bench/callers.js'
import { checkKind, kinds } from './all-kinds.js'

/** Bytes by which the heap and what it holds may grow from the second quarter of the cases to the last; and the whole process. */
const mostGrowth = { heap: 2 ** 25, rss: 2 ** 28 }
/** So often memory is looked at. */
const looks = 40

const [name, progress, cases, seed, path] = process.argv.splice(2) as [string, string, string, string, string?]
const file = openSync(progress, 'w')
const samples: Sample[] = []
const every = Math.ceil(Number(cases) / looks)
const begin = (index: number) => {
  if (index % every === 0) {
    const now = useNow({ allocatedBytes: 0 })
    samples.push({ ...now, heap: now.heap + now.external, replies: index })
  }
  writeSync(file, String(index + 1), 0)
}
const outcome = await checkKind(kinds.get(name)!, { seed: Number(seed), cases: Number(cases), path, begin })
const memory =
  samples.length < looks / 2
    ? []
    : (['heap', 'rss'] as const).map((of) => {
        const { start, end } = growthOf(samples, of)
        return { of, start, end, isMuch: end - start > mostGrowth[of] }
      })
const much = memory
  .filter(({ isMuch }) => isMuch)
  .map(({ of, start, end }) => `${of} grew from ${start} to ${end} bytes`)
const failure = outcome.failure ?? (much.length > 0 ? { path: '', text: much.join(', ') } : undefined)
console.log(JSON.stringify({ ...outcome, failure, memory }))
