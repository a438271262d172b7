// Online softmax attention of one subgroup, LANES keys at a time: a lane scores a key of its own; then all lanes add up the
// values row by row, each its vec4s of the row, with the weight shuffled over from the lane that has it.
// The loops over vec4s and rows, in the files that use this, start and end at values known at run time only: where compilers
// see how often a loop turns they unroll it, which took one of them 10 s and made nothing faster.
enable subgroups;

const LANES: u32 = 8;                         // of a subgroup
const HEAD: u32 = 32;                         // columns of a head, a multiple of 4
const CHUNKS = HEAD / 4;                      // vec4s of a row
const SPAN = min(CHUNKS, LANES);              // lanes that hold a row together: lane l holds vec4s l, l + LANES, …
const HELD = (CHUNKS + LANES - 1) / LANES;    // vec4s that a lane holds
const GROUPS = LANES / SPAN;                  // rows held side by side

var<private> query: array<vec4f, HELD>;       // scaled
var<private> sum: array<vec4f, HELD>;         // of weight * value, over the rows that this lane's group added up
var<private> total: f32;                      // of this lane's weights
var<private> largest: f32 = -3e38;            // of all scores

// The weight of this lane's key. What was summed before shrinks when a larger score turns up.
fn soften(score: f32) -> f32 {
  let peak = max(largest, subgroupMax(score));
  let shrink = exp(largest - peak);
  let weight = exp(score - peak);
  largest = peak;
  total = total * shrink + weight;
  for (var h = 0u; h < HELD; h++) {
    sum[h] *= shrink;
  }
  return weight;
}

// Divides the sums by the total of the weights. Lanes below SPAN have the result.
fn finish_sum(lane: u32) {
  let norm = 1 / subgroupAdd(total);
  for (var h = 0u; h < HELD; h++) {
    var all = sum[h];
    for (var g = 1u; g < GROUPS; g++) {
      all += subgroupShuffle(sum[h], (lane + g * SPAN) % LANES);
    }
    sum[h] = all * norm;
  }
}
