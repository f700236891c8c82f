//! Takes from a child what it does not need before it begins: files outside its inputs, the network, memory.
//!
//! The node starts itself as `horahora confine … -- PROGRAM ARGS`; that process gives up its rights (Landlock,
//! resource limits, death together with the node) and then becomes the program. So no unsafe code runs
//! between fork and exec. Where the kernel has no Landlock the limits and ffmpeg's own whitelists remain.

use std::{
    convert::Infallible,
    ffi::OsString,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
};

use clap::Args;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr,
    path_beneath_rules,
};
use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, set_parent_process_death_signal, setrlimit};
use serde::Serialize;

/// This program, also after a newer one took its place on the disk (proc(5)).
pub(super) const OWN: &str = "/proc/self/exe";
/// Where programs and their libraries are.
const SYSTEM: [&str; 8] = [
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/proc",
    "/sys/devices/system/cpu",
];

/// What a confined program may use.
#[derive(Debug, Clone, Args)]
pub struct Confinement {
    /// Files and folders that it may read
    #[arg(long)]
    read: Vec<PathBuf>,
    /// Devices that it may use
    #[arg(long)]
    device: Vec<PathBuf>,
    /// Bytes of address space
    #[arg(long)]
    memory: u64,
    /// Process that it must not outlive
    #[arg(long)]
    parent: i32,
}

/// What this machine's kernel can take from a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// All files but its own, and the network.
    Whole,
    /// All files but its own.
    Files,
    /// Memory and time alone: there is no Landlock.
    Limits,
}

impl Strength {
    /// Of this machine.
    #[must_use]
    pub fn here() -> Self {
        let files = || {
            let asked = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
            asked.handle_access(AccessFs::from_all(ABI::V1))
        };
        let network = files().and_then(|asked| asked.handle_access(AccessNet::from_all(ABI::V4)));
        if network.and_then(Ruleset::create).is_ok() {
            Self::Whole
        } else if files().and_then(Ruleset::create).is_ok() {
            Self::Files
        } else {
            Self::Limits
        }
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Whole => "ffmpeg can read its input alone and has no network (Landlock).",
            Self::Files => "ffmpeg can read its input alone; this kernel cannot take the network from it.",
            Self::Limits => {
                "ffmpeg is limited in memory and time, and in what it opens by its own lists: this kernel has no Landlock \
                 (Linux 5.13 or newer has)."
            }
        }
    }
}

/// `horahora confine`.
#[derive(Debug, Args)]
pub struct ConfineArgs {
    #[command(flatten)]
    confinement: Confinement,
    /// Program and arguments
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

impl Confinement {
    /// Reads only below `read`, writes nothing but its pipes, no network, at most `memory` bytes.
    #[must_use]
    pub fn reading(read: &[&Path], memory: u64) -> Self {
        let parent = std::process::id().cast_signed();
        let read = read.iter().map(|path| path.to_path_buf()).collect();
        Self { read, device: Vec::new(), memory, parent }
    }

    /// Lets it use devices, too; those that are not there do not matter.
    #[must_use]
    pub fn using(mut self, devices: &[&str]) -> Self {
        self.device = devices.iter().map(PathBuf::from).collect();
        self
    }

    pub(super) fn command(&self, program: &Path) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(OWN);
        command.arg0("horahora");
        command.arg("confine").arg("--memory").arg(self.memory.to_string());
        command.arg("--parent").arg(self.parent.to_string());
        for path in self.read.iter().map(PathBuf::as_path).chain([program]) {
            command.arg("--read").arg(path);
        }
        for path in &self.device {
            command.arg("--device").arg(path);
        }
        command.arg("--").arg(program);
        command
    }
}

/// Gives up the rights and becomes the program; returns only when that fails.
///
/// # Errors
/// When a limit cannot be set or the program cannot be started.
pub fn exec(args: &ConfineArgs) -> anyhow::Result<Infallible> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    anyhow::ensure!(getppid() == Pid::from_raw(args.confinement.parent), "the node is gone already");
    let limit = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::As, limit(args.confinement.memory))?;
    setrlimit(Resource::Core, limit(0))?;
    setrlimit(Resource::Fsize, limit(0))?;
    let abi = ABI::V4;
    // As much of it as the kernel can.
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(&args.confinement.read, AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(&args.confinement.device, AccessFs::from_all(abi)))?
        .add_rules(path_beneath_rules(["/dev/null", "/dev/urandom"], AccessFs::from_all(abi)))?
        .restrict_self()?;
    let (program, rest) = args.command.split_first().expect("clap requires one");
    Err(std::process::Command::new(program).args(rest).exec().into())
}
