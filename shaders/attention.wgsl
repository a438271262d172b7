// Softmax attention over ragged batches: one workgroup per tile of query rows and head, four rows at a time.
//   out[i] = Σ_j softmax_j(scale · q[i]·k[j]) v[j], j over the tile's keys; zeros where there are none.
// Keys come in chunks of KEYS: scores with lanes on keys, then weights relative to the largest score so far, then their
// sum of values with lanes on columns. What earlier chunks left in out shrinks when a larger score turns up.

@group(0) @binding(0) var<storage, read> q: array<f32>;          // [query rows, q_stride]
@group(0) @binding(1) var<storage, read> k: array<f32>;          // [key rows, k_stride]
@group(0) @binding(2) var<storage, read> v: array<f32>;          // [key rows, v_stride]
@group(0) @binding(3) var<storage, read> tiles: array<vec4u>;    // [tiles] query start, query end, key start, key end
@group(0) @binding(4) var<storage, read_write> out: array<f32>;  // [query rows, heads * HEAD_DIM]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  heads: u32,
  q_stride: u32,
  k_stride: u32,
  v_stride: u32,
  q_column: u32,  // where the first head's columns begin
  k_column: u32,
  v_column: u32,
  scale: f32,
}

const HEAD_DIM: u32 = 32;
const KEYS: u32 = 128;
const LANES: u32 = 64;

var<workgroup> queries: array<vec4f, HEAD_DIM>;  // four rows, scaled
var<workgroup> weights: array<vec4f, KEYS>;
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
  let head = group.y * HEAD_DIM;
  let stride = params.heads * HEAD_DIM;
  for (var first = tile.x; first < tile.y; first += 4) {
    let rows = min(first + vec4u(0, 1, 2, 3), vec4u(tile.y - 1));
    workgroupBarrier();
    for (var c = lane; c < HEAD_DIM; c += LANES) {
      let i = rows * params.q_stride + params.q_column + head + c;
      queries[c] = vec4f(q[i.x], q[i.y], q[i.z], q[i.w]) * params.scale;
      for (var row = first; row < min(first + 4, tile.y); row++) {
        out[row * stride + head + c] = 0;
      }
    }
    var largest = vec4f(-3e38);
    var total = vec4f(0);
    for (var chunk = tile.z; chunk < tile.w; chunk += KEYS) {
      let count = min(KEYS, tile.w - chunk);
      let last = chunk + KEYS >= tile.w;
      workgroupBarrier();
      var peak = largest;
      for (var j = lane; j < count; j += LANES) {
        let key = (chunk + j) * params.k_stride + params.k_column + head;
        var score = vec4f(0);
        for (var c = 0u; c < HEAD_DIM; c++) {
          score += queries[c] * k[key + c];
        }
        weights[j] = score;
        peak = max(peak, score);
      }
      peak = max_over_lanes(peak, lane);
      for (var j = lane; j < count; j += LANES) {
        weights[j] = exp(weights[j] - peak);
      }
      workgroupBarrier();
      let shrink = exp(largest - peak);
      largest = peak;
      total *= shrink;
      for (var j = 0u; j < count; j++) {
        total += weights[j];
      }
      for (var c = lane; c < HEAD_DIM; c += LANES) {
        let value = chunk * params.v_stride + params.v_column + head + c;
        var sum = vec4f(0);
        for (var j = 0u; j < count; j++) {
          sum += weights[j] * v[value + j * params.v_stride];
        }
        let norm = select(vec4f(1), 1 / total, last);
        for (var row = first; row < min(first + 4, tile.y); row++) {
          let i = row * stride + head + c;
          out[i] = (out[i] * shrink[row - first] + sum[row - first]) * norm[row - first];
        }
      }
    }
  }
}
