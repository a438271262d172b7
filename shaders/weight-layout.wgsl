// Where the weights of a row lie. GROUP rows lie together, 128 bits of each in turn, so that lanes which own a row each read
// memory side by side and from one end to the other; with GROUP 1 row follows row.

const FOURS: u32 = 1; // given by weights.*.wgsl: 128 bits hold FOURS times four weights

// -----------------------------------------------------------------------------------------------

const GROUP: u32 = 1;

// Of a row of so many times 128 bits: where the first lie, counted in 128 bits, and those i further on.
fn first_word(row: u32, row_words: u32) -> u32 {
  return row / GROUP * row_words * GROUP + row % GROUP;
}

fn word_at(first: u32, i: u32) -> u32 {
  return first + i * GROUP;
}

// Of a row of so many times four weights: the same, counted in four weights. In groups, rows are padded to whole 128 bits.
fn first_four(row: u32, row_fours: u32) -> u32 {
  if (GROUP == 1) {
    return row * row_fours;
  }
  return first_word(row, (row_fours + FOURS - 1) / FOURS) * FOURS;
}

fn four_at(first: u32, i: u32) -> u32 {
  if (GROUP == 1) {
    return first + i;
  }
  return first + i / FOURS * GROUP * FOURS + i % FOURS;
}
