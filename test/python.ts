import { spawnSync } from 'node:child_process'
import type { Test } from 'uvu'

let found: string | null | undefined

/** A Python that has PyTorch, or undefined where this machine has none. */
export function torchPython(): string | undefined {
  const pythons = [process.env.PYTHON ?? 'python3', '/usr/bin/python3']
  // Looked for, not imported: that takes seconds.
  const look = 'import sys; from importlib.util import find_spec as f; sys.exit(not (f("torch") and f("numpy")))'
  found ??= pythons.find((it) => spawnSync(it, ['-c', look]).status === 0) ?? null
  return found ?? undefined
}

/** Whether that Python has the package `transformers` too. */
function hasTransformers(python: string): boolean {
  const look = 'import sys; from importlib.util import find_spec as f; sys.exit(not f("transformers"))'
  return spawnSync(python, ['-c', look]).status === 0
}

/** Defines a test. */
type Define = (name: string, test: () => Promise<void>) => void

/**
 * The suite itself where there is PyTorch; otherwise one whose tests are counted as skipped, and a line that says why.
 *
 * @param reason what these tests do
 */
export function skipWithoutTorch<T>(suite: Test<T>, reason: string): Define {
  return skipUnless(torchPython() !== undefined, suite, `no Python with PyTorch and numpy was found: ${reason}`)
}

/** As {@link skipWithoutTorch}, where there is no `transformers` either. */
export function skipWithoutTransformers<T>(suite: Test<T>, reason: string): Define {
  const python = torchPython()
  const found = python !== undefined && hasTransformers(python)
  return skipUnless(found, suite, `no Python with PyTorch, numpy and transformers was found: ${reason}`)
}

function skipUnless<T>(found: boolean, suite: Test<T>, reason: string): Define {
  if (found) return (name, test) => suite(name, test)
  process.stderr.write(`skipped, ${reason}\n`)
  return (name) => suite.skip(name)
}
