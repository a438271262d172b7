// What scores say of the id that came: its cross-entropy -log softmax(logits)[target], and the id with the best score (of
// equal ones the first). One workgroup per row.

@group(0) @binding(0) var<storage, read> logits: array<f32>;          // [rows, width]
@group(0) @binding(1) var<storage, read> targets: array<u32>;         // [rows]
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;    // [rows], nats
@group(0) @binding(3) var<storage, read_write> best_ids: array<u32>;  // [rows]
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  width: u32,
  vocabulary: u32,  // ids that count, width at most
}

// from row-sum.wgsl {
const LANES = 64u;
fn sum_over_lanes(value: f32, lane: u32) -> f32 { return value; }
// }

var<workgroup> lane_score: array<f32, LANES>;
var<workgroup> lane_id: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let start = row * params.width;
  // A lane without an id of its own repeats the last one.
  var id = min(lane, params.vocabulary - 1);
  var score = logits[start + id];
  for (var i = id + LANES; i < params.vocabulary; i += LANES) {
    let other = logits[start + i];
    if (other > score) {
      score = other;
      id = i;
    }
  }
  lane_score[lane] = score;
  lane_id[lane] = id;
  workgroupBarrier();
  for (var l = 0u; l < LANES; l++) {
    if (lane_score[l] > score || (lane_score[l] == score && lane_id[l] < id)) {
      score = lane_score[l];
      id = lane_id[l];
    }
  }
  var sum = 0.0;
  for (var i = lane; i < params.vocabulary; i += LANES) {
    sum += exp(logits[start + i] - score);
  }
  let total = sum_over_lanes(sum, lane);
  if (lane == 0) {
    losses[row] = score + log(total) - logits[start + min(targets[row], params.vocabulary - 1)];
    best_ids[row] = id;
  }
}
