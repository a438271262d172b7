import type { Tensor } from '../gpu/tensor.js'
import type { LayerNormOptions } from '../ops/layer-norm.js'
import { type Activation, type MatmulTensors, type MatmulWindow, matmul, settled } from '../ops/matmul.js'
import type { Norm } from './layout.js'
import type { Pass } from './pass.js'

/**
 * Rows of hidden states. Where they have a norm they are LN(x), which is not computed yet: the first product that reads them
 * norms them on its way, which saves a dispatch, and leaves them in `norm.out`. Where they have a window, they are each row and
 * the two before it, and only that product has them.
 */
export interface Rows extends Pick<MatmulTensors, 'x' | 'norm' | 'window'> {
  readonly count: number
}

/** LN(x): the first product that reads it will leave it in `out`. */
export const normed = ({ x, count }: Rows, norm: Norm, out: Tensor, options?: LayerNormOptions): Rows => ({
  ...{ x, count },
  norm: { ...norm, out, ...options },
})

/** Each row and the two before it, [rows, 3d], which the product that reads them may lay out on its way. */
export const windowed = (rows: Rows, window: MatmulWindow): Rows => ({ ...rows, window })

/** Where the rows are, once a product has read them. */
export const placeOf = ({ x, norm }: Rows): Tensor => norm?.out ?? x

/** Computes the rows' norm and window, which no product will. @returns where the rows are. */
export const settle = ({ recorder }: Pass, { count, ...rows }: Rows): Tensor => settled(recorder, rows, count)

/** activation(rows · weightᵀ + bias) + residual, in the tensor of this role. */
export function project(
  { recorder, scratch }: Pass,
  role: string,
  { count, ...rows }: Rows,
  linear: Pick<MatmulTensors, 'weight' | 'bias' | 'biasOf'>,
  { activation, residual }: { readonly activation?: Activation; readonly residual?: Tensor } = {},
): Rows {
  const x = scratch.rows(role, count, linear.weight.shape[0]!)
  matmul(recorder, { ...rows, ...linear, ...(residual && { residual }), out: x }, count, activation)
  return { x, count }
}
