//! Everything together, through the doors that people and programs use. One binary, so it links once.

mod archive;
mod browser;
mod command_line;
mod crash;
mod doors;
mod inputs;
mod players;
mod tidy;
