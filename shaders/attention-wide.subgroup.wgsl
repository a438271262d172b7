// Softmax attention over ragged batches, for heads too wide for registers: one workgroup, which is one subgroup, per tile of
// query rows and head.
//   out[i] = Σ_j softmax_j(scale · q[i]·k[j]) v[j], j over the tile's keys; zeros where there are none.
// A lane owns a query row. Columns come LANES vectors at a time: a key's are loaded once, a vector per lane, and handed
// round. Keys come in chunks of KEYS; what earlier chunks left in out shrinks when a larger score turns up.
enable subgroups;

@group(0) @binding(0) var<storage, read> q: array<vec4f>;          // [query rows, q_stride] f32
@group(0) @binding(1) var<storage, read> k: array<vec4f>;          // [key rows, k_stride] f32
@group(0) @binding(2) var<storage, read> v: array<vec4f>;          // [key rows, v_stride] f32
@group(0) @binding(3) var<storage, read> tiles: array<vec4u>;      // [tiles] query start, query end, key start, key end
@group(0) @binding(4) var<storage, read_write> out: array<vec4f>;  // [query rows, heads * HEAD_DIM] f32
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

const HEAD_DIM: u32 = 512;
const LANES: u32 = 8;
const KEYS: u32 = 128;
const TOGETHER = 8u;  // keys whose scores are worked out with one load of the query
const VECTORS = HEAD_DIM / 4;

var<workgroup> weights: array<f32, KEYS * LANES>;  // [KEYS, LANES]: every lane reads its own alone, so there is no barrier

fn work(group: vec3u, lane: u32) {
  let tile = tiles[group.x];
  let head = group.y * VECTORS;
  for (var first = tile.x; first < tile.y; first += LANES) {
    let inside = first + lane < tile.y;
    let row = min(first + lane, tile.y - 1);
    let from_q = (row * params.q_stride + params.q_column) / 4 + head;
    let to_out = row * params.heads * VECTORS + head;
    var largest = -3e38;
    var total = 0.0;
    if (tile.z >= tile.w && inside) {
      for (var c = 0u; c < VECTORS; c++) {
        out[to_out + c] = vec4f(0);
      }
    }
    for (var chunk = tile.z; chunk < tile.w; chunk += KEYS) {
      let count = min(KEYS, tile.w - chunk);
      var peak = largest;
      for (var start = 0u; start < count; start += TOGETHER) {
        // Dawn zeroes a var without a value once, not at every turn of the loop it stands in.
        var score = array<vec4f, TOGETHER>();
        for (var block = 0u; block < VECTORS; block += LANES) {
          var query: array<vec4f, LANES>;
          for (var c = 0u; c < LANES; c++) {
            query[c] = select(vec4f(0), q[from_q + min(block + c, VECTORS - 1)], block + c < VECTORS);
          }
          let column = params.k_column / 4 + head + min(block + lane, VECTORS - 1);
          for (var j = 0u; j < TOGETHER; j++) {
            let held = k[min(chunk + start + j, tile.w - 1) * (params.k_stride / 4) + column];
            for (var c = 0u; c < LANES; c++) {
              score[j] = fma(query[c], subgroupShuffle(held, c), score[j]);
            }
          }
        }
        for (var j = 0u; j < min(TOGETHER, count - start); j++) {
          let scaled = dot(score[j], vec4f(1)) * params.scale;
          weights[(start + j) * LANES + lane] = scaled;
          peak = max(peak, scaled);
        }
      }
      let shrink = exp(largest - peak);
      largest = peak;
      total *= shrink;
      for (var j = 0u; j < count; j++) {
        let weight = exp(weights[j * LANES + lane] - peak);
        weights[j * LANES + lane] = weight;
        total += weight;
      }
      let norm = select(1, 1 / total, chunk + KEYS >= tile.w);
      for (var block = 0u; block < VECTORS; block += LANES) {
        var sum = array<vec4f, LANES>();
        let column = params.v_column / 4 + head + min(block + lane, VECTORS - 1);
        for (var j = 0u; j < count; j++) {
          let weight = vec4f(weights[j * LANES + lane]);
          let held = v[(chunk + j) * (params.v_stride / 4) + column];
          for (var c = 0u; c < LANES; c++) {
            sum[c] = fma(subgroupShuffle(held, c), weight, sum[c]);
          }
        }
        if (inside) {
          for (var c = 0u; c < min(LANES, VECTORS - block); c++) {
            let i = to_out + block + c;
            if (chunk > tile.z) {
              sum[c] += out[i] * shrink;
            }
            out[i] = sum[c] * norm;
          }
        }
      }
    }
  }
}

// from main.grid.wgsl {
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) { work(group, lane); }
// }
