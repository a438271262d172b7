// out = activate(x · weightᵀ + bias) + residual, for k a multiple of 4.
// A workgroup computes ROWS rows of one column: its lanes read the weight row side by side, then add up in workgroup memory.

@group(0) @binding(0) var<storage, read> x: array<vec4f>;         // [rows, k/4]
@group(0) @binding(1) var<storage, read> weight: array<Weights4>; // [n, k/4]

const LANES: u32 = 64;
const ROWS: u32 = 1;

var<workgroup> partial: array<array<f32, LANES>, ROWS>;

// from matmul-output.wgsl {
struct Params { rows: u32, k: u32, n: u32 }
@group(0) @binding(6) var<uniform> params: Params;
fn put(row: u32, column: u32, sum: f32) {}
// }

// from weights.f32.wgsl {
alias Weights4 = vec4f;
fn unpack(weights: Weights4) -> vec4f { return weights; }
fn first_four(row: u32, row_fours: u32) -> u32 { return row * row_fours; }
fn four_at(first: u32, i: u32) -> u32 { return first + i; }
// }

fn weight4(first: u32, i: u32) -> vec4f {
  return unpack(weight[four_at(first, i)]);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k4 = params.k / 4;
  let row = group.y * ROWS;
  let column = group.z * 32768 + group.x;
  let first = first_four(min(column, params.n - 1), k4);
  var sums: array<f32, ROWS>;
  for (var i = lane; i < k4; i += LANES) {
    let w = weight4(first, i);
    for (var r = 0u; r < ROWS; r++) {
      sums[r] += dot(x[min(row + r, params.rows - 1) * k4 + i], w);
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    partial[r][lane] = sums[r];
  }
  for (var half = LANES / 2; half > 0; half /= 2) {
    workgroupBarrier();
    if (lane < half) {
      for (var r = 0u; r < ROWS; r++) {
        partial[r][lane] += partial[r][lane + half];
      }
    }
  }
  workgroupBarrier();
  if (lane < ROWS) {
    put(row + lane, column, partial[lane][0]);
  }
}
