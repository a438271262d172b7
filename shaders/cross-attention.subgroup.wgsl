// cross-attention.wgsl with one subgroup per workgroup and vec4 loads: no workgroup memory, no barriers.
enable subgroups;

// from online-softmax.subgroup.wgsl {
const LANES: u32 = 8;
const HEAD: u32 = 32;
const CHUNKS = HEAD / 4;
const SPAN = 8u;
const HELD = 1u;
const GROUPS = 1u;
var<private> query: array<vec4f, HELD>;
var<private> sum: array<vec4f, HELD>;
fn soften(score: f32) -> f32 { return score; }
fn start_sum() { }
fn finish_sum(lane: u32) { }
fn attend(source: u32, first: u32, end: u32, key: u32, value: u32, lane: u32) { }
// }

@group(0) @binding(0) var<storage, read> q: array<vec4f>;             // [sequences * new_rows, sources, d / 4]
@group(0) @binding(1) var<storage, read> kv: array<vec4f>;            // [slots, heads, slot_rows, 2 * CHUNKS]: a row's keys, then its values
@group(0) @binding(2) var<storage, read> ranges: array<vec2u>;        // [slots, sources]: first row of the slot and one past the last
@group(0) @binding(3) var<storage, read> slots: array<u32>;           // [sequences]: which slot has the sources of each
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;     // [sequences * new_rows, sources, d / 4]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  new_rows: u32,
  sources: u32,
  d: u32,
  head_width: u32,
  slot_rows: u32,
}

fn row_at(source: u32, i: u32) -> u32 {
  return i * 2 * CHUNKS;
}

fn key_at(source: u32, i: u32) -> vec4f {
  return kv[i];
}

fn value_at(source: u32, i: u32) -> vec4f {
  return kv[i];
}

fn work(group_id: vec3u, lane: u32) {
  let head = group_id.x * CHUNKS;
  let source = group_id.y;
  let row = group_id.z;
  let base = (row * params.sources + source) * params.d / 4 + head;
  start_sum();
  for (var h = 0u; h < HELD; h++) {
    query[h] = q[base + min(h * LANES + lane, CHUNKS - 1)] * inverseSqrt(f32(params.head_width));
  }
  let slot = slots[row / params.new_rows];
  let range = ranges[slot * params.sources + source];
  let key = (slot * params.d / params.head_width + group_id.x) * params.slot_rows * 2 * CHUNKS;
  if (range.x < range.y) {
    attend(source, range.x, range.y, key, key + CHUNKS, lane);
    finish_sum(lane);
  }
  for (var h = 0u; h < HELD; h++) {
    let c = h * LANES + lane;
    if (lane < SPAN && c < CHUNKS) {
      out[base + c] = sum[h];
    }
  }
}

// from main.grid.wgsl {
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) { work(group, lane); }
// }
