// out = LN(table[id] * scale + position_table[position]), row by row; or with positions added after the norm, or with none. One
// workgroup per row.
// The table may be a part of it: rows whose id lies in another are left to the dispatch of that one.

@group(0) @binding(0) var<storage, read> ids: array<u32>;             // [≥ rows]
@group(0) @binding(1) var<storage, read> positions: array<u32>;       // [≥ rows], read where HAS_POSITIONS
@group(0) @binding(2) var<storage, read> table: array<Weights4>;      // [id_count, d]
@group(0) @binding(3) var<storage, read> position_table: array<f32>;  // [P, d], read where HAS_POSITIONS
@group(0) @binding(4) var<storage, read> weight: array<f32>;          // [d], read where HAS_NORM
@group(0) @binding(5) var<storage, read> bias: array<f32>;            // [d], read where HAS_NORM
@group(0) @binding(6) var<storage, read_write> out: array<f32>;       // [rows, d]
@group(0) @binding(7) var<storage, read> table_scale: array<f32>;     // [id_count], read where HAS_SCALE
@group(0) @binding(8) var<uniform> params: Params;

struct Params {
  d: u32,
  vocabulary: u32,
  first_id: u32,         // of the table's part
  id_count: u32,         // in the table's part
  position_rows: u32,    // P
  position_offset: u32,  // the row of position 0
  scale: f32,
  eps: f32,
}

override HAS_POSITIONS: bool = true;
override HAS_SCALE: bool = false;
override HAS_NORM: bool = true;
override NORM_FIRST: bool = false;

// from weights.f32.wgsl {
alias Weights4 = vec4f;
fn unpack(weights: Weights4) -> vec4f { return weights; }
const GROUP: u32 = 1;
fn first_four(row: u32, row_fours: u32) -> u32 { return row * row_fours; }
fn four_at(first: u32, i: u32) -> u32 { return first + i; }
// }

// from row-sum.wgsl {
const LANES = 64u;
fn sum_over_lanes(value: f32, lane: u32) -> f32 { return value; }
// }

// Column c of the row of an id, counted from the part's first. Rows that follow each other may be of any width.
fn value(id: u32, c: u32) -> f32 {
  if (GROUP == 1) {
    let i = id * params.d + c;
    return unpack(table[i / 4])[i % 4];
  }
  return unpack(table[four_at(first_four(id, params.d / 4), c / 4)])[c % 4];
}

// Column c of the row of positions that begins there.
fn placed(position: u32, c: u32) -> f32 {
  if (HAS_POSITIONS) {
    return position_table[position + c];
  }
  return 0.0;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let d = params.d;
  // Wraps around for an id before the part.
  let id = min(ids[row], params.vocabulary - 1) - params.first_id;
  if (id >= params.id_count) {
    return;
  }
  // Before the offset is added: the sum of any two could be past the last u32.
  var position = 0u;
  if (HAS_POSITIONS) {
    let place = min(positions[row], params.position_rows - 1) + params.position_offset;
    position = min(place, params.position_rows - 1) * d;
  }
  var table_row_scale = params.scale;
  if (HAS_SCALE) {
    table_row_scale *= table_scale[id];
  }
  // What of the position is added before the norm, and after it.
  let before = select(1.0, 0.0, NORM_FIRST);
  let after = 1.0 - before;
  if (!HAS_NORM) {
    for (var c = lane; c < d; c += LANES) {
      out[row * d + c] = value(id, c) * table_row_scale + placed(position, c);
    }
    return;
  }
  var sum = 0.0;
  for (var c = lane; c < d; c += LANES) {
    sum += value(id, c) * table_row_scale + before * placed(position, c);
  }
  let mean = sum_over_lanes(sum, lane) / f32(d);
  var squares = 0.0;
  for (var c = lane; c < d; c += LANES) {
    let centred = value(id, c) * table_row_scale + before * placed(position, c) - mean;
    squares += centred * centred;
  }
  let scale = inverseSqrt(sum_over_lanes(squares, lane) / f32(d) + params.eps);
  for (var c = lane; c < d; c += LANES) {
    let centred = value(id, c) * table_row_scale + before * placed(position, c) - mean;
    out[row * d + c] = centred * scale * weight[c] + bias[c] + after * placed(position, c);
  }
}
