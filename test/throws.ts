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

/**
 * As {@link refused}, in less than a second of this process's own time, whatever else the machine does: once out of two, since
 * a core that is shared computes half as fast, and other tests' garbage may be collected meanwhile.
 */
export async function quicklyRefused(work: () => unknown, ...patterns: RegExp[]): Promise<void> {
  let seconds = Infinity
  for (let turn = 0; turn < 2 && seconds >= 1; turn++) {
    const start = process.cpuUsage()
    await refused(work, ...patterns)
    const { user, system } = process.cpuUsage(start)
    seconds = (user + system) / 1e6
  }
  assert.ok(seconds < 1, `it took ${seconds} seconds`)
}
