import type { KernelTime } from '../gpu/profiler.js'
import type { WeightDtype } from '../gpu/tensor.js'
import type { Family } from '../models/registry.js'
import type { Ceilings } from './ceilings.js'
import type { StepBytes } from './cost.js'
import type { Summary } from './statistics.js'

/** What `misc bench --json` prints: times are milliseconds, rates and MFU those of the mean time. */
export interface BenchReport {
  readonly versions: { readonly 'misc-webgpu': string; readonly node: string; readonly webgpu: string }
  readonly model: {
    readonly folder: string
    readonly family: Family
    /** What it is, in words. */
    readonly title: string
    readonly variant: string
    readonly d_model: number
    /** 0 for a decoder alone. */
    readonly encoder_layers: number
    readonly decoder_layers: number
    readonly vocab_size: number
  }
  /** Of weight matrices; all else is f32. */
  readonly dtype: WeightDtype
  readonly adapter: {
    readonly name: string
    readonly driver: string
    readonly vendor: string
    readonly architecture: string
    readonly source: string
    readonly software: boolean
    readonly subgroup_size: number
    readonly features: readonly string[]
    /** What Dawn was asked for beyond its defaults. */
    readonly toggles: readonly string[]
    /** Shape classes whose kernel was chosen by `misc tune`, or after a load: the others' is a guess. */
    readonly tuned_classes: number
  }
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    /** Of the last minute, before and after: above the number of cores, the times are not the adapter's own. */
    readonly load_average: readonly [before: number, after: number]
  }
  /** The lengths in ids, how many of each, and how often the work was done. */
  readonly workload: Readonly<Record<string, number>>
  /** How ids are drawn; the draw is part of every step that is timed. */
  readonly sampling: Readonly<Record<string, number | boolean>>
  /** Before the first reply. Files that the system holds in memory load faster than those it does not. */
  readonly load: { readonly adapter_ms: number; readonly weights_ms: number }
  readonly memory: {
    /** Tensors of the weights. */
    readonly gpu_weights_bytes: number
    /** All tensors alive when the suites are done. */
    readonly gpu_bytes: number
    /** The most that the process held in main memory; a software adapter's buffers are in it. */
    readonly host_peak_bytes: number
  }
  readonly ceilings: Ceilings
  readonly suites: {
    readonly kernels?: KernelsReport
    readonly decode?: DecodeReport
    readonly encode?: EncodeReport
    readonly blocks?: BlocksReport
    readonly pipeline?: PipelineReport
    readonly scaling?: ScalingReport
  }
  /** Suites of `all` that the model has no part in, or its folder lacks something for: why. */
  readonly left_out: Readonly<Record<string, string>>
}

/** One kernel variant at one shape. */
export interface KernelRow {
  /** As the tuner knows it. */
  readonly op: string
  readonly shape: string
  readonly variant: string
  /** Whether the engine would take this variant. */
  readonly in_use: boolean
  /** Of one dispatch, or of the few that the op needs: its part of a submission awaited as a whole. */
  readonly ms: Summary
  /** By timestamps, the median of a few; null where the adapter has none. */
  readonly gpu_ms: number | null
  /** Floating-point operations, in thousand millions; 0 for sampling. */
  readonly gflop: number
  /** What must be read and written at least. */
  readonly bytes: number
  /** At the median time. */
  readonly gflop_per_s: number
  readonly gb_per_s: number
  /** What would bound it at best: the FMA peak, or the bandwidth of memory. */
  readonly bound: 'compute' | 'memory'
  /** Of that bound. More than 1 where what is read stays in a cache. */
  readonly of_ceiling: number
}

export interface KernelsReport {
  readonly rows: readonly KernelRow[]
}

/** GPU time by kernel, median of several runs; null where the adapter has no timestamps. A pass for every dispatch. */
export type GpuTime = { readonly ms: number; readonly kernels: readonly KernelTime[] } | null

/** Replies from encoding to the last id. */
export interface DecodeReport {
  /** The process's first reply: kernels compile, unless the driver kept them from an earlier process. */
  readonly cold: { readonly ttft_ms: number; readonly compile_ms: number; readonly kernels: number }
  /** From ids to the first id drawn, MISC's blocks encoded anew. */
  readonly ttft_ms: Summary
  /** The same taken apart, in other runs: each part is submitted and awaited by itself. */
  readonly ttft_parts_ms: {
    /** All but the first step, of a family other than MISC. */
    readonly encode?: Summary
    /** MISC's, and so the next two. */
    readonly blocks?: Summary
    /** With fusion and strategy. */
    readonly context?: Summary
    readonly cross_kv?: Summary
    readonly first_step: Summary
  }
  /** (end to end − TTFT) / (tokens − 1), of each run. */
  readonly tpot_ms: Summary
  /** Every gap between ids, of all runs. */
  readonly itl_ms: Summary
  /** The gap before the second id, the third, …: the median of the runs. */
  readonly itl_by_position_ms: readonly number[]
  /** All ids of all replies / all time, TTFT included. */
  readonly tokens_per_s: number
  /** Replies drawn together / mean TPOT. */
  readonly decode_tokens_per_s: number
  /** What a step must read. */
  readonly step_bytes: StepBytes
  /** step_bytes / mean TPOT / read bandwidth. */
  readonly mbu: number
  readonly sampling_included: true
  /** Steps submitted before the ids of the first of them are read. */
  readonly steps_in_flight: number
  /** Of one step. */
  readonly gpu_step: GpuTime
}

/** Some work on ids, timed. */
export interface WorkRow {
  readonly name: string
  readonly ids: number
  readonly ms: Summary
  readonly ids_per_s: number
  /** Missing where nobody has counted its operations, and so is `mfu`. */
  readonly gflop?: number
  /** Part of the measured FMA peak. */
  readonly mfu?: number
}

export interface EncodeReport {
  /**
   * MISC: `encode`: blocks, context, fusion and strategy, as the peers' encode; `encode_cached_blocks`: the same with the
   * blocks in the cache; then the parts: `blocks`, `context`, `fusion_strategy`; and `cross_kv`, no part of `encode`. Other
   * families: `encode`, all that comes before the first step, keys and values of cross-attention among it.
   */
  readonly rows: readonly WorkRow[]
  /** Of `encode`. */
  readonly gpu_encode: GpuTime
}

export interface BlocksReport {
  /** `50 x 5`: 50 distinct blocks of 5 ids. `512 ragged`: of lengths as in the dialogues of MISC's data. */
  readonly rows: readonly (WorkRow & { readonly blocks: number; readonly blocks_per_s: number })[]
  /** Of the last row. */
  readonly gpu_blocks: GpuTime
}

/** Turns of conversations, from text to the first word, by an engine of its own. The first turn's situation and post are new. */
export interface PipelineReport extends TurnsReport {
  /** The folder of who writes the blocks. */
  readonly comet: string
  /** Words of a turn's dialogue, its situation left out. */
  readonly words: number
  /** Another turn of each conversation: of its situation is known what was inferred, and the post is new. */
  readonly further: TurnsReport
}

/** One turn of conversations, two ways. */
export interface TurnsReport {
  /** Of a turn, on average. */
  readonly blocks: number
  /** From bare text. */
  readonly bare: TurnReport
  /** The same turns, with the blocks that were inferred then. */
  readonly given: Omit<TurnReport, 'queries' | 'tails_start' | 'tails_steps' | 'blocks'>
  /** Median time to the first word from bare text / that with the blocks given. */
  readonly ratio: number
}

/** Milliseconds of a turn: the parts from `queries` to `first_step` follow each other. */
export interface TurnReport {
  /** To the first piece of the reply's stream: a whole word. */
  readonly first_word_ms: Summary
  /** To the first id. */
  readonly first_id_ms: Summary
  /** Post and situation → ids of a query for each relation. */
  readonly queries: Summary
  /** The COMET's encoder, and the first step of its beams. */
  readonly tails_start: Summary
  /** The other steps. */
  readonly tails_steps: Summary
  /** Tails → blocks. */
  readonly blocks: Summary
  /** Dialogue and blocks → ids. */
  readonly ids: Summary
  /** MISC's encoders: blocks, context, fusion, keys and values of cross-attention. */
  readonly context: Summary
  /** What is left to the first id. */
  readonly first_step: Summary
}

/** What grows in a {@link ScalingRow}, `blocks` where the model reads some; all else is as in the workload. */
export type Growing = 'context' | 'blocks' | 'batch'

/** The cost of the work at one size; null where nothing was measured. */
export interface ScalingRow {
  readonly grows: Growing
  readonly at: number
  /** That many COMET blocks alone. */
  readonly blocks_ms: Summary | null
  readonly blocks_per_s: number | null
  /** The suite `encode`'s row of that name, with no block in the cache. */
  readonly encode_ms: Summary | null
  /** A decode step of the whole batch. */
  readonly step_ms: Summary | null
  /** Replies drawn together / median step. */
  readonly decode_tokens_per_s: number | null
}

export interface ScalingReport {
  readonly rows: readonly ScalingRow[]
}
