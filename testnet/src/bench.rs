//! Benchmarks: what the product does beside a limit measured in the same run, as ratios.

pub mod exchange;
mod media;
mod page;
mod sides;
mod sync;

pub use media::{MediaFigures, MediaOptions, media};
pub use page::{PageFigures, PageOptions, page};
pub use sides::{Side, SideArguments, side};
pub use sync::{SyncFigures, SyncOptions, sync};
