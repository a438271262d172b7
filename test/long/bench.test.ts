/** The bench's suites on a model of widths that no tile divides, whose kernels compile for long. */
import { suite } from 'uvu'
import { checkSuites } from '../bench/check-suites.js'

const benches = suite('long: bench on odd widths')

benches('every suite has the figures that it promises', () =>
  checkSuites('misc-odd-paper', ['decode', 'encode', 'kernels']),
)

benches.run()
