// Work dealt out while it is done: whoever is free draws the next ticket. Drivers that deal workgroups out beforehand, in
// equal parts to threads that wake one after the other, leave the first one idle at the end.

// -----------------------------------------------------------------------------------------------

@group(0) @binding(10) var<storage, read_write> tickets: array<atomic<u32>>;  // all 0 before a dispatch, and after it

// The next ticket, 0 … count - 1, of those who draw from one place; count or more where there is none left, which each of
// them must come to once. The last to do so leaves the place as it was.
fn draw_ticket(place: u32, count: u32, drawers: u32) -> u32 {
  let ticket = atomicAdd(&tickets[place], 1);
  if (ticket == count + drawers - 1) {
    atomicStore(&tickets[place], 0);
  }
  return ticket;
}
