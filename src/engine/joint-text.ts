import { InputError } from '../errors.js'
import { strategyOptions } from '../generation/joint-generation.js'
import type { ResolvedOptions } from '../generation/options.js'
import type { JointConfig } from '../models/joint/config.js'
import type { JointInput, JointScores } from '../models/joint/model.js'
import { quote } from '../quote.js'
import { jointContext } from '../text/joint-features.js'
import { JOINT_PROGRAMS, strategyId } from '../text/joint-programs.js'
import { STRATEGIES, type StrategyName } from '../text/strategies.js'
import type { Tokenizer } from '../text/tokenizer.js'
import { type DialogueQuestion, readDialogue } from './dialogue-question.js'
import type { EngineTypes } from './engine-types.js'
import { type JointDetails, type JointOptions, strategyProbabilities } from './reply.js'
import { strategyMixture } from './strategy-mixture.js'
import type { ReadQuestion, TextSide } from './text-side.js'

/** What is BlenderBot-Joint's own of an engine. */
export interface JointTypes extends EngineTypes {
  readonly family: 'joint'
  readonly question: DialogueQuestion
  /** @internal */
  readonly input: JointInput
  /** @internal */
  readonly told: JointScores
  readonly details: JointDetails
  readonly options: JointOptions
}

/** BlenderBot-Joint's dialogues, by the rules of its program, and the strategies of its replies. */
export class JointText implements TextSide<JointTypes> {
  readonly options = ['strategy', 'sampleStrategy'] as const

  constructor(
    readonly tokenizer: Tokenizer,
    readonly config: JointConfig,
  ) {}

  /** `codes_zcj` decodes special tokens too. */
  get words() {
    const { tokenizer } = this
    if (this.config.program === 'codes') return tokenizer
    return {
      stream: () => tokenizer.stream(true),
      decode: (ids: readonly number[]) => {
        const stream = tokenizer.stream(true)
        return ids.map((id) => stream.push(id)).join('') + stream.end()
      },
    }
  }

  async read(question: unknown, { strategy, sampleStrategy }: JointOptions): Promise<ReadQuestion<JointTypes>> {
    const { tokenizer, config } = this
    const given = strategy === undefined ? undefined : oneStrategy(strategy)
    if (sampleStrategy !== undefined && typeof sampleStrategy !== 'boolean') {
      throw new InputError(`sampleStrategy must be true or false, got ${quote(sampleStrategy)}`)
    }
    const { maxPositions } = config
    const join = (dialogue: Parameters<typeof jointContext>[2]) =>
      jointContext(tokenizer, config, dialogue, maxPositions)
    const { contextIds, cut, crisis } = await readDialogue(question, tokenizer, maxPositions, join)
    const opening = {
      options: (words: ResolvedOptions) => strategyOptions(config.program, words, sampleStrategy ?? words.doSample),
      chosen: (id: number) => ({ ids: contextIds, strategy: this.#strategyOf(id) }),
    }
    return {
      input: { ids: contextIds, ...(given && { strategy: given }) },
      context: contextIds,
      ...(given ? { begun: [strategyId(config, given)] } : { opening }),
      cut,
      crisis,
      details: (told, id) => ({
        strategy: told && this.#mixture(told, given ?? (id === undefined ? id : this.#strategyOf(id))),
      }),
    }
  }

  #strategyOf(id: number): StrategyName {
    return JOINT_PROGRAMS[this.config.program].strategies[id - this.config.firstStrategyId]!
  }

  #mixture({ logits, probs }: JointScores, chosen: StrategyName | undefined) {
    const { strategies } = JOINT_PROGRAMS[this.config.program]
    const inOrder = (values: Float32Array) => Float32Array.from(STRATEGIES, (name) => values[strategies.indexOf(name)]!)
    return { ...strategyMixture({ logits: inOrder(logits), probs: inOrder(probs) }), chosen }
  }
}

/** The strategy of a choice: a reply has one. @throws InputError where it is a mixture, or none */
function oneStrategy(choice: NonNullable<JointOptions['strategy']>): StrategyName {
  const index = strategyProbabilities(choice).indexOf(1)
  if (index >= 0) return STRATEGIES[index]!
  throw new InputError(`BlenderBot-Joint replies in one strategy, and mixes none: give its name, not ${quote(choice)}`)
}
