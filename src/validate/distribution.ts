import { mean, quantile, sampleStandardDeviation } from 'simple-statistics'

/** How the next-id probabilities of a run differ from those of another, over the ids of replies that came. */
export interface DistributionChange {
  /** Ids that were compared. */
  readonly ids: number
  /** Kullback–Leibler divergence of the run from the other, in nats per id. */
  readonly kld: {
    readonly mean: number
    /** Of the mean, by the spread over ids. */
    readonly standard_error: number
    readonly median: number
    readonly p99: number
    readonly p999: number
    readonly max: number
  }
  /** Δp: the probability of the id that came, less that of the other run. */
  readonly delta_p: {
    readonly mean: number
    /** The root of the mean square. */
    readonly rms: number
    /** By the part of the ids that lie below. */
    readonly quantiles: Readonly<
      Record<'0' | '0.01' | '0.05' | '0.25' | '0.5' | '0.75' | '0.95' | '0.99' | '1', number>
    >
  }
  /** The part of the ids after whose history both hold the same id likeliest, and its standard error. */
  readonly same_top: { readonly part: number; readonly standard_error: number }
}

/** What is kept of each id. */
export interface IdChange {
  readonly kld: number
  readonly deltaP: number
  readonly sameTop: boolean
}

/**
 * Compares the logits of one id.
 *
 * @param vocabulary the logits that take part, the first ones
 */
export function idChange(logits: Float32Array, other: Float32Array, id: number, vocabulary: number): IdChange {
  const [own, base] = [partition(logits, vocabulary), partition(other, vocabulary)]
  let kld = 0
  for (let i = 0; i < vocabulary; i++) {
    const logP = other[i]! - base.logSum
    kld += Math.exp(logP) * (logP - (logits[i]! - own.logSum))
  }
  return {
    // Rounding may leave the least of divergences below nothing.
    kld: Math.max(kld, 0),
    deltaP: Math.exp(logits[id]! - own.logSum) - Math.exp(other[id]! - base.logSum),
    sameTop: own.top === base.top,
  }
}

function partition(logits: Float32Array, vocabulary: number): { logSum: number; top: number } {
  let top = 0
  for (let i = 1; i < vocabulary; i++) if (logits[i]! > logits[top]!) top = i
  let sum = 0
  for (let i = 0; i < vocabulary; i++) sum += Math.exp(logits[i]! - logits[top]!)
  return { logSum: logits[top]! + Math.log(sum), top }
}

/** Sums up what was found of at least one id. */
export function distributionChange(changes: readonly IdChange[]): DistributionChange {
  const ids = changes.length
  const klds = changes.map(({ kld }) => kld)
  const deltas = changes.map(({ deltaP }) => deltaP)
  const part = changes.filter(({ sameTop }) => sameTop).length / ids
  const at = (p: number) => quantile(deltas, p)
  return {
    ids,
    kld: {
      mean: mean(klds),
      standard_error: ids > 1 ? sampleStandardDeviation(klds) / Math.sqrt(ids) : 0,
      median: quantile(klds, 0.5),
      p99: quantile(klds, 0.99),
      p999: quantile(klds, 0.999),
      max: quantile(klds, 1),
    },
    delta_p: {
      mean: mean(deltas),
      rms: Math.sqrt(mean(deltas.map((it) => it ** 2))),
      quantiles: {
        '0': at(0),
        '0.01': at(0.01),
        '0.05': at(0.05),
        '0.25': at(0.25),
        '0.5': at(0.5),
        '0.75': at(0.75),
        '0.95': at(0.95),
        '0.99': at(0.99),
        '1': at(1),
      },
    },
    same_top: { part, standard_error: Math.sqrt((part * (1 - part)) / ids) },
  }
}
