// Softmax attention over ragged batches: one workgroup, which is one subgroup, per tile of query rows and head.
//   out[i] = Σ_j softmax_j(scale · q[i]·k[j]) v[j], j over the tile's keys; zeros where there are none.
// A lane owns a query row: its query and its sum stay in registers. Every row, of queries, keys, values or out, is loaded or
// stored once, a vector per lane, and handed round: on software drivers a load is what costs, when it runs and, by tens of
// milliseconds, when it compiles. Keys come one at a time, with weights relative to the largest score so far.
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

const HEAD_DIM: u32 = 32;
const LANES: u32 = 8;
const VECTORS = HEAD_DIM / 4;
const ROUNDS = (VECTORS + LANES - 1) / LANES;

fn work(group: vec3u, lane: u32) {
  let tile = tiles[group.x];
  let head = group.y * VECTORS;
  for (var first = tile.x; first < tile.y; first += LANES) {
    let end = min(first + LANES, tile.y);
    var query = array<vec4f, VECTORS>();
    var sum = array<vec4f, VECTORS>(); // spelt out: in a loop not every driver zeroes it again
    for (var row = first; row < end; row++) {
      var held: array<vec4f, ROUNDS>;
      for (var t = 0u; t < ROUNDS; t++) {
        held[t] = q[(row * params.q_stride + params.q_column) / 4 + head + min(t * LANES + lane, VECTORS - 1)];
      }
      for (var c = 0u; c < VECTORS; c++) {
        query[c] = select(query[c], subgroupShuffle(held[c / LANES], c % LANES) * params.scale, lane == row - first);
      }
    }
    var largest = -3e38;
    var total = 0.0;
    for (var key = tile.z; key < tile.w; key++) {
      var held_k: array<vec4f, ROUNDS>;
      var held_v: array<vec4f, ROUNDS>;
      for (var t = 0u; t < ROUNDS; t++) {
        let vector = head + min(t * LANES + lane, VECTORS - 1);
        held_k[t] = k[(key * params.k_stride + params.k_column) / 4 + vector];
        held_v[t] = v[(key * params.v_stride + params.v_column) / 4 + vector];
      }
      var products = vec4f(0);
      for (var c = 0u; c < VECTORS; c++) {
        products = fma(query[c], subgroupShuffle(held_k[c / LANES], c % LANES), products);
      }
      let score = dot(products, vec4f(1));
      let peak = max(largest, score);
      let shrink = exp(largest - peak);
      let weight = exp(score - peak);
      largest = peak;
      total = fma(total, shrink, weight);
      for (var c = 0u; c < VECTORS; c++) {
        sum[c] = fma(subgroupShuffle(held_v[c / LANES], c % LANES), vec4f(weight), sum[c] * shrink);
      }
    }
    let norm = select(0, 1 / total, tile.z < tile.w);
    for (var c = 0u; c < VECTORS; c++) {
      sum[c] *= norm;
    }
    for (var row = first; row < end; row++) {
      for (var t = 0u; t < ROUNDS; t++) {
        var own = vec4f(0);
        for (var c = t * LANES; c < min(VECTORS, (t + 1) * LANES); c++) {
          own = select(own, subgroupShuffle(sum[c], row - first), lane == c % LANES);
        }
        if (t * LANES + lane < VECTORS) {
          out[row * params.heads * VECTORS + head + t * LANES + lane] = own;
        }
      }
    }
  }
}

// from main.grid.wgsl {
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) { work(group, lane); }
// }
