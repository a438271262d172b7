import { GpuError, InputError } from '../errors.js'
import { BeamSearch, type Hypothesis, type LookedAt } from '../generation/beam-search.js'
import type { TokenRules } from '../generation/token-rules.js'
import { cacheElements, largestElements } from '../nn/kv-cache.js'
import { type BeamRow, type BeamSizes, BeamSlots } from './beam-slots.js'
import type { InputReader } from './input-reader.js'
import { linkedAbort } from './linked-abort.js'
import type { ReplyDecoder, ReplyStart } from './reply-decoder.js'
import { failedDraw, idleMs, refuseBeyond, type SchedulerOptions, thrownBy } from './scheduler.js'

/** Rows of a step at most, unless a single input has more beams. */
const maxRows = 128
/** Bytes of caches at most, unless a single input needs more. */
const maxCacheBytes = 2 ** 29
/** Lengths are rounded up to a multiple of it, so that the next searches find the room that they need. */
const lengthStep = 16

/**
 * A beam search on its way. The decoder calls back as it goes; where a callback throws, this search fails, and no other.
 * `failed` must not.
 */
export interface BeamJob<Input = unknown, Told = unknown> extends ReplyStart<Input> {
  readonly signal?: AbortSignal | undefined
  /** Its input was read; what the model tells of it. */
  encoded(told: Told, milliseconds: number): void
  /** Its beams have an id more. */
  stepped(): void
  /** What a step looked at, as {@link BeamSearch} tells it. Must not throw. */
  readonly looked?: ((ways: readonly LookedAt[]) => void) | undefined
  /** The next id of the best hypothesis, once it can no longer change. */
  drawn(id: number): void
  /** Best first; where it was aborted, the best so far, and none if that was before the first step. */
  finished(hypotheses: readonly Hypothesis[]): void
  failed(error: unknown): void
}

/** With whom searches share a model and the GPU: a scheduler of replies is one. */
export interface BeamHost<Input, Told> {
  readonly decoder: Pick<ReplyDecoder<Input, Told>, 'reader' | 'rules' | 'maxBatch'>
  readonly options: Pick<SchedulerOptions, 'maxQueue' | 'idleMs'>
  /** Does work on the GPU in turn with the host's own. */
  exclusive<T>(work: () => Promise<T>): Promise<T>
}

/** A host that does nothing but search, and lets all wait that are asked for. */
export const searchAlone = <Input, Told>(
  reader: InputReader<Input, Told>,
  rules: TokenRules,
): BeamHost<Input, Told> => ({
  decoder: { reader, rules, maxBatch: Number.POSITIVE_INFINITY },
  options: { maxQueue: Number.POSITIVE_INFINITY },
  // Nothing else uses its memory.
  exclusive: (work) => work(),
})

/** A search that has a place. */
interface Searching<Input, Told> {
  readonly job: BeamJob<Input, Told>
  readonly place: number
  /** The place whose slot holds what its input left in the cache: its own, or that of a search of the same input. */
  readonly source: number
  readonly search: BeamSearch
  /** Of each beam: the slots of the rows that it has in the cache. */
  slots: readonly (readonly number[])[]
}

/**
 * Searches with beams, those of all inputs in one step. Inputs that wait are taken up as places become free, in the order in
 * which they were asked for; what ends leaves the steps that follow. Each gets what it would get alone. All memory of a
 * number of inputs is made at once, kept for those that come after, and given back after a while without any.
 *
 * It shares the GPU with its host, step by step.
 */
export class BeamDecoder<Input = unknown, Told = unknown> {
  readonly #waiting: BeamJob<Input, Told>[] = []
  #searching: Searching<Input, Told>[] = []
  readonly #rules: TokenRules
  #slots: BeamSlots | undefined
  #looping = false
  #idleTimer: ReturnType<typeof setTimeout> | undefined

  constructor(readonly host: BeamHost<Input, Told>) {
    const { rules } = host.decoder
    // The last id that the length allows ends the hypothesis: one id, for several would be the same hypothesis.
    const forcedLast = (rules.forcedLast.length > 0 ? rules.forcedLast : rules.eosIds).slice(0, 1)
    this.#rules = { ...rules, forcedLast }
  }

  get #reader(): InputReader<Input, Told> {
    return this.host.decoder.reader
  }

  /** Whether nothing is searched or waits. */
  get idle(): boolean {
    return !this.#looping
  }

  /**
   * Queues a search.
   *
   * @throws QueueFullError as the scheduler of replies does, which draws apart from this.
   * @throws InputError where its prompt leaves the model no position.
   */
  add(job: BeamJob<Input, Told>): void {
    const { decoder, options } = this.host
    refuseBeyond(decoder.maxBatch, options.maxQueue, this.#searching, this.#waiting)
    this.#queue(job)
  }

  /**
   * Searches for the likeliest continuations of inputs. Where one fails, the others are stopped.
   *
   * @param stepped called for every input when its beams have an id more
   * @param looked told what the steps of an input, by its place in `starts`, looked at
   * @returns for each input the best first: {@link BeamJob.finished}
   */
  async search(
    starts: readonly ReplyStart<Input>[],
    signal?: AbortSignal,
    stepped: () => void = () => {},
    looked?: (start: number, ways: readonly LookedAt[]) => void,
  ): Promise<(readonly Hypothesis[])[]> {
    const linked = linkedAbort(signal)
    const nothing = () => {}
    const found = starts.map(
      (start, i) =>
        new Promise<readonly Hypothesis[]>((resolve, reject) => {
          const told = { encoded: nothing, stepped, drawn: nothing, finished: resolve, failed: reject }
          this.#queue({ ...start, signal: linked.signal, ...told, looked: looked && ((ways) => looked(i, ways)) })
        }),
    )
    try {
      return await Promise.all(found)
    } finally {
      linked.stop()
    }
  }

  /** Gives back the memory of searches, unless there are any. */
  shrink(): void {
    if (this.idle) this.dispose()
  }

  /** Frees everything; what comes after makes it anew. */
  dispose(): void {
    clearTimeout(this.#idleTimer)
    this.#slots?.dispose()
    this.#slots = undefined
  }

  #queue(job: BeamJob<Input, Told>): void {
    if (this.#longest(job) < 2) {
      throw new InputError('the input leaves no position for an id: it is as long as the model reads')
    }
    this.#waiting.push(job)
    if (!this.#looping) void this.#loop()
  }

  async #loop(): Promise<void> {
    this.#looping = true
    const { platform } = this.#reader.gpu
    // Searches asked for in the same turn of the event loop are encoded together.
    await platform.rest(0)
    while (this.#waiting.length + this.#searching.length > 0) {
      try {
        await this.#turn()
      } catch (error) {
        // Those that wait are tried on their own; where the GPU itself has ended, each is told so.
        const failed = this.#searching
        this.#searching = []
        for (const { job } of failed) job.failed(error)
        this.dispose()
      }
    }
    this.#looping = false
    clearTimeout(this.#idleTimer)
    this.#idleTimer = setTimeout(() => this.shrink(), this.host.options.idleMs ?? idleMs)
    this.#idleTimer.unref?.()
  }

  /** Takes up what has room, and gives every beam an id more. */
  async #turn(): Promise<void> {
    this.#dropAborted()
    const told = await this.#admit()
    if (this.#searching.length === 0) return
    const slots = this.#slots!
    const searching = this.#searching
    const rows = searching.map((it) => this.#rowsOf(it, slots))
    const count = rows.flat().length
    // Its kernels compile while replies are drawn.
    await slots.recording(count)
    const { candidates } = await this.host.exclusive(() => slots.submitStep(rows.flat()))
    await told()
    const found = await candidates
    for (const [i, it] of searching.entries()) {
      const own = found.splice(0, rows[i]!.length)
      // Its own callback may have failed it meanwhile.
      if (this.#searching.includes(it)) this.#advance(it, rows[i]!, own)
    }
  }

  #advance(
    it: Searching<Input, Told>,
    rows: readonly BeamRow[],
    candidates: Parameters<BeamSearch['advance']>[0],
  ): void {
    const { job, search } = it
    if (candidates.some(([first]) => first && !Number.isFinite(first.score))) {
      this.#fail(it, new GpuError(failedDraw))
      return
    }
    search.advance(candidates)
    it.slots = search.beams.map(({ parent }) => rows[parent]!.slots)
    const thrown = thrownBy(() => {
      job.stepped()
      for (const id of search.settled()) job.drawn(id)
    })
    if (thrown) this.#fail(it, thrown.error)
    else if (search.done) this.#finish(it, false)
  }

  #finish(it: Searching<Input, Told>, aborted: boolean): void {
    const { job, search } = it
    this.#leave(it)
    const found = search.finish(aborted)
    const thrown = thrownBy(() => {
      if (found.length === 0 && !aborted) throw new GpuError(failedDraw)
      for (const id of search.settled()) job.drawn(id)
      job.finished(found)
    })
    if (thrown) job.failed(thrown.error)
  }

  #fail(it: Searching<Input, Told>, error: unknown): void {
    this.#leave(it)
    it.job.failed(error)
  }

  #leave(it: Searching<Input, Told>): void {
    this.#searching = this.#searching.filter((other) => other !== it)
  }

  #rowsOf({ job, place, source, search, slots }: Searching<Input, Told>, own: BeamSlots): BeamRow[] {
    const first = this.#reader.model.first(job.input)
    const options = { ...job.options, maxLength: this.#longest(job) }
    return search.beams.map(({ ids }, beam) => ({
      options,
      history: [...job.history, ...ids],
      drawn: ids.length,
      length: first.length + ids.length,
      position: (first.position ?? first.length) + ids.length,
      source,
      slots: [...slots[beam]!, own.slotOf(place, beam)],
    }))
  }

  #dropAborted(): void {
    for (const job of this.#waiting.splice(0)) {
      if (!job.signal?.aborted) {
        this.#waiting.push(job)
        continue
      }
      const thrown = thrownBy(() => job.finished([]))
      if (thrown) job.failed(thrown.error)
    }
    for (const it of this.#searching) if (it.job.signal?.aborted) this.#finish(it, true)
  }

  /**
   * Gives places to those that wait longest, as many as there is room for.
   *
   * @returns to be called when the next step is submitted: tells them what their input says.
   */
  async #admit(): Promise<() => Promise<void>> {
    if (this.#waiting.length === 0) return async () => {}
    const started = performance.now()
    const jobs: BeamJob<Input, Told>[] = []
    try {
      const slots = await this.#slotsFor(jobs)
      if (jobs.length === 0) return async () => {}
      const free = this.#freePlaces(slots)
      // What several ask of one input, it is read for once.
      const sources = new Map<Input, number>()
      for (const [i, { input }] of jobs.entries()) if (!sources.has(input)) sources.set(input, free[i]!)
      const [inputs, places] = [[...sources.keys()], [...sources.values()]]
      const { told } = await this.host.exclusive(() => this.#reader.encode(inputs, slots.cache, places))
      const searching = jobs.map((job, i) => this.#begin(job, free[i]!, sources.get(job.input)!))
      this.#searching = [...this.#searching, ...searching]
      return async () => {
        const all = new Map((await told).map((it, i) => [inputs[i], it] as const))
        const milliseconds = performance.now() - started
        for (const it of searching) {
          const thrown = thrownBy(() => it.job.encoded(all.get(it.job.input)!, milliseconds))
          if (thrown) this.#fail(it, thrown.error)
        }
      }
    } catch (error) {
      // Those that are searched for go on; where the GPU itself has ended, their next step says so.
      for (const job of jobs) job.failed(error)
      return async () => {}
    }
  }

  /** Places that no search has, and none reads from. */
  #freePlaces(slots: BeamSlots): number[] {
    const taken = new Set(this.#searching.flatMap(({ place, source }) => [place, source]))
    return [...Array(slots.sizes.inputs).keys()].filter((place) => !taken.has(place))
  }

  #begin(job: BeamJob<Input, Told>, place: number, source: number): Searching<Input, Told> {
    const { length, position = length } = this.#reader.model.first(job.input)
    // Of a decoder alone, ids before the start count too, and padding among them: Hugging Face's lengths are positions.
    const options = { ...job.options, maxLength: position + this.#longest(job) }
    const search = new BeamSearch(options, this.#rules.eosIds, position + 1, job.looked)
    // Its prompt is in the slot that sources would be in.
    return { job, place, source, search, slots: [new Array<number>(length).fill(source)] }
  }

  /**
   * Moves jobs from those that wait to `jobs`, as many as there is room for now.
   *
   * @returns where there is: what is there while anything is searched for, else what is there if it is enough, or new.
   * @throws OutOfMemoryError | InputError that the jobs moved are to be told
   */
  async #slotsFor(jobs: BeamJob<Input, Told>[]): Promise<BeamSlots> {
    const next = this.#waiting[0]
    if (this.#searching.length > 0) {
      const slots = this.#slots!
      const places = this.#freePlaces(slots).length
      while (jobs.length < places && this.#waiting[0] && slots.hold(this.#sizes([this.#waiting[0]]))) {
        jobs.push(this.#waiting.shift()!)
      }
      return slots
    }
    const { numBeams } = next!.options
    const others = this.#waiting.findIndex((it) => it.options.numBeams !== numBeams)
    const alike = this.#waiting.slice(0, others < 0 ? undefined : others)
    jobs.push(...alike.slice(0, Math.max(1, Math.floor(maxRows / numBeams))))
    this.#waiting.splice(0, jobs.length)
    const wanted = this.#sizes(jobs)
    if (this.#slots?.hold(wanted)) return this.#slots
    const sizes = this.#fitting(wanted)
    this.#waiting.unshift(...jobs.splice(sizes.inputs))
    this.#slots?.dispose()
    this.#slots = undefined
    const { gpu, model } = this.#reader
    const label = `room for ${numBeams} beams of ${sizes.inputs} inputs`
    this.#slots = await gpu.scoped(label, () => new BeamSlots(gpu, model, sizes, this.#rules))
    return this.#slots
  }

  /** As many inputs as fit the buffers of the adapter, and a bounded part of its memory. */
  #fitting(wanted: BeamSizes): BeamSizes {
    const { gpu, model } = this.#reader
    const { numBeams, positions, sources } = wanted
    const shape = { ...model.cacheShape, positions, sources }
    const largest = largestElements(shape)
    const part = 4 * Math.max(numBeams * Math.max(largest.self, model.widestRow), largest.cross)
    const { self, cross } = cacheElements(shape)
    const bytes = 4 * (numBeams * self + cross)
    const most = Math.floor(gpu.maxTensorBytes / part)
    if (most === 0) {
      throw new InputError(
        `numBeams ${numBeams} do not fit: an input's take ${part} bytes of a buffer, and ${gpu.adapter.name} allows ` +
          `${gpu.maxTensorBytes}: ask for fewer beams, or a smaller maxLength`,
      )
    }
    const inputs = Math.min(wanted.inputs, most, Math.max(1, Math.floor(maxCacheBytes / bytes)))
    return { ...wanted, inputs }
  }

  /** Room for these jobs, which have as many beams as the first. */
  #sizes(jobs: readonly BeamJob<Input, Told>[]): BeamSizes {
    const { model } = this.#reader
    const most = (lengths: readonly number[]) => Math.ceil(Math.max(...lengths) / lengthStep) * lengthStep
    const sources = jobs.map((it) => model.sourceRows(it.input))
    return {
      numBeams: jobs[0]!.options.numBeams,
      inputs: jobs.length,
      positions: most(jobs.map((it) => model.first(it.input).length + this.#longest(it) - 1)),
      sources: sources[0]!.map((_, s) => most(sources.map((rows) => rows[s]!))),
      history: most(jobs.map((it) => it.history.length + this.#longest(it) - 1)),
    }
  }

  /** Ids of a hypothesis at most, start id and EOS included: as many as asked for, or as the model has positions for. */
  #longest({ input, options }: ReplyStart<Input>): number {
    const { model } = this.#reader
    const { length, position = length } = model.first(input)
    return Math.min(options.maxLength, model.config.maxPositions + 1 - position)
  }
}
