import { softmax } from '../../src/validate/twins/softmax.js'

/** The choices of one sequence in float64: the plain twin of shaders/choose-layers.wgsl. */
export function chooseLayers(
  logits: readonly number[],
  { most, least, basic }: { readonly most: number; readonly least: number; readonly basic: boolean },
): { choices: { layer: number; share: number }[]; weights: number[] } {
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, most)
  const shares = softmax(order.map((layer) => logits[layer]!))
  const weights = logits.map((_, layer) => (order.includes(layer) ? shares[order.indexOf(layer)]! : 0))
  const choices = order.map((layer, i) => ({ layer, share: shares[i]! > least ? shares[i]! : 0 }))
  return { choices: basic ? [...choices, { layer: logits.length, share: 1 }] : choices, weights }
}
