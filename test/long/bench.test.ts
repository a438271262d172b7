/** The bench's suites whole, and those of a model of widths that no tile divides: their kernels compile for long. */
import { suite } from 'uvu'
import { suiteNames } from '../../src/bench/bench.js'
import { checkSuites } from '../bench/check-suites.js'

const benches = suite('long: bench')

benches('every suite that needs no text has the figures that it promises', async () => {
  await checkSuites(
    'misc-tiny-released',
    suiteNames.filter((name) => name !== 'pipeline'),
  )
})

benches('on odd widths too', async () => {
  await checkSuites('misc-odd-paper', ['decode', 'encode', 'kernels'])
})

benches.run()
