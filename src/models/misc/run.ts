import type { Gpu } from '../../gpu/gpu.js'
import type { Pass } from '../../nn/pass.js'
import { Run } from '../../nn/run.js'
import { BlockCache } from './block-cache.js'
import type { DecoderState } from './decoder.js'
import type { MiscWeights } from './layout.js'
import { type DialogueIds, type EncodedDialogues, encodeDialogues, prepareDecoding } from './misc.js'

/** MISC's run state: that of its encoders, with the blocks that they have seen before. */
export class MiscRun extends Run<MiscWeights> {
  readonly blocks: BlockCache

  constructor(gpu: Gpu, weights: MiscWeights) {
    super(gpu, weights)
    this.blocks = new BlockCache(gpu, weights.config.dModel)
  }

  /** Records eq. 1–6 for dialogues, and what the decoder needs of them (eq. 7), into these slots of its state. */
  encode(
    pass: Pass<MiscWeights>,
    dialogues: readonly DialogueIds[],
    state: DecoderState,
    slots: readonly number[] = [...dialogues.keys()],
  ): EncodedDialogues {
    const encoded = encodeDialogues(pass, this.blocks, dialogues)
    prepareDecoding(pass, state, slots, encoded)
    return encoded
  }

  protected override abandon(): void {
    // Blocks that were to be encoded may not have been.
    this.blocks.clear()
  }

  override dispose(): void {
    super.dispose()
    this.blocks.dispose()
  }
}
