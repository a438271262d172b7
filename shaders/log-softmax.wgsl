// log softmax of each row in place: x - max - log(sum of exp(x - max)). One workgroup per row. A row with +∞ or what is no
// number, or of -∞ alone, is no number as a whole; -∞ in another becomes the lowest f32, or stays.

@group(0) @binding(0) var<storage, read_write> scores: array<u32>;  // [rows, width], the bits of f32
@group(0) @binding(1) var<uniform> params: Params;

struct Params {
  width: u32,
}

// from row-sum.wgsl {
const LANES = 64u;
fn sum_over_lanes(value: f32, lane: u32) -> f32 { return value; }
// }

// from score-rank.wgsl {
const HIGHEST_RANK: u32 = 0xff000000;
fn rank_of(score: u32) -> u32 { return score; }
fn score_of(rank: u32) -> u32 { return rank; }
// }

const LOWEST: f32 = -0x1.fffffep+127;
const NO_NUMBER: u32 = 0x7fc00000;

var<workgroup> best_rank: atomic<u32>;

fn load(i: u32) -> f32 {
  return max(bitcast<f32>(scores[i]), LOWEST);
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.width;
  var rank = 0u;
  for (var i = lane; i < params.width; i += LANES) {
    rank = max(rank, rank_of(scores[start + i]));
  }
  atomicMax(&best_rank, rank);
  workgroupBarrier();
  let top = atomicLoad(&best_rank);
  let best = bitcast<f32>(score_of(top));
  var sum = 0.0;
  for (var i = lane; i < params.width; i += LANES) {
    sum += exp(load(start + i) - best);
  }
  let log_total = log(sum_over_lanes(sum, lane));
  let sound = top > 0 && top <= HIGHEST_RANK;
  for (var i = lane; i < params.width; i += LANES) {
    scores[start + i] = select(NO_NUMBER, bitcast<u32>(load(start + i) - best - log_total), sound);
  }
}
