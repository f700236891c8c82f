//! How this program gets its memory: from one pool.
//!
//! glibc gives each thread a pool and keeps what was freed in it: while a file of 10 GiB is packaged, megabytes of segments stayed
//! with a dozen threads, 77 MiB in all instead of 35. It reads this setting when a program starts, and never again
//! (mallopt(3)).

use std::{convert::Infallible, env, io, os::unix::process::CommandExt, process::Command};

const NAME: &str = "MALLOC_ARENA_MAX";

/// Starts this program again as it was, with one pool; returns when it has one, or when it cannot be.
pub fn settle() {
    if env::var_os(NAME).is_none()
        && let Err(error) = again()
    {
        tracing::debug!("memory is used as glibc sees fit: {error}");
    }
}

fn again() -> io::Result<Infallible> {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_else(|| "horahora".into());
    Err(Command::new(super::confine::OWN).arg0(name).args(args).env(NAME, "1").exec())
}

/// Programs that this one starts get their memory as they are used to.
pub(super) fn unsettle(command: &mut tokio::process::Command) {
    command.env_remove(NAME);
}
