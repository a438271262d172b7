// Reads all of a buffer and keeps next to nothing of it: how fast memory is read.

@group(0) @binding(0) var<storage, read> source: array<vec4f>;     // [invocations · turns · 4]
@group(0) @binding(1) var<storage, read_write> out: array<vec4f>;  // [invocations]
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  invocations: u32,
  turns: u32,
}

// Neighbours read neighbouring elements; otherwise each invocation reads a stretch of its own.
override INTERLEAVED: bool = true;

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let stride = select(1, params.invocations, INTERLEAVED);
  var at = select(i * params.turns * 4, i, INTERLEAVED);
  var sums = array(vec4f(), vec4f(), vec4f(), vec4f());
  for (var turn = 0u; turn < params.turns; turn++) {
    sums[0] += source[at];
    sums[1] += source[at + stride];
    sums[2] += source[at + 2 * stride];
    sums[3] += source[at + 3 * stride];
    at += 4 * stride;
  }
  out[i] = sums[0] + sums[1] + sums[2] + sums[3];
}
