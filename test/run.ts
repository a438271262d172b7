/**
 * Runs every test/**\/*.test.ts in one uvu run, or those whose path contains one of the arguments:
 * `npm test`, `npm test -- ops/ io/`. Those of test/long run only when named. Ends with a line "N passed, M failed".
 */
import { readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from 'uvu/run'
import { restartWithVulkanLoader } from '../src/gpu/vulkan-loader.js'

// A cache of the tests' own: what was tuned on this machine does not change what they see.
process.env.XDG_CACHE_HOME = fileURLToPath(new URL('../node_modules/.cache', import.meta.url))
await restartWithVulkanLoader()
rmSync(join(process.env.XDG_CACHE_HOME, 'misc-webgpu', 'tuned'), { recursive: true, force: true })

const root = fileURLToPath(new URL('.', import.meta.url))
const words = process.argv.slice(2)
const suites = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => (words.length === 0 ? !name.startsWith('long') : words.some((word) => name.includes(word))))
  .sort()
  .map((name) => ({ name: relative(root, join(root, name)), file: join(root, name) }))

if (suites.length === 0) {
  console.error(`no test file matches ${words.join(' ')}`)
  process.exit(2)
}

// uvu prints its totals itself; they are read back here for the one line that CI looks for.
let total = 0
let passed = 0
const write = process.stdout.write.bind(process.stdout)
process.stdout.write = ((chunk: string | Uint8Array, ...rest: []) => {
  const text = String(chunk)
  total = Number(/Total:\s+(\d+)/.exec(text)?.[1] ?? total)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: uvu colours its totals
  passed = Number(/Passed:(?:\s|\x1b\[\d+m)+(\d+)/.exec(text)?.[1] ?? passed)
  return write(chunk, ...rest)
}) as typeof process.stdout.write

await run(suites)
write(`${passed} passed, ${total - passed} failed\n`)
