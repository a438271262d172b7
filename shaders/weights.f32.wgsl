// How four weights lie side by side in a matrix of f32.

alias Weights4 = vec4f;

fn unpack(weights: Weights4) -> vec4f {
  return weights;
}
