//! Encoders of H.264 in hardware: found by trying, used for what x264 would make, and left for x264 when they fail.
//!
//! Their bytes are other ones on other machines; whoever checks a rendition compares pictures.

use std::{path::Path, time::Duration};

use clap::ValueEnum;
use serde::Deserialize;

use super::MEMORY;
use crate::{
    process::{Confinement, Invocation},
    tools::Toolset,
};

/// What a try encodes, and how much at least comes of it.
const TRY: &str = "testsrc2=s=640x360:r=25:d=1";
const TRY_BYTES: usize = 1_000;
const TRY_MOST: usize = 16 << 20;
const TRY_LIMIT: Duration = Duration::from_secs(20);
/// Where graphics cards are.
const RENDERER: &str = "/dev/dri/renderD128";
const NVIDIA: &str = "/dev/nvidiactl";
/// What an encoder in hardware opens besides its input.
const DEVICES: [&str; 7] = [
    "/dev/dri",
    NVIDIA,
    "/dev/nvidia0",
    "/dev/nvidia-uvm",
    "/dev/nvidia-uvm-tools",
    "/dev/nvidia-modeset",
    "/dev/nvidia-caps",
];
/// Where drivers look what there is.
const SYSTEM: &str = "/sys";
/// CUDA reserves addresses for all memory of machine and card; what it fills stays bounded by the card.
const ADDRESSES: u64 = 1 << 42;

/// A kind of encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardware {
    /// NVIDIA's.
    Nvenc,
    /// Intel's.
    Qsv,
    /// What Linux drivers of AMD and Intel offer.
    Vaapi,
}

/// Which encoder in hardware is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Choice {
    /// The first one that works
    #[default]
    Auto,
    /// None: x264 makes the same bytes on every machine
    Never,
    /// NVIDIA's
    Nvenc,
    /// Intel's
    Qsv,
    /// That of Linux drivers, AMD and Intel
    Vaapi,
}

impl Hardware {
    /// Its name for programs, as in [`Choice`].
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Nvenc => "nvenc",
            Self::Qsv => "qsv",
            Self::Vaapi => "vaapi",
        }
    }

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvenc => "NVENC",
            Self::Qsv => "Quick Sync",
            Self::Vaapi => "VAAPI",
        }
    }

    /// ffmpeg's arguments before its input.
    #[must_use]
    pub fn before_input(self) -> Vec<String> {
        match self {
            Self::Nvenc | Self::Qsv => Vec::new(),
            Self::Vaapi => {
                let device = format!("vaapi=card:{RENDERER}");
                ["-init_hw_device", &device, "-filter_hw_device", "card"].map(str::to_owned).into()
            }
        }
    }

    /// What follows the filters of a picture: into the card's memory where its encoder wants that.
    pub(super) fn upload(self) -> &'static str {
        match self {
            Self::Nvenc => "",
            Self::Qsv => ",format=nv12",
            Self::Vaapi => ",format=nv12,hwupload",
        }
    }

    /// The encoder. Key frames are where they are asked for, and every picture between two of them needs no other.
    pub(super) fn encoder(self) -> &'static str {
        match self {
            Self::Nvenc => "h264_nvenc -preset p5 -rc vbr -no-scenecut 1 -forced-idr 1 -bf 0",
            Self::Qsv => "h264_qsv -preset medium -forced_idr 1 -bf 0",
            Self::Vaapi => "h264_vaapi -rc_mode VBR -bf 0",
        }
    }

    /// Lets its encoder reach the card.
    pub(super) fn confinement(tools: &Toolset, source: &Path) -> Confinement {
        Confinement::reading(&[source, &tools.bin, Path::new(SYSTEM)], ADDRESSES.max(MEMORY)).using(&DEVICES)
    }

    /// Whether it makes something.
    async fn works(self, tools: &Toolset) -> bool {
        let filter = format!("format=yuv420p{}", self.upload());
        let tried = Invocation::new(&tools.ffmpeg)
            .args(["-nostdin", "-v", "error"])
            .args(self.before_input())
            .args(["-f", "lavfi", "-i", TRY, "-vf", &filter, "-c:v"])
            .args(self.encoder().split(' '))
            .args(["-b:v", "1M", "-maxrate", "2M", "-bufsize", "4M", "-f", "h264", "pipe:1"])
            .confined(Self::confinement(tools, &tools.bin))
            .output(TRY_LIMIT, TRY_MOST)
            .await;
        match tried {
            Ok(bytes) => bytes.len() >= TRY_BYTES,
            Err(error) => {
                tracing::debug!(encoder = self.name(), "does not work: {error}");
                false
            }
        }
    }
}

/// The encoder in hardware that is used; those that were not asked for are tried only where there is a card.
pub async fn find(tools: &Toolset, choice: Choice) -> Option<Hardware> {
    let card = |path: &str| Path::new(path).exists();
    let all: &[(Hardware, bool)] = match choice {
        Choice::Never => &[],
        Choice::Auto => &[
            (Hardware::Nvenc, card(NVIDIA)),
            (Hardware::Qsv, card(RENDERER)),
            (Hardware::Vaapi, card(RENDERER)),
        ],
        Choice::Nvenc => &[(Hardware::Nvenc, true)],
        Choice::Qsv => &[(Hardware::Qsv, true)],
        Choice::Vaapi => &[(Hardware::Vaapi, true)],
    };
    for (hardware, _) in all.iter().filter(|(_, tried)| *tried) {
        if hardware.works(tools).await {
            tracing::info!(encoder = hardware.name(), "smaller pictures are made in hardware");
            return Some(*hardware);
        }
    }
    if !matches!(choice, Choice::Auto | Choice::Never) {
        tracing::warn!(?choice, "this encoder does not work on this machine; x264 is used");
    }
    None
}
