//! Child processes: each has a deadline and bounded output, and its whole process group dies with its owner.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
};

pub mod again;
pub mod confine;
pub mod memory;

pub use confine::{Confinement, Strength};

/// Bytes of one line of a child's output; longer ones are cut.
const LINE_BYTES: usize = 1 << 20;
/// Lines of a child's complaints that are kept for the error message.
const TAIL_LINES: usize = 12;

/// How long a child may live after its outputs were closed.
const LAST_BREATH: Duration = Duration::from_secs(60);

/// What a child writes.
pub type Output = ChildStdout;
/// What a child reads.
pub type Input = ChildStdin;

/// What to run.
#[derive(Debug)]
pub struct Invocation {
    program: PathBuf,
    args: Vec<OsString>,
    envs: Vec<(&'static str, OsString)>,
    dir: Option<PathBuf>,
    confinement: Option<Confinement>,
    answers: bool,
}

/// Why a child did not do its work.
#[derive(Debug, Error)]
pub enum ProcessError {
    /// It could not be started.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// Which program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It could not be confined, or is not there.
    #[error("it cannot be started: {0}")]
    Confine(String),
    /// It took too long and was ended.
    #[error("it took longer than {} and was ended", minutes(*.0))]
    TimedOut(Duration),
    /// It wrote more than it may.
    #[error("it wrote more than {0} bytes and was ended")]
    TooMuchOutput(usize),
    /// It was ended from outside: out of memory, or someone's signal.
    #[error("it was ended from outside ({0})")]
    Killed(ExitStatus),
    /// It ended with a failure.
    #[error("it failed ({status}): {tail}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
        /// The last lines it wrote.
        tail: String,
    },
    /// Reading from it failed.
    #[error("reading its output failed: {0}")]
    Io(#[from] io::Error),
}

impl Invocation {
    /// Runs `program` without arguments.
    #[must_use]
    pub fn new(program: &Path) -> Self {
        let program = program.to_owned();
        Self { program, args: vec![], envs: vec![], dir: None, confinement: None, answers: false }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.envs.push((name, value.into()));
        self
    }

    /// Runs it in `dir`.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// Gives it something to read: see [`Running::input`].
    #[must_use]
    pub fn answered(mut self) -> Self {
        self.answers = true;
        self
    }

    /// Takes from it what it does not need.
    #[must_use]
    pub fn confined(mut self, confinement: Confinement) -> Self {
        self.confinement = Some(confinement);
        self
    }

    /// Starts it in a process group of its own, with nothing to read unless it is answered, and both outputs as pipes.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(self) -> Result<Running, ProcessError> {
        let mut command = match &self.confinement {
            Some(confinement) => confinement.command(&self.program),
            None => Command::new(&self.program),
        };
        memory::unsettle(&mut command);
        command.args(&self.args).envs(self.envs.iter().map(|(name, value)| (name, value)));
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        let stdin = if self.answers { Stdio::piped() } else { Stdio::null() };
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| ProcessError::Start { program: self.program, source })?;
        let stdout = child.stdout.take().expect("the output is a pipe");
        let stderr = child.stderr.take().expect("the errors are a pipe");
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let stdin = child.stdin.take();
        Ok(Running { child, group, stdin, stdout: Some(stdout), stderr: Some(stderr) })
    }

    /// Runs it to its end and gives what it wrote.
    ///
    /// # Errors
    /// When it fails, takes longer than `timeout`, or writes more than `cap` bytes.
    pub async fn output(self, timeout: Duration, cap: usize) -> Result<Vec<u8>, ProcessError> {
        let mut running = self.start()?;
        let (stdout, stderr) = running.pipes();
        let work = async {
            let mut bytes = Vec::new();
            let limit = u64::try_from(cap).unwrap_or(u64::MAX).saturating_add(1);
            let mut limited = stdout.take(limit);
            // Too much ends the child at once: it would wait for ever for someone to read the rest.
            let read = async {
                limited.read_to_end(&mut bytes).await?;
                if bytes.len() > cap { Err(ProcessError::TooMuchOutput(cap)) } else { Ok(()) }
            };
            let ((), tail) = tokio::try_join!(read, async { Ok(tail(stderr, |_| false).await) })?;
            Ok::<_, ProcessError>((bytes, tail))
        };
        let (bytes, tail) = running.within(timeout, work).await??;
        running.finish(tail).await?;
        Ok(bytes)
    }
}

/// A child at work. Dropping it ends its whole process group.
#[derive(Debug)]
pub struct Running {
    child: Child,
    group: Option<Pid>,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Running {
    /// Its outputs; to be taken once.
    ///
    /// # Panics
    /// When taken twice.
    pub fn pipes(&mut self) -> (Output, ChildStderr) {
        let taken = "the pipes are taken once";
        (self.stdout.take().expect(taken), self.stderr.take().expect(taken))
    }

    /// What it reads; to be taken once.
    ///
    /// # Panics
    /// When it is not answered, or taken twice.
    pub fn input(&mut self) -> Input {
        self.stdin.take().expect("it is answered, and its input is taken once")
    }

    /// Waits for `work` on its outputs; ends the child when that takes longer than `timeout`.
    ///
    /// # Errors
    /// [`ProcessError::TimedOut`].
    pub async fn within<T>(
        &mut self,
        timeout: Duration,
        work: impl Future<Output = T>,
    ) -> Result<T, ProcessError> {
        match tokio::time::timeout(timeout, work).await {
            Ok(done) => Ok(done),
            Err(_) => {
                self.kill();
                Err(ProcessError::TimedOut(timeout))
            }
        }
    }

    /// Waits for its end after its outputs were read.
    ///
    /// # Errors
    /// When it ended with a failure; `tail` goes into the message.
    pub async fn finish(mut self, tail: String) -> Result<(), ProcessError> {
        let status = match tokio::time::timeout(LAST_BREATH, self.child.wait()).await {
            Ok(status) => status?,
            Err(_) => return Err(ProcessError::TimedOut(LAST_BREATH)),
        };
        self.kill();
        match status.code() {
            Some(0) => Ok(()),
            // Our own program speaks first when a child cannot be confined or is not there.
            Some(_) if tail.starts_with("horahora: ") => Err(ProcessError::Confine(tail)),
            Some(_) => Err(ProcessError::Failed { status, tail }),
            None => Err(ProcessError::Killed(status)),
        }
    }

    fn kill(&mut self) {
        if let Some(group) = self.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Reads lines to the end and gives the last of them. `take` may keep a line to itself by answering true.
pub async fn tail(pipe: impl AsyncRead + Unpin, mut take: impl FnMut(&str) -> bool) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut lines = Lines::new(pipe);
    while let Some(line) = lines.next().await {
        if !take(&line) && !line.trim().is_empty() {
            if kept.len() == TAIL_LINES {
                kept.remove(0);
            }
            kept.push(line);
        }
    }
    kept.join("\n")
}

/// Lines of bounded length from a child's output.
#[derive(Debug)]
pub struct Lines<R>(BufReader<R>);

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of `pipe`.
    pub fn new(pipe: R) -> Self {
        Self(BufReader::new(pipe))
    }

    /// The next line without its end, none at the end of the output or when reading fails. May be dropped
    /// only together with the reader.
    pub async fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        loop {
            let chunk = self.0.fill_buf().await.ok()?;
            if chunk.is_empty() {
                return (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned());
            }
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(chunk.len(), |end| end + 1);
            let room = LINE_BYTES.saturating_sub(line.len());
            line.extend_from_slice(&chunk[..end.unwrap_or(chunk.len()).min(room)]);
            self.0.consume(used);
            if end.is_some() {
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
        }
    }
}

fn minutes(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Invocation {
        Invocation::new(Path::new("/bin/sh")).args(["-c", script])
    }

    #[tokio::test]
    async fn output_and_failure_are_told() {
        let minute = Duration::from_secs(60);
        assert_eq!(shell("echo hello").output(minute, 100).await.unwrap(), b"hello\n");
        let failed = shell("echo why >&2; exit 3").output(minute, 100).await.unwrap_err();
        assert!(failed.to_string().contains("why"), "{failed}");
        let chatty = shell("yes").output(minute, 100).await.unwrap_err();
        assert!(matches!(chatty, ProcessError::TooMuchOutput(100)));
    }

    #[tokio::test]
    async fn the_whole_group_ends_at_the_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let pid_file = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {}; wait", pid_file.display());
        let late = shell(&script).output(Duration::from_millis(500), 100).await;
        assert!(matches!(late, Err(ProcessError::TimedOut(_))));
        let pid = std::fs::read_to_string(pid_file).unwrap();
        let stat = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
        let deadline = tokio::time::timeout(Duration::from_secs(20), async {
            while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::task::yield_now().await;
            }
        });
        deadline.await.expect("the grandchild is gone");
    }
}
