// Where a product of one row takes x from: it and the two rows before it, side by side, as cached-windows.wgsl lays them out
// for a causal convolution of width 3; where NORMED, LN of each. Every workgroup lays them out for itself, which is less than a
// dispatch where they are few; one of them keeps the new row. What it overwrites none reads.

const LANES: u32 = 8;
struct Params { k: u32, table_columns: u32 }
@group(0) @binding(6) var<uniform> params: Params;

// -----------------------------------------------------------------------------------------------

const WIDTH: u32 = 32;   // k, or more
const NORMED: u32 = 1;
const EPS: f32 = 1e-5;
const SAMPLE: u32 = 0;   // 1: by the sample's standard deviation, see layer-norm.wgsl

@group(0) @binding(0) var<storage, read> x: array<f32>;            // [1, k/3]
@group(0) @binding(7) var<storage, read> norm_weight: array<f32>;  // [k/3], read where NORMED
@group(0) @binding(8) var<storage, read> norm_bias: array<f32>;    // [k/3], read where NORMED
@group(0) @binding(9) var<storage, read_write> last: array<f32>;   // [slots, 3, k/3]: of the sequence's row i, at i % 3
@group(0) @binding(12) var<storage, read> lengths: array<u32>;     // [1]: rows that came before
@group(0) @binding(13) var<storage, read> slots: array<u32>;       // [1, table_columns]: the row table

var<workgroup> taken: array<vec4f, WIDTH / 4>;

fn over_lanes(value: f32, lane: u32) -> f32 { return value; } // from over-lanes.wgsl

// Where row i of the sequence is kept.
fn place(i: u32) -> u32 {
  return (slots[min(i, params.table_columns - 1)] * 3 + i % 3) * (params.k / 3);
}

fn take_row(lane: u32, keep: bool) {
  let d = params.k / 3;
  var mean = 0.0;
  var scale = 1.0;
  if (NORMED == 1) {
    var sum = 0.0;
    for (var c = lane; c < d; c += LANES) {
      sum += x[c];
    }
    mean = over_lanes(sum, lane) / f32(d);
    var squares = 0.0;
    for (var c = lane; c < d; c += LANES) {
      let centred = x[c] - mean;
      squares += centred * centred;
    }
    let total = over_lanes(squares, lane);
    scale = inverseSqrt(total / f32(d) + EPS);
    if (SAMPLE == 1) {
      scale = 1 / (sqrt(total / f32(d - 1)) + EPS);
    }
  }
  let length = lengths[0];
  for (var c = lane; c < d; c += LANES) {
    var window = vec3f(0, 0, x[c]);
    if (length > 1) {
      window.x = last[place(length - 2) + c];
    }
    if (length > 0) {
      window.y = last[place(length - 1) + c];
    }
    if (NORMED == 1) {
      window.z = (window.z - mean) * scale * norm_weight[c] + norm_bias[c];
    }
    if (keep) {
      last[place(length) + c] = window.z;
    }
    for (var j = 0u; j < 3; j++) {
      taken[(3 * c + j) / 4][(3 * c + j) % 4] = window[j];
    }
  }
  workgroupBarrier();
}

// The i-th four of the row.
fn row_four(i: u32) -> vec4f {
  return taken[i];
}
