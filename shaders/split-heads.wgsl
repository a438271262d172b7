// Keys and values of rows, side by side, to where a cache keeps them head by head. One lane per element.

@group(0) @binding(0) var<storage, read> source: array<f32>;     // [rows, 2 * d]: a row's keys, then its values
@group(0) @binding(1) var<storage, read> to_row: array<u32>;     // [rows], each slot * slot_rows + a row of that slot
@group(0) @binding(2) var<storage, read_write> out: array<f32>;  // [slots, heads, slot_rows, 2 * head_width]
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  d: u32,
  head_width: u32,
  slots: u32,
  slot_rows: u32,
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let slot = to_row[id.y] / params.slot_rows;
  let row = to_row[id.y] % params.slot_rows;
  if (id.x >= 2 * params.d || slot >= params.slots) {
    return;
  }
  let half = id.x / params.d;                               // 0: a key, 1: a value
  let head = id.x % params.d / params.head_width;
  let heads = params.d / params.head_width;
  let out_row = (slot * heads + head) * params.slot_rows + row;
  out[(2 * out_row + half) * params.head_width + id.x % params.head_width] = source[id.y * 2 * params.d + id.x];
}
