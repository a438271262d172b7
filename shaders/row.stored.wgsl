// Where a product of one row takes x from: as it lies in memory.

@group(0) @binding(0) var<storage, read> x: array<vec4f>;  // [1, k/4]

fn take_row(lane: u32, keep: bool) {
}

// The i-th four of the row.
fn row_four(i: u32) -> vec4f {
  return x[i];
}
