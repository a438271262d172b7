// out[out_start + r] = source[index[r]]: one lane per element.

@group(0) @binding(0) var<storage, read> source: array<f32>;     // [n, d]
@group(0) @binding(1) var<storage, read> index: array<u32>;      // [≥ rows], each below n
@group(0) @binding(2) var<storage, read_write> out: array<f32>;  // [≥ out_start + rows, d]
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  d: u32,
  source_rows: u32,
  out_start: u32,
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let row = id.y;
  if (c >= params.d) {
    return;
  }
  let from_row = min(index[row], params.source_rows - 1);
  out[(params.out_start + row) * params.d + c] = source[from_row * params.d + c];
}
