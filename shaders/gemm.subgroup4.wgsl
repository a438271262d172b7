enable subgroups;
// out = activate(x · weightᵀ + bias) + residual, for k a multiple of 4.
// For subgroups of four lanes and compilers that unroll no loops. A workgroup is one subgroup and owns 16 rows by 16
// columns, a lane every fourth column. Each lane loads every fourth row of x; the others take it from there by broadcasts.

@group(0) @binding(0) var<storage, read> x: array<vec4f>;         // [rows, k/4]
@group(0) @binding(1) var<storage, read> weight: array<Weights4>; // [n, k/4]

// from matmul-output.wgsl {
struct Params { rows: u32, k: u32, n: u32 }
@group(0) @binding(6) var<uniform> params: Params;
fn put(row: u32, column: u32, sum: f32) {}
// }

// from weights.f32.wgsl {
alias Weights4 = vec4f;
fn unpack(weights: Weights4) -> vec4f { return weights; }
// }

fn weight4(i: u32) -> vec4f {
  return unpack(weight[i]);
}

fn weights(i: vec4u) -> mat4x4f {
  return transpose(mat4x4f(weight4(i.x), weight4(i.y), weight4(i.z), weight4(i.w)));
}

// Four k for four outputs: w[j] holds the four outputs' weights of the j-th k.
fn step(sums: vec4f, a: vec4f, w: mat4x4f) -> vec4f {
  return fma(vec4f(a.w), w[3], fma(vec4f(a.z), w[2], fma(vec4f(a.y), w[1], fma(vec4f(a.x), w[0], sums))));
}

fn put4(row: u32, column: u32, sums: vec4f) {
  put(row, column, sums.x);
  put(row, column + 4, sums.y);
  put(row, column + 8, sums.z);
  put(row, column + 12, sums.w);
}

@compute @workgroup_size(4)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let k4 = params.k / 4;
  let row = group.y * 16;
  let column = group.x * 16 + lane;
  let x_row = min(vec4u(row + lane) + vec4u(0, 4, 8, 12), vec4u(params.rows - 1)) * k4;
  let weight_row = min(vec4u(column) + vec4u(0, 4, 8, 12), vec4u(params.n - 1)) * k4;
  var row0 = vec4f();
  var row1 = vec4f();
  var row2 = vec4f();
  var row3 = vec4f();
  var row4 = vec4f();
  var row5 = vec4f();
  var row6 = vec4f();
  var row7 = vec4f();
  var row8 = vec4f();
  var row9 = vec4f();
  var row10 = vec4f();
  var row11 = vec4f();
  var row12 = vec4f();
  var row13 = vec4f();
  var row14 = vec4f();
  var row15 = vec4f();
  for (var i = 0u; i < k4; i++) {
    let w = weights(weight_row + i);
    let x0 = x[x_row.x + i];
    row0 = step(row0, subgroupBroadcast(x0, 0), w);
    row1 = step(row1, subgroupBroadcast(x0, 1), w);
    row2 = step(row2, subgroupBroadcast(x0, 2), w);
    row3 = step(row3, subgroupBroadcast(x0, 3), w);
    let x1 = x[x_row.y + i];
    row4 = step(row4, subgroupBroadcast(x1, 0), w);
    row5 = step(row5, subgroupBroadcast(x1, 1), w);
    row6 = step(row6, subgroupBroadcast(x1, 2), w);
    row7 = step(row7, subgroupBroadcast(x1, 3), w);
    let x2 = x[x_row.z + i];
    row8 = step(row8, subgroupBroadcast(x2, 0), w);
    row9 = step(row9, subgroupBroadcast(x2, 1), w);
    row10 = step(row10, subgroupBroadcast(x2, 2), w);
    row11 = step(row11, subgroupBroadcast(x2, 3), w);
    let x3 = x[x_row.w + i];
    row12 = step(row12, subgroupBroadcast(x3, 0), w);
    row13 = step(row13, subgroupBroadcast(x3, 1), w);
    row14 = step(row14, subgroupBroadcast(x3, 2), w);
    row15 = step(row15, subgroupBroadcast(x3, 3), w);
  }
  put4(row + 0, column, row0);
  put4(row + 1, column, row1);
  put4(row + 2, column, row2);
  put4(row + 3, column, row3);
  put4(row + 4, column, row4);
  put4(row + 5, column, row5);
  put4(row + 6, column, row6);
  put4(row + 7, column, row7);
  put4(row + 8, column, row8);
  put4(row + 9, column, row9);
  put4(row + 10, column, row10);
  put4(row + 11, column, row11);
  put4(row + 12, column, row12);
  put4(row + 13, column, row13);
  put4(row + 14, column, row14);
  put4(row + 15, column, row15);
}
