// out[r] = left[r] | right[from_row[r]]: one lane per element.

@group(0) @binding(0) var<storage, read> left: array<f32>;       // [rows, left_width]
@group(0) @binding(1) var<storage, read> right: array<f32>;      // [right_rows, right_width]
@group(0) @binding(2) var<storage, read> from_row: array<u32>;   // [≥ rows], each below right_rows; read where HAS_FROM
@group(0) @binding(3) var<storage, read_write> out: array<f32>;  // [rows, left_width + right_width]
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  left_width: u32,
  right_width: u32,
  right_rows: u32,
}

override HAS_FROM: bool = false;
const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let width = params.left_width + params.right_width;
  if (c >= width) {
    return;
  }
  let i = id.y * width + c;
  if (c < params.left_width) {
    out[i] = left[id.y * params.left_width + c];
    return;
  }
  var origin = id.y;
  if (HAS_FROM) {
    origin = from_row[id.y];
  }
  out[i] = right[min(origin, params.right_rows - 1) * params.right_width + c - params.left_width];
}
