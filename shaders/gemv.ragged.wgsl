// out = activate(x · weightᵀ + bias) + residual, for one row and any k. An invocation computes one output.

@group(0) @binding(0) var<storage, read> x: array<f32>;           // [rows, k]
@group(0) @binding(1) var<storage, read> weight: array<f32>;      // [n, k]

const LANES: u32 = 64;

// from matmul-output.wgsl {
struct Params { rows: u32, k: u32, n: u32 }
@group(0) @binding(6) var<uniform> params: Params;
fn put(row: u32, column: u32, sum: f32) {}
// }

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
