/** The dispatches of a decode step as they are recorded, for docs/how-a-reply-is-computed.md. */

import { openModel } from '../src/engine/load-model.js'
import { ReplySlots } from '../src/engine/reply-slots.js'
import { tokenRules } from '../src/generation/token-rules.js'
import type { Gpu } from '../src/gpu/gpu.js'
import type { Bindings, Recorder } from '../src/gpu/recorder.js'
import type { Tensor } from '../src/gpu/tensor.js'

/** A tensor that a dispatch is bound to. */
export interface Bound {
  readonly label: string
  readonly shape: readonly number[]
}

/** A dispatch of a step. */
export interface StepDispatch {
  readonly kernel: string
  /** The decoder layer whose weights or caches it reads, from 0 on. */
  readonly layer: number | undefined
  /** What no dispatch of the step has written before: weights, caches and what describes the sequences. */
  readonly reads: readonly Bound[]
  /** The dispatches whose results it reads, by their number. */
  readonly after: readonly number[]
  /** What it changes, such as caches that it adds a row to. */
  readonly updates: readonly Bound[]
  /** Its result; none where it is what it updates. */
  readonly out: readonly Bound[]
}

/** Ops with several kernels: `plain` is the one that every adapter can run, so that the step is the same on all. */
const chosen = ['gemv', 'cached-attention', 'cross-attention']

/** Records a decode step of one reply, as an engine does, with the kernels that every adapter has. */
export async function recordStep(gpu: Gpu, folder: string): Promise<StepDispatch[]> {
  for (const op of chosen) gpu.useVariant(op, 'plain')
  const model = await openModel(gpu, folder)
  const slots = new ReplySlots(gpu, model, 1, tokenRules(model.config))
  const dispatches: StepDispatch[] = []
  try {
    const recording = await slots.record(1, (recorder) => {
      watch(recorder, dispatches)
      return {}
    })
    if (recording.steps.length !== dispatches.length) throw new Error('a step has copies, which are not drawn')
    recording.dispose()
    return dispatches
  } finally {
    slots.dispose()
    for (const op of chosen) gpu.useVariant(op, undefined)
  }
}

/** Notes every dispatch of a recorder. */
function watch(recorder: Recorder, dispatches: StepDispatch[]): void {
  const dispatch = recorder.dispatch.bind(recorder)
  const writer = new Map<GPUBuffer, number>()
  recorder.dispatch = (kernel, bound, ...others) => {
    dispatch(kernel, bound, ...others)
    const { name, bindings } = kernel.shader
    const written = new Set(bindings.filter((it) => it.type === 'storage').map((it) => it.name))
    const reads = tensorsOf(bound, (it) => !written.has(it))
    const updates = tensorsOf(bound, (it) => written.has(it) && it !== 'out')
    const out = tensorsOf(bound, (it) => it === 'out')
    const writers = new Set([...reads, ...updates].flatMap(({ buffer }) => writer.get(buffer) ?? []))
    const layer = [...reads, ...updates].flatMap(({ label }) => /\b(?:layers|keys|cross)\.(\d+)/.exec(label)?.[1] ?? [])
    dispatches.push({
      kernel: name,
      layer: layer[0] === undefined ? undefined : Number(layer[0]),
      reads: reads.filter(({ buffer }) => !writer.has(buffer)),
      after: [...writers].sort((a, b) => a - b),
      updates,
      out,
    })
    for (const { buffer } of [...updates, ...out]) writer.set(buffer, dispatches.length - 1)
  }
}

const tensorsOf = (bound: Bindings, isWanted: (binding: string) => boolean): Tensor[] =>
  Object.entries(bound).flatMap(([binding, it]) => (it && isWanted(binding) ? ['tensor' in it ? it.tensor : it] : []))
