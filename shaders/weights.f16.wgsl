// How four weights lie side by side in a matrix of f16: two to a word, the first in its low half. Every adapter unpacks
// them, with or without shader-f16.

alias Weights4 = vec2u;

fn unpack(weights: Weights4) -> vec4f {
  return vec4f(unpack2x16float(weights.x), unpack2x16float(weights.y));
}

// 128 bits hold FOURS times four weights; these are the i-th four.
const FOURS: u32 = 2;

fn four(words: vec4u, i: u32) -> vec4f {
  return unpack(vec2u(words[2 * i], words[2 * i + 1]));
}

// from weight-layout.wgsl {
const GROUP: u32 = 1;
fn first_word(row: u32, row_words: u32) -> u32 { return row * row_words; }
fn word_at(first: u32, i: u32) -> u32 { return first + i; }
fn first_four(row: u32, row_fours: u32) -> u32 { return row * row_fours; }
fn four_at(first: u32, i: u32) -> u32 { return first + i; }
// }
