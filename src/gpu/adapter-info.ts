/** Where an adapter came from: the system's own drivers, or SwiftShader of the npm package. */
export type AdapterSource = 'system' | 'swiftshader'

/** An adapter that can be opened. */
export interface AdapterCandidate {
  /** As its driver calls it; `adapter` options match any part of it. */
  readonly name: string
  /** Whose driver it is. */
  readonly source: AdapterSource
  /** Whether it computes on the CPU. */
  readonly software: boolean
}

/** What an opened adapter is. */
export interface AdapterInfo extends AdapterCandidate {
  /** WebGPU's word for its maker, as in `nvidia`. */
  readonly vendor: string
  /** WebGPU's word for its generation, as in `ampere`; empty where it says none. */
  readonly architecture: string
  /** The driver's own words. */
  readonly driver: string
  /** Lanes of a subgroup where the adapter has one width only; 0 where it has no subgroups or several widths. */
  readonly subgroupSize: number
}

/** @internal What WebGPU says of an adapter, beside what is known of it already. */
export function describeAdapter({ info, features }: GPUAdapter, candidate: AdapterCandidate): AdapterInfo {
  const { vendor, architecture, description, subgroupMinSize, subgroupMaxSize } = info
  const fixed = features.has('subgroups') && subgroupMinSize === subgroupMaxSize
  return { ...candidate, vendor, architecture, driver: description, subgroupSize: (fixed && subgroupMinSize) || 0 }
}
