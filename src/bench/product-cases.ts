import type { Tensor } from '../gpu/tensor.js'
import { type Activation, matmul, matmulOp } from '../ops/matmul.js'
import type { CaseTensors, KernelCase, KernelCaseMaker } from './kernel-case.js'
import type { MiscRig } from './misc-rig.js'

/** Rows × columns in × columns out. */
const quotedProducts = [
  [256, 512, 2048],
  [1, 512, 54944],
] as const

/** Rows of a decode step: a reply alone, and a full batch. */
const stepRows = [1, 16]

interface Layer {
  readonly weight: Tensor
  readonly bias?: Tensor
}

/** The products of the encoder and of a decode step, on the model's own weights. */
export function productCases({ weights, workload }: MiscRig): KernelCaseMaker[] {
  const { encoder, decoder, fusion, embedding, logitsBias } = weights
  const encoded = [
    product(
      'keys, values',
      workload.context,
      encoder.layers.map((it) => it.keyValue),
    ),
    product(
      'fc1',
      workload.context,
      encoder.layers.map((it) => it.feedForward.expand),
      'gelu',
    ),
    product(
      'fc2',
      workload.context,
      encoder.layers.map((it) => it.feedForward.contract),
    ),
    ...(fusion.variant === 'released'
      ? [
          product(
            'fusion',
            workload.context,
            fusion.layers.map((it) => it.context),
          ),
        ]
      : []),
  ]
  const decoded = [...new Set([...stepRows, workload.batch])].flatMap((rows) => [
    product(
      'q, k, v',
      rows,
      decoder.layers.map((it) => it.queryKeyValue),
    ),
    product(
      'self output',
      rows,
      decoder.layers.map((it) => it.output),
    ),
    product(
      'cross output',
      rows,
      decoder.layers.map((it) => ({ weight: it.crossOutput })),
    ),
    product(
      'fc1',
      rows,
      decoder.layers.map((it) => it.feedForward.expand),
      'gelu',
    ),
    product(
      'fc2',
      rows,
      decoder.layers.map((it) => it.feedForward.contract),
    ),
    product('lm_head', rows, [{ weight: embedding, bias: logitsBias }]),
  ])
  return [...encoded, ...decoded]
}

/** Products that the peers are timed on. */
export const quotedProductCases: readonly KernelCaseMaker[] = quotedProducts.map(
  ([rows, k, n]) =>
    (rig, tensors) =>
      product('quoted', rows, [{ weight: tensors.matrix('weight', n, k) }])(rig, tensors),
)

function product(name: string, rows: number, layers: readonly Layer[], activation?: Activation): KernelCaseMaker {
  return (_: MiscRig, tensors: CaseTensors): KernelCase => {
    const { weight } = layers[0]!
    const [n, k] = weight.shape as [number, number]
    const x = tensors.random('x', rows, k)
    const out = tensors.random('out', rows, n)
    return {
      op: matmulOp(rows),
      shape: `${rows} × ${k} × ${n} ${name}`,
      flops: 2 * rows * k * n,
      bytes: weight.bytes + (weight.scale?.bytes ?? 0) + x.bytes + out.bytes,
      layers: layers.length,
      record: (recorder, layer) => matmul(recorder, { x, ...layers[layer]!, out }, rows, activation),
    }
  }
}
