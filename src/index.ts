/**
 * MISC and its kin on WebGPU, for Node.js. {@link load} takes a model folder of any family and gives its engine; {@link Misc.load}
 * takes a MISC, by default the one that comes with the package; {@link Comet.load} a COMET alone. An engine draws replies
 * ({@link ReplyEngine.reply}, {@link ReplyEngine.stream}) until it is disposed. All errors thrown on purpose are {@link MiscError}s.
 *
 * @packageDocumentation
 */

// For users' own projects: Disposable, AbortSignal and URL, which the declarations name and their lib may lack.
/// <reference lib="esnext.disposable" preserve="true" />
/// <reference types="node" preserve="true" />
export { Blenderbot, type BlenderbotTypes } from './engine/blenderbot.js'
export { Comet, type CometLoadOptions, type EventTails, type TailOptions } from './engine/comet.js'
export type { DialogueQuestion } from './engine/dialogue-question.js'
export type { EngineTypes } from './engine/engine-types.js'
export type { EventExplanation, Tail, TailNode } from './engine/explain-comet.js'
export type {
  BySource,
  ExplainedBlock,
  ExplainedCandidate,
  ExplainedWord,
  Explanation,
  MiscExplanation,
  MiscWord,
  Piece,
  WordAttention,
} from './engine/explanation.js'
export { Joint } from './engine/joint.js'
export type { JointTypes } from './engine/joint-text.js'
export { Listeners } from './engine/listeners.js'
export type { EmotionMixture, ListenersDetails, ListenersOptions, ListenersTypes } from './engine/listeners-reply.js'
export { type Engine, load } from './engine/load.js'
export type { LoadOptions, LoadTimings } from './engine/load-options.js'
export type { LoadStage, OnProgress } from './engine/loading-bar.js'
export { type AttendedBlock, type Encoding, Misc } from './engine/misc.js'
export type {
  ChosenStrategy,
  DrawnReply,
  DrawOptions,
  FinishReason,
  InferenceTimings,
  JointDetails,
  JointOptions,
  MiscDetails,
  MiscOptions,
  MiscTypes,
  Reply,
  ReplyBlock,
  ReplyBlocks,
  ReplyOptions,
  ReplySequence,
  ReplyTimings,
  StrategyChoice,
  StrategyMixture,
} from './engine/reply.js'
export { type AnyTypes, ReplyEngine, type ReplyPiece } from './engine/reply-engine.js'
export {
  DeviceLostError,
  DisposedError,
  GpuError,
  InputError,
  MiscError,
  NoAdapterError,
  OutOfMemoryError,
  QueueFullError,
  ShapeError,
} from './errors.js'
export type { GenerationOptions, ResolvedOptions } from './generation/options.js'
export type { AdapterCandidate, AdapterInfo, AdapterSource } from './gpu/adapter-info.js'
export type { WeightDtype } from './gpu/tensor.js'
export type { Backbone, BackboneConfig } from './models/backbone-config.js'
export type { JointConfig } from './models/joint/config.js'
export type { ListenersConfig } from './models/listeners/config.js'
export type { MiscConfig, Variant } from './models/misc/config.js'
export type { SourceName } from './models/misc/sources.js'
export type { CometKind } from './text/comet-queries.js'
export { mentionsCrisis } from './text/crisis.js'
export type { CometBlock, DialogueBlocks, DialogueInput, IdsInput, Utterance } from './text/dialogue.js'
export type { ContextCut } from './text/dialogue-features.js'
export type { JointProgramName, JointTokens } from './text/joint-programs.js'
export { RELATIONS, type RelationName, STRATEGIES, type StrategyName } from './text/strategies.js'
