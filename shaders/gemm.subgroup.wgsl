enable subgroups;
// out = activate(x · weightᵀ + bias) + residual, for k a multiple of 4.
// A workgroup is one subgroup and owns ROWS rows by LANES·COLUMNS columns, a lane every LANES-th column. Each lane loads
// one vec4 of x; the others take it from there by shuffles: loads are what costs on software adapters. With fewer rows
// than lanes, a load of x covers STEPS blocks of four k at once.

@group(0) @binding(0) var<storage, read> x: array<vec4f>;         // [rows, k/4]
@group(0) @binding(1) var<storage, read> weight: array<Weights4>; // [n, k/4]

const LANES: u32 = 8;
const ROWS: u32 = 16;
const COLUMNS: u32 = 4;
const STEPS: u32 = max(1, LANES / ROWS);
const LOADS: u32 = (ROWS + LANES - 1) / LANES;
const ROWS_PER_LOAD: u32 = min(ROWS, LANES);

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

fn work(group: vec3u, lane: u32) {
  let k4 = params.k / 4;
  let row = group.y * ROWS;
  let column = group.x * LANES * COLUMNS + lane;
  var x_row: array<u32, LOADS>;
  for (var l = 0u; l < LOADS; l++) {
    x_row[l] = min(row + l * LANES + lane % ROWS_PER_LOAD, params.rows - 1) * k4;
  }
  var first: array<u32, COLUMNS>;
  for (var c = 0u; c < COLUMNS; c++) {
    first[c] = first_four(min(column + c * LANES, params.n - 1), k4);
  }
  var sums = array<array<f32, COLUMNS>, ROWS>(); // spelt out: in a loop not every driver zeroes it again
  for (var i = 0u; i < k4; i += STEPS) {
    var xs: array<vec4f, LOADS>;
    for (var l = 0u; l < LOADS; l++) {
      let own = i + lane / ROWS_PER_LOAD;
      xs[l] = select(vec4f(), x[x_row[l] + min(own, k4 - 1)], own < k4);
    }
    for (var s = 0u; s < STEPS; s++) {
      var w: array<vec4f, COLUMNS>;
      for (var c = 0u; c < COLUMNS; c++) {
        w[c] = weight4(first[c], min(i + s, k4 - 1));
      }
      for (var r = 0u; r < ROWS; r++) {
        let a = subgroupShuffle(xs[r / LANES], s * ROWS + r % LANES);
        for (var c = 0u; c < COLUMNS; c++) {
          sums[r][c] = fma(a.w, w[c].w, fma(a.z, w[c].z, fma(a.y, w[c].y, fma(a.x, w[c].x, sums[r][c]))));
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    for (var c = 0u; c < COLUMNS; c++) {
      put(row + r, column + c * LANES, sums[r][c]);
    }
  }
}

// from main.grid.wgsl {
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) { work(group, lane); }
// }
