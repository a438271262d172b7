import type { Recording } from '../gpu/recording.js'

/** Recordings of a step by how many rows it has, each made the first time that so many occur. */
export class StepRecordings {
  readonly #byRows = new Map<number, Promise<Recording>>()

  /** @param record records a step of so many rows. */
  constructor(readonly record: (rows: number) => Promise<Recording>) {}

  /** The step of so many rows. What there was no memory for may find some when it is next asked for. */
  of(rows: number): Promise<Recording> {
    let recording = this.#byRows.get(rows)
    if (!recording) {
      recording = this.record(rows)
      this.#byRows.set(rows, recording)
      recording.catch(() => this.#byRows.delete(rows))
    }
    return recording
  }

  /** As {@link of}; where there is no memory for it, a step of more rows serves, if there is one. */
  ofAtLeast(rows: number): Promise<Recording> {
    return this.of(rows).catch((error) => {
      const more = Math.min(...[...this.#byRows.keys()].filter((it) => it > rows))
      const recording = this.#byRows.get(more)
      if (!recording) throw error
      this.#byRows.set(rows, recording)
      return recording
    })
  }

  /** Frees them, those under way as soon as they are made. */
  dispose(): void {
    for (const recording of this.#byRows.values()) {
      recording.then(
        (it) => it.dispose(),
        () => {},
      )
    }
  }
}
