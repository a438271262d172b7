// The layers that a sequence goes through and their shares: the `most` largest of its logits, first ones first where some are
// equal, by their softmax; behind them one more layer of share 1, where there is one. One lane for each sequence.

@group(0) @binding(0) var<storage, read> logits: array<f32>;            // [sequences, layers]
@group(0) @binding(1) var<storage, read> slots: array<u32>;             // [sequences]: where its choices go
@group(0) @binding(2) var<storage, read_write> choices: array<vec2u>;   // [slots, places]: the layer, and the bits of its share
@group(0) @binding(3) var<storage, read_write> weights: array<f32>;     // [sequences, layers]: the softmax, 0 for those not chosen
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  sequences: u32,
  layers: u32,
  most: u32,
  places: u32,    // most, or one more
  least: f32,     // a share that is not above it counts as 0
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let sequence = id.x;
  if (sequence >= params.sequences) {
    return;
  }
  let first = sequence * params.layers;
  let target_first = slots[sequence] * params.places;
  for (var i = 0u; i < params.layers; i++) {
    weights[first + i] = 0;
  }
  var best = 0.0;
  var total = 0.0;
  for (var place = 0u; place < params.most; place++) {
    // Chosen ones have a weight by now: exp(logit - best), which is above 0, or a little more where that underflows.
    var layer = params.layers;
    for (var i = 0u; i < params.layers; i++) {
      if (weights[first + i] == 0 && (layer == params.layers || logits[first + i] > logits[first + layer])) {
        layer = i;
      }
    }
    if (place == 0) {
      best = logits[first + layer];
    }
    let weight = max(exp(logits[first + layer] - best), 1e-30);
    weights[first + layer] = weight;
    total += weight;
    choices[target_first + place].x = layer;
  }
  for (var place = 0u; place < params.most; place++) {
    let layer = choices[target_first + place].x;
    let share = weights[first + layer] / total;
    weights[first + layer] = share;
    choices[target_first + place].y = bitcast<u32>(select(0.0, share, share > params.least));
  }
  if (params.places > params.most) {
    choices[target_first + params.most] = vec2u(params.layers, bitcast<u32>(1.0));
  }
}
