// The entry point of a kernel whose workgroups are one subgroup each: a workgroup does the part of the work that its place in
// the grid gives it.
enable subgroups;

// Given by the kernel.
const LANES: u32 = 8;
fn work(group: vec3u, lane: u32) { }

// -----------------------------------------------------------------------------------------------

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  work(group, lane);
}
