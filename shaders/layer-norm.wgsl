// out = (z - mean(z)) / sqrt(var(z) + eps) * weight + bias, row by row, with z = x + residual.
// One workgroup per row; mean and variance in two passes over the row, so that large means lose no digits.

@group(0) @binding(0) var<storage, read> x: array<f32>;          // [rows, d]
@group(0) @binding(1) var<storage, read> residual: array<f32>;   // [rows, d], read where has_residual
@group(0) @binding(2) var<storage, read> weight: array<f32>;     // [d]
@group(0) @binding(3) var<storage, read> bias: array<f32>;       // [d]
@group(0) @binding(4) var<storage, read_write> out: array<f32>;  // [rows, d]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  d: u32,
  has_residual: u32,
  eps: f32,
}

// from row-sum.wgsl {
const LANES = 64u;
fn sum_over_lanes(value: f32, lane: u32) -> f32 { return value; }
// }

fn load(i: u32) -> f32 {
  return x[i] + select(0, residual[i], params.has_residual > 0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let start = row * params.d;
  var sum = 0.0;
  for (var c = lane; c < params.d; c += LANES) {
    sum += load(start + c);
  }
  let mean = sum_over_lanes(sum, lane) / f32(params.d);
  var squares = 0.0;
  for (var c = lane; c < params.d; c += LANES) {
    let centred = load(start + c) - mean;
    squares += centred * centred;
  }
  let scale = inverseSqrt(sum_over_lanes(squares, lane) / f32(params.d) + params.eps);
  for (var c = lane; c < params.d; c += LANES) {
    out[start + c] = (load(start + c) - mean) * scale * weight[c] + bias[c];
  }
}
