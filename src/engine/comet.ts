import { InputError } from '../errors.js'
import type { Hypothesis, LookedAt } from '../generation/beam-search.js'
import { type GenerationOptions, resolveOptions } from '../generation/options.js'
import type { AdapterInfo } from '../gpu/adapter-info.js'
import type { Gpu } from '../gpu/gpu.js'
import type { WeightDtype } from '../gpu/tensor.js'
import { pathOf } from '../io/path-of.js'
import type { Model } from '../models/model.js'
import { dtypeOf } from '../nn/embedding.js'
import { packagedModel } from '../platform/node/packaged-model.js'
import { quote } from '../quote.js'
import type { CometKind, CometQueries, CometQuery } from '../text/comet-queries.js'
import type { RelationName } from '../text/strategies.js'
import { BeamDecoder, searchAlone } from './beam-decoder.js'
import { type CometFolder, readCometFolder } from './comet-folder.js'
import {
  droppedWays,
  type EventExplanation,
  Sums,
  type Tail,
  type TailNode,
  tailTree,
  type Way,
  withEnd,
} from './explain-comet.js'
import type { Piece } from './explanation.js'
import { InputReader } from './input-reader.js'
import { openModel } from './load-model.js'
import { checkDtype, checkNames, warn } from './load-options.js'
import type { OnProgress } from './loading-bar.js'
import { OnDevice } from './on-device.js'
import { openParts } from './open-parts.js'
import { replay } from './replay.js'
import type { ReplyStart } from './reply-decoder.js'
import { softmaxAt } from './source-attention.js'

/** How a {@link Comet} is loaded. */
export interface CometLoadOptions {
  /** Part of the adapter's name, in any case; without it hardware comes first, then software. */
  readonly adapter?: string | undefined
  /** The number format of weight matrices on the GPU; default: as {@link LoadOptions.dtype}. */
  readonly dtype?: WeightDtype | undefined
  /** Called while weights are read, with bytes so far and in all. */
  readonly onProgress?: OnProgress | undefined
  /** Told what the folder asks for and is not done; without it, a line on stderr. */
  readonly onWarning?: ((message: string) => void) | undefined
}

/** What is asked of a COMET, and how its tails are searched for where its folder is to be overruled. */
export interface TailOptions extends GenerationOptions {
  /** Relations asked of each event; default: those of the paper's nine that the model knows. */
  readonly relations?: readonly string[] | undefined
  /** Stops the search within a step; what was found so far is given. */
  readonly signal?: AbortSignal | undefined
}

/** What is inferred of an event. */
export interface EventTails {
  /** As it was asked. */
  readonly event: string
  /** By relation, in the order in which they were asked for; best first. */
  readonly tails: Readonly<Record<string, readonly Tail[]>>
  /** Ids of the event that the model has no positions for. */
  readonly cut: number
}

/** One event, and what is asked of it. */
export interface EventQuestion {
  readonly event: string
  readonly relations: readonly string[]
}

/** Is told how an answer comes about, so that its parts can be timed. */
export interface AnswerWatch {
  /** Its events are queries. */
  queried(): void
  /** The beams of a query have an id more. */
  stepped(): void
  /** Its tails are there. */
  found(): void
}

/** What a query leaves of what it asks. */
type CometInput = Pick<CometQuery, 'ids' | 'positions'> | readonly number[]

/** What a COMET works with as long as its device lives. */
interface CometParts {
  readonly gpu: Gpu
  readonly beams: BeamDecoder<CometInput>
}

/**
 * COMET: commonsense inferences about events (eq. 2 of the paper). COMET-BART, COMET-2019 and comet-mini are told apart by their
 * files. The beams of all queries go through the decoder together.
 *
 * Where the device is lost what is being searched for rejects with a typed error, and the next call opens a device and loads
 * the model again.
 */
export class Comet implements AsyncDisposable {
  readonly #folder: CometFolder
  readonly #device: OnDevice<CometParts>

  private constructor(folder: CometFolder, device: OnDevice<CometParts>) {
    this.#folder = folder
    this.#device = device
  }

  /**
   * Loads a COMET's folder: config.json, safetensors weights, tokenizer files and, if there, generation_config.json. What
   * config.json's `task_specific_params` and generation_config.json say of beams and lengths is done; else 5 beams, 5 tails
   * of at most 23 ids, of COMET-2019 34.
   *
   * @param model a folder, or a repository in Hugging Face's cache, as a path or a file URL; default: comet-mini, which comes with
   *   the package.
   * @throws InputError where a file is missing or wrong, an option is unknown, or the folder holds no COMET.
   * @throws NoAdapterError where no adapter was found; the message says what to install.
   */
  static async load(model: string | URL = packagedModel('comet-mini'), options: CometLoadOptions = {}): Promise<Comet> {
    checkNames(options, ['adapter', 'dtype', 'onProgress', 'onWarning'])
    const { adapter, dtype, onProgress, onWarning = warn } = options
    checkDtype(dtype)
    const folder = await readCometFolder(pathOf(model, 'the COMET’s folder'), onWarning)
    const open = async (progress?: OnProgress) => {
      const make = (gpu: Gpu) => makeParts(gpu, folder, { dtype, onProgress: progress })
      return (await openParts({ adapter, onWarning }, make)).parts
    }
    return new Comet(folder, new OnDevice(await open(onProgress), () => open()))
  }

  /**
   * As {@link load}, on a device that is open already; {@link dispose} would end it, and its loss is the end.
   *
   * @internal
   */
  static async open(gpu: Gpu, folder: CometFolder, options: CometPartsOptions = {}): Promise<Comet> {
    return new Comet(folder, new OnDevice(await makeParts(gpu, folder, options)))
  }

  get #queries(): CometQueries {
    return this.#folder.queries
  }

  /**
   * Whether nothing is asked of it.
   *
   * @internal
   */
  get idle(): boolean {
    return this.#device.parts.beams.idle
  }

  /** The adapter that computes. */
  get adapter(): AdapterInfo {
    return this.#device.parts.gpu.adapter
  }

  /** Which COMET it is. */
  get kind(): CometKind {
    return this.#queries.kind
  }

  /** Those of the paper's nine relations that it knows. */
  get relations(): readonly RelationName[] {
    return this.#queries.relations
  }

  /**
   * What is inferred of events: their queries go together, as many at a time as fit.
   *
   * @throws InputError on an empty event, a relation that the model has not, or an option that is wrong.
   * @throws OutOfMemoryError where the GPU has no memory for these queries.
   * @throws DeviceLostError | DisposedError where the GPU goes away meanwhile.
   */
  async tails(
    events: readonly string[],
    { relations = this.relations, signal, ...options }: TailOptions = {},
  ): Promise<EventTails[]> {
    checkTexts(events, 'events')
    checkTexts(relations, 'relations')
    const questions = events.map((event) => ({ event, relations: [...new Set(relations)] }))
    return this.answer(questions, options, { signal })
  }

  /**
   * As {@link tails}, each event with relations of its own.
   *
   * @internal
   */
  async answer(
    questions: readonly EventQuestion[],
    generation: GenerationOptions = {},
    { signal, watch }: { readonly signal?: AbortSignal | undefined; readonly watch?: AnswerWatch | undefined } = {},
  ): Promise<EventTails[]> {
    const { queries, hypotheses } = await this.#search(questions, generation, { signal, watch })
    const found = hypotheses.values()
    return questions.map(({ event }, i) => ({
      event,
      tails: Object.fromEntries(
        queries[i]!.map(({ relation }) => [relation, found.next().value!.map((it) => this.#tail(it))] as const),
      ),
      cut: cutOf(queries[i]!),
    }))
  }

  /**
   * What is inferred of an event, as trees: how likely each piece of a tail was after those before it, and what the search dropped
   * on its way. The tails are those of {@link tails}; each goes through the decoder once more.
   *
   * @throws as {@link tails} does
   */
  async explain(
    event: string,
    { relations = this.relations, signal, ...generation }: TailOptions = {},
  ): Promise<EventExplanation> {
    checkTexts([event], 'events')
    checkTexts(relations, 'relations')
    const questions = [{ event, relations: [...new Set(relations)] }]
    const looked: LookedAt[][] = []
    const look = (start: number, ways: readonly LookedAt[]) => {
      looked[start] = [...(looked[start] ?? []), ...ways]
    }
    const search = await this.#search(questions, generation, { signal, looked: look })
    const { gpu, beams, starts, hypotheses, options } = search
    const queries = search.queries[0]!
    const { reader } = beams.host.decoder
    const trees: [string, TailNode[]][] = []
    // In working memory of its own: others may be searched for meanwhile.
    const alone = new InputReader(gpu, reader.model)
    try {
      for (const [i, { relation }] of queries.entries()) {
        const found: Way[] = []
        for (const it of hypotheses[i]!) found.push(await this.#found(alone, starts[i]!, it))
        const ways = looked[i] ?? []
        const sums = new Sums(ways)
        const dropped = droppedWays(ways, sums, hypotheses[i]!, this.#folder.rules.eosIds, (id) => this.#piece(id))
        trees.push([relation, tailTree([...found, ...dropped], sums)])
      }
    } finally {
      alone.run.dispose()
    }
    const dtype = dtypeOf(reader.model.weights)
    const adapter = this.adapter.name
    return { event, trees: Object.fromEntries(trees), cut: cutOf(queries), options, dtype, adapter }
  }

  /** How likely each id of a tail was. */
  #found(reader: InputReader<CometInput>, start: ReplyStart<CometInput>, found: Hypothesis): Promise<Way> {
    const { model } = reader
    const ids = withEnd(found, this.#folder.rules.eosIds)
    const decoder = { gpu: reader.gpu, model, reader }
    return replay(
      decoder,
      start.input,
      ids.slice(0, -1),
      () => false,
      async ({ stage }) => {
        const scores = stage('scores')
        const { vocabSize } = model.config
        const probabilities = ids.map((id, i) => softmaxAt(scores.subarray(i * vocabSize, (i + 1) * vocabSize), id))
        const pieces = ids.map((id) => this.#piece(id))
        return { tail: this.#tail(found), pieces, probabilities }
      },
      start.history.at(-1),
    )
  }

  #piece(id: number): Piece {
    return { id, text: this.#queries.piece(id) }
  }

  #tail({ ids, score }: Hypothesis): Tail {
    return { text: this.#queries.tail(ids), score }
  }

  async #search(
    questions: readonly EventQuestion[],
    generation: GenerationOptions,
    {
      signal,
      watch,
      looked,
    }: {
      readonly signal?: AbortSignal | undefined
      readonly watch?: AnswerWatch | undefined
      readonly looked?: (start: number, ways: readonly LookedAt[]) => void
    },
  ) {
    const { gpu, beams } = await this.#device.recovered()
    const { defaults, rules } = this.#folder
    const options = resolveOptions(...defaults, generation)
    for (const name of ['doSample', 'penalizeContext'] as const) {
      if (options[name]) throw new InputError(`${name}: ${notForTails[name]}; leave it out`)
    }
    for (const { event } of questions) {
      if (event.trim() === '') throw new InputError('an event must say what happened; it is empty')
    }
    const queries = await Promise.all(questions.map((it) => this.#queries.of([it.event], it.relations)))
    watch?.queried()
    const starts = queries.flat().map(({ ids, positions, startId = rules.decoderStartId }) => ({
      input: this.kind === 'comet-2019' ? { ids, positions } : ids,
      ...{ options, history: [startId] },
    }))
    const hypotheses = await beams.search(starts, signal, () => watch?.stepped(), looked)
    watch?.found()
    return { gpu, beams, queries, starts, hypotheses, options }
  }

  /** Frees everything on the GPU; the process can end. */
  dispose(): Promise<void> {
    return this.#device.dispose()
  }

  /** {@link dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }
}

const cutOf = (queries: readonly CometQuery[]): number => Math.max(0, ...queries.map((it) => it.cut))

type CometPartsOptions = Pick<CometLoadOptions, 'dtype' | 'onProgress'>

async function makeParts(gpu: Gpu, folder: CometFolder, options: CometPartsOptions): Promise<CometParts> {
  const family = folder.queries.kind === 'comet-2019' ? 'gpt' : 'bart'
  const model: Model<CometInput> = await openModel(gpu, folder.path, { ...options, family })
  return { gpu, beams: new BeamDecoder(searchAlone(new InputReader(gpu, model), folder.rules)) }
}

/** Options of replies that say nothing of tails. */
const notForTails = {
  doSample: 'tails are searched for with beams, and not drawn at random',
  penalizeContext: 'tails are made apart from their events',
}

function checkTexts(values: unknown, what: string): void {
  if (Array.isArray(values) && values.every((it) => typeof it === 'string')) return
  throw new InputError(`${what} must be a list of strings, got ${quote(values)}`)
}
