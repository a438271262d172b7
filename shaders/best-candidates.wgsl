// The best ids of each row with their scores, best first, of equal ones the lower id first. One workgroup per row. Each lane
// knows the best few of its own ids; the best of all lanes is the next candidate. A lane whose few are used up looks for its
// next ones, which lanes that win seldom need not. What is +∞ or no number comes before all else; NONE with -∞ where only -∞
// and the lowest f32 are left.

@group(0) @binding(0) var<storage, read> scores: array<u32>;             // [rows, vocab], the bits of f32
@group(0) @binding(1) var<storage, read_write> candidates: array<vec2u>;  // [rows, count]: id, the bits of its score
@group(0) @binding(2) var<uniform> params: Params;

struct Params {
  vocab: u32,
  count: u32,
}

// from score-rank.wgsl {
const LOWEST_RANK: u32 = 1;
fn rank_of(score: u32) -> u32 { return score; }
fn score_of(rank: u32) -> u32 { return rank; }
// }

override LANES: u32 = 256;

const NONE: u32 = 0xffffffff;
// Ids that a lane knows.
const HELD: u32 = 3;

// Of this candidate and, by turns, of the next.
var<workgroup> best_rank: array<atomic<u32>, 2>;
var<workgroup> best_id: array<atomic<u32>, 2>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.vocab;
  if (lane == 0) {
    atomicStore(&best_rank[0], 0);
    atomicStore(&best_id[0], NONE);
  }
  // The best of this lane's ids that are no candidates yet, best first: those of a lower rank than the last one that was, or
  // of its rank and a higher id.
  var ranks = array<u32, HELD>();
  var ids = array<u32, HELD>();
  var rank = NONE;
  var id = NONE;
  var held = 0u;
  for (var n = 0u; n < params.count; n++) {
    if (held == 0) {
      let above = rank;
      let least = id + 1;
      for (var h = 0u; h < HELD; h++) {
        ranks[h] = 0;
        ids[h] = NONE;
      }
      for (var i = lane; i < params.vocab; i += LANES) {
        var its = rank_of(scores[start + i]);
        if (its > ranks[HELD - 1] && its > LOWEST_RANK && (its < above || (its == above && i >= least))) {
          var its_id = i;
          for (var h = 0u; h < HELD; h++) {
            if (its > ranks[h] || (its == ranks[h] && its_id < ids[h])) {
              let behind = ranks[h];
              let behind_id = ids[h];
              ranks[h] = its;
              ids[h] = its_id;
              its = behind;
              its_id = behind_id;
            }
          }
        }
      }
      held = HELD;
    }
    rank = ranks[0];
    id = ids[0];
    let turn = n % 2;
    workgroupBarrier();
    atomicMax(&best_rank[turn], rank);
    workgroupBarrier();
    let best = atomicLoad(&best_rank[turn]);
    if (rank == best) {
      atomicMin(&best_id[turn], id);
    }
    if (lane == 0) {
      atomicStore(&best_rank[1 - turn], 0);
      atomicStore(&best_id[1 - turn], NONE);
    }
    workgroupBarrier();
    let winner = atomicLoad(&best_id[turn]);
    if (lane == 0) {
      candidates[group.x * params.count + n] = vec2u(winner, score_of(best));
    }
    if (id == winner && id != NONE) {
      held--;
      for (var h = 1u; h < HELD; h++) {
        ranks[h - 1] = ranks[h];
        ids[h - 1] = ids[h];
      }
      ranks[HELD - 1] = 0;
      ids[HELD - 1] = NONE;
    }
  }
}
