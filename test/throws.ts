import * as assert from 'uvu/assert'
import { InputError } from '../src/errors.js'

/** Asserts that `work` is refused with a one-line {@link InputError} whose message matches every pattern. */
export async function refused(work: () => unknown, ...patterns: RegExp[]): Promise<void> {
  try {
    await work()
  } catch (error) {
    assert.instance(error, InputError, `expected an InputError, got ${(error as Error).stack}`)
    const { message } = error as Error
    assert.not.match(message, /\n/)
    for (const pattern of patterns) assert.ok(pattern.test(message), `${pattern} does not match: ${message}`)
    return
  }
  assert.unreachable(`nothing was thrown; expected ${patterns}`)
}

/** As {@link refused}, in less than a second of this process's own time, whatever else the machine does. */
export async function quicklyRefused(work: () => unknown, ...patterns: RegExp[]): Promise<void> {
  const start = process.cpuUsage()
  await refused(work, ...patterns)
  const { user, system } = process.cpuUsage(start)
  assert.ok(user + system < 1e6, `it took ${(user + system) / 1e6} seconds`)
}
