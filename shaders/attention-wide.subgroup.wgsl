// Softmax attention over ragged batches, for heads too wide for registers: one workgroup, which is one subgroup, per tile of
// query rows and head.
//   out[i] = Σ_j softmax_j(scale · q[i]·k[j]) v[j], j over the tile's keys; zeros where there are none.
// A lane owns a query row. Columns come LANES vectors at a time, keys in chunks of KEYS: a row's vectors are loaded or stored
// once, one per lane, and handed round, as in attention.subgroup.wgsl. What earlier chunks left in out shrinks when a larger
// score turns up.
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
const VECTORS = HEAD_DIM / 4;

var<workgroup> scores: array<f32, KEYS * LANES>;  // [KEYS, LANES]: every lane reads its own alone, so there is no barrier

fn work(group: vec3u, lane: u32) {
  let tile = tiles[group.x];
  let head = group.y * VECTORS;
  for (var first = tile.x; first < tile.y; first += LANES) {
    let end = min(first + LANES, tile.y);
    var largest = -3e38;
    var total = 0.0;
    // One turn at least: without keys there is nothing to add up, and zeros are stored.
    for (var chunk = tile.z; chunk == tile.z || chunk < tile.w; chunk += KEYS) {
      let chunk_end = min(chunk + KEYS, tile.w);
      var peak = largest;
      for (var block = 0u; block < VECTORS; block += LANES) {
        let inside = block + lane < VECTORS;
        let vector = head + min(block + lane, VECTORS - 1);
        var query = array<vec4f, LANES>(); // spelt out: in a loop not every driver zeroes it again
        for (var row = first; row < end; row++) {
          let held = select(vec4f(0), q[(row * params.q_stride + params.q_column) / 4 + vector], inside);
          for (var c = 0u; c < LANES; c++) {
            query[c] = select(query[c], subgroupShuffle(held, c) * params.scale, lane == row - first);
          }
        }
        for (var key = chunk; key < chunk_end; key++) {
          let held = k[(key * params.k_stride + params.k_column) / 4 + vector];
          var products = vec4f(0);
          for (var c = 0u; c < LANES; c++) {
            products = fma(query[c], subgroupShuffle(held, c), products);
          }
          let score = select(scores[(key - chunk) * LANES + lane], 0, block == 0) + dot(products, vec4f(1));
          scores[(key - chunk) * LANES + lane] = score;
          peak = select(peak, max(peak, score), block + LANES >= VECTORS);
        }
      }
      let shrink = exp(largest - peak);
      largest = peak;
      total *= shrink;
      for (var block = 0u; block < VECTORS; block += LANES) {
        let inside = block + lane < VECTORS;
        let vector = head + min(block + lane, VECTORS - 1);
        var sum = array<vec4f, LANES>();
        for (var key = chunk; key < chunk_end; key++) {
          let held = v[(key * params.v_stride + params.v_column) / 4 + vector];
          let weight = exp(scores[(key - chunk) * LANES + lane] - peak);
          total += select(0, weight, block == 0);
          for (var c = 0u; c < LANES; c++) {
            sum[c] = fma(subgroupShuffle(held, c), vec4f(weight), sum[c]);
          }
        }
        let norm = select(1, 1 / total, chunk + KEYS >= tile.w && tile.z < tile.w);
        for (var row = first; row < end; row++) {
          var own = vec4f(0);
          for (var c = 0u; c < LANES; c++) {
            own = select(own, subgroupShuffle(sum[c], row - first), lane == c);
          }
          let i = row * params.heads * VECTORS + vector;
          let before = select(vec4f(0), out[i] * subgroupShuffle(shrink, row - first), chunk > tile.z);
          own = (before + own) * subgroupShuffle(norm, row - first);
          if (inside) {
            out[i] = own;
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
