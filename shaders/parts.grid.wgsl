// Which parts of a dispatch's work a workgroup does: the one of its own place in the grid.

struct Part {
  group: vec3u,  // its place in the grid
  left: bool,    // false: there is none left
}

fn first_part(group: vec3u, groups: vec3u, lane: u32) -> Part {
  return Part(group, true);
}

fn next_part(groups: vec3u, lane: u32) -> Part {
  return Part(vec3u(), false);
}
