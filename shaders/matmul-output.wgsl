// What every matmul kernel ends in: out = activate(sum · scale + bias) + residual, at one row and column. One pipeline serves
// every such end of a kernel: drivers that compile a pipeline for seconds do so once, and branches that all take alike cost
// nothing.
// A weight too large for one binding comes in parts: n columns of the width that rows of bias, residual and out have, which
// are bound from the first of these columns on.

@group(0) @binding(2) var<storage, read> bias: array<f32>;        // [groups, bias_stride], read where group_rows > 0
@group(0) @binding(3) var<storage, read> residual: array<f32>;    // [rows, width], read where has_residual
@group(0) @binding(4) var<storage, read_write> out: array<f32>;   // [rows, width]
@group(0) @binding(5) var<storage, read> scale: array<f32>;       // [n], read where HAS_SCALE
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  rows: u32,
  k: u32,
  n: u32,
  width: u32,
  group_rows: u32,    // rows that share a bias row; 0: there is no bias
  bias_stride: u32,
  bias_first: u32,    // where in its row the bias of column 0 stands
  has_residual: u32,
  activation: u32,    // see activation.wgsl
  table_columns: u32, // of a row table, where x is a window: see row.windowed.wgsl
}

override HAS_SCALE: bool = false;

fn activate(x: f32, activation: u32) -> f32 { return x; } // from activation.wgsl

fn put(row: u32, column: u32, sum: f32) {
  // Reads beyond the end give what lies within, which is not stored: so there is no branch but the one that stores.
  let i = row * params.width + column;
  var value = sum;
  if (HAS_SCALE) {
    value *= scale[column];
  }
  value += select(0, bias[row / max(params.group_rows, 1) * params.bias_stride + params.bias_first + column], params.group_rows > 0);
  value = activate(value, params.activation) + select(0, residual[i], params.has_residual > 0);
  if (row < params.rows && column < params.n) {
    out[i] = value;
  }
}
