/** The rows that a decoder computes for sequences of several lengths, step by step or padded to the longest, and those that count. */
export class DecoderRows {
  readonly longest: number

  /** @param ids those that the decoder reads of each sequence */
  constructor(readonly ids: readonly (readonly number[])[]) {
    this.longest = Math.max(...ids.map((row) => row.length))
  }

  /** Rows step by step, each of every sequence, as rows sequence by sequence. */
  bySequence(steps: readonly Float32Array[]): Float32Array {
    const batch = this.ids.length
    const width = steps[0]!.length / batch
    const result = new Float32Array(steps.length * steps[0]!.length)
    steps.forEach((values, step) => {
      for (let b = 0; b < batch; b++) {
        result.set(values.subarray(b * width, (b + 1) * width), (b * steps.length + step) * width)
      }
    })
    return result
  }

  /** The rows that a stage has at a step, one of each sequence; undefined where the step has not so many values. */
  at(step: number, stage: string, values: Float32Array, size: number): Float32Array | undefined {
    const padded = this.padded(stage, values)
    if (padded.length !== size * this.longest) return undefined
    const width = size / this.ids.length
    const rows = new Float32Array(size)
    for (const b of this.ids.keys()) {
      const start = (b * this.longest + step) * width
      rows.set(padded.subarray(start, start + width), b * width)
    }
    return rows
  }

  /** A stage's values with a row of zeros for every row of padding. */
  padded(stage: string, values: Float32Array): Float32Array {
    if (!this.#isPadded(stage)) return values
    const width = values.length / this.ids.reduce((sum, row) => sum + row.length, 0)
    const padded = new Float32Array(this.ids.length * this.longest * width)
    let read = 0
    for (const [b, { length }] of this.ids.entries()) {
      padded.set(values.subarray(read, read + length * width), b * this.longest * width)
      read += length * width
    }
    return padded
  }

  /** Of what was computed, the rows of the sequences' own ids. */
  withoutPadding(stages: ReadonlyMap<string, Float32Array>): Map<string, Float32Array> {
    const rows = this.ids.length * this.longest
    const own = new Map(stages)
    for (const [name, values] of stages) {
      if (!this.#isPadded(name)) continue
      const width = values.length / rows
      const kept = new Float32Array(this.ids.reduce((sum, row) => sum + row.length, 0) * width)
      let written = 0
      for (const [b, { length }] of this.ids.entries()) {
        const start = b * this.longest * width
        kept.set(values.subarray(start, start + length * width), written)
        written += length * width
      }
      own.set(name, kept)
    }
    return own
  }

  /** Whether a stage's rows are padded to those of the longest sequence. */
  #isPadded(stage: string): boolean {
    const ragged = this.ids.some((row) => row.length !== this.longest)
    return ragged && (['logits', 'log_probs'].includes(stage) || stage.startsWith('decoder.'))
  }
}
