// out = activate(x · weightᵀ + bias) + residual, for one row, where a row of the weight is padded to whole 128 bits.
// As gemv.words.wgsl, but each lane loads a vec4 of x of its own and the others take it by shuffles: where a load costs as
// much however few values are behind it, and 128 bits hold so many weights that those of x would cost half as much again.
enable subgroups;

@group(0) @binding(1) var<storage, read> weight: array<vec4u>;    // [n, words of a row/4]

const LANES: u32 = 8;
const COLUMNS: u32 = 4;

// from row.stored.wgsl {
@group(0) @binding(0) var<storage, read> x: array<vec4f>;         // [1, k/4]
fn take_row(lane: u32, keep: bool) {}
fn row_four(i: u32) -> vec4f { return x[i]; }
// }

// from matmul-output.wgsl {
struct Params { rows: u32, k: u32, n: u32 }
@group(0) @binding(6) var<uniform> params: Params;
fn put(row: u32, column: u32, sum: f32) {}
// }

// from weights.f32.wgsl {
const FOURS: u32 = 1;
fn four(words: vec4u, i: u32) -> vec4f { return bitcast<vec4f>(words); }
fn first_word(row: u32, row_words: u32) -> u32 { return row * row_words; }
fn word_at(first: u32, i: u32) -> u32 { return first + i; }
// }

const SHARES: u32 = LANES / FOURS; // loads of a weight row for one of x

// from parts.grid.wgsl {
struct Part { group: vec3u, left: bool }
fn first_part(group: vec3u, groups: vec3u, lane: u32) -> Part { return Part(group, true); }
fn next_part(groups: vec3u, lane: u32) -> Part { return Part(vec3u(), false); }
// }

fn work(group: vec3u, lane: u32) {
  let fours = params.k / 4;
  let row_loads = (fours + FOURS - 1) / FOURS;
  let column = group.x * LANES * COLUMNS + lane;
  var first: array<u32, COLUMNS>;
  for (var c = 0u; c < COLUMNS; c++) {
    first[c] = first_word(min(column + c * LANES, params.n - 1), row_loads);
  }
  var sums = array<f32, COLUMNS>(); // spelt out: in a loop not every driver zeroes it again
  for (var i = 0u; i < row_loads; i += SHARES) {
    // What the last loads read beyond the row counts for nothing.
    let at = i * FOURS + lane;
    let own = select(vec4f(), row_four(at), at < fours);
    for (var share = 0u; share < SHARES; share++) {
      var words: array<vec4u, COLUMNS>;
      for (var c = 0u; c < COLUMNS; c++) {
        words[c] = weight[word_at(first[c], i + share)];
      }
      for (var j = 0u; j < FOURS; j++) {
        let a = subgroupShuffle(own, share * FOURS + j);
        for (var c = 0u; c < COLUMNS; c++) {
          let w = four(words[c], j);
          sums[c] = fma(a.w, w.w, fma(a.z, w.z, fma(a.y, w.y, fma(a.x, w.x, sums[c]))));
        }
      }
    }
  }
  for (var c = 0u; c < COLUMNS; c++) {
    put(0, column + c * LANES, sums[c]);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
) {
  take_row(lane, group.x == 0);
  for (var part = first_part(group, groups, lane); part.left; part = next_part(groups, lane)) {
    work(part.group, lane);
  }
}
