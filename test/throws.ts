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
