/** What a device needs of the place that it is used in: Node's is in `platform/node`. */
export interface Platform {
  /** The texts of the files in `shaders/`, by their names. */
  readonly shaders: Readonly<Record<string, string>>
  /** Cores that a software adapter computes on. */
  readonly cores: number
  /** Leaves the cores to others for so many milliseconds, then resolves in a later turn of the event loop. */
  rest(milliseconds: number): Promise<void>
}
