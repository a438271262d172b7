// out = activate(x · weightᵀ + bias) + residual at each place of a row, by the layer that is chosen for it, for k a multiple of 4.
// An invocation computes 4 columns of one row and place.

@group(0) @binding(0) var<storage, read> x: array<vec4f>;         // [rows, x_places, k/4]
@group(0) @binding(1) var<storage, read> weight: array<Weights4>; // [layers · n, k/4]

const LANES: u32 = 64;

// from chosen-output.wgsl {
struct Params { k: u32, n: u32, places: u32, x_places: u32, new_rows: u32 }
@group(0) @binding(8) var<uniform> params: Params;
struct Choice { layer: u32, share: f32 }
fn choice_of(sequence: u32, place: u32, places: u32) -> Choice { return Choice(0, 1); }
fn put(row: u32, place: u32, layer: u32, column: u32, sum: f32) {}
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
  let row = group.y;
  let place = group.z;
  let choice = choice_of(row / params.new_rows, place, params.places);
  if (choice.share == 0) {
    return;
  }
  let k4 = params.k / 4;
  let x_row = (row * params.x_places + min(place, params.x_places - 1)) * k4;
  let column = group.x * 4 * LANES + lane;
  let columns = min(vec4u(column) + vec4u(0, 1, 2, 3) * LANES, vec4u(params.n - 1)) + choice.layer * params.n;
  let first = vec4u(first_four(columns.x, k4), first_four(columns.y, k4), first_four(columns.z, k4), first_four(columns.w, k4));
  var sums = vec4f();
  for (var i = 0u; i < k4; i++) {
    let a = x[x_row + i];
    let w = transpose(mat4x4f(weight4(first.x, i), weight4(first.y, i), weight4(first.z, i), weight4(first.w, i)));
    sums = fma(vec4f(a.w), w[3], fma(vec4f(a.z), w[2], fma(vec4f(a.y), w[1], fma(vec4f(a.x), w[0], sums))));
  }
  put(row, place, choice.layer, column, sums.x);
  put(row, place, choice.layer, column + LANES, sums.y);
  put(row, place, choice.layer, column + 2 * LANES, sums.z);
  put(row, place, choice.layer, column + 3 * LANES, sums.w);
}
