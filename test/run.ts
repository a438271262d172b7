/**
 * Runs every test/**\/*.test.ts, or those whose path contains one of the arguments: `npm test`, `npm test -- ops/ io/`.
 * Those of test/long run only when named. Ends with a line "N passed, M failed".
 *
 * All of them run in two processes, because software drivers compile kernels on one core. What the second prints comes
 * last.
 */
import { spawn } from 'node:child_process'
import { readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { run } from 'uvu/run'
import { disposeDevices } from '../src/gpu/gpu.js'

const words = process.argv.slice(2).filter((it) => it !== '--second-half')
const isSecond = words.length < process.argv.length - 2
const halves = words.length === 0

// A cache of each process's own: what was tuned on this machine, or by another test, does not change what they see.
const cache = isSecond ? '../node_modules/.cache/second' : '../node_modules/.cache/first'
process.env.XDG_CACHE_HOME = fileURLToPath(new URL(cache, import.meta.url))
process.env.MESA_SHADER_CACHE_DIR = fileURLToPath(new URL('../node_modules/.cache/mesa', import.meta.url))
rmSync(join(process.env.XDG_CACHE_HOME, 'misc-webgpu', 'tuned'), { recursive: true, force: true })

const root = fileURLToPath(new URL('.', import.meta.url))
const suites = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.test.ts'))
  .filter((name) => (words.length === 0 ? !name.startsWith('long') : words.some((word) => name.includes(word))))
  .sort()
  // Dealt out there and back, like cards: that parts the longest evenly.
  .filter((_, i) => !halves || (i % 4 === 1 || i % 4 === 2) === isSecond)
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

const second = halves && !isSecond ? secondHalf() : undefined
await run(suites)
await disposeDevices()
if (second) {
  const { output, code } = await second
  const [line, its, failed] = /^(\d+) passed, (\d+) failed\n$/m.exec(output) ?? ['', '0', '1']
  write(output.replace(line, ''))
  passed += Number(its)
  total += Number(its) + Number(failed)
  if (code !== 0) process.exitCode = 1
}
write(`${passed} passed, ${total - passed} failed\n`)

async function secondHalf(): Promise<{ output: string; code: number | null }> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--second-half']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { output: await text(child.stdout), code: await ended }
}
