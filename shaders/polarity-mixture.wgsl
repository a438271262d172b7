// For each row two mixtures of a table's rows, each over the emotions of one polarity: softmax(mixture logits) · table. First the
// mixture of the polarity that the emotion with the largest logit has, then the other. One workgroup per row.

@group(0) @binding(0) var<storage, read> emotions: array<f32>;   // [rows, K]: logits of the emotions
@group(0) @binding(1) var<storage, read> mixtures: array<f32>;   // [rows, 2, K]: logits of the mixtures, by places in order
@group(0) @binding(2) var<storage, read> order: array<u32>;      // [K]: emotions, the positive ones first
@group(0) @binding(3) var<storage, read> table: array<f32>;      // [K, d]
@group(0) @binding(4) var<storage, read_write> out: array<f32>;  // [rows, 2, d]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  d: u32,
  positive: u32,  // emotions that are
}

const K: u32 = 32;
const LANES: u32 = 64;

// Σ softmax(logit) · table over some places of the order, column c.
fn mixture(first_logit: u32, start: u32, end: u32, c: u32) -> f32 {
  var largest = mixtures[first_logit + start];
  for (var i = start; i < end; i++) {
    largest = max(largest, mixtures[first_logit + i]);
  }
  var sum = 0.0;
  var total = 0.0;
  for (var i = start; i < end; i++) {
    let weight = exp(mixtures[first_logit + i] - largest);
    total += weight;
    sum += weight * table[order[i] * params.d + c];
  }
  return sum / total;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  var best = 0u;
  for (var i = 1u; i < K; i++) {
    if (emotions[row * K + i] > emotions[row * K + best]) {
      best = i;
    }
  }
  var place = 0u;
  for (var i = 0u; i < K; i++) {
    if (order[i] == best) {
      place = i;
    }
  }
  let swapped = u32(place >= params.positive);
  for (var c = lane; c < params.d; c += LANES) {
    let positive = mixture(row * 2 * K, 0, params.positive, c);
    let negative = mixture((row * 2 + 1) * K, params.positive, K, c);
    out[(row * 2 + swapped) * params.d + c] = positive;
    out[(row * 2 + 1 - swapped) * params.d + c] = negative;
  }
}
