// out = sigmoid(gate) ⊙ x. One lane per element.

@group(0) @binding(0) var<storage, read> x: array<f32>;          // [rows, d]
@group(0) @binding(1) var<storage, read> gate: array<f32>;       // [rows, d]
@group(0) @binding(2) var<storage, read_write> out: array<f32>;  // [rows, d]
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  d: u32,
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= params.d) {
    return;
  }
  let i = id.y * params.d + id.x;
  // Far out exp would leave the numbers; there the gate is shut or open.
  out[i] = x[i] / (1 + exp(-clamp(gate[i], -80.0, 80.0)));
}
