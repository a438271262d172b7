/** PyTorch's statements that bench/peers times say what our models say, word for word: with caches, and as released without. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { randomIds } from '../../src/bench/workload.js'
import { openModel } from '../../src/engine/load-model.js'
import type { Model } from '../../src/models/model.js'
import { goldenModel, LISTENERS_GOLDENS } from '../golden.js'
import { sharedGpu, testAdapters } from '../gpu.js'
import { jointModel } from '../joint.js'
import { greedy } from '../model-runs.js'
import { skipWithoutTorch, torchPython } from '../python.js'
import { tempFolder } from '../temp.js'

const peers = suite('bench/peers')
const test = skipWithoutTorch(peers, 'compares what bench/peers times with our models')
const program = fileURLToPath(new URL('../../bench/peers/family_torch.py', import.meta.url))
const models = [
  { name: 'blenderbot-tiny', folder: () => goldenModel('blenderbot-tiny'), released: false },
  { name: 'joint-tiny', folder: jointModel, released: false },
  ...LISTENERS_GOLDENS.map((name) => ({ name, folder: () => goldenModel(name), released: true })),
]
const [length, said] = [20, 8]

for (const { name, folder, released } of models) {
  test(`${name}: PyTorch says the ids that we say`, async () => {
    const [gpu, model] = [await sharedGpu(testAdapters[0]!), await folder()]
    const ours: Model = await openModel(gpu, model)
    const { vocabSize } = ours.config
    const input = ours.usualInput(length, randomIds(1, vocabSize))
    const [expected] = await greedy(gpu, ours, [{ input, history: [ours.first(input).id] }], said)
    ours.dispose()

    const work = join(tempFolder(), 'work.json')
    writeFileSync(work, JSON.stringify({ ids: randomIds(1, vocabSize)(length), tokens: 4, said }))
    const requests = [
      ...['ids of a reply', ...(released ? ['ids of a reply, as released'] : [])].map((say) => ({ say })),
      ...['encode', 'decode', ...(released ? ['released'] : [])].map((task) => ({ task, times: 2 })),
    ]
    const { stdout, stderr } = spawnSync(torchPython()!, [program, model, work], {
      input: requests.map((it) => `${JSON.stringify(it)}\n`).join(''),
      encoding: 'utf8',
    })
    const answers = stdout.split('\n').filter((line) => line.startsWith('@answer '))
    assert.is(answers.length, requests.length, stderr)
    for (const [i, line] of answers.entries()) {
      const answer = JSON.parse(line.slice('@answer '.length))
      if ('say' in requests[i]!) assert.equal(answer, { said: expected })
      else assert.ok(answer.ms?.length === 2 && answer.ms.every((ms: number) => ms > 0), line)
    }
  })
}

peers.run()
