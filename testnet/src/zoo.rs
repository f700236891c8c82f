//! The zoo: files as real archives hold them, each odd in its own way, made by ffmpeg from nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

const TABLE: &str = include_str!("../testdata/zoo.tsv");
const MARKER: &str = "finished";

/// One of its animals.
#[derive(Debug, Clone, Copy)]
pub struct Animal {
    /// Its file's name.
    pub file: &'static str,
    /// What is to be made of it.
    pub expected: Expected,
    how: &'static str,
}

/// What is to be made of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// These renditions, by their names with spaces between.
    Whole(&'static str),
    /// These, and all of them lack their end.
    Cut(&'static str),
    /// It fails with this code.
    Fails(&'static str),
}

/// All of them, in the order in which they are made.
pub fn animals() -> impl Iterator<Item = Animal> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut columns = line.splitn(3, '\t');
        let (file, expected, how) = (columns.next()?, columns.next()?, columns.next()?);
        let expected = match (expected.strip_prefix('!'), expected.strip_prefix('~')) {
            (Some(code), _) => Expected::Fails(code),
            (_, Some(names)) => Expected::Cut(names),
            _ => Expected::Whole(expected),
        };
        Some(Animal { file, expected, how })
    })
}

/// Makes all of them, or finds them made. Gives the folder that holds them and nothing else.
///
/// # Errors
/// When ffmpeg fails, or the disk.
pub fn make(dir: &Path, ffmpeg: &Path) -> Result<PathBuf> {
    let (folder, aside, marker) = (dir.join("zoo"), dir.join("aside"), dir.join(MARKER));
    fs::create_dir_all(dir)?;
    // The lock ends with the file handle, also when this process is killed.
    let lock = fs::File::create(dir.join("lock"))?;
    lock.lock().context("wait for another process that makes the zoo")?;
    if fs::read_to_string(&marker).is_ok_and(|made| made == TABLE) {
        return Ok(folder);
    }
    for dir in [&folder, &aside] {
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        fs::create_dir_all(dir)?;
    }
    fs::write(aside.join("texts.srt"), "1\n00:00:00,500 --> 00:00:01,500\nこんにちは\n")?;
    let picture = aside.join("cover.png");
    run(ffmpeg, "-f lavfi -i color=blue:s=64x64 -frames:v 1".split(' '), &picture)?;
    for animal in animals() {
        let file = folder.join(animal.file);
        make_one(ffmpeg, animal.how, &file, &aside).with_context(|| format!("make {}", animal.file))?;
    }
    fs::write(marker, TABLE)?;
    Ok(folder)
}

fn make_one(ffmpeg: &Path, how: &str, file: &Path, aside: &Path) -> Result<()> {
    let beside = |name: &str| file.with_file_name(name);
    let Some((word, rest)) = how.strip_prefix('@').and_then(|how| how.split_once(' ')) else {
        let path = |name: &str| aside.join(name).to_string_lossy().into_owned();
        let how = how
            .replace("$V", "-f lavfi -i testsrc2=s=320x180:r=25:d=3")
            .replace("$A", "-f lavfi -i aevalsrc=sin(2765*t)|sin(3480*t):s=48000:d=3")
            .replace("$X", "-c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p")
            .replace("$C", "-c:a aac -b:a 64k")
            .replace("$T", &path("texts.srt"))
            .replace("$P", &path("cover.png"));
        return run(ffmpeg, how.split(' '), file);
    };
    match word {
        "rotated" => {
            let source = beside(rest).to_string_lossy().into_owned();
            let args = ["-display_rotation", "90", "-i", &source, "-c", "copy"];
            return run(ffmpeg, args.into_iter(), file);
        }
        "trim" => {
            let source = beside(rest).to_string_lossy().into_owned();
            // Not at a key frame: what is before is in the file, and a player is told to leave it out.
            let args = ["-ss", "0.7", "-i", &source, "-c", "copy"];
            return run(ffmpeg, args.into_iter(), file);
        }
        "half" => {
            let whole = fs::read(beside(rest))?;
            fs::write(file, &whole[..whole.len() / 2])?;
        }
        "flip" => {
            let mut bytes = fs::read(beside(rest))?;
            let some = bytes.len() / 3..bytes.len() / 2;
            bytes[some].iter_mut().step_by(997).for_each(|byte| *byte ^= 0x55);
            fs::write(file, bytes)?;
        }
        "bytes" => fs::write(file, vec![0; rest.parse()?])?,
        "text" => fs::write(file, rest)?,
        "copy" => _ = fs::copy(aside.join(rest), file)?,
        other => bail!("nobody knows how to {other}"),
    }
    Ok(())
}

fn run<'a>(ffmpeg: &Path, args: impl Iterator<Item = &'a str>, file: &Path) -> Result<()> {
    let mut command = Command::new(ffmpeg);
    command.args(["-nostdin", "-v", "error", "-y"]).args(args).arg(file).stdin(Stdio::null());
    let done = command.output().context("start ffmpeg")?;
    ensure!(
        done.status.success(),
        "ffmpeg ended with {}: {}",
        done.status,
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}
