import { InputError } from '../errors.js'
import type { Gpu } from '../gpu/gpu.js'
import type { Checkpoint } from '../io/checkpoint.js'
import { type CheckedTensors, checkTensors } from '../nn/check-tensors.js'
import type { CacheShape } from '../nn/kv-cache.js'
import type { Loaded, ModelLayout } from '../nn/layout.js'
import type { NamedToken } from '../text/added-tokens.js'
import { JOINT_PROGRAMS, type JointTokens, jointTokens } from '../text/joint-programs.js'
import { BACKBONES, type BackboneConfig, readBackbone } from './backbone-config.js'
import { deduceBartConfig } from './bart/deduce-config.js'
import { bartLayout } from './bart/layout.js'
import { BartModel, bartCache } from './bart/model.js'
import { readBartReference } from './bart/reference.js'
import { ConfigReader } from './config-reader.js'
import type { DeducedConfig } from './deduced-config.js'
import { type GptConfig, parseGptConfig } from './gpt/config.js'
import { deduceGptConfig } from './gpt/deduce-config.js'
import { detectNames, type GptNames, gptLayout, usualNames } from './gpt/layout.js'
import { GptModel, gptCache } from './gpt/model.js'
import { readGptReference } from './gpt/reference.js'
import type { JointConfig } from './joint/config.js'
import { JointModel } from './joint/model.js'
import { readJointReference } from './joint/reference.js'
import { listenersCache } from './listeners/cache.js'
import { LISTENERS, type ListenersConfig, parseListenersConfig, refuseBroken } from './listeners/config.js'
import { deduceListenersConfig } from './listeners/deduce-config.js'
import { listenersLayout } from './listeners/layout.js'
import { ListenersModel } from './listeners/model.js'
import { readListenersReference } from './listeners/reference.js'
import { type MiscConfig, parseConfig, type Variant } from './misc/config.js'
import { miscCache } from './misc/decoder.js'
import { deduceMiscConfig } from './misc/deduce-config.js'
import { detectVariant, type MiscVariant, miscLayout } from './misc/layout.js'
import { MiscModel } from './misc/model.js'
import { readMiscReference } from './misc/reference.js'
import type { Model } from './model.js'
import type { ReferenceFile, ReferenceInputs } from './reference.js'

/** A model as its config.json, and the names of its tensors, describe it. */
export interface Description<Family extends string, Config, Weights, Made extends Model> {
  readonly family: Family
  readonly variant: Variant
  /** What it is: `MISC's paper variant`. */
  readonly title: string
  readonly config: Config
  readonly layout: ModelLayout<Weights>
  /** What a slot of its cache holds. */
  readonly cache: CacheShape
  /** Puts it on the GPU, as soon as its tensors are there. */
  create(gpu: Gpu, weights: Loaded<Weights>): Made
  /** What a reference capture holds for it. @throws InputError */
  readReference(file: ReferenceFile): Promise<ReferenceInputs>
}

/** What is known of a model of any family: each has a folder beside this file, and a line in {@link describeModel}. */
export type ModelDescription =
  | ReturnType<typeof describeMisc>
  | ReturnType<typeof describeBart>
  | ReturnType<typeof describeJoint>
  | ReturnType<typeof describeGpt>
  | ReturnType<typeof describeListeners>

/** A family of models, by the name of its folder. */
export type Family = ModelDescription['family']

/** The models of a family. */
export type ModelOf<F extends Family> = ReturnType<Extract<ModelDescription, { readonly family: F }>['create']>

/** A checkpoint's description, and its tensors, which agree with it. */
export type RecognizedModel = ModelDescription & { readonly tensors: CheckedTensors }

/** The `model_type`s that are understood; default: `blenderbot-small`. */
const MODEL_TYPES = [...BACKBONES, 'openai-gpt', ...LISTENERS] as const

/**
 * Finds out what model a config.json is of, together with the names of its tensors, where there are any: a trained MISC
 * checkpoint may call itself by its backbone's name. BlenderBot-Joint is a plain backbone but for its added tokens,
 * and a plain one with these says `strategies: false` in its config.json.
 *
 * @param file the config's path, for messages
 * @param added the tokens that the files beside it name as added
 * @throws InputError where it is of no family, or a value is missing or wrong.
 */
export function describeModel(
  json: unknown,
  file: string,
  tensors?: ReadonlyMap<string, unknown>,
  added: readonly NamedToken[] = [],
): ModelDescription {
  const read = new ConfigReader(json, file)
  const modelType = read.oneOf('model_type', MODEL_TYPES)
  if (isListeners(modelType)) {
    if (tensors) refuseBroken(tensors, file)
    return describeListeners(parseListenersConfig(json, file))
  }
  if (modelType === 'openai-gpt') {
    return describeGpt(parseGptConfig(json, file), tensors ? detectNames(tensors) : usualNames)
  }
  const config = parseConfig(json, file)
  const found = tensors && detectVariant(tensors)
  const trained = found && !(found === 'plain' && config.modelType === 'misc')
  const variant = trained ? found : (config.variant ?? (config.modelType === 'misc' ? 'paper' : 'plain'))
  if (variant !== 'plain') return describeMisc(config, variant)
  const backbone = readBackbone(read)
  const joint = backbone.modelType === 'blenderbot-small' ? jointTokens(added, file) : undefined
  // Nothing but this tells a checkpoint that was trained without strategies: it has their tokens too.
  if (joint && read.flag('strategies', true)) return describeJoint(backbone, joint, file)
  return describeBart({ ...backbone, unlearned: joint })
}

/**
 * Finds out what model a checkpoint holds, and checks its tensors.
 *
 * @param source the checkpoint's folder or file, for messages
 * @param added the tokens that the files beside it name as added
 * @throws InputError where config.json or the tensors are of no family, or do not fit each other.
 */
export function recognizeModel(
  { config, configFile, tensors }: Pick<Checkpoint, 'config' | 'configFile' | 'tensors'>,
  source: string,
  added?: readonly NamedToken[],
): RecognizedModel {
  const description = describeModel(config, configFile, tensors, added)
  const { layout, title } = description
  return { ...description, tensors: checkTensors(tensors, layout.tensors, source, title) }
}

function describeMisc(config: MiscConfig, variant: MiscVariant) {
  const description = describe({
    family: 'misc',
    variant,
    title: `MISC's ${variant} variant`,
    config,
    layout: miscLayout(config, variant),
    cache: miscCache(config),
    create: (gpu, weights) => new MiscModel(gpu, { ...weights, config, variant }),
    readReference: (file) => readMiscReference(file, config),
  })
  return { ...description, variant }
}

function describeBart(config: BackboneConfig) {
  return describe({
    family: 'bart',
    variant: 'plain',
    title: config.unlearned ? 'a plain backbone, trained without the strategies in its vocabulary' : 'a plain backbone',
    config,
    layout: bartLayout(config),
    cache: bartCache(config),
    create: (gpu, weights) => new BartModel(gpu, { ...weights, config }),
    readReference: (file) => readBartReference(file, config),
  })
}

/** @throws InputError where the strategies have no rows in the embedding */
function describeJoint(backbone: BackboneConfig, tokens: JointTokens, file: string) {
  const config: JointConfig = { ...backbone, ...tokens }
  const end = tokens.firstStrategyId + JOINT_PROGRAMS[tokens.program].strategies.length
  if (end > config.vocabSize) {
    throw new InputError(
      `${file}: vocab_size is ${config.vocabSize}, but the strategies have ids up to ${end - 1}: take all files from one checkpoint`,
    )
  }
  return describe({
    family: 'joint',
    variant: 'plain',
    title: `BlenderBot-Joint, of the program ${tokens.program}`,
    config,
    layout: bartLayout(config),
    cache: bartCache(config),
    create: (gpu, weights) => new JointModel(gpu, weights, config),
    readReference: (file) => readJointReference(file, config),
  })
}

function describeGpt(config: GptConfig, names: GptNames) {
  return describe({
    family: 'gpt',
    variant: 'plain',
    title: 'a decoder alone',
    config,
    layout: gptLayout(config, names),
    cache: gptCache(config),
    create: (gpu, weights) => new GptModel(gpu, { ...weights, config }),
    readReference: (file) => readGptReference(file, config),
  })
}

const isListeners = (modelType?: string) => LISTENERS.some((it) => it === modelType)

function describeListeners(config: ListenersConfig) {
  const { modelType, listeners, numEmotions } = config
  const moel = `MoEL, which hears ${listeners} of ${numEmotions} listeners`
  return describe({
    family: 'listeners',
    variant: 'plain',
    title: { transformer: 'a Transformer, or MT Transformer', moel, mime: 'MIME' }[modelType],
    config,
    layout: listenersLayout(config),
    cache: listenersCache(config),
    create: (gpu, weights) => new ListenersModel(gpu, weights, config),
    readReference: (file) => readListenersReference(file, config),
  })
}

/** Nothing but its types: those of the parts fit each other. */
const describe = <const Family extends string, Config, Weights, Made extends Model>(
  description: Description<Family, Config, Weights, Made>,
) => description

/**
 * What a checkpoint's tensors say of its config, for one that comes without config.json.
 *
 * @param given what is known of it already, in the words of config.json
 * @returns undefined where they are of no family
 */
export function deduceConfig(
  tensors: Checkpoint['tensors'],
  given: Readonly<Record<string, unknown>>,
): DeducedConfig | undefined {
  return (
    deduceMiscConfig(tensors, given) ??
    deduceBartConfig(tensors, given) ??
    deduceGptConfig(tensors, given) ??
    deduceListenersConfig(tensors)
  )
}
