//! The `horahora` program: reads the command line and calls the library.

fn main() -> std::process::ExitCode {
    horahora::cli::main()
}
