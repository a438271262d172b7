// Attention of decoder rows to several sources at once, each row to its slot's rows of each source; no rows: zeros.
// One workgroup per (head, source, row): lanes on keys for the scores, on columns for the weighted sum of the values.

@group(0) @binding(0) var<storage, read> q: array<f32>;              // [sequences * new_rows, sources, d]
@group(0) @binding(1) var<storage, read> kv: array<f32>;             // [slots, heads, slot_rows, 2 * head_width]: a row's keys, then its values
@group(0) @binding(2) var<storage, read> ranges: array<vec2u>;       // [slots, sources]: first row of the slot and one past the last
@group(0) @binding(3) var<storage, read> slots: array<u32>;          // [sequences]: which slot has the sources of each
@group(0) @binding(4) var<storage, read_write> out: array<f32>;      // [sequences * new_rows, sources, d]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  new_rows: u32,
  sources: u32,
  d: u32,
  head_width: u32,     // at most LANES
  slot_rows: u32,
}

// from online-softmax.wgsl {
const LANES: u32 = 64;
const TILE: u32 = 512;
var<workgroup> weights: array<f32, TILE>;
fn soften(count: u32, lane: u32) -> f32 { return 1; }
fn sum_over_lanes(value: f32, step: u32, lane: u32) -> f32 { return value; }
// }

var<workgroup> query: array<f32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let width = params.head_width;
  let head = group_id.x * width;
  let source = group_id.y;
  let row = group_id.z;
  let base = (row * params.sources + source) * params.d + head;
  if (lane < width) {
    query[lane] = q[base + lane] * inverseSqrt(f32(width));
  }
  let slot = slots[row / params.new_rows];
  let first = (slot * params.d / width + group_id.x) * params.slot_rows;    // row of kv
  let column = width + lane % width;
  let group = lane / width;
  let groups = LANES / width;    // keys whose values are summed side by side
  let range = ranges[slot * params.sources + source];
  var sum = 0.0;
  var total = 0.0;
  for (var start = range.x; start < range.y; start += TILE) {
    let count = min(TILE, range.y - start);
    workgroupBarrier();
    for (var i = lane; i < count; i += LANES) {
      let key = (first + start + i) * 2 * width;
      var score = 0.0;
      for (var c = 0u; c < width; c++) {
        score += query[c] * kv[key + c];
      }
      weights[i] = score;
    }
    let shrink = soften(count, lane);
    sum *= shrink;
    total *= shrink;
    if (group < groups) {
      for (var i = group; i < count; i += groups) {
        total += weights[i];
        sum += weights[i] * kv[(first + start + i) * 2 * width + column];
      }
    }
  }
  sum = sum_over_lanes(sum, width, lane);
  total = sum_over_lanes(total, width, lane);
  if (lane < width) {
    out[base + lane] = select(0.0, sum / total, total > 0);
  }
}
