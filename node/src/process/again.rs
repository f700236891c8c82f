//! The node becomes the same program again: with what is set now, or with a newer program in the place of the old one.

use std::{env, io, os::unix::process::CommandExt, process::Command};

/// Becomes the same program with the same arguments; whoever looks after the process sees no end of it. Gives why that did not
/// work.
#[must_use]
pub fn begin_again() -> io::Error {
    let program = match env::current_exe() {
        // What was replaced while it ran has this name on Linux.
        Ok(path) if !path.to_string_lossy().ends_with(" (deleted)") => path,
        _ => env::args_os().next().unwrap_or_default().into(),
    };
    Command::new(&program).args(env::args_os().skip(1)).exec()
}
