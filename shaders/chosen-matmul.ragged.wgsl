// out = activate(x · weightᵀ + bias) + residual at each place of a row, by the layer that is chosen for it, for any k.
// An invocation computes one output.

@group(0) @binding(0) var<storage, read> x: array<f32>;       // [rows, x_places, k]
@group(0) @binding(1) var<storage, read> weight: array<f32>;  // [layers · n, k]

const LANES: u32 = 64;

// from chosen-output.wgsl {
struct Params { k: u32, n: u32, places: u32, x_places: u32, new_rows: u32 }
@group(0) @binding(8) var<uniform> params: Params;
struct Choice { layer: u32, share: f32 }
fn choice_of(sequence: u32, place: u32, places: u32) -> Choice { return Choice(0, 1); }
fn put(row: u32, place: u32, layer: u32, column: u32, sum: f32) {}
// }

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.y;
  let place = group.z;
  let choice = choice_of(row / params.new_rows, place, params.places);
  if (choice.share == 0) {
    return;
  }
  let x_row = (row * params.x_places + min(place, params.x_places - 1)) * params.k;
  let column = group.x * LANES + lane;
  let weight_row = (choice.layer * params.n + min(column, params.n - 1)) * params.k;
  var sum = 0.0;
  for (var i = 0u; i < params.k; i++) {
    sum = fma(x[x_row + i], weight[weight_row + i], sum);
  }
  put(row, place, choice.layer, column, sum);
}
