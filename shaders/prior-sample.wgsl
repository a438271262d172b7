// z = μ + exp(½ log σ²) ⊙ ε for two polarities, of one log σ². One lane per column.

@group(0) @binding(0) var<storage, read> prior: array<f32>;      // [rows, 3, d]: μ of the first, μ of the second, log σ²
@group(0) @binding(1) var<storage, read> noise: array<f32>;      // [rows, 2, d]
@group(0) @binding(2) var<storage, read_write> out: array<f32>;  // [rows, 2, d]
@group(0) @binding(3) var<uniform> params: Params;

struct Params {
  d: u32,
}

const LANES: u32 = 64;

@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let c = id.x;
  let d = params.d;
  if (c >= d) {
    return;
  }
  let first = id.y * 3 * d + c;
  let deviation = exp(0.5 * prior[first + 2 * d]);
  for (var polarity = 0u; polarity < 2; polarity++) {
    let i = (id.y * 2 + polarity) * d + c;
    out[i] = prior[first + polarity * d] + deviation * noise[i];
  }
}
