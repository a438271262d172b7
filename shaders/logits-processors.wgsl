// Hugging Face's score processors on each row of logits, in place: repetition penalty, then every forbidden id set to
// LOWEST: ids added to the vocabulary (where a reply's opening is drawn: all ids but the openings), those that would repeat
// an n-gram or complete a forbidden run, those that end a reply while the history is short, those that none begins with.
// Where an id is forced, all others are forbidden and nothing else counts. One workgroup per row. Rows whose reply has
// ended are left alone.

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;   // [rows, vocab]
@group(0) @binding(1) var<storage, read> settings: array<Settings>;  // [rows, 2]: of the first draw, of all others
@group(0) @binding(2) var<storage, read> state: array<State>;        // [rows]
@group(0) @binding(3) var<storage, read> history: array<u32>;        // [rows, capacity], REPEATED marks an id's second time
@group(0) @binding(4) var<storage, read> rules: array<u32>;          // five lists of ids, then the runs: src/ops/rule-words.ts
@group(0) @binding(5) var<uniform> params: Params;

struct Params {
  vocab: u32,
  capacity: u32,
  first_added: u32,
  eos: u32,              // where the rules' lists end
  forced_first: u32,
  forced_last: u32,
  forbidden_first: u32,
  openings: u32,
  runs: u32,
}

struct Settings {
  do_sample: u32,
  bits_per_score: f32,
  top_k: u32,
  top_p: u32,
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

override LANES: u32 = 64;

const LOWEST: f32 = -0x1.fffffep+127;
const REPEATED: u32 = 0x80000000;
const RUNNING: u32 = 0;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let scores = row * params.vocab;
  let past = row * params.capacity;
  let length = state[row].length;
  let drawn = state[row].drawn;
  let own = settings[2 * row + min(drawn, 1)];
  if (state[row].status != RUNNING) {
    return;
  }

  var forced = vec2u(0, 0);
  if (drawn == 0) {
    forced = vec2u(params.eos, params.forced_first);
  }
  if (params.forced_last > params.forced_first && drawn + 2 >= own.max_length) {
    forced = vec2u(params.forced_first, params.forced_last);
  }
  if (forced.x < forced.y && own.opening == 0) {
    for (var id = lane; id < params.vocab; id += LANES) {
      logits[scores + id] = select(LOWEST, 0.0, is_among(id, forced.x, forced.y));
    }
    return;
  }

  // Each id once, so no two lanes meet: one that is marked as REPEATED is beyond any vocabulary.
  for (var i = lane; i < length; i += LANES) {
    let id = history[past + i];
    if (id < params.vocab) {
      let score = logits[scores + id];
      if (is_finite(score)) {
        logits[scores + id] = score * select(own.reciprocal_penalty, own.penalty, score < 0);
      }
    }
  }
  storageBarrier();

  // From here on every lane writes the same value.
  if (own.opening == 1) {
    for (var id = lane; id < params.vocab; id += LANES) {
      if (!is_among(id, params.forbidden_first, params.openings)) {
        forbid(scores, id);
      }
    }
  } else {
    for (var id = params.first_added + lane; id < params.vocab; id += LANES) {
      forbid(scores, id);
    }
  }
  for (var i = lane; i < params.forbidden_first; i += LANES) {
    let ends_early = i < params.eos && length < own.min_length;
    let begins = i >= params.forced_last && drawn == 0;
    if (ends_early || begins) {
      forbid(scores, rules[i]);
    }
  }
  for (var run = lane; run < params.runs; run += LANES) {
    let start = rules[params.openings + 2 * run];
    let prefix = rules[params.openings + 2 * run + 1] - 1 - start;
    var same = 0u;
    if (prefix <= length) {
      while (same < prefix && rules[start + same] == id_at(past + length - prefix + same)) {
        same++;
      }
    }
    if (same == prefix) {
      forbid(scores, rules[start + prefix]);
    }
  }
  if (own.ngram == 0) {
    return;
  }
  let prefix = own.ngram - 1;
  for (var end = prefix + lane; end < length; end += LANES) {
    var same = 0u;
    while (same < prefix && id_at(past + end - prefix + same) == id_at(past + length - prefix + same)) {
      same++;
    }
    if (same == prefix) {
      forbid(scores, id_at(past + end));
    }
  }
}

fn forbid(scores: u32, id: u32) {
  if (id < params.vocab) {
    logits[scores + id] = LOWEST;
  }
}

fn is_among(id: u32, start: u32, end: u32) -> bool {
  var i = start;
  while (i < end && rules[i] != id) {
    i++;
  }
  return i < end;
}

// From the bits, because WGSL may take it that every number is.
fn is_finite(score: f32) -> bool {
  return (bitcast<u32>(score) & 0x7f800000) != 0x7f800000;
}

fn id_at(i: u32) -> u32 {
  return history[i] & ~REPEATED;
}
