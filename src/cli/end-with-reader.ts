/**
 * From now on the process ends when nobody reads what it writes any more (`… | head`): quietly, with exit code 0, as the
 * reader has what it wanted. What cannot be written for another reason ends it with exit code 2 and a line that says why.
 */
export function endWithReader(): void {
  const end = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    process.stderr.write(`misc: the output cannot be written (${error.message})\n`)
    process.exit(2)
  }
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end)
}
