/** What a model says behind the seam, the ways that tests compare. */
import { ReplyDecoder } from '../src/engine/reply-decoder.js'
import { resolveOptions } from '../src/generation/options.js'
import { tokenRules } from '../src/generation/token-rules.js'
import type { Gpu } from '../src/gpu/gpu.js'
import type { Model } from '../src/models/model.js'
import { wholeSequences } from '../src/nn/kv-cache.js'
import { Run } from '../src/nn/run.js'
import { rowStatus } from '../src/ops/sampling-rows.js'

/** What the decoder reads of an input after its start, teacher-forced. */
export interface Forced<Input> {
  readonly input: Input
  readonly ids: readonly number[]
}

/** Logits [ids, V] of each input's ids, those of one step given together. */
async function logits<Input>(
  gpu: Gpu,
  model: Model<Input, unknown>,
  inputs: readonly Forced<Input>[],
  steps: readonly (readonly (readonly number[])[])[],
): Promise<Float32Array[]> {
  const run = new Run(gpu, model.weights)
  // Slots in another order than inputs, and one to spare.
  const slots = inputs.map((_, i) => inputs.length - i)
  const cache = model.createCache({ slots: inputs.length + 1 })
  const first = inputs.map(({ input }) => model.first(input))
  const { vocabSize: V } = model.config
  const found = inputs.map(({ ids }) => new Float32Array(ids.length * V))
  await run.submit((pass) =>
    model.start(
      pass,
      inputs.map((it) => it.input),
      cache,
      slots,
    ),
  )
  let done = 0
  for (const step of steps) {
    const positions = step.map((row, i) => row.map((_, j) => (first[i]!.position ?? first[i]!.length) + done + j))
    const lengths = first.map(({ length }) => length + done)
    const tensor = await run.submit((pass) => {
      const rows = wholeSequences(pass.scratch, step, slots, positions)
      const held = pass.scratch.upload('lengths', [lengths.length], Uint32Array.from(lengths))
      return model.step(pass, cache, { ...rows, lengths: held })
    })
    const values = await gpu.readF32(tensor)
    const longest = Math.max(...step.map((row) => row.length))
    for (const [i, row] of step.entries()) {
      const own = values.subarray(i * longest * V, (i * longest + row.length) * V)
      found[i]!.set(own.subarray(0, Math.max(0, found[i]!.length - done * V)), Math.min(done * V, found[i]!.length))
    }
    done += longest
  }
  cache.dispose()
  run.dispose()
  return found
}

/** All ids of an input in one pass. */
export const atOnce = <Input>(gpu: Gpu, model: Model<Input, unknown>, inputs: readonly Forced<Input>[]) =>
  logits(gpu, model, inputs, [inputs.map((it) => it.ids)])

/** An id of each input at a time; inputs with fewer go on with some id. */
export function oneByOne<Input>(gpu: Gpu, model: Model<Input, unknown>, inputs: readonly Forced<Input>[]) {
  const longest = Math.max(...inputs.map(({ ids }) => ids.length))
  const steps = Array.from({ length: longest }, (_, step) => inputs.map(({ ids }) => [ids[step] ?? 0]))
  return logits(gpu, model, inputs, steps)
}

/** The ids that replies to inputs have, drawn together without chance. */
export async function greedy<Input>(
  gpu: Gpu,
  model: Model<Input, unknown>,
  inputs: readonly { readonly input: Input; readonly history: readonly number[] }[],
  maxNewTokens: number,
): Promise<number[][]> {
  const decoder = new ReplyDecoder(gpu, model, tokenRules(model.config))
  const options = resolveOptions({
    ...{ doSample: false, maxNewTokens, repetitionPenalty: 1, noRepeatNgramSize: 0, minLength: 0 },
  })
  await decoder.start(inputs.map((it) => ({ ...it, options })))
  const ids: number[][] = inputs.map(() => [])
  const running = new Set(ids.keys())
  while (running.size > 0) {
    const { draws } = await decoder.submitStep()
    for (const [row, { id, status }] of (await draws).entries()) {
      if (running.has(row)) ids[row]!.push(id)
      if (status !== rowStatus.running) running.delete(row)
    }
  }
  decoder.dispose()
  return ids
}
