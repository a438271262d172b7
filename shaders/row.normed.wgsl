// Where a product of one row takes x from: LN(x). Every workgroup norms the row for itself, which is less than a
// dispatch where they are few; one of them keeps it for later. Variance from centred values, so that large means lose no
// digits.

const LANES: u32 = 8;
struct Params { k: u32 }
@group(0) @binding(6) var<uniform> params: Params;

// -----------------------------------------------------------------------------------------------

const WIDTH: u32 = 32;  // k, or more
const EPS: f32 = 1e-5;
const SAMPLE: u32 = 0;  // 1: by the sample's standard deviation, see layer-norm.wgsl

@group(0) @binding(0) var<storage, read> x: array<vec4f>;             // [1, k/4]
@group(0) @binding(7) var<storage, read> norm_weight: array<vec4f>;   // [k/4]
@group(0) @binding(8) var<storage, read> norm_bias: array<vec4f>;     // [k/4]
@group(0) @binding(9) var<storage, read_write> normed: array<vec4f>;  // [1, k/4]

var<workgroup> taken: array<vec4f, WIDTH / 4>;

fn over_lanes(value: f32, lane: u32) -> f32 { return value; } // from over-lanes.wgsl

// Loops end at a value known at run time only: drivers unroll those that end at a constant, and compile each load for long.
fn take_row(lane: u32, keep: bool) {
  let fours = params.k / 4;
  var sum = vec4f();
  for (var i = lane; i < fours; i += LANES) {
    sum += x[i];
  }
  let mean = over_lanes(dot(sum, vec4f(1)), lane) / f32(params.k);
  var squares = vec4f();
  for (var i = lane; i < fours; i += LANES) {
    let centred = x[i] - mean;
    squares += centred * centred;
  }
  let total = over_lanes(dot(squares, vec4f(1)), lane);
  var scale = inverseSqrt(total / f32(params.k) + EPS);
  if (SAMPLE == 1) {
    scale = 1 / (sqrt(total / f32(params.k - 1)) + EPS);
  }
  for (var i = lane; i < fours; i += LANES) {
    let value = (x[i] - mean) * scale * norm_weight[i] + norm_bias[i];
    taken[i] = value;
    if (keep) {
      normed[i] = value;
    }
  }
  workgroupBarrier();
}

// The i-th four of the row.
fn row_four(i: u32) -> vec4f {
  return taken[i];
}
