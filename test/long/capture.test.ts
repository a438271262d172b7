import { suite } from 'uvu'
import { goldenModel } from '../golden.js'
import { jointModel } from '../joint.js'
import { skipWithoutTorch } from '../python.js'
import { assertCaptured } from '../validate/captured.js'

const capture = suite('reference/capture.py: every family')
const test = skipWithoutTorch(capture, 'it captures models and compares with that')
const names = [
  ...(['misc-tiny-paper', 'misc-odd-released', 'bart-tiny', 'blenderbot-tiny', 'gpt-tiny'] as const),
  ...(['transformer-tiny', 'moel-tiny', 'mime-tiny'] as const),
]

for (const name of names) test(name, async () => assertCaptured(await goldenModel(name)))
test('joint-tiny', async () => assertCaptured(await jointModel()))

capture.run()
