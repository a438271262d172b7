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

// from weight-layout.wgsl {
const GROUP: u32 = 1;
fn first_word(row: u32, row_words: u32) -> u32 { return row * row_words; }
fn word_at(first: u32, i: u32) -> u32 { return first + i; }
fn first_four(row: u32, row_fours: u32) -> u32 { return row * row_fours; }
fn four_at(first: u32, i: u32) -> u32 { return first + i; }
// }
