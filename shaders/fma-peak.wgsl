// Multiplies and adds in registers, on values that no one needs: how fast a device computes.

@group(0) @binding(0) var<storage, read_write> out: array<vec4f>;  // [invocations]
@group(0) @binding(1) var<uniform> params: Params;

struct Params {
  turns: u32,
  factor: f32,
  summand: f32,
}

const LANES: u32 = 64;

// Four chains, so that no operation waits for the one before it.
fn four(x: mat4x4f, factor: vec4f, summand: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(x[0], factor, summand),
    fma(x[1], factor, summand),
    fma(x[2], factor, summand),
    fma(x[3], factor, summand),
  );
}

fn sixteen(x: mat4x4f, factor: vec4f, summand: vec4f) -> mat4x4f {
  return four(four(four(four(x, factor, summand), factor, summand), factor, summand), factor, summand);
}

// A turn is 64 operations on vec4s: 512 floating-point operations.
@compute @workgroup_size(LANES)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let factor = vec4f(params.factor);
  let summand = vec4f(params.summand);
  let start = f32(id.x);
  var x = mat4x4f(vec4f(start), vec4f(start + 1), vec4f(start + 2), vec4f(start + 3));
  for (var turn = 0u; turn < params.turns; turn++) {
    x = sixteen(sixteen(sixteen(sixteen(x, factor, summand), factor, summand), factor, summand), factor, summand);
  }
  out[id.x] = x[0] + x[1] + x[2] + x[3];
}
