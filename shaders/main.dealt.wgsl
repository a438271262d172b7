// The entry point of a kernel whose workgroups are one subgroup each, of which there are few: a workgroup does one part of the
// work after another.
enable subgroups;

// Given by the kernel.
const LANES: u32 = 8;
fn work(group: vec3u, lane: u32) { }

// -----------------------------------------------------------------------------------------------

// from parts.dealt.wgsl {
struct Part { group: vec3u, left: bool }
fn first_part(group: vec3u, groups: vec3u, lane: u32) -> Part { return Part(group, true); }
fn next_part(groups: vec3u, lane: u32) -> Part { return Part(vec3u(), false); }
// }

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  for (var part = first_part(group, groups, lane); part.left; part = next_part(groups, lane)) {
    work(part.group, lane);
  }
}
