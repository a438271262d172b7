import { layerNorm } from '../ops/layer-norm.js'
import { logitsProcessors } from '../ops/logits-processors.js'
import { sample } from '../ops/sample.js'
import type { KernelCaseMaker } from './kernel-case.js'
import type { MiscRig } from './misc-rig.js'

/** What is done row by row: norms and sampling. Their operations do not count; memory bounds them. */
export function rowCases({ workload }: MiscRig): KernelCaseMaker[] {
  return [norm(workload.batch), norm(workload.context), processors, draw]
}

function norm(rows: number): KernelCaseMaker {
  return ({ weights }, tensors) => {
    const d = weights.config.dModel
    const { layers } = weights.decoder
    const x = tensors.random('x', rows, d)
    const out = tensors.random('out', rows, d)
    return {
      op: 'layer-norm',
      shape: `${rows} × ${d}`,
      flops: 0,
      bytes: x.bytes + out.bytes,
      layers: layers.length,
      record: (recorder, layer) => layerNorm(recorder, { x, ...layers[layer]!.norm, out }, rows),
    }
  }
}

const processors: KernelCaseMaker = (rig, tensors) => {
  const { weights, slots, workload } = rig
  const { vocabSize } = weights.config
  const logits = tensors.random('logits', workload.batch, vocabSize)
  return {
    op: 'logits-processors',
    shape: `${workload.batch} × ${vocabSize}`,
    flops: 0,
    // The history; of the scores they touch but a few.
    bytes: 4 * workload.batch * workload.tokens,
    layers: 1,
    record: (recorder) => logitsProcessors(recorder, logits, slots.sampling, slots.rules, workload.batch),
    prepare: () => rig.startRows(),
  }
}

const draw: KernelCaseMaker = (rig, tensors) => {
  const { weights, slots, workload } = rig
  const { vocabSize } = weights.config
  const logits = tensors.random('logits', workload.batch, vocabSize)
  return {
    op: 'sample',
    shape: `${workload.batch} × ${vocabSize}`,
    flops: 0,
    bytes: logits.bytes,
    layers: 1,
    record: (recorder) => sample(recorder, logits, slots.sampling, slots.rules, workload.batch),
    // A reply that is as long as allowed draws nothing.
    prepare: () => rig.startRows(),
  }
}
