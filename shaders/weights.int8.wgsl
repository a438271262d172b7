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

// from weight-layout.wgsl {
const GROUP: u32 = 1;
fn first_word(row: u32, row_words: u32) -> u32 { return row * row_words; }
fn word_at(first: u32, i: u32) -> u32 { return first + i; }
fn first_four(row: u32, row_fours: u32) -> u32 { return row * row_fours; }
fn four_at(first: u32, i: u32) -> u32 { return first + i; }
// }
