// Three rows side by side for a causal convolution of width 3: out[row, 3c + j] = x[row + j - 2, c], where rows before a
// sequence's new ones are those that the cache holds, and zeros before its first. The last rows are kept in the cache.
// One lane per column and sequence, which goes from row to row: so what it overwrites it has read.

@group(0) @binding(0) var<storage, read> x: array<f32>;           // [sequences * new_rows, d]
@group(0) @binding(1) var<storage, read_write> last: array<f32>;  // [slots, 3, d]: of a sequence's row i, at i % 3
@group(0) @binding(2) var<storage, read> lengths: array<u32>;     // [sequences]: rows that came before
@group(0) @binding(3) var<storage, read> slots: array<u32>;       // [sequences, columns]: the row table
@group(0) @binding(4) var<storage, read_write> out: array<f32>;   // [sequences * new_rows, d, 3]
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  d: u32,
  new_rows: u32,
  columns: u32,  // of the row table
}

const LANES: u32 = 64;

// Where row i of a sequence is kept.
fn place(sequence: u32, i: u32) -> u32 {
  return (slots[sequence * params.columns + min(i, params.columns - 1)] * 3 + i % 3) * params.d;
}

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let sequence = id.y;
  if (c >= params.d) {
    return;
  }
  let length = lengths[sequence];
  var before_last = 0.0;
  var before = 0.0;
  if (length > 1) {
    before_last = last[place(sequence, length - 2) + c];
  }
  if (length > 0) {
    before = last[place(sequence, length - 1) + c];
  }
  for (var row = 0u; row < params.new_rows; row++) {
    let i = (sequence * params.new_rows + row) * params.d + c;
    let value = x[i];
    out[3 * i] = before_last;
    out[3 * i + 1] = before;
    out[3 * i + 2] = value;
    if (row + 2 >= params.new_rows) {
      last[place(sequence, length + row) + c] = value;
    }
    before_last = before;
    before = value;
  }
}
