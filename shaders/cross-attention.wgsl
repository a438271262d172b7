// Attention of decoder rows to several sources at once, each row to its slot's rows of each source; no rows: zeros.
// One workgroup per (head, source, row): lanes on keys for the scores, on columns for the weighted sum of the values.
requires unrestricted_pointer_parameters;

@group(0) @binding(0) var<storage, read> q: array<f32>;              // [slots * new_rows, sources, heads, HEAD]
@group(0) @binding(1) var<storage, read> kv0: array<f32>;            // [rows of source 0, stride]
@group(0) @binding(2) var<storage, read> kv1: array<f32>;            // [rows of source 1, stride], read where sources > 1
@group(0) @binding(3) var<storage, read> kv2: array<f32>;            // [rows of source 2, stride], read where sources > 2
@group(0) @binding(4) var<storage, read> ranges: array<vec2u>;       // [slots, sources]: first row and one past the last
@group(0) @binding(5) var<storage, read_write> out: array<f32>;      // [slots * new_rows, sources, heads, HEAD]
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  new_rows: u32,
  heads: u32,
  sources: u32,
  stride: u32,
  key_column: u32,     // of this layer's keys in a row of kv
  value_column: u32,
}

const LANES: u32 = 64; const TILE: u32 = 512; var<workgroup> weights: array<f32, TILE>; fn soften(count: u32, lane: u32) -> f32 { return 1; } fn sum_over_lanes(value: f32, step: u32, lane: u32) -> f32 { return value; } // from online-softmax.wgsl

const HEAD: u32 = 32;             // columns of a head, at most LANES
const GROUPS = LANES / HEAD;      // keys whose values are summed side by side

var<workgroup> query: array<f32, HEAD>;

// The lane's column of the attention's output, over rows [first, end) of a source.
fn attend(kv: ptr<storage, array<f32>, read>, first: u32, end: u32, head: u32, lane: u32) -> f32 {
  let group = lane / HEAD;
  let column = params.value_column + head + lane % HEAD;
  var sum = 0.0;
  var total = 0.0;
  for (var start = first; start < end; start += TILE) {
    let count = min(TILE, end - start);
    workgroupBarrier();
    for (var i = lane; i < count; i += LANES) {
      let key = (start + i) * params.stride + params.key_column + head;
      var score = 0.0;
      for (var c = 0u; c < HEAD; c++) {
        score += query[c] * kv[key + c];
      }
      weights[i] = score;
    }
    let shrink = soften(count, lane);
    sum *= shrink;
    total *= shrink;
    if (group < GROUPS) {
      for (var i = group; i < count; i += GROUPS) {
        total += weights[i];
        sum += weights[i] * kv[(start + i) * params.stride + column];
      }
    }
  }
  sum = sum_over_lanes(sum, HEAD, lane);
  total = sum_over_lanes(total, HEAD, lane);
  return select(0.0, sum / total, total > 0);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let head = group_id.x * HEAD;
  let source = group_id.y;
  let row = group_id.z;
  let base = (row * params.sources + source) * params.heads * HEAD + head;
  if (lane < HEAD) {
    query[lane] = q[base + lane] * inverseSqrt(f32(HEAD));
  }
  let range = ranges[row / params.new_rows * params.sources + source];
  var result: f32;
  switch source {
    case 0: { result = attend(&kv0, range.x, range.y, head, lane); }
    case 1: { result = attend(&kv1, range.x, range.y, head, lane); }
    default: { result = attend(&kv2, range.x, range.y, head, lane); }
  }
  if (lane < HEAD) {
    out[base + lane] = result;
  }
}
