// Online softmax of one workgroup over keys that come in tiles: any number of keys needs the memory of one tile.

const LANES: u32 = 64;
const TILE: u32 = 512;

var<workgroup> weights: array<f32, TILE>;    // a tile's scores, then exp(score - largest)
var<workgroup> partial: array<f32, LANES>;
var<private> largest: f32 = -3e38;           // of all scores so far

// Turns the first `count` scores of `weights` into weights. What was summed before is to be multiplied by the result.
fn soften(count: u32, lane: u32) -> f32 {
  workgroupBarrier();
  var peak = largest;
  for (var i = lane; i < count; i += LANES) {
    peak = max(peak, weights[i]);
  }
  partial[lane] = peak;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      partial[lane] = max(partial[lane], partial[lane + half]);
    }
    workgroupBarrier();
  }
  peak = partial[0];
  for (var i = lane; i < count; i += LANES) {
    weights[i] = exp(weights[i] - peak);
  }
  workgroupBarrier();
  let shrink = exp(largest - peak);
  largest = peak;
  return shrink;
}

// The sum of a value over the lanes that leave the same rest when divided by `step`.
fn sum_over_lanes(value: f32, step: u32, lane: u32) -> f32 {
  workgroupBarrier();
  partial[lane] = value;
  workgroupBarrier();
  var sum = 0.0;
  for (var other = lane % step; other < LANES; other += step) {
    sum += partial[other];
  }
  return sum;
}
