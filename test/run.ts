/**
 * Runs every test/**\/*.test.ts, or those whose path contains one of the arguments: `npm test`, `npm test -- ops/ io/`.
 * Those of test/long run only when named. Ends with a line "N passed, M failed".
 *
 * Many of them run in two processes, because software drivers compile kernels on one core. One takes file after file from the
 * first on, the other from the last, until they meet: neighbours need the same kernels. What the second prints comes last.
 * Each names the files that took it longest: what makes the tests slow should be seen while it is little.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { disposeDevices } from '../src/gpu/gpu.js'
import { builtPackage } from './user-folder.js'

const words = process.argv.slice(2).filter((it) => it !== '--second-half')
const isSecond = words.length < process.argv.length - 2

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
const halves = suites.length > 8
if (isSecond) suites.reverse()

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

const taken = fileURLToPath(new URL('../node_modules/.cache/taken', import.meta.url))
if (halves && !isSecond) {
  rmSync(taken, { recursive: true, force: true })
  mkdirSync(taken, { recursive: true })
  builtPackage()
}
const second = halves && !isSecond ? secondHalf() : undefined
await runFiles()
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
  const args = [...process.execArgv, fileURLToPath(import.meta.url), '--second-half', ...words]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { output: await text(child.stdout), code: await ended }
}

/** Loads a file when those before it are done, and runs it; uvu's own runner loads all of them first. */
async function runFiles(): Promise<void> {
  const state = globalThis as { UVU_DEFER?: number; UVU_INDEX?: number; UVU_QUEUE?: unknown[][] }
  state.UVU_DEFER = 1
  const { exec } = await import('uvu')
  const queue = state.UVU_QUEUE!
  const left = suites.values()
  const took: { readonly name: string; readonly seconds: number }[] = []
  // Comes after a file's suites as if it were one, of no tests.
  const loadNext = async () => {
    const { value: name } = left.next()
    if (name !== undefined && (!halves || take(name))) {
      const began = performance.now()
      state.UVU_INDEX = queue.push([name]) - 1
      await import(pathToFileURL(join(root, name)).href)
      queue.at(-1)!.push(() => {
        took.push({ name, seconds: (performance.now() - began) / 1000 })
        return loadNext()
      })
    }
    return [true, 0, 0, 0]
  }
  await loadNext()
  await exec()
  if (!halves) return
  const slowest = took.sort((a, b) => b.seconds - a.seconds).slice(0, 12)
  write(`slowest: ${slowest.map(({ name, seconds }) => `${name} ${seconds.toFixed(0)} s`).join(', ')}\n`)
}

/** Takes a file for this process; false where the other has it. */
function take(name: string): boolean {
  try {
    mkdirSync(join(taken, name.replaceAll('/', ' ')))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
