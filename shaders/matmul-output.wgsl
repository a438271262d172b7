// What every matmul kernel ends in: out = activate(sum · scale + bias) + residual, at one row and column.
// The declarations above the line are those of the kernels, so that this file can be read alone.

@group(0) @binding(2) var<storage, read> bias: array<f32>;        // [groups, n], read where HAS_BIAS
@group(0) @binding(3) var<storage, read> residual: array<f32>;    // [rows, n], read where HAS_RESIDUAL
@group(0) @binding(4) var<storage, read_write> out: array<f32>;   // [rows, n]
@group(0) @binding(5) var<storage, read> scale: array<f32>;       // [n], read where HAS_SCALE
@group(0) @binding(6) var<uniform> params: Params;

struct Params {
  rows: u32,
  k: u32,
  n: u32,
  group_rows: u32, // rows that share a bias row
}

// -----------------------------------------------------------------------------------------------

override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override HAS_SCALE: bool = false;

fn activate(x: f32) -> f32 { return x; } // from activation.wgsl

fn put(row: u32, column: u32, sum: f32) {
  if (row >= params.rows || column >= params.n) {
    return;
  }
  let i = row * params.n + column;
  var value = sum;
  if (HAS_SCALE) {
    value *= scale[column];
  }
  if (HAS_BIAS) {
    value += bias[row / params.group_rows * params.n + column];
  }
  value = activate(value);
  if (HAS_RESIDUAL) {
    value += residual[i];
  }
  out[i] = value;
}
