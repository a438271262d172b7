// Reads all of a buffer and keeps next to nothing of it: how fast memory is read.

@group(0) @binding(0) var<storage, read> source: array<vec4f>;     // [invocations · turns · 4]
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;  // [invocations]
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  turns: u32,
}

// A workgroup reads a stretch of its own: with lanes side by side, or in a stretch for each lane.
override INTERLEAVED: bool = true;

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let length = params.turns * 4;
  let stride = select(1, LANES, INTERLEAVED);
  var at = select(id.x * length, (id.x - lane) * length + lane, INTERLEAVED);
  var sum = vec4f();
  for (var turn = 0u; turn < params.turns; turn++) {
    sum += (source[at] + source[at + stride]) + (source[at + 2 * stride] + source[at + 3 * stride]);
    at += 4 * stride;
  }
  out[id.x] = sum;
}
