// The strategy distribution and the mixture of codebook rows that it weighs (eq. 5 and 6), row by row:
//   final_logits = BN(BN(logits)) or logits;  probs = softmax(final_logits), or the given ones;  out = probs · codebook
// One workgroup per row: its lanes share the strategies, then the columns of out.

@group(0) @binding(0) var<storage, read> logits: array<f32>;              // [rows, S]
@group(0) @binding(1) var<storage, read> batch_norm: array<f32>;          // [4, S] weight, bias, mean, variance; read where HAS_BATCH_NORM
@group(0) @binding(2) var<storage, read> given: array<f32>;               // [rows, S]
@group(0) @binding(3) var<storage, read> use_given: array<u32>;           // [rows] 1 where given counts
@group(0) @binding(4) var<storage, read> codebook: array<f32>;            // [≥ S, d]
@group(0) @binding(5) var<storage, read_write> final_logits: array<f32>;  // [rows, S]
@group(0) @binding(6) var<storage, read_write> probs: array<f32>;         // [rows, S]
@group(0) @binding(7) var<storage, read_write> out: array<f32>;           // [rows, d]
@group(0) @binding(8) var<uniform> params: Params;

struct Params {
  strategies: u32,  // S
  d: u32,
  eps: f32,
}

override HAS_BATCH_NORM: bool = false;
const S: u32 = 8;
const LANES: u32 = 64;

var<workgroup> p: array<f32, S>;

fn normed(x: f32, s: u32) -> f32 {
  let scale = inverseSqrt(batch_norm[3 * params.strategies + s] + params.eps) * batch_norm[s];
  return (x - batch_norm[2 * params.strategies + s]) * scale + batch_norm[params.strategies + s];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let first = row * params.strategies;
  for (var s = lane; s < params.strategies; s += LANES) {
    var logit = logits[first + s];
    if (HAS_BATCH_NORM) {
      logit = normed(normed(logit, s), s);
    }
    final_logits[first + s] = logit;
    p[s] = logit;
  }
  workgroupBarrier();
  var largest = -3.4e38;
  for (var s = 0u; s < params.strategies; s++) {
    largest = max(largest, p[s]);
  }
  var sum = 0.0;
  for (var s = 0u; s < params.strategies; s++) {
    sum += exp(p[s] - largest);
  }
  workgroupBarrier();
  for (var s = lane; s < params.strategies; s += LANES) {
    p[s] = select(exp(p[s] - largest) / sum, given[first + s], use_given[row] == 1);
    probs[first + s] = p[s];
  }
  workgroupBarrier();
  for (var c = lane; c < params.d; c += LANES) {
    var mixture = 0.0;
    for (var s = 0u; s < params.strategies; s++) {
      mixture += p[s] * codebook[s * params.d + c];
    }
    out[row * params.d + c] = mixture;
  }
}
