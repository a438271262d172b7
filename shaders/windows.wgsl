// Three rows side by side for a convolution of width 3: out[row, 3c + j] = x[row + j - 1, c], and 0 beyond the ends of a sequence.
// One lane per column of x, and a row each.

@group(0) @binding(0) var<storage, read> x: array<f32>;          // [rows, d]
@group(0) @binding(1) var<storage, read> edges: array<u32>;      // [rows]: 1 for a sequence's first row, 2 for its last, 3 for both
@group(0) @binding(2) var<storage, read_write> out: array<f32>;  // [rows, d, 3]
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  d: u32,
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.d) {
    return;
  }
  let i = id.y * params.d + id.x;
  let edge = edges[id.y];
  out[3 * i] = 0;
  if ((edge & 1) == 0) {
    out[3 * i] = x[i - params.d];
  }
  out[3 * i + 1] = x[i];
  out[3 * i + 2] = 0;
  if ((edge & 2) == 0) {
    out[3 * i + 2] = x[i + params.d];
  }
}
