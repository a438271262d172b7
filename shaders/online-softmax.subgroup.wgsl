// Online softmax attention of one subgroup, LANES keys at a time: a lane scores a key of its own; then all lanes add up the
// values row by row, each its vec4s of the row, with the weight shuffled over from the lane that has it.
// The loops over vec4s and rows start and end at values known at run time only: where compilers
// see how often a loop turns they unroll it, which took one of them 10 s and made nothing faster.
enable subgroups;

// Given by the kernel: where row i of a source begins, and a vec4 of its keys or values.
fn row_at(source: u32, i: u32) -> u32 { return 0; }
fn key_at(source: u32, i: u32) -> vec4f { return vec4f(); }
fn value_at(source: u32, i: u32) -> vec4f { return vec4f(); }

// -----------------------------------------------------------------------------------------------

const LANES: u32 = 8;                         // of a subgroup
const HEAD: u32 = 32;                         // columns of a head, a multiple of 4
const CHUNKS = HEAD / 4;                      // vec4s of a row
const SPAN = min(CHUNKS, LANES);              // lanes that hold a row together: lane l holds vec4s l, l + LANES, …
const HELD = (CHUNKS + LANES - 1) / LANES;    // vec4s that a lane holds
const GROUPS = LANES / SPAN;                  // rows held side by side

var<private> query: array<vec4f, HELD>;       // scaled
var<private> sum: array<vec4f, HELD>;         // of weight * value, over the rows that this lane's group added up
var<private> total: f32;                      // of this lane's weights
var<private> largest: f32;                    // of all scores

fn start_sum() {
  sum = array<vec4f, HELD>();
  total = 0.0;
  largest = -3e38;
}

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

// Attends to rows [first, end) of a source; the head's keys and values are `key` and `value` vec4s behind where a row begins.
fn attend(source: u32, first: u32, end: u32, key: u32, value: u32, lane: u32) {
  let chunk = lane % SPAN;
  let group = lane / SPAN;
  for (var start = first; start < end; start += LANES) {
    let stop = min(start + LANES, end);
    let own = row_at(source, min(start + lane, stop - 1));
    var score = 0.0;
    for (var h = 0u; h < HELD; h++) {
      let from_chunk = key + h * LANES;
      for (var c = from_chunk; c < min(from_chunk + LANES, key + CHUNKS); c++) {
        score += dot(subgroupShuffle(query[h], c - from_chunk), key_at(source, own + c));
      }
    }
    let weight = soften(select(-3e38, score, start + lane < stop));
    for (var first_row = start; first_row < stop; first_row += GROUPS) {
      let row = min(first_row + group, stop - 1);
      let near = select(0.0, subgroupShuffle(weight, row - start), first_row + group < stop);
      let chunks = row_at(source, row) + value + chunk;
      for (var h = 0u; h < HELD; h++) {
        sum[h] += near * value_at(source, chunks + h * LANES);
      }
    }
  }
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
