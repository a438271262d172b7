// Softmax attention over ragged batches: one workgroup, which is one subgroup, per tile of query rows and head.
//   out[i] = Σ_j softmax_j(scale · q[i]·k[j]) v[j], j over the tile's keys; zeros where there are none.
// A lane owns a query row: its query and its sum stay in registers. A key's row is loaded once, a vector per lane, and
// handed round. Keys come four at a time, with weights relative to the largest score so far.
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
    let row = min(first + lane, tile.y - 1);
    let from_q = (row * params.q_stride + params.q_column) / 4 + head;
    var query: array<vec4f, VECTORS>;
    var sum: array<vec4f, VECTORS>;
    for (var c = 0u; c < VECTORS; c++) {
      query[c] = q[from_q + c] * params.scale;
      sum[c] = vec4f(0);
    }
    var largest = -3e38;
    var total = 0.0;
    for (var key = tile.z; key < tile.w; key += 4) {
      var score: vec4f;
      for (var j = 0u; j < 4; j++) {
        let from_k = (min(key + j, tile.w - 1) * params.k_stride + params.k_column) / 4 + head;
        var held: array<vec4f, ROUNDS>;
        for (var t = 0u; t < ROUNDS; t++) {
          held[t] = k[from_k + min(t * LANES + lane, VECTORS - 1)];
        }
        var s = vec4f(0);
        for (var c = 0u; c < VECTORS; c++) {
          s = fma(query[c], subgroupShuffle(held[c / LANES], c % LANES), s);
        }
        score[j] = select(-3.4e38, dot(s, vec4f(1)), key + j < tile.w);
      }
      let peak = max(max(largest, max(score.x, score.y)), max(score.z, score.w));
      let shrink = exp(largest - peak);
      let weight = exp(score - peak);
      largest = peak;
      total = total * shrink + dot(weight, vec4f(1));
      for (var c = 0u; c < VECTORS; c++) {
        sum[c] *= shrink;
      }
      for (var j = 0u; j < 4; j++) {
        let from_v = (min(key + j, tile.w - 1) * params.v_stride + params.v_column) / 4 + head;
        var held: array<vec4f, ROUNDS>;
        for (var t = 0u; t < ROUNDS; t++) {
          held[t] = v[from_v + min(t * LANES + lane, VECTORS - 1)];
        }
        for (var c = 0u; c < VECTORS; c++) {
          sum[c] = fma(subgroupShuffle(held[c / LANES], c % LANES), vec4f(weight[j]), sum[c]);
        }
      }
    }
    let norm = select(0, 1 / total, tile.z < tile.w);
    if (first + lane < tile.y) {
      for (var c = 0u; c < VECTORS; c++) {
        out[row * params.heads * VECTORS + head + c] = sum[c] * norm;
      }
    }
  }
}

// from main.grid.wgsl {
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) { work(group, lane); }
// }
