import { GpuError } from '../errors.js'
import { type OpShape, type ShapeClass, shapeClass } from './shape-class.js'

/** A choice that an op had to make. */
export interface VariantQuestion {
  readonly shapeClass: ShapeClass
  /** Kernels that the device can run, best guess first: two or more. */
  readonly candidates: readonly string[]
}

/** A choice as it was made. */
export interface VariantChoice {
  readonly op: string
  readonly candidates: readonly string[]
  readonly chosen: string
}

/** Which kernel each op uses on one device: what was named, else what was measured, else the op's best guess. */
export class Variants {
  readonly #named = new Map<string, string>()
  readonly #asked = new Map<string, VariantQuestion>()
  #watched: VariantChoice[] | undefined
  /** By the key of the shape class. */
  #measured: ReadonlyMap<string, string> = new Map()

  /** Every choice with a shape that was asked for so far, each class once: what a tuner measures. */
  get asked(): readonly VariantQuestion[] {
    return [...this.#asked.values()]
  }

  /** Measured choices in use, by the key of their shape class. */
  get measured(): ReadonlyMap<string, string> {
    return this.#measured
  }

  /**
   * The kernel to use.
   *
   * @param candidates kernels that the device can run for the shape at hand, best guess first.
   * @param shape leaves the choice to a measurement, where there is one; without it the guess stands.
   * @throws GpuError where the kernel named for the op is no candidate.
   */
  choose<Name extends string>(op: string, candidates: readonly Name[], shape?: OpShape): Name {
    const chosen = this.#choose(op, candidates, shape)
    this.#watched?.push({ op, candidates, chosen })
    return chosen
  }

  /** The choices that are made while some work is recorded, in their order. */
  watch(work: () => void): readonly VariantChoice[] {
    const choices: VariantChoice[] = []
    this.#watched = choices
    try {
      work()
    } finally {
      this.#watched = undefined
    }
    return choices
  }

  #choose<Name extends string>(op: string, candidates: readonly Name[], shape?: OpShape): Name {
    const guess = candidates[0]!
    const name = this.#named.get(op)
    if (name !== undefined) {
      const named = candidates.find((it) => it === name)
      if (named === undefined) throw new GpuError(`${op}: ${name} is no candidate here, only ${candidates.join(', ')}`)
      return named
    }
    if (candidates.length === 1 || !shape) return guess
    const asked = shapeClass(op, shape)
    if (!this.#asked.has(asked.key)) this.#asked.set(asked.key, { shapeClass: asked, candidates })
    return candidates.find((it) => it === this.#measured.get(asked.key)) ?? guess
  }

  /** Has an op use one kernel and no other; undefined takes that back. */
  name(op: string, variant: string | undefined): void {
    if (variant === undefined) this.#named.delete(op)
    else this.#named.set(op, variant)
  }

  /** Takes over measured choices, by the key of their shape class. Recordings made before keep their kernels. */
  adopt(measured: ReadonlyMap<string, string>): void {
    this.#measured = measured
  }
}
