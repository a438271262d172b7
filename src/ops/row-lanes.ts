import type { Gpu } from '../gpu/gpu.js'

/**
 * @internal Lanes of the workgroup that works on a row. `narrow`: a software adapter runs a workgroup on one core, and
 * switches between its subgroups at every barrier; there one subgroup is fastest. `wide`: as many as the op asks for.
 */
export function rowLanes(gpu: Gpu, op: string, wide: number): number {
  const { software, subgroupSize } = gpu.adapter
  const variant = gpu.chooseVariant(op, software ? ['narrow', 'wide'] : ['wide', 'narrow'])
  return variant === 'wide' ? wide : subgroupSize || 8
}
