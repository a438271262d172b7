// How four weights lie side by side in a matrix of f32.

alias Weights4 = vec4f;

fn unpack(weights: Weights4) -> vec4f {
  return weights;
}

// 128 bits hold FOURS times four weights; these are the i-th four.
const FOURS: u32 = 1;

fn four(words: vec4u, i: u32) -> vec4f {
  return bitcast<vec4f>(words);
}
