// cached-attention.wgsl with one subgroup per workgroup and vec4 loads: no workgroup memory, no barriers.
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
var<private> total: f32;
var<private> largest: f32;
fn soften(score: f32) -> f32 { return score; }
fn start_sum() { }
fn finish_sum(lane: u32) { }
fn attend(source: u32, first: u32, end: u32, stride: u32, key: u32, value: u32, lane: u32) { }
// }

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;            // [slots * new_rows, 3, d / 4]: q | k | v
@group(0) @binding(1) var<storage, read_write> keys: array<vec4f>;     // [slots, max_positions, d / 4]
@group(0) @binding(2) var<storage, read_write> values: array<vec4f>;   // [slots, max_positions, d / 4]
@group(0) @binding(3) var<storage, read> lengths: array<u32>;          // [slots]: rows that the cache holds
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;      // [slots * new_rows, d / 4]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  new_rows: u32,
  max_positions: u32,
  d: u32,
  head_width: u32,
}

const CACHED: u32 = 0;
const FRESH: u32 = 1;

// A vec4 of the cache, or of the new rows.
fn key_at(source: u32, i: u32) -> vec4f {
  if (source == FRESH) {
    return qkv[i];
  }
  return keys[i];
}

fn value_at(source: u32, i: u32) -> vec4f {
  if (source == FRESH) {
    return qkv[i];
  }
  return values[i];
}

fn work(group_id: vec3u, lane: u32) {
  let new_row = group_id.y;
  let slot = group_id.z;
  let width = params.d / 4;
  let head = group_id.x * CHUNKS;
  let length = min(lengths[slot], params.max_positions);
  let cached = slot * params.max_positions * width + head;     // the slot's first row in the cache
  let fresh = slot * params.new_rows * 3 * width + head;       // and in qkv
  let own = fresh + new_row * 3 * width;
  let position = length + new_row;
  // The row's own key comes first: it gives a finite largest score, and is the only new one when decoding.
  start_sum();
  var score = 0.0;
  for (var h = 0u; h < HELD; h++) {
    let c = h * LANES + lane;
    if (lane < SPAN && c < CHUNKS) {
      query[h] = qkv[own + c] * inverseSqrt(f32(params.head_width));
      let key = qkv[own + width + c];
      sum[h] = qkv[own + 2 * width + c];
      score += dot(query[h], key);
      if (position < params.max_positions) {
        keys[cached + position * width + c] = key;
        values[cached + position * width + c] = sum[h];
      }
    }
  }
  largest = subgroupAdd(score);
  total = select(0.0, 1.0, lane == 0);
  attend(CACHED, 0, length, width, cached, cached, lane);
  attend(FRESH, 0, new_row, 3 * width, fresh + width, fresh + 2 * width, lane);
  finish_sum(lane);
  for (var h = 0u; h < HELD; h++) {
    let c = h * LANES + lane;
    if (lane < SPAN && c < CHUNKS) {
      out[(slot * params.new_rows + new_row) * width + head + c] = sum[h];
    }
  }
}

// from main.grid.wgsl {
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) { work(group, lane); }
// }
