// Hugging Face's score processors on each row of logits, in place: repetition penalty, then every forbidden id set to
// LOWEST: ids added to the vocabulary, those that would repeat an n-gram, EOS while the history is short.
// One workgroup per row. Rows whose reply has ended are left alone.

@group(0) @binding(0) var<storage, read_write> logits: array<f32>;   // [rows, vocab]
@group(0) @binding(1) var<storage, read> settings: array<Settings>;  // [rows]
@group(0) @binding(2) var<storage, read> state: array<State>;        // [rows]
@group(0) @binding(3) var<storage, read> history: array<u32>;        // [rows, capacity], REPEATED marks an id's second time
@group(0) @binding(4) var<uniform> params: Params;

struct Params {
  vocab: u32,
  capacity: u32,
  first_added: u32,
  eos: u32,
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
}

struct State {
  length: u32,  // ids of the history
  drawn: u32,   // ids of the reply, without the start id
  status: u32,  // 0: running
  id: u32,      // drawn last
}

override LANES: u32 = 64;

const LOWEST: f32 = -0x1.fffffep+127;
const REPEATED: u32 = 0x80000000;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x;
  let scores = row * params.vocab;
  let past = row * params.capacity;
  let own = settings[row];
  let running = state[row].status == 0;
  let length = select(0, state[row].length, running);

  // Each id once, so no two lanes meet.
  for (var i = lane; i < length; i += LANES) {
    let id = history[past + i];
    if ((id & REPEATED) == 0) {
      let score = logits[scores + id];
      logits[scores + id] = score * select(own.reciprocal_penalty, own.penalty, score < 0);
    }
  }
  storageBarrier();

  // From here on every lane writes the same value.
  if (running) {
    for (var id = params.first_added + lane; id < params.vocab; id += LANES) {
      logits[scores + id] = LOWEST;
    }
    if (lane == 0 && length < own.min_length) {
      logits[scores + params.eos] = LOWEST;
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
      logits[scores + id_at(past + end)] = LOWEST;
    }
  }
}

fn id_at(i: u32) -> u32 {
  return history[i] & ~REPEATED;
}
