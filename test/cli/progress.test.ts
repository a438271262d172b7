import { Writable } from 'node:stream'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { progressBar } from '../../src/cli/progress.js'

const progress = suite('cli/progress')

/** A stream that keeps what is written, and a clock that is set by hand. */
function fake(isTTY: boolean) {
  const written: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const clock = { now: 0 }
  return { written, clock, options: { stream: Object.assign(stream, { isTTY, columns: 80 }), now: () => clock.now } }
}

progress('short work says nothing', () => {
  for (const isTTY of [true, false]) {
    const { written, clock, options } = fake(isTTY)
    const bar = progressBar('reading', 10, 'files', options)
    clock.now = 999
    bar.advance(9)
    bar.stop()
    assert.equal(written, [])
  }
})

progress('without a terminal: a plain line now and then, none after the end', () => {
  const { written, clock, options } = fake(false)
  const bar = progressBar('writing x', 452_000_000, 'bytes', options)
  for (const now of [500, 1500, 2000, 6000, 6600]) {
    clock.now = now
    bar.advance(5_000_000)
  }
  bar.stop()
  bar.stop()
  clock.now = 1e6
  bar.advance(1)
  assert.equal(written, ['writing x: 10 of 452 MB\n', 'writing x: 25 of 452 MB\n'])
})

progress('the time that is left, where it is asked for', () => {
  const { written, clock, options } = fake(false)
  const bar = progressBar('drawing', 10_000, 'replies', { ...options, remaining: true })
  for (const [now, more] of [
    [2000, 1],
    [8000, 99],
    [20_000, 4900],
    [30_000, 5000],
  ] as const) {
    clock.now = now
    bar.advance(more)
  }
  bar.stop()
  // 2 s a reply; 80 ms a reply; 4 ms a reply; none left.
  assert.equal(
    written.map((line) => line.trim()),
    [
      'drawing: 1 of 10000 replies, 5 h 34 min left',
      'drawing: 100 of 10000 replies, 14 min left',
      'drawing: 5000 of 10000 replies, 20 s left',
      'drawing: 10000 of 10000 replies, 0 s left',
    ],
  )
})

progress('on a terminal: a bar, taken away at the end', () => {
  const { written, clock, options } = fake(true)
  {
    using bar = progressBar('loading', 4, 'tensors', options)
    clock.now = 1500
    bar.advance(1)
    bar.advance(1)
  }
  const text = written.join('')
  assert.match(text, /=+-+ loading: 1 of 4 tensors/)
  // Cleared: the cursor back at the line's start, the line emptied.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal codes
  assert.match(text, /\x1b\[0?K|\x1b\[2K|\x1b\[J/)
})

progress.run()
