import { spawnSync } from 'node:child_process'
import { compiledMain } from './compiled-main.js'

/** Runs `misc ARGS…` in a process of its own, as users do. A hanging one is ended after two minutes: status null. */
export function misc(args: readonly string[], env: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiledMain, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 120_000,
  })
  return { status, stdout, stderr }
}
