// out = activate(x · weightᵀ + bias) + residual, for any k.
// As gemm.plain, an invocation computes 4 rows by 4 columns in registers; what it loads is one number at a time.

@group(0) @binding(0) var<storage, read> x: array<f32>;           // [rows, k]
@group(0) @binding(1) var<storage, read> weight: array<f32>;      // [n, k]

const LANES: u32 = 64;

// from matmul-output.wgsl {
struct Params { rows: u32, k: u32, n: u32 }
@group(0) @binding(6) var<uniform> params: Params;
fn put(row: u32, column: u32, sum: f32) {}
// }

fn put4(row: u32, column: u32, sums: vec4f) {
  put(row, column, sums.x);
  put(row, column + LANES, sums.y);
  put(row, column + 2 * LANES, sums.z);
  put(row, column + 3 * LANES, sums.w);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y * 4;
  let column = group.x * 4 * LANES + lane;
  let x_row = min(vec4u(row, row + 1, row + 2, row + 3), vec4u(params.rows - 1)) * params.k;
  let first = min(vec4u(column) + vec4u(0, 1, 2, 3) * LANES, vec4u(params.n - 1)) * params.k;
  var row0 = vec4f();
  var row1 = vec4f();
  var row2 = vec4f();
  var row3 = vec4f();
  for (var i = 0u; i < params.k; i++) {
    let w = vec4f(weight[first.x + i], weight[first.y + i], weight[first.z + i], weight[first.w + i]);
    row0 = fma(vec4f(x[x_row.x + i]), w, row0);
    row1 = fma(vec4f(x[x_row.y + i]), w, row1);
    row2 = fma(vec4f(x[x_row.z + i]), w, row2);
    row3 = fma(vec4f(x[x_row.w + i]), w, row3);
  }
  put4(row, column, row0);
  put4(row + 1, column, row1);
  put4(row + 2, column, row2);
  put4(row + 3, column, row3);
}
