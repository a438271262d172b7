import { disposeDevices } from '../gpu/gpu.js'

/**
 * From now on the process ends when nobody reads what it writes any more (`… | head`): quietly, with exit code 0, as the
 * reader has what it wanted. What cannot be written for another reason ends it with exit code 2 and a line that says why.
 *
 * @returns whether that is under way: what else the command meets on its way out is not what ended it.
 */
export function endWithReader(): () => boolean {
  let ending = false
  const end = (error: NodeJS.ErrnoException) => {
    if (ending) return
    ending = true
    const isGone = error.code === 'EPIPE'
    if (!isGone) process.stderr.write(`misc: the output cannot be written (${error.message})\n`)
    const exit = () => process.exit(isGone ? 0 : 2)
    disposeDevices().then(exit, exit)
  }
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end)
  return () => ending
}
