// Causal self-attention of new rows over a sequence's cached rows and the new rows up to their own, and the growth of the cache.
// One workgroup per (head, new row, sequence): lanes on keys for the scores, on columns for the weighted sum of the values.

@group(0) @binding(0) var<storage, read> qkv: array<f32>;            // [sequences * new_rows, 3, d]: q | k | v
@group(0) @binding(1) var<storage, read_write> keys: array<f32>;     // [slots, max_positions, d]
@group(0) @binding(2) var<storage, read_write> values: array<f32>;   // [slots, max_positions, d]
@group(0) @binding(3) var<storage, read> lengths: array<u32>;        // [sequences]: rows that the cache holds
@group(0) @binding(4) var<storage, read> slots: array<u32>;          // [sequences, columns]: the row table
@group(0) @binding(5) var<storage, read_write> out: array<f32>;      // [sequences * new_rows, d]
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  new_rows: u32,
  max_positions: u32,
  d: u32,
  head_width: u32,   // at most LANES
  columns: u32,      // of the row table
}

// from online-softmax.wgsl {
const LANES: u32 = 64;
const TILE: u32 = 512;
var<workgroup> weights: array<f32, TILE>;
fn soften(count: u32, lane: u32) -> f32 { return 1; }
fn sum_over_lanes(value: f32, step: u32, lane: u32) -> f32 { return value; }
// }

var<workgroup> query: array<f32, LANES>;

// Where the slot of position i holds the row of a sequence.
fn cached_row(sequence: u32, i: u32) -> u32 {
  return (slots[sequence * params.columns + min(i, params.columns - 1)] * params.max_positions + i) * params.d;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.head_width;
  let head = group_id.x * width;
  let new_row = group_id.y;
  let sequence = group_id.z;
  let d = params.d;
  let length = min(lengths[sequence], params.max_positions);
  let fresh = sequence * params.new_rows * 3 * d + head;     // the sequence's first row in qkv
  let own = fresh + new_row * 3 * d;
  if (lane < width) {
    query[lane] = qkv[own + lane] * inverseSqrt(f32(width));
    let position = length + new_row;
    if (position < params.max_positions) {
      let place = cached_row(sequence, position) + head + lane;
      keys[place] = qkv[own + d + lane];
      values[place] = qkv[own + 2 * d + lane];
    }
  }
  let column = lane % width;
  let group = lane / width;
  let groups = LANES / width;    // keys whose values are summed side by side
  var sum = 0.0;
  var total = 0.0;
  let end = length + new_row + 1;
  for (var start = 0u; start < end; start += TILE) {
    let count = min(TILE, end - start);
    workgroupBarrier();
    for (var i = lane; i < count; i += LANES) {
      let key = start + i;
      var score = 0.0;
      if (key < length) {
        let k = cached_row(sequence, key) + head;
        for (var c = 0u; c < width; c++) {
          score += query[c] * keys[k + c];
        }
      } else {
        let k = fresh + (key - length) * 3 * d + d;
        for (var c = 0u; c < width; c++) {
          score += query[c] * qkv[k + c];
        }
      }
      weights[i] = score;
    }
    let shrink = soften(count, lane);
    sum *= shrink;
    total *= shrink;
    if (group < groups) {
      for (var i = group; i < count; i += groups) {
        let key = start + i;
        var value: f32;
        if (key < length) {
          value = values[cached_row(sequence, key) + head + column];
        } else {
          value = qkv[fresh + (key - length) * 3 * d + 2 * d + column];
        }
        total += weights[i];
        sum += weights[i] * value;
      }
    }
  }
  sum = sum_over_lanes(sum, width, lane);
  total = sum_over_lanes(total, width, lane);
  if (lane < width) {
    out[(sequence * params.new_rows + new_row) * d + head + lane] = sum / total;
  }
}
