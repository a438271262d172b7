import type { BlockCache } from '../models/misc/block-cache.js'
import type { MiscCache } from '../models/misc/decoder.js'
import type { MiscWeights } from '../models/misc/layout.js'
import { type DialogueIds, type EncodedDialogues, encodeDialogues, prepareDecoding } from '../models/misc/misc.js'
import type { MiscModel } from '../models/misc/model.js'
import type { Pass } from '../nn/pass.js'
import { BenchRig, type StartPart } from './rig.js'
import { makeDialogues, type Workload } from './workload.js'

/** MISC's dialogues, whose blocks, contexts and sources can be timed alone. */
export class MiscRig extends BenchRig<MiscModel> {
  declare readonly inputs: readonly DialogueIds[]

  override at(workload: Workload): MiscRig {
    return new MiscRig(this.gpu, this.model, this.description, workload)
  }

  protected override makeInputs(): readonly DialogueIds[] {
    return makeDialogues(this.workload, this.weights.config)
  }

  get weights(): MiscWeights {
    return this.model.weights
  }

  get blockCache(): BlockCache {
    return this.model.blocks
  }

  /** Blocks of all dialogues. */
  get blocks(): (readonly number[])[] {
    return this.inputs.flatMap(({ post, situation }) => [...post, ...situation])
  }

  /** Eq. 2–3, for the blocks that the cache does not hold. */
  encodeBlocks(blocks = this.blocks): Promise<number[]> {
    return this.run((pass) => this.blockCache.encode(pass, blocks))
  }

  /** Records eq. 1–6; the blocks that the cache holds are taken from it. */
  override encode(pass: Pass<MiscWeights>): EncodedDialogues {
    return encodeDialogues(pass, this.blockCache, this.inputs)
  }

  /** The keys and values of cross-attention, for all layers; then replies may be drawn. */
  async prepare(encoded: EncodedDialogues): Promise<void> {
    const slots = [...this.inputs.keys()]
    await this.run((pass) => prepareDecoding(pass, this.slots.cache as MiscCache, slots, encoded))
    this.startRows()
  }

  override startParts(): readonly StartPart[] {
    let encoded: EncodedDialogues
    return [
      ['blocks', () => this.encodeBlocks()],
      [
        'context',
        async () => {
          encoded = await this.run((pass) => this.encode(pass))
        },
      ],
      ['cross_kv', () => this.prepare(encoded)],
    ]
  }
}
