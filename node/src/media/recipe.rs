//! How each rendition is made: ffmpeg's arguments. They are what the manifest calls its recipe.

use super::{
    hardware::Hardware,
    ladder::{Encoded, Encoder, How, Rung, SEGMENT, SLOWER},
    probe::Light,
};

impl Rung {
    /// ffmpeg's arguments after its input, up to the output.
    #[must_use]
    pub fn output_args(&self) -> Vec<String> {
        let text = match &self.how {
            How::CopyVideo { shortest } => format!(
                "-c copy -an {CLEAN} -min_frag_duration {:.0} -movflags +frag_keyframe{FRAGMENTED} -f mp4",
                shortest * 1e6
            ),
            How::Copy { from_packets, every } => {
                // The beginning of the file is written once the first packet told what they are.
                let (filter, later) =
                    if *from_packets { ("-bsf:a aac_adtstoasc ", "+delay_moov") } else { ("", "") };
                format!(
                    "-c copy -vn {CLEAN} {filter}-frag_duration {every}000000 -movflags {}{later} -f mp4",
                    &FRAGMENTED[1..]
                )
            }
            How::Aac { channels, every } => format!(
                "-af aresample=async=1:first_pts=0 -c:a aac -b:a {}k -ac {channels} -ar 48000 -vn {CLEAN} \
                 -flags +bitexact -frag_duration {every}000000 -movflags {} -f mp4",
                64 * channels,
                &FRAGMENTED[1..]
            ),
            How::Encoded(settings) => settings.args(),
        };
        let stream = ["-map".to_owned(), format!("0:{}", self.stream)];
        stream.into_iter().chain(text.split_whitespace().map(str::to_owned)).collect()
    }
}

/// Measured beside x264 veryfast, see ADR 0022.
const AV1_PRESET: u32 = 9;
const AV1_CRF: u32 = 42;
/// Frames of a group of pictures where their rate is unknown.
const AV1_GOP: u32 = 100;
const CLEAN: &str = "-map_metadata -1 -map_chapters -1 -sn -dn -fflags +bitexact";
const FRAGMENTED: &str = "+empty_moov+default_base_moof+cmaf";

impl Encoded {
    /// One thread, a pinned instruction set and a bit-exact scaler: the same bytes on every x86-64 machine.
    fn args(&self) -> String {
        // Frames with times of their own keep them.
        let rate = match self.frame_rate {
            Some((n, d)) => format!("-fps_mode cfr -r {n}/{d}"),
            None => "-fps_mode vfr -enc_time_base 1/90000 -video_track_timescale 90000".to_owned(),
        };
        let codec = match self.encoder {
            Encoder::H264 => self.h264(),
            Encoder::Av1 => self.av1(),
            Encoder::Hardware(hardware) => self.hardware(hardware),
        };
        let upload = match self.encoder {
            Encoder::Hardware(hardware) => hardware.upload(),
            Encoder::H264 | Encoder::Av1 => "",
        };
        format!(
            "-an -vf {}{upload} {rate} {codec} {CLEAN} -movflags +frag_keyframe{FRAGMENTED} -f mp4",
            self.filter(),
        )
    }

    /// What is done to each picture before it is encoded, for ffmpeg.
    pub(super) fn filter(&self) -> String {
        let Self { width, height, .. } = self;
        let deinterlace = if self.deinterlace { "yadif," } else { "" };
        let slower = if self.slower { format!("fps={SLOWER},") } else { String::new() };
        format!(
            "{slower}{deinterlace}scale={width}:{height}:flags=bicubic+accurate_rnd+bitexact,{}setsar=1,format=yuv420p",
            self.light.filter(),
        )
    }

    /// Frames of a segment, where they are equally far apart.
    fn segment(&self) -> Option<u32> {
        self.frame_rate.map(|(n, d)| (SEGMENT * f64::from(n) / f64::from(d)).ceil() as u32)
    }

    /// Where key frames are to be, for ffmpeg.
    fn keys(&self) -> String {
        self.cuts.as_ref().map_or_else(
            || format!("expr:gte(t,n_forced*{SEGMENT})"),
            |cuts| cuts.iter().map(|cut| format!("{cut:.6}")).collect::<Vec<_>>().join(","),
        )
    }

    /// Cards know no measure of quality in common: half of the largest rate is what most pictures need.
    fn hardware(&self, hardware: Hardware) -> String {
        let gop = self.segment().map_or(AV1_GOP, |frames| frames * 3);
        let (kbps, keys) = (self.max_kbps, self.keys());
        format!(
            "-c:v {} -g {gop} -b:v {}k -maxrate {kbps}k -bufsize {}k -force_key_frames {keys} -flags +bitexact+cgop",
            hardware.encoder(),
            kbps / 2,
            kbps * 2
        )
    }

    fn h264(&self) -> String {
        // Key frames come by time; where frames have times of their own by time alone.
        let gop = self.segment().map_or("infinite".to_owned(), |frames| (frames * 3).to_string());
        let keys = self.keys();
        let kbps = self.max_kbps;
        format!(
            "-c:v libx264 -preset veryfast -threads 1 -x264-params asm=AVX2:scenecut=0:keyint={gop} -crf 23 \
             -maxrate {kbps}k -bufsize {}k -force_key_frames {keys} -flags +bitexact+cgop",
            kbps * 2
        )
    }

    fn av1(&self) -> String {
        let gop = self.segment().unwrap_or(AV1_GOP);
        format!(
            "-c:v libsvtav1 -preset {AV1_PRESET} -crf {AV1_CRF} -g {gop} -svtav1-params lp=1:scd=0 -flags +bitexact"
        )
    }
}

impl Light {
    /// ffmpeg's filters that bring a picture down to what every screen shows, with a comma behind. Source: ITU-R BT.2408
    /// (reference white at 203 cd/m²); the curve is Hable's.
    pub(super) fn filter(self) -> String {
        let from = match self {
            Self::Standard => return String::new(),
            Self::Pq => "smpte2084",
            Self::Hlg => "arib-std-b67",
        };
        format!(
            "zscale=tin={from}:min=bt2020nc:pin=bt2020:rin=limited:t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,\
             tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=limited,"
        )
    }
}
