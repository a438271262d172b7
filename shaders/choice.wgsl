// Which layer a row goes through, of layers stacked one under the other, where several are chosen for each sequence: a row
// has a place for each of them.

@group(0) @binding(6) var<storage, read> choices: array<vec2u>;  // [slots, places]: the layer, and the bits of its share
@group(0) @binding(7) var<storage, read> slots: array<u32>;      // [sequences]: the slot of each

struct Choice {
  layer: u32,
  share: f32,  // 0: nothing is computed
}

fn choice_of(sequence: u32, place: u32, places: u32) -> Choice {
  let choice = choices[slots[sequence] * places + place];
  return Choice(choice.x, bitcast<f32>(choice.y));
}
