import { DeviceLostError, DisposedError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'

/** What works on one device as long as that lives, and is made again on another when it was lost. */
export class OnDevice<Parts extends { readonly gpu: Gpu }> {
  #parts: Parts
  readonly #again: (() => Promise<Parts>) | undefined
  /** While what the device took with it is made again. */
  #recovery: Promise<void> | undefined
  #disposal: Promise<void> | undefined

  /** @param again makes the parts on a device of their own; default: a lost device is the end */
  constructor(parts: Parts, again?: () => Promise<Parts>) {
    this.#parts = parts
    this.#again = again
  }

  /** Those of now. */
  get parts(): Parts {
    return this.#parts
  }

  /**
   * The parts on a device that lives: where it was lost they are made again, once for all that ask meanwhile.
   *
   * @throws what ended the device, or what making them again failed with: the next call tries once more
   */
  async recovered(): Promise<Parts> {
    const { gpu } = this.#parts
    try {
      gpu.check()
    } catch (error) {
      const again = this.#again
      if (this.#disposal) throw disposed()
      if (!(error instanceof DeviceLostError) || !again) throw error
      this.#recovery ??= this.#recover(gpu, again).finally(() => {
        this.#recovery = undefined
      })
      await this.#recovery
    }
    return this.#parts
  }

  async #recover(lost: Gpu, again: () => Promise<Parts>): Promise<void> {
    await lost.dispose()
    this.#parts = await again()
    if (this.#disposal) throw disposed()
  }

  /** Ends the device, and with it whatever is under way; nothing is made again. */
  dispose(): Promise<void> {
    const ended = () => this.#parts.gpu.dispose()
    this.#disposal ??= this.#recovery ? this.#recovery.then(ended, ended) : ended()
    return this.#disposal
  }
}

const disposed = () => new DisposedError('the engine was disposed: load it again to use it')
