// How four weights lie side by side in a matrix of f16: two to a word, the first in its low half. Every adapter unpacks
// them, with or without shader-f16.

alias Weights4 = vec2u;

fn unpack(weights: Weights4) -> vec4f {
  return vec4f(unpack2x16float(weights.x), unpack2x16float(weights.y));
}
