// out[to_row[r]] = source[from_row[r]]: one lane per element.

@group(0) @binding(0) var<storage, read> source: array<f32>;     // [source_rows, d]
@group(0) @binding(1) var<storage, read> from_row: array<u32>;   // [≥ rows], each below source_rows; read where HAS_FROM
@group(0) @binding(2) var<storage, read> to_row: array<u32>;     // [≥ rows], each below target_rows; read where HAS_TO
@group(0) @binding(3) var<storage, read_write> out: array<f32>;  // [target_rows, d]
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  d: u32,
  source_rows: u32,
  target_rows: u32,
}

override HAS_FROM: bool = false;
override HAS_TO: bool = false;
const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  if (c >= params.d) {
    return;
  }
  var origin = id.y;
  if (HAS_FROM) {
    origin = from_row[id.y];
  }
  var row = id.y;
  if (HAS_TO) {
    row = to_row[id.y];
  }
  if (row < params.target_rows) {
    out[row * params.d + c] = source[min(origin, params.source_rows - 1) * params.d + c];
  }
}
