/** The other families, which take a start of PyTorch each, are in test/long. */
import { suite } from 'uvu'
import { goldenModel } from '../golden.js'
import { skipWithoutTorch } from '../python.js'
import { assertCaptured } from '../validate/captured.js'

const capture = suite('reference/capture.py')
const test = skipWithoutTorch(capture, 'it captures MISC and compares with that')

test('every stage of MISC, stated in PyTorch, is what the GPU computes', async () => {
  await assertCaptured(await goldenModel('misc-tiny-released'))
})

capture.run()
