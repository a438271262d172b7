// out = activate(x · weightᵀ + bias) + residual, for any k. An invocation computes one output.

@group(0) @binding(0) var<storage, read> x: array<f32>;           // [rows, k]
@group(0) @binding(1) var<storage, read> weight: array<f32>;      // [n, k]
@group(0) @binding(2) var<storage, read> bias: array<f32>;        // [groups, n], read where HAS_BIAS
@group(0) @binding(3) var<storage, read> residual: array<f32>;    // [rows, n], read where HAS_RESIDUAL
@group(0) @binding(4) var<storage, read_write> out: array<f32>;   // [rows, n]
@group(0) @binding(5) var<storage, read> scale: array<f32>;       // [n], read where HAS_SCALE
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  rows: u32,
  k: u32,
  n: u32,
  group_rows: u32, // rows that share a bias row
}

const LANES: u32 = 64;

fn put(row: u32, column: u32, sum: f32) { out[row * params.n + column] = sum; } // from matmul-output.wgsl

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y;
  let column = group.x * LANES + lane;
  let weight_row = min(column, params.n - 1) * params.k;
  var sum = 0.0;
  for (var i = 0u; i < params.k; i++) {
    sum = fma(x[row * params.k + i], weight[weight_row + i], sum);
  }
  put(row, column, sum);
}
