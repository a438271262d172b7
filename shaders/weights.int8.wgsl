// How four weights lie side by side in a matrix of int8: one word, the first in its low byte. Its row's scale is not in them.

alias Weights4 = u32;

fn unpack(weights: Weights4) -> vec4f {
  return vec4f(unpack4xI8(weights));
}

// 128 bits hold FOURS times four weights; these are the i-th four.
const FOURS: u32 = 4;

fn four(words: vec4u, i: u32) -> vec4f {
  return unpack(words[i]);
}
