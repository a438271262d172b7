// out = activate(x · weightᵀ + bias) + residual, for one row, where a row of the weight is padded to whole 128 bits.
// An invocation computes COLUMNS columns at a time and reads 128 bits of a weight row at a time, in every number format: for
// compilers that unroll loops, on adapters where a load costs by the word and a load of x as much as one of the weight.

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

// from parts.grid.wgsl {
struct Part { group: vec3u, left: bool }
fn first_part(group: vec3u, groups: vec3u, lane: u32) -> Part { return Part(group, true); }
fn next_part(groups: vec3u, lane: u32) -> Part { return Part(vec3u(), false); }
// }

fn work(group: vec3u, lane: u32) {
  let row_loads = (params.k / 4 + FOURS - 1) / FOURS;
  let column = group.x * LANES * COLUMNS + lane;
  var first: array<u32, COLUMNS>;
  for (var c = 0u; c < COLUMNS; c++) {
    first[c] = first_word(min(column + c * LANES, params.n - 1), row_loads);
  }
  var sums = array<f32, COLUMNS>(); // spelt out: in a loop not every driver zeroes it again
  for (var i = 0u; i < row_loads; i++) {
    var a: array<vec4f, FOURS>;
    for (var j = 0u; j < FOURS; j++) {
      a[j] = row_four(i * FOURS + j);
    }
    for (var c = 0u; c < COLUMNS; c++) {
      let words = weight[word_at(first[c], i)];
      for (var j = 0u; j < FOURS; j++) {
        let w = four(words, j);
        sums[c] = fma(a[j].w, w.w, fma(a[j].z, w.z, fma(a[j].y, w.y, fma(a[j].x, w.x, sums[c]))));
      }
    }
  }
  // One put for all columns: each is compiled where it stands, and drivers unroll loops that end at a constant.
  let end = min(params.n, column + COLUMNS * LANES);
  for (var at = column; at < end; at += LANES) {
    var sum = 0.0;
    for (var c = 0u; c < COLUMNS; c++) {
      sum = select(sum, sums[c], at == column + c * LANES);
    }
    put(0, at, sum);
  }
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  take_row(lane, group.x == 0);
  for (var part = first_part(group, groups, lane); part.left; part = next_part(groups, lane)) {
    work(part.group, lane);
  }
}
