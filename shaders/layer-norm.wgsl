// out = (z - mean(z)) / sqrt(var(z) + eps) * weight + bias, row by row, with z = x + residual; or, where SAMPLE, by the sample's
// standard deviation: / (sqrt(Σ (z - mean)² / (d - 1)) + eps).
// One workgroup per row of out; mean and variance in two passes over the row, so that large means lose no digits.
// Where CHOSEN, row r has places: each normed by the weight and bias of its own layer.

@group(0) @binding(0) var<storage, read> x: array<f32>;          // [rows, d]; where CHOSEN [rows, x_places, d]
@group(0) @binding(1) var<storage, read> residual: array<f32>;   // as x, read where has_residual
@group(0) @binding(2) var<storage, read> weight: array<f32>;     // [d]; where CHOSEN [layers, d]
@group(0) @binding(3) var<storage, read> bias: array<f32>;       // as weight
@group(0) @binding(4) var<storage, read_write> out: array<f32>;  // [rows, d]; where CHOSEN [rows, places, d]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  d: u32,
  has_residual: u32,
  eps: f32,
  places: u32,
  x_places: u32,   // places, or 1: all norm the same row
  new_rows: u32,   // rows of each sequence
}

override SAMPLE: bool = false;
override CHOSEN: bool = false;

// from row-sum.wgsl {
const LANES = 64u;
fn sum_over_lanes(value: f32, lane: u32) -> f32 { return value; }
// }

// from choice.wgsl {
@group(0) @binding(6) var<storage, read> choices: array<vec2u>;
@group(0) @binding(7) var<storage, read> slots: array<u32>;
struct Choice { layer: u32, share: f32 }
fn choice_of(sequence: u32, place: u32, places: u32) -> Choice { return Choice(choices[0].x, f32(slots[0])); }
// }

fn load(i: u32) -> f32 {
  return x[i] + select(0, residual[i], params.has_residual > 0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let d = params.d;
  let place = group.y;
  let start = (group.x * params.x_places + min(place, params.x_places - 1)) * d;
  let end = (group.x * params.places + place) * d;
  var affine = 0u;
  if (CHOSEN) {
    let choice = choice_of(group.x / params.new_rows, place, params.places);
    if (choice.share == 0) {
      return;
    }
    affine = choice.layer * d;
  }
  var sum = 0.0;
  for (var c = lane; c < d; c += LANES) {
    sum += load(start + c);
  }
  let mean = sum_over_lanes(sum, lane) / f32(d);
  var squares = 0.0;
  for (var c = lane; c < d; c += LANES) {
    let centred = load(start + c) - mean;
    squares += centred * centred;
  }
  squares = sum_over_lanes(squares, lane);
  var scale = 0.0;
  if (SAMPLE) {
    scale = 1 / (sqrt(squares / f32(d - 1)) + params.eps);
  } else {
    scale = inverseSqrt(squares / f32(d) + params.eps);
  }
  for (var c = lane; c < d; c += LANES) {
    out[end + c] = (load(start + c) - mean) * scale * weight[affine + c] + bias[affine + c];
  }
}
