// The activation function that ends a linear layer: 0 none, 1 gelu (the exact, erf form), 2 relu, 3 tanh, 4 gelu in its tanh form.

// erfc(z) for z >= 0, to 1.5e-7: Abramowitz and Stegun 7.1.26.
fn erfc(z: f32) -> f32 {
  let t = 1.0 / (1.0 + 0.3275911 * z);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return p * exp(-z * z);
}

fn activate(x: f32, activation: u32) -> f32 {
  switch (activation) {
    case 1: {
      // x·Φ(x) through the smaller tail, which loses no digits where Φ is near 0 or 1.
      let tail = 0.5 * x * erfc(abs(x) * 0.70710678);
      return select(tail, x - tail, x > 0.0);
    }
    case 2: { return max(x, 0.0); }
    case 3: { return tanh(clamp(x, -10.0, 10.0)); } // drivers that compute it from exp overflow far out
    case 4: { return 0.5 * x * (1.0 + tanh(clamp(0.7978845608 * (x + 0.044715 * x * x * x), -10.0, 10.0))); }
    default: { return x; }
  }
}
