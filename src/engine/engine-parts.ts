import type { GenerationOptions } from '../generation/options.js'
import type { LoadTimings } from './load-options.js'
import type { ReplyDecoder } from './reply-decoder.js'
import type { EngineTypes, TextSide } from './text-side.js'

/** What an engine is made of. */
export interface EngineParts<Types extends EngineTypes> {
  readonly decoder: ReplyDecoder<Types['input'], Types['told']>
  readonly text: TextSide<Types>
  /** How replies are drawn where the caller says nothing. */
  readonly defaults: GenerationOptions
  /** Replies that may wait while others are drawn; default: 256. */
  readonly maxQueue?: number | undefined
  readonly loadTimings: LoadTimings
}
