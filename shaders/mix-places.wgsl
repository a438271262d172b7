// out[row] = Σ share · x[row, place] over the places of a row, without those of share 0. One lane per column.

@group(0) @binding(0) var<storage, read> x: array<f32>;          // [rows, places, d]
@group(0) @binding(1) var<storage, read_write> out: array<f32>;  // [rows, d]
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  d: u32,
  places: u32,
  new_rows: u32,  // rows of each sequence
}

const LANES: u32 = 64;

// from choice.wgsl {
@group(0) @binding(6) var<storage, read> choices: array<vec2u>;
@group(0) @binding(7) var<storage, read> slots: array<u32>;
struct Choice { layer: u32, share: f32 }
fn choice_of(sequence: u32, place: u32, places: u32) -> Choice { return Choice(choices[0].x, f32(slots[0])); }
// }

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  if (id.x >= params.d) {
    return;
  }
  var sum = 0.0;
  for (var place = 0u; place < params.places; place++) {
    let share = choice_of(row / params.new_rows, place, params.places).share;
    if (share != 0) {
      sum += share * x[(row * params.places + place) * params.d + id.x];
    }
  }
  out[row * params.d + id.x] = sum;
}
