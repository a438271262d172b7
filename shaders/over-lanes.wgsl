// The sum of one value per lane of a workgroup of few lanes; every lane gets it.

const LANES: u32 = 8;

// -----------------------------------------------------------------------------------------------

var<workgroup> partial: array<f32, LANES>;

fn over_lanes(value: f32, lane: u32) -> f32 {
  workgroupBarrier();
  partial[lane] = value;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < LANES; i++) {
    sum += partial[i];
  }
  return sum;
}
