import { spawnSync } from 'node:child_process'
import type { Test } from 'uvu'

let found: string | null | undefined

/** Whether a Python has these packages: looked for, not imported, which takes seconds. */
function has(python: string, ...packages: string[]): boolean {
  const look = 'import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))'
  return spawnSync(python, ['-c', look, ...packages]).status === 0
}

/** A Python that has PyTorch, or undefined where this machine has none. */
export function torchPython(): string | undefined {
  const pythons = [process.env.PYTHON ?? 'python3', '/usr/bin/python3']
  found ??= pythons.find((it) => has(it, 'torch', 'numpy')) ?? null
  return found ?? undefined
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
  const found = python !== undefined && has(python, 'transformers')
  return skipUnless(found, suite, `no Python with PyTorch, numpy and transformers was found: ${reason}`)
}

function skipUnless<T>(found: boolean, suite: Test<T>, reason: string): Define {
  if (found) return (name, test) => suite(name, test)
  process.stderr.write(`skipped, ${reason}\n`)
  return (name) => suite.skip(name)
}
