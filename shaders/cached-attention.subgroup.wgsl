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
fn attend(source: u32, first: u32, end: u32, key: u32, value: u32, lane: u32) { }
// }

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;            // [sequences * new_rows, 3, d / 4]: q | k | v
@group(0) @binding(1) var<storage, read_write> keys: array<vec4f>;     // [slots, max_positions, d / 4]
@group(0) @binding(2) var<storage, read_write> values: array<vec4f>;   // [slots, max_positions, d / 4]
@group(0) @binding(3) var<storage, read> lengths: array<u32>;          // [sequences]: rows that the cache holds
@group(0) @binding(4) var<storage, read> slots: array<u32>;            // [sequences, columns]: the row table
@group(0) @binding(5) var<storage, read_write> out: array<vec4f>;      // [sequences * new_rows, d / 4]
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  new_rows: u32,
  max_positions: u32,
  d: u32,
  head_width: u32,
  columns: u32,
}

const CACHED: u32 = 0;
const FRESH: u32 = 1;

// Where the sequence's entries in the row table begin, and the first of them: where it is the only one, it is not read for every row.
var<private> entries: u32;
var<private> slot: u32;

// The vec4 of the cache at which the slot of position i holds its row.
fn cached_row(i: u32) -> u32 {
  var holder = slot;
  if (params.columns > 1) {
    holder = slots[entries + min(i, params.columns - 1)];
  }
  return (holder * params.max_positions + i) * (params.d / 4);
}

fn row_at(source: u32, i: u32) -> u32 {
  if (source == FRESH) {
    return i * 3 * (params.d / 4);
  }
  return cached_row(i);
}

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
  let sequence = group_id.z;
  let width = params.d / 4;
  let head = group_id.x * CHUNKS;
  let length = min(lengths[sequence], params.max_positions);
  let fresh = sequence * params.new_rows * 3 * width + head;    // the sequence's first row in qkv
  let own = fresh + new_row * 3 * width;
  let position = length + new_row;
  entries = sequence * params.columns;
  slot = slots[entries];
  let place = cached_row(position) + head;
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
        keys[place + c] = key;
        values[place + c] = sum[h];
      }
    }
  }
  largest = subgroupAdd(score);
  total = select(0.0, 1.0, lane == 0);
  attend(CACHED, 0, length, head, head, lane);
  attend(FRESH, 0, new_row, fresh + width, fresh + 2 * width, lane);
  finish_sum(lane);
  for (var h = 0u; h < HELD; h++) {
    let c = h * LANES + lane;
    if (lane < SPAN && c < CHUNKS) {
      out[(sequence * params.new_rows + new_row) * width + head + c] = sum[h];
    }
  }
}

// from main.grid.wgsl {
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) { work(group, lane); }
// }
