//! Benchmarks: what the product does beside a limit measured in the same run, as ratios.

pub mod exchange;
mod sides;

pub use sides::{Side, SideArguments, side};
