// out = activate(x · weightᵀ + bias) + residual, for k a multiple of 4.
// 256 invocations compute 64 rows by 64 columns, 4 by 4 each, from tiles of 16 k that they load into workgroup memory:
// for hardware, where that memory is fast.

@group(0) @binding(0) var<storage, read> x: array<vec4f>;         // [rows, k/4]
@group(0) @binding(1) var<storage, read> weight: array<Weights4>; // [n, k/4]

const TILE: u32 = 64;

// Tiles with k first: at each k an invocation reads its four rows and its four columns, a number at a time, from one line
// of each. Its columns lie 16 apart, so that invocations side by side read numbers side by side.
var<workgroup> x_tile: array<array<f32, TILE>, 16>;
var<workgroup> weight_tile: array<array<f32, TILE>, 16>;

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

@compute @workgroup_size(16, 16)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  let k4 = params.k / 4;
  let row = group.y * TILE;
  let column = group.x * TILE;
  // Each invocation loads four k of one row and of one column.
  let line = index / 4;
  let part = index % 4;
  let x_row = min(row + line, params.rows - 1) * k4;
  let first = first_four(min(column + line, params.n - 1), k4);
  var sums: array<vec4f, 4>;
  for (var i = 0u; i < k4; i += 4) {
    let own = i + part;
    let a = select(vec4f(), x[x_row + min(own, k4 - 1)], own < k4);
    let b = select(vec4f(), weight4(first, min(own, k4 - 1)), own < k4);
    for (var c = 0u; c < 4; c++) {
      x_tile[part * 4 + c][line] = a[c];
      weight_tile[part * 4 + c][line] = b[c];
    }
    workgroupBarrier();
    for (var j = 0u; j < 16; j++) {
      var w: vec4f;
      for (var c = 0u; c < 4; c++) {
        w[c] = weight_tile[j][local.x + 16 * c];
      }
      for (var r = 0u; r < 4; r++) {
        sums[r] = fma(vec4f(x_tile[j][local.y * 4 + r]), w, sums[r]);
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4; r++) {
    for (var c = 0u; c < 4; c++) {
      put(row + local.y * 4 + r, column + local.x + 16 * c, sums[r][c]);
    }
  }
}
