/**
 * misc-webgpu in a worker thread: the program goes on with other things while weights are read and kernels compile.
 *
 * In this repository: `npm run build && node examples/worker.mjs [MODEL]`. Elsewhere, after `npm install misc-webgpu`: copy
 * this file.
 *
 * A worker disposes its engine before it ends. One that ends amid a reply, be it by `worker.terminate()`, by
 * `process.exit()` or by an error that nobody catches, aborts the whole process: the WebGPU bindings do so where a promise of
 * theirs is dropped before it settles, and nothing can run any more in a terminated worker to prevent it. So this one is told
 * to end, and answers with an error where it cannot reply.
 */
import { on } from 'node:events'
import { isMainThread, parentPort, SHARE_ENV, Worker, workerData } from 'node:worker_threads'
import { Misc } from 'misc-webgpu'

async function main() {
  // Shared, because the Vulkan loader is told of SwiftShader by the environment, and sees no worker's copy of it.
  const worker = new Worker(new URL(import.meta.url), { workerData: process.argv[2], env: SHARE_ENV })
  worker.on('exit', (code) => console.log(`the worker has ended, code ${code}`))
  const dialogue = [{ speaker: 'seeker', text: 'hi, i lost my job and i do not know how to tell my family' }]
  const ask = (seed) => worker.postMessage({ input: { dialogue }, options: { seed } })

  ask(1)
  let replies = 0
  for await (const [{ text, done, error }] of on(worker, 'message', { close: ['exit'] })) {
    if (text) process.stdout.write(text)
    if (done) console.log(`\n${++replies} of 2 replies`)
    if (done) ask(2)
    // The second reply is not waited for: its first piece is the sign to end.
    if (text && replies === 1) worker.postMessage('end')
    if (error) console.log(`\nno reply: ${error}`)
  }
}

async function serve() {
  const misc = await Misc.load(workerData)
  parentPort.on('message', async (message) => {
    if (message === 'end') {
      // Replies that are being drawn reject, and are answered below. Without its port the worker ends by itself.
      await misc.dispose()
      parentPort.close()
      return
    }
    try {
      const { input, options } = message
      for await (const { text } of misc.stream(input, options)) parentPort.postMessage({ text })
      parentPort.postMessage({ done: true })
    } catch (error) {
      parentPort.postMessage({ error: error.message })
    }
  })
}

await (isMainThread ? main() : serve())
