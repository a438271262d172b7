import { median } from 'simple-statistics'
import { decodeStepBytes } from './cost.js'
import type { DecodeReport } from './report.js'
import type { BenchRig } from './rig.js'
import { type Summary, sum, summarize, timed } from './statistics.js'
import { gpuTime, repeated, type SuiteContext } from './suite.js'

/** Steps whose GPU time is taken. */
const profiledSteps = 8

/** The first reply of a process: run it before anything else has compiled a kernel. */
export async function coldStart(rig: BenchRig): Promise<DecodeReport['cold']> {
  const before = rig.gpu.kernelCount
  let stepCompileMs = 0
  const ttft = await timed(async () => {
    await rig.start()
    stepCompileMs = await timed(() => rig.slots.recording(rig.workload.batch))
    await rig.step()
  })
  return { ttft_ms: ttft, compile_ms: rig.compileMs + stepCompileMs, kernels: rig.gpu.kernelCount - before }
}

/** Runs that {@link decodeSuite} reports to `onRun`. */
export const decodeSuiteRuns = 2

/** Time to the first id, and from id to id, sampling included. */
export async function decodeSuite(context: SuiteContext, cold: DecodeReport['cold']): Promise<DecodeReport> {
  const { rig, ceilings } = context
  const { tokens, batch } = rig.workload

  const replies = await repeated(context, async () => {
    const ttft = await timed(async () => {
      await rig.start()
      await rig.step()
    })
    return { ttft, gaps: await rig.draw(tokens - 1) }
  })
  const parts = await repeated(context, async () => {
    rig.model.forget()
    const times: Record<string, number> = {}
    for (const [name, run] of rig.startParts()) times[name] = await timed(run)
    times.first_step = await timed(() => rig.step())
    return times
  })
  // A reply of its own: once a reply has ended, its steps draw nothing.
  await rig.start()
  const step = await rig.slots.recording(batch)
  const gpuStep = await gpuTime(context, Math.min(profiledSteps, tokens - 1), (submit) => submit(step))

  const tpot = summarize(replies.map(({ gaps }) => sum(gaps) / gaps.length))
  const wallMs = sum(replies.map(({ ttft, gaps }) => ttft + sum(gaps)))
  const stepBytes = decodeStepBytes(rig)
  return {
    cold,
    ttft_ms: summarize(replies.map(({ ttft }) => ttft)),
    ttft_parts_ms: summarizeParts(parts) as DecodeReport['ttft_parts_ms'],
    tpot_ms: tpot,
    itl_ms: summarize(replies.flatMap(({ gaps }) => gaps)),
    itl_by_position_ms: replies[0]!.gaps.map((_, i) => median(replies.map(({ gaps }) => gaps[i]!))),
    tokens_per_s: (replies.length * tokens * batch) / (wallMs / 1e3),
    decode_tokens_per_s: batch / (tpot.mean / 1e3),
    step_bytes: stepBytes,
    mbu: stepBytes.total / (tpot.mean / 1e3) / (ceilings.read_bandwidth.gb_per_s * 1e9),
    sampling_included: true,
    steps_in_flight: rig.stepsInFlight,
    gpu_step: gpuStep,
  }
}

function summarizeParts(parts: readonly Readonly<Record<string, number>>[]): Record<string, Summary> {
  return Object.fromEntries(Object.keys(parts[0]!).map((name) => [name, summarize(parts.map((it) => it[name]!))]))
}
