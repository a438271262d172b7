// Which parts of a dispatch's work a workgroup does, which is one subgroup: whoever is free draws the next one. There are only
// as many workgroups as cores. Software drivers deal workgroups out beforehand, in equal shares to threads that wake one
// after the other and may be slowed down by others: at the end all wait for the last.
// A barrier would do for the broadcast, but makes some compilers keep what they have in registers in memory.
enable subgroups;
diagnostic(off, subgroup_uniformity);  // what was broadcast is uniform, which the analysis does not know

@group(0) @binding(10) var<storage, read_write> tickets: array<atomic<u32>>;  // [1], 0 before a dispatch and after it
@group(0) @binding(11) var<uniform> grid: vec3u;

struct Part {
  group: vec3u,  // its place in the grid
  left: bool,    // false: there is none left
}

fn first_part(group: vec3u, groups: vec3u, lane: u32) -> Part {
  return next_part(groups, lane);
}

fn next_part(groups: vec3u, lane: u32) -> Part {
  let parts = grid.x * grid.y * grid.z;
  var ticket = 0u;
  if (lane == 0) {
    ticket = atomicAdd(&tickets[0], 1);
    // Every workgroup comes here once in vain; the last to do so leaves the tickets as they were.
    if (ticket == parts + groups.x - 1) {
      atomicStore(&tickets[0], 0);
    }
  }
  let i = subgroupBroadcast(ticket, 0);
  return Part(vec3u(i % grid.x, i / grid.x % grid.y, i / grid.x / grid.y), i < parts);
}
