// What every kernel of chosen-matmul ends in: out = activate(sum · scale + bias) + residual, at one row, place and column. The n
// columns of a layer may be in parts, as queries, keys and values are: a row has each part of all places side by side.

@group(0) @binding(2) var<storage, read> bias: array<f32>;        // [layers · n], read where has_bias
@group(0) @binding(3) var<storage, read> residual: array<f32>;    // [rows, residual_places, n], read where residual_places > 0
@group(0) @binding(4) var<storage, read_write> out: array<f32>;   // [rows, parts, places, n/parts]
@group(0) @binding(5) var<storage, read> scale: array<f32>;       // [layers · n], read where HAS_SCALE
@group(0) @binding(8) var<uniform> params: Params;

struct Params {
  k: u32,
  n: u32,                // columns of a layer
  part: u32,             // columns of a part
  places: u32,
  x_places: u32,         // places, or 1: all read the same row
  residual_places: u32,  // likewise; 0: there is none
  new_rows: u32,         // rows of each sequence
  has_bias: u32,
  activation: u32,       // see activation.wgsl
}

override HAS_SCALE: bool = false;

// from choice.wgsl {
@group(0) @binding(6) var<storage, read> choices: array<vec2u>;
@group(0) @binding(7) var<storage, read> slots: array<u32>;
struct Choice { layer: u32, share: f32 }
fn choice_of(sequence: u32, place: u32, places: u32) -> Choice { return Choice(choices[0].x, f32(slots[0])); }
// }

fn activate(x: f32, activation: u32) -> f32 { return x; } // from activation.wgsl

fn put(row: u32, place: u32, layer: u32, column: u32, sum: f32) {
  if (column >= params.n) {
    return;
  }
  var value = sum;
  if (HAS_SCALE) {
    value *= scale[layer * params.n + column];
  }
  if (params.has_bias > 0) {
    value += bias[layer * params.n + column];
  }
  value = activate(value, params.activation);
  if (params.residual_places > 0) {
    let added = row * params.residual_places + min(place, params.residual_places - 1);
    value += residual[added * params.n + column];
  }
  let parts = params.n / params.part;
  let i = ((row * parts + column / params.part) * params.places + place) * params.part + column % params.part;
  out[i] = value;
}
