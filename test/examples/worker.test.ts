import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { tinyModel } from '../engine-model.js'
import { root, runNode, userFolder } from '../user-folder.js'

const worker = suite('examples, worker')
const folder = userFolder()

worker('worker.mjs replies, and ends cleanly amid the next reply', async () => {
  copyFileSync(join(root, 'examples/worker.mjs'), join(folder, 'worker.mjs'))
  const stdout = runNode(folder, 'worker.mjs', await tinyModel())
  const second = /.+\nno reply: the engine was disposed.*\nthe worker has ended, code 0\n$/
  assert.match(stdout, new RegExp(`^.+\\n1 of 2 replies\\n${second.source}`))
})

/** The worker asks for more replies than are drawn at a time, disposes after a while and is terminated at once. */
const disposing = `
  import { once } from 'node:events'
  import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
  import { Misc } from 'misc-webgpu'

  if (isMainThread) {
    for (const after of [0, 30, 100]) {
      const worker = new Worker(new URL(import.meta.url), { workerData: { model: process.argv[2], after } })
      await once(worker, 'message')
      await worker.terminate()
      console.log('terminated after', after)
    }
  } else {
    const misc = await Misc.load(workerData.model)
    for (let seed = 0; seed < 20; seed++) {
      const dialogue = [{ speaker: 'seeker', text: 'i am sad '.repeat(1 + seed) }]
      misc.reply({ dialogue }, { seed, minLength: 40 }).catch(() => {})
    }
    await new Promise((resolve) => setTimeout(resolve, workerData.after))
    await misc.dispose()
    parentPort.postMessage('disposed')
  }
`

worker('one that has disposed may be terminated, however busy its engine was', async () => {
  writeFileSync(join(folder, 'disposing.mjs'), disposing)
  const stdout = runNode(folder, 'disposing.mjs', await tinyModel())
  assert.is(stdout, [0, 30, 100].map((after) => `terminated after ${after}\n`).join(''))
})

worker.run()
