// out = activate(x · weightᵀ + bias) + residual, for k a multiple of 4.
// An invocation computes 4 columns of one row.

@group(0) @binding(0) var<storage, read> x: array<vec4f>;         // [rows, k/4]
@group(0) @binding(1) var<storage, read> weight: array<Weights4>; // [n, k/4]

const LANES: u32 = 64;

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

fn weights(first: vec4u, i: u32) -> mat4x4f {
  return transpose(mat4x4f(weight4(first.x, i), weight4(first.y, i), weight4(first.z, i), weight4(first.w, i)));
}

// Four k for four outputs: w[j] holds the four outputs' weights of the j-th k.
fn step(sums: vec4f, a: vec4f, w: mat4x4f) -> vec4f {
  return fma(vec4f(a.w), w[3], fma(vec4f(a.z), w[2], fma(vec4f(a.y), w[1], fma(vec4f(a.x), w[0], sums))));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let k4 = params.k / 4;
  let row = group.y;
  let column = group.x * 4 * LANES + lane;
  let columns = min(vec4u(column) + vec4u(0, 1, 2, 3) * LANES, vec4u(params.n - 1));
  let first = vec4u(first_four(columns.x, k4), first_four(columns.y, k4), first_four(columns.z, k4), first_four(columns.w, k4));
  var sums = vec4f();
  for (var i = 0u; i < k4; i++) {
    let w = weights(first, i);
    sums = step(sums, x[row * k4 + i], w);
  }
  put(row, column, sums.x);
  put(row, column + LANES, sums.y);
  put(row, column + 2 * LANES, sums.z);
  put(row, column + 3 * LANES, sums.w);
}
