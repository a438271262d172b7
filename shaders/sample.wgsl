// Draws the next id of each row from its scores and appends it to the row's history; test/reference/sample.ts is its exact
// twin. One workgroup per row.
//
// Everything after the best score is integer arithmetic, so that every adapter draws the same id. An id has a distance
// below the best score (2^-27 bits; OUT: never drawn) and a weight of 2^31 · 2^-distance. Top-k, top-p and the draw all
// ask the same question: ids sorted by some key, at which key does their mass exceed a target? A search answers it one
// byte of the key at a time, from a histogram of the mass by that byte:
//   bound  as top-k, of the best candidate of each block of ids: no more than these many blocks can hold the top k
//   top-k  by distance             mass: 1 each   target: k - 1
//   top-p  by distance, then id    mass: weight   target: p · total
//   draw   by id                   mass: weight   target: random · total

@group(0) @binding(0) var<storage, read> logits: array<u32>;           // [rows, vocab], the bits of f32
@group(0) @binding(1) var<storage, read> settings: array<Settings>;    // [rows, 2]: of the first draw, of all others
@group(0) @binding(2) var<storage, read_write> state: array<State>;    // [rows]
@group(0) @binding(3) var<storage, read_write> history: array<u32>;    // [rows, capacity], REPEATED marks an id's second time
@group(0) @binding(4) var<storage, read_write> ids: array<u32>;        // [rows]
@group(0) @binding(5) var<storage, read_write> lengths: array<u32>;    // [rows]
@group(0) @binding(6) var<storage, read_write> positions: array<u32>;  // [rows]
@group(0) @binding(7) var<storage, read> rules: array<u32>;            // the ids that end a reply come first
@group(0) @binding(8) var<uniform> params: Params;

struct Params {
  vocab: u32,  // at most 2^16
  capacity: u32,
  eos: u32,    // how many end a reply
  pad: u32,
}

struct Settings {
  do_sample: u32,
  bits_per_score: f32,  // log2(e) / temperature
  top_k: u32,           // 0: off
  top_p: u32,           // units of 2^-32; OUT: off
  penalty: f32,
  reciprocal_penalty: f32,
  ngram: u32,
  min_length: u32,
  max_length: u32,
  seed_low: u32,
  seed_high: u32,
  opening: u32,  // 1: what is drawn is the reply's opening
}

struct State {
  length: u32,  // ids of the history
  drawn: u32,   // ids of the reply, without the start id
  status: u32,
  id: u32,      // drawn last
}

const RUNNING: u32 = 0;
const STOP: u32 = 1;    // an id that ends a reply was drawn
const LENGTH: u32 = 2;  // max_length was reached
const FAILED: u32 = 3;  // a score was +∞ or no number, or none was above LOWEST

// from score-rank.wgsl {
const LOWEST_RANK: u32 = 1;
const HIGHEST_RANK: u32 = 0xff000000;
fn rank_of(score: u32) -> u32 { return score; }
fn score_of(rank: u32) -> u32 { return rank; }
// }

override LANES: u32 = 256;

const LISTED: u32 = 512;
const LOWEST: u32 = 0xff7fffff;       // the bits of the lowest f32; those of -∞ are higher
const REPEATED: u32 = 0x80000000;
const OUT: u32 = 0xffffffff;

const BOUND: u32 = 0;
const TOP_K: u32 = 1;
const TOP_P: u32 = 2;
const DRAW: u32 = 3;

struct Key {
  distance: u32,
  id: u32,
}

// A sum of weights: high · 2^16 + low, low < 2^16.
struct Mass {
  high: u32,
  low: u32,
}

var<workgroup> status: u32;
var<workgroup> used: u32;  // which of the settings
var<workgroup> best_rank: atomic<u32>;
var<workgroup> best_id: atomic<u32>;
var<workgroup> best_score: f32;
var<workgroup> repeated: atomic<u32>;

// The best id of each block, or OUT. A block is what a lane looks at in a row: ids LANES apart.
var<workgroup> block_best: array<u32, LISTED>;
var<workgroup> near: array<u32, LISTED>;  // blocks to be searched
var<workgroup> near_count: atomic<u32>;

// The candidates that are left, once they are few.
var<workgroup> listed: array<u32, LISTED>;
var<workgroup> listed_count: atomic<u32>;

// A search, which every lane follows: the bytes of the key found so far, which they are, and the mass still to be exceeded, or
// before the first byte the fraction of all there is (units of 2^-32) that it shall be.
struct Search {
  found: Key,
  bits: Key,
  goal: Mass,
  fraction: u32,
}

// The histogram.
var<workgroup> high: array<atomic<u32>, 256>;
var<workgroup> low: array<atomic<u32>, 256>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  if (lane == 0) {
    status = state[row].status;
    used = 2 * row + min(state[row].drawn, 1);
    atomicStore(&best_id, OUT);
    atomicStore(&listed_count, OUT);
  }
  if (workgroupUniformLoad(&status) != RUNNING) {
    if (lane == 0) {
      ids[row] = params.pad;
    }
    return;
  }
  let own = settings[workgroupUniformLoad(&used)];
  find_best(row, lane);
  if (own.do_sample != 0) {
    draw(row, lane, own);
  }
  workgroupBarrier();
  append(row, lane, own.max_length);
}

// Ids of a block: no more than LISTED blocks.
fn block_size() -> u32 {
  return (params.vocab + LISTED - 1) / LISTED;
}

fn block_count() -> u32 {
  let across = block_size() * LANES;
  return (params.vocab + across - 1) / across * LANES;
}

fn first_of_block(block: u32) -> u32 {
  return block / LANES * block_size() * LANES + block % LANES;
}

// The best score, and the lowest id that has it; best_id stays OUT where there is none, or one is +∞ or no number.
fn find_best(row: u32, lane: u32) {
  let start = row * params.vocab;
  let across = block_size() * LANES;
  var rank = LOWEST_RANK;
  var id = OUT;
  for (var block = lane; block < block_count(); block += LANES) {
    let first = first_of_block(block);
    var rank_here = LOWEST_RANK;
    var id_here = OUT;
    for (var i = first; i < min(first + across, params.vocab); i += LANES) {
      let its = rank_of(logits[start + i]);
      if (its > rank_here) {
        rank_here = its;
        id_here = i;
      }
    }
    block_best[block] = id_here;
    if (rank_here > rank) {
      rank = rank_here;
      id = id_here;
    }
  }
  atomicMax(&best_rank, rank);
  workgroupBarrier();
  let best = atomicLoad(&best_rank);
  if (rank == best && best <= HIGHEST_RANK) {
    atomicMin(&best_id, id);
    best_score = bitcast<f32>(score_of(best));
  }
  workgroupBarrier();
}

// Replaces best_id by an id drawn at random. Bytes 0 to 3 of a key are the distance's, highest first, 4 and 5 the id's.
fn draw(row: u32, lane: u32, own: Settings) {
  let top_k = own.top_k > 0 && own.top_k < params.vocab;
  let top_p = own.top_p != OUT;
  var last = Key(OUT - 1, OUT);  // candidates have a key up to this
  // One loop for all searches, so that their code, which compilers put in place of every call, is there once.
  for (var i = 0u; i < 4; i++) {
    if ((i <= TOP_K && !top_k) || (i == TOP_P && !top_p)) {
      continue;
    }
    if (i == BOUND) {
      list_blocks(lane);
    }
    var search = Search(Key(0, 0), Key(0, 0xffff0000), Mass(0, select(0, own.top_k - 1, i <= TOP_K)), 0);  // ids have 16 bits
    if (i == TOP_P) {
      search.fraction = own.top_p;
    } else if (i == DRAW) {
      search.fraction = random_word(vec2u(own.seed_low, own.seed_high), state[row].drawn);
    }
    // Of the bound the first byte is enough.
    for (var level = select(0u, 4u, i == DRAW); level < select(select(6u, 4u, i == TOP_K), 1, i == BOUND); level++) {
      // Two calls, because some compilers compute what a condition leaves out.
      if (i <= TOP_K) {
        measure(row, lane, own, search, last, level, true);
      } else {
        measure(row, lane, own, search, last, level, false);
      }
      find_byte(&search, level);
      if (level == 0 && !(i == TOP_P && top_k)) {
        list(row, lane, own, farthest(search));
      }
    }
    if (i == DRAW) {
      if (lane == 0 && atomicLoad(&best_id) != OUT) {
        atomicStore(&best_id, search.found.id);
      }
    } else if (i > BOUND) {
      last = Key(farthest(search), search.found.id | ~search.bits.id);
    }
  }
}

// The largest distance that the bytes found so far leave.
fn farthest(search: Search) -> u32 {
  return min(search.found.distance | ~search.bits.distance, OUT - 1);
}

// The histogram: the mass of the candidates that fit the bytes found so far, by their next byte.
fn measure(row: u32, lane: u32, own: Settings, search: Search, last: Key, level: u32, counting: bool) {
  for (var byte = lane; byte < 256; byte += LANES) {
    atomicStore(&high[byte], 0);
    atomicStore(&low[byte], 0);
  }
  workgroupBarrier();
  let start = row * params.vocab;
  let best = best_score;
  let few = atomicLoad(&listed_count) <= LISTED;
  let count = select(params.vocab, atomicLoad(&listed_count), few);
  for (var i = lane; i < count; i += LANES) {
    var id = i;
    if (few) {
      id = listed[i];
    }
    let key = Key(distance_of(logits[start + id], best, own), id);
    let left = key.distance < last.distance || (key.distance == last.distance && key.id <= last.id);
    let fits = ((key.distance ^ search.found.distance) & search.bits.distance) == 0 &&
      ((key.id ^ search.found.id) & search.bits.id) == 0;
    if (left && fits) {
      let byte = (select(key.distance, key.id, level > 3) >> shift_of(level)) & 255;
      if (counting) {
        atomicAdd(&low[byte], 1);
      } else {
        let mass = weight(key.distance);
        atomicAdd(&high[byte], mass >> 16);
        atomicAdd(&low[byte], mass & 0xffff);
      }
    }
  }
  workgroupBarrier();
}

// Finds the next byte: where the sum of the masses exceeds the goal. Byte 255 also stands for "nowhere".
fn find_byte(search: ptr<function, Search>, level: u32) {
  var goal = (*search).goal;
  if ((*search).fraction > 0) {
    for (var byte = 0u; byte < 256; byte++) {
      goal = sum(goal, mass_at(byte));
    }
    goal = part(goal, (*search).fraction);
    (*search).fraction = 0;
  }
  var byte = 0u;
  for (; byte < 255; byte++) {
    let mass = mass_at(byte);
    if (exceeds(mass, goal)) {
      break;
    }
    goal = difference(goal, mass);
  }
  (*search).goal = goal;
  let shift = shift_of(level);
  if (level > 3) {
    (*search).found.id |= byte << shift;
    (*search).bits.id |= 255u << shift;
  } else {
    (*search).found.distance |= byte << shift;
    (*search).bits.distance |= 255u << shift;
  }
  workgroupBarrier();
}

fn shift_of(level: u32) -> u32 {
  return select(24 - 8 * level, 40 - 8 * level, level > 3);
}

// Lists the best candidate of each block.
fn list_blocks(lane: u32) {
  if (lane == 0) {
    atomicStore(&listed_count, 0);
  }
  workgroupBarrier();
  for (var block = lane; block < block_count(); block += LANES) {
    if (block_best[block] != OUT) {
      listed[atomicAdd(&listed_count, 1)] = block_best[block];
    }
  }
  workgroupBarrier();
}

// Lists the candidates up to a distance; if they are too many, the row stays in use.
fn list(row: u32, lane: u32, own: Settings, farthest: u32) {
  if (lane == 0) {
    atomicStore(&listed_count, 0);
    atomicStore(&near_count, 0);
  }
  let start = row * params.vocab;
  let best = best_score;
  workgroupBarrier();
  for (var block = lane; block < block_count(); block += LANES) {
    let id = block_best[block];
    if (id != OUT && distance_of(logits[start + id], best, own) <= farthest) {
      near[atomicAdd(&near_count, 1)] = block;
    }
  }
  workgroupBarrier();
  for (var i = lane; i < atomicLoad(&near_count); i += LANES) {
    let first = first_of_block(near[i]);
    for (var id = first; id < min(first + block_size() * LANES, params.vocab); id += LANES) {
      if (distance_of(logits[start + id], best, own) <= farthest) {
        let at = atomicAdd(&listed_count, 1);
        if (at < LISTED) {
          listed[at] = id;
        }
      }
    }
  }
  workgroupBarrier();
}

fn distance_of(score: u32, best: f32, own: Settings) -> u32 {
  let bits = (best - bitcast<f32>(score)) * own.bits_per_score;
  if (score < LOWEST && bits < 32) {
    return u32(bits * 0x1p+27);
  }
  return OUT;
}

// 2^31 · 2^-(distance / 2^27), rounded down.
fn weight(distance: u32) -> u32 {
  let x = distance << 5;
  var y = 0x003d894fu;
  y = 0x025a6501u - multiply_high(x, y);
  y = 0x0e27377bu - multiply_high(x, y);
  y = 0x3d7c330cu - multiply_high(x, y);
  y = 0xb171d743u - multiply_high(x, y);
  return (0x80000000u - (multiply_high(x, y) >> 1)) >> (distance >> 27);
}

// The first word of Philox4x32-10.
fn random_word(seed: vec2u, step: u32) -> u32 {
  var c = vec4u(step, 0, 0, 0);
  var key = seed;
  for (var round = 0; round < 10; round++) {
    let a = multiply_high(c.x, 0xd2511f53);
    let b = multiply_high(c.z, 0xcd9e8d57);
    c = vec4u(b ^ c.y ^ key.x, c.z * 0xcd9e8d57, a ^ c.w ^ key.y, c.x * 0xd2511f53);
    key += vec2u(0x9e3779b9, 0xbb67ae85);
  }
  return c.x;
}

fn multiply_high(a: u32, b: u32) -> u32 {
  let low = (a & 0xffff) * (b & 0xffff);
  let middle = (a >> 16) * (b & 0xffff) + (low >> 16);
  let other = (a & 0xffff) * (b >> 16) + (middle & 0xffff);
  return (a >> 16) * (b >> 16) + (middle >> 16) + (other >> 16);
}

fn mass_at(byte: u32) -> Mass {
  return carried(Mass(atomicLoad(&high[byte]), atomicLoad(&low[byte])));
}

fn carried(mass: Mass) -> Mass {
  return Mass(mass.high + (mass.low >> 16), mass.low & 0xffff);
}

fn sum(a: Mass, b: Mass) -> Mass {
  return carried(Mass(a.high + b.high, a.low + b.low));
}

fn difference(a: Mass, b: Mass) -> Mass {
  let borrow = select(0u, 1u, a.low < b.low);
  return Mass(a.high - b.high - borrow, a.low + (borrow << 16) - b.low);
}

fn exceeds(a: Mass, b: Mass) -> bool {
  return a.high > b.high || (a.high == b.high && a.low > b.low);
}

// floor(mass · fraction / 2^32)
fn part(mass: Mass, fraction: u32) -> Mass {
  let upper = mass.high * fraction;
  let lower = (upper << 16) + mass.low * fraction;
  let carry = select(0u, 1u, lower < mass.low * fraction);
  return carried(Mass(multiply_high(mass.high, fraction), (upper >> 16) + multiply_high(mass.low, fraction) + carry));
}

// Writes the id and moves the row on.
fn append(row: u32, lane: u32, max_length: u32) {
  let id = atomicLoad(&best_id);
  let start = row * params.capacity;
  let length = state[row].length;
  for (var i = lane; i < length; i += LANES) {
    if (history[start + i] == id) {
      atomicStore(&repeated, REPEATED);
    }
  }
  workgroupBarrier();
  if (lane > 0) {
    return;
  }
  if (id >= params.vocab) {
    ids[row] = params.pad;
    state[row].status = FAILED;
    return;
  }
  ids[row] = id;
  history[start + length] = id | atomicLoad(&repeated);
  let drawn = state[row].drawn + 1;
  var after = select(RUNNING, LENGTH, drawn + 1 >= max_length);
  for (var i = 0u; i < params.eos; i++) {
    if (rules[i] == id) {
      after = STOP;
    }
  }
  state[row] = State(length + 1, drawn, after, id);
  // A row that has ended stays where it is, so that steps on their way already write no cache row past its last.
  if (after == RUNNING) {
    lengths[row] += 1;
    positions[row] += 1;
  }
}
