// The sum of one value per lane of a workgroup of LANES (a power of two); every lane gets it.

const LANES: u32 = 64;

var<workgroup> partial: array<f32, LANES>;

fn sum_over_lanes(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = LANES / 2; half > 0; half /= 2) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  let total = partial[0];
  workgroupBarrier();
  return total;
}
