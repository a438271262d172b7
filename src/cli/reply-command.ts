import { type Command, Option } from 'commander'
import { releasedDrawing } from '../engine/listeners.js'
import type { EmotionMixture, ListenersDetails, ListenersOptions } from '../engine/listeners-reply.js'
import { type Engine, load } from '../engine/load.js'
import { type OnProgress, withLoadingBar } from '../engine/loading-bar.js'
import type {
  ChosenStrategy,
  DrawnReply,
  JointDetails,
  JointOptions,
  MiscDetails,
  ReplyBlock,
  ReplyBlocks,
  ReplyOptions,
  StrategyMixture,
} from '../engine/reply.js'
import type { ReplyEngine } from '../engine/reply-engine.js'
import { InputError } from '../errors.js'
import { JOINT_DEFAULTS } from '../generation/joint-generation.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import type { DialogueInput, IdsInput } from '../text/dialogue.js'
import type { ContextCut } from '../text/dialogue-features.js'
import { STRATEGIES, type StrategyName, strategyIndex } from '../text/strategies.js'
import { flagOf, generationFlags, generationOptions, otherDefaults } from './generation-flags.js'
import { type GpuFlags, gpuCommand } from './gpu-command.js'
import { progressBar } from './progress.js'

/** What every command that draws replies says before it does. */
export const NOTICE = `This is research software: no therapy, no crisis service. Replies can be wrong or hurtful.
If you or someone near you is in danger, call the local emergency number (112, 911, ...) or a crisis line:
findahelpline.com lists them by country; in the US and Canada call or text 988.`

/** What is said at once where the seeker's words mention a crisis, before the reply. */
export const CRISIS_LINES = `You do not have to go through this alone. If you might hurt yourself or someone else, or someone is
hurting you, please talk to a person now: this program cannot help, and nobody reads what you write here.
  in danger now             the local emergency number (112, 911, ...)
  United States, Canada     988, call or text
  United Kingdom, Ireland   116 123, Samaritans
  anywhere else             findahelpline.com lists lines by country`

/** What is said where a situation is given that no block is about. */
export const SITUATION_NOTICE =
  'the situation takes part through commonsense blocks about it alone; there are none, and no COMET writes any, so it changes nothing'

/** The flags that {@link replyCommand} adds; those of the generation options beside them. */
export interface ReplyFlags extends GpuFlags, Record<string, unknown> {
  comet?: string | false
  strategy?: StrategyName
  roles?: 'speaker' | 'parity'
  tokenized?: true
  noise?: 'zero'
  sampleStrategy?: boolean
}

const DRAWING = 'How replies are drawn; default: as the files of MODEL say, else as its program does:'

const DEFAULTS = `
The files of MODEL are generation_config.json and, where that says nothing, config.json. Shown is what MISC's program does,
and what is done for BlenderBot-small. Other programs differ in this:
  BlenderBot-Joint, codes: ${otherDefaults(JOINT_DEFAULTS.codes)}
  BlenderBot-Joint, codes_zcj: ${otherDefaults(JOINT_DEFAULTS.codes_zcj)}
  Transformer, MoEL, MIME: ${otherDefaults(releasedDrawing)}`

/** A command that draws replies: takes MODEL, the common flags, and one for every generation option. */
export function replyCommand(name: string): Command {
  const command = gpuCommand(name)
    .argument('[MODEL]', 'a folder with config.json, weights and tokenizer files; default: the packaged model')
    .option('--strategy <name>', `overrule the predicted mixture with one of: ${STRATEGIES.join(', ')}`, parseStrategy)
  command
    .option('--sample-strategy', 'BlenderBot-Joint: draw its strategy at random; default: as words are drawn')
    .option('--no-sample-strategy', 'BlenderBot-Joint: take the likeliest strategy')
    .option('--comet <folder>', 'who writes the blocks that are not given; default: the folder comet in MODEL, if any')
    .option('--no-comet', 'read no blocks but those that are given')
  const ofBaselines = 'Transformer, MoEL and MIME'
  const roles = new Option('--roles <by>', `${ofBaselines}: who speaks (default), or every other utterance as released`)
  command
    .addOption(roles.choices(['speaker', 'parity']))
    .option('--tokenized', `${ofBaselines}: the texts are words with spaces between`)
    .addOption(new Option('--noise <kind>', 'MIME: draw none beside the words').choices(['zero']))
  for (const option of generationFlags(undefined, 'MISC:')) command.addOption(option.helpGroup(DRAWING))
  command.addHelpText('after', DEFAULTS)
  // A bad value is told before a model is loaded.
  return command.hook('preAction', (it) => void generationOptions(it.opts()))
}

/** A strategy by its exact name. Throws an InputError that lists the names. */
export function parseStrategy(name: string): StrategyName {
  return STRATEGIES[strategyIndex(name)]!
}

/** A reply of any family: what a family has not is not there. */
export type AnyReply = DrawnReply &
  Partial<Pick<MiscDetails, 'blocks'> & (MiscDetails | JointDetails)> &
  Partial<ListenersDetails>

/** What a family tells of a dialogue: the mixture of strategies, or of emotions. */
export type Mixture = StrategyMixture | EmotionMixture

/** Options of any family. */
export type AnyOptions = ReplyOptions & JointOptions & ListenersOptions

/**
 * How the flags say that replies are drawn.
 *
 * @throws InputError for a flag of other families
 */
export function replyOptions(flags: ReplyFlags, engine: Engine): AnyOptions {
  const { strategy, sampleStrategy, roles, tokenized, noise, ...others } = flags
  const own = Object.entries({ strategy, sampleStrategy, roles, tokenized, noise }).filter(
    ([, value]) => value !== undefined,
  )
  for (const [name] of own) {
    if (!engine.ownOptions.includes(name))
      throw new InputError(`${flagOf(name)}: ${modelName(engine)} has no such option`)
  }
  return { ...generationOptions(others), ...Object.fromEntries(own) }
}

/** What a model is called. */
export function modelName(engine: Engine): string {
  if (engine.family !== 'listeners')
    return { misc: 'MISC', joint: 'BlenderBot-Joint', bart: 'BlenderBot-small' }[engine.family]
  return { transformer: 'Transformer', moel: 'MoEL', mime: 'MIME' }[engine.config.modelType]
}

/** Loads MODEL with a progress bar. */
export function loadWithBars(model = packagedModel(), { adapter, dtype, comet }: ReplyFlags): Promise<Engine> {
  return withBars((onProgress) => load(model, { adapter, dtype, comet, onProgress }))
}

/** What is said where a situation or blocks are given to a model that reads none. */
export const unreadNotice = (engine: Engine): string =>
  `${modelName(engine)} reads the dialogue alone: no situation, no blocks`

/** Whether a COMET writes the blocks that are not given; undefined of a family that reads none. */
export function writesBlocks(engine: Engine): boolean | undefined {
  return engine.family === 'misc' ? engine.writesBlocks : undefined
}

/** Loads a model with a progress bar for each stage. */
export function withBars<T>(load: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  const labels = { weights: 'loading the model', comet: 'loading the COMET' }
  return withLoadingBar(
    (stage, total) =>
      stage === 'kernels'
        ? progressBar('compiling kernels, which the driver keeps', total, 'kernels')
        : progressBar(labels[stage], total, 'bytes'),
    load,
  )
}

/** Draws a reply and gives its text to `onText` as it comes. */
export async function streamReply(
  engine: ReplyEngine,
  input: DialogueInput | IdsInput,
  options: AnyOptions,
  onText: (text: string) => Promise<void>,
): Promise<AnyReply> {
  const pieces = engine.stream(input, options)
  for (;;) {
    const { done, value } = await pieces.next()
    if (done) return value
    await onText(value.text)
  }
}

/** Text from outside as a terminal may show it: on one line, without control characters. */
export function shown(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}

/** What of a dialogue the model has not read; undefined where it has read all. */
export function cutInWords(cut: ContextCut, { maxPositions }: Pick<ReplyEngine, 'maxPositions'>): string | undefined {
  if (cut.utterances + cut.ids === 0) return undefined
  // A program that reads so many utterances, however short.
  if (cut.ids === 0) return `the model reads the last utterances of a dialogue alone; left out: ${cut.utterances}`
  const left = `left out of its oldest part: whole utterances ${cut.utterances}, ids in all ${cut.ids}`
  return `the dialogue is longer than the ${maxPositions} ids that the model reads; ${left}`
}

/** How many blocks a reply had, and from whom: `26 of the last post, 18 of the situation; inferred`. */
export function blocksInWords({ post, situation }: ReplyBlocks): string {
  const [first] = [...post, ...situation]
  return first ? `${post.length} of the last post, ${situation.length} of the situation; ${first.source}` : 'none'
}

/** Blocks relation by relation, a line each. */
export function blockTable({ post, situation }: ReplyBlocks): string {
  const lines = (title: string, blocks: readonly ReplyBlock[]) => {
    const relationOf = (block: ReplyBlock) => block.relation ?? '-'
    const rows = [...new Set(blocks.map(relationOf))].map((relation) => {
      const tails = blocks.filter((it) => relationOf(it) === relation).map(({ tail }) => shown(tail))
      return `  ${relation.padEnd(9)}${tails.join('; ')}`
    })
    return [`${title}:${rows.length === 0 ? ' none' : ''}`, ...rows]
  }
  return [...lines('of the last post', post), ...lines('of the situation', situation)].join('\n')
}

/** The strategy of a reply that has one; undefined where it mixes several. */
export const chosenStrategy = (strategy: StrategyMixture | ChosenStrategy): StrategyName | undefined =>
  'chosen' in strategy ? strategy.chosen : undefined

/** The likeliest strategies, or emotions, of a mixture: `Question 44%, Information 21%, Others 12%`. */
export function likeliest({ probs }: Mixture, count: number): string {
  return Object.entries(probs)
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, p]) => `${name} ${Math.round(p * 100)}%`)
    .join(', ')
}
