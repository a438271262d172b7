// Softmax attention over ragged batches: one workgroup per tile of query rows and head, four rows at a time.
//   out[i] = Σ_j softmax_j(scale · q[i]·k[j]) v[j], j over the tile's keys; zeros where there are none.
// Keys come in chunks, one to a lane: scores with lanes on keys, then weights relative to the largest score so far, then
// their sum of values with lanes on columns. What earlier chunks left in out shrinks when a larger score turns up.

@group(0) @binding(0) var<storage, read> q: array<f32>;          // [query rows, q_stride]
@group(0) @binding(1) var<storage, read> k: array<f32>;          // [key rows, k_stride]
@group(0) @binding(2) var<storage, read> v: array<f32>;          // [key rows, v_stride]
@group(0) @binding(3) var<storage, read> tiles: array<vec4u>;    // [tiles] query start, query end, key start, key end
@group(0) @binding(4) var<storage, read_write> out: array<f32>;  // [query rows, heads * head_dim]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  heads: u32,
  head_dim: u32,
  q_stride: u32,
  k_stride: u32,
  v_stride: u32,
  q_column: u32,  // where the first head's columns begin
  k_column: u32,
  v_column: u32,
  scale: f32,
}

const LANES: u32 = 64;

var<workgroup> queries: array<vec4f, LANES>;  // some columns of the four rows
var<workgroup> weights: array<vec4f, LANES>;
var<workgroup> partial: array<vec4f, LANES>;

fn max_over_lanes(value: vec4f, lane: u32) -> vec4f {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      partial[lane] = max(partial[lane], partial[lane + half]);
    }
    workgroupBarrier();
  }
  return partial[0];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tiles[group.x];
  let d = params.head_dim;
  let head = group.y * d;
  let stride = params.heads * d;
  for (var first = tile.x; first < tile.y; first += 4) {
    let rows = min(first + vec4u(0, 1, 2, 3), vec4u(tile.y - 1));
    let end = min(first + 4, tile.y);
    for (var c = lane; c < d; c += LANES) {
      for (var row = first; row < end; row++) {
        out[row * stride + head + c] = 0;
      }
    }
    var largest = vec4f(-3e38);
    var total = vec4f(0);
    for (var chunk = tile.z; chunk < tile.w; chunk += LANES) {
      let count = min(LANES, tile.w - chunk);
      let key = (chunk + min(lane, count - 1)) * params.k_stride + params.k_column + head;
      var score = vec4f(0);
      for (var start = 0u; start < d; start += LANES) {
        let i = rows * params.q_stride + params.q_column + head + min(start + lane, d - 1);
        workgroupBarrier();
        queries[lane] = vec4f(q[i.x], q[i.y], q[i.z], q[i.w]);
        workgroupBarrier();
        for (var c = 0u; c < min(LANES, d - start); c++) {
          score += queries[c] * k[key + start + c];
        }
      }
      score *= params.scale;
      // Lanes beyond the last key repeat it, which changes no maximum.
      let peak = max(largest, max_over_lanes(score, lane));
      weights[lane] = exp(score - peak);
      workgroupBarrier();
      let shrink = exp(largest - peak);
      largest = peak;
      total *= shrink;
      for (var j = 0u; j < count; j++) {
        total += weights[j];
      }
      let norm = select(vec4f(1), 1 / total, chunk + LANES >= tile.w);
      for (var c = lane; c < d; c += LANES) {
        let value = chunk * params.v_stride + params.v_column + head + c;
        var sum = vec4f(0);
        for (var j = 0u; j < count; j++) {
          sum += weights[j] * v[value + j * params.v_stride];
        }
        for (var row = first; row < end; row++) {
          let i = row * stride + head + c;
          out[i] = (out[i] * shrink[row - first] + sum[row - first]) * norm[row - first];
        }
      }
    }
  }
}
