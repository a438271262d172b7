// A u32 that is ordered as scores are, made of their bits because WGSL may take it that every f32 is a number: -∞ is 0, and
// above HIGHEST_RANK are +∞ and what is no number. The two zeros are one.

const LOWEST_RANK: u32 = 1;            // of the lowest f32
const HIGHEST_RANK: u32 = 0xff000000;  // of the highest f32

fn rank_of(score: u32) -> u32 {
  let bits = select(score, 0, score == 0x80000000);
  return select(bits | 0x80000000, ~bits, bits >= 0x80000000) - 0x007fffff;
}

// The bits of the score that has a rank.
fn score_of(rank: u32) -> u32 {
  let bits = rank + 0x007fffff;
  return select(~bits, bits ^ 0x80000000, bits >= 0x80000000);
}
