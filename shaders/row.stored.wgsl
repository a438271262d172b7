// Where a product of one row takes x from: as it lies in memory.

struct Params { k: u32 }
@group(0) @binding(6) var<uniform> params: Params;

// -----------------------------------------------------------------------------------------------

@group(0) @binding(0) var<storage, read> x: array<vec4f>;  // [1, k/4]

fn take_row(lane: u32, keep: bool) {
}

// The i-th four of the row, or the last: what lies behind it, where weights are padding and zero, might be no number.
fn row_four(i: u32) -> vec4f {
  return x[min(i, params.k / 4 - 1)];
}
