// A run of columns of each row, and the softmax over these alone. One workgroup per row.

@group(0) @binding(0) var<storage, read> scores: array<f32>;        // [rows, width]
@group(0) @binding(1) var<storage, read_write> part: array<f32>;    // [rows, count]
@group(0) @binding(2) var<storage, read_write> probs: array<f32>;   // [rows, count]
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  width: u32,
  first: u32,  // first + count is at most width
  count: u32,
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let start = group.x * params.width + params.first;
  var largest = -3.4e38;
  for (var i = 0u; i < params.count; i++) {
    largest = max(largest, scores[start + i]);
  }
  var sum = 0.0;
  for (var i = 0u; i < params.count; i++) {
    sum += exp(scores[start + i] - largest);
  }
  for (var i = lane; i < params.count; i += LANES) {
    let score = scores[start + i];
    part[group.x * params.count + i] = score;
    probs[group.x * params.count + i] = exp(score - largest) / sum;
  }
}
