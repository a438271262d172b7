// The strategy distribution and the mixture of codebook rows that it weighs (eq. 5 and 6), row by row:
//   final_logits = BN(BN(logits)) or logits;  probs = softmax(final_logits), or the given ones;  out = probs · codebook
// One workgroup per row. S is small: every lane works the distribution out for itself, then takes its columns of out.

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
  d: u32,
  eps: f32,
}

override HAS_BATCH_NORM: bool = false;
const S: u32 = 8;
const LANES: u32 = 64;

fn normed(x: f32, s: u32) -> f32 {
  let scale = inverseSqrt(batch_norm[3 * S + s] + params.eps) * batch_norm[s];
  return (x - batch_norm[2 * S + s]) * scale + batch_norm[S + s];
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  var p: array<f32, S>;
  var largest = -3.4e38;
  for (var s = 0u; s < S; s++) {
    p[s] = logits[row * S + s];
    if (HAS_BATCH_NORM) {
      p[s] = normed(normed(p[s], s), s);
    }
    if (lane == 0) {
      final_logits[row * S + s] = p[s];
    }
    largest = max(largest, p[s]);
  }
  var sum = 0.0;
  for (var s = 0u; s < S; s++) {
    p[s] = exp(p[s] - largest);
    sum += p[s];
  }
  for (var s = 0u; s < S; s++) {
    p[s] = select(p[s] / sum, given[row * S + s], use_given[row] == 1);
    if (lane == 0) {
      probs[row * S + s] = p[s];
    }
  }
  for (var c = lane; c < params.d; c += LANES) {
    var mixture = 0.0;
    for (var s = 0u; s < S; s++) {
      mixture += p[s] * codebook[s * params.d + c];
    }
    out[row * params.d + c] = mixture;
  }
}
