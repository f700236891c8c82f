//! Random numbers of other shapes than the uniform one, the same on every machine.

use fastrand::Rng;

/// Nearly normal: the sum of twelve draws. Only additions, so that it is the same on every machine.
pub(super) fn normal(rng: &mut Rng) -> f64 {
    (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
}

/// e^x by squaring, so that it is the same on every machine.
pub(super) fn exp(x: f64) -> f64 {
    let mut power = 1.0 + x / 1024.0;
    for _ in 0..10 {
        power *= power;
    }
    power
}
