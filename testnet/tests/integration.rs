//! Everything together, through the doors that people and programs use. One binary, so it links once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adopt;
mod again;
mod api;
mod approval;
mod archive;
mod beside;
mod bilibili;
mod browser;
mod claims;
mod claims_sim;
mod command_line;
mod community;
mod containers;
mod crash;
mod doors;
mod evil;
mod groups;
mod hostile;
mod import;
mod inputs;
mod lan;
mod library;
mod lists;
mod mesh;
mod moderation;
mod nat;
mod outsiders;
mod pace;
mod people;
mod players;
mod pooled;
mod recipes;
mod renditions;
mod requests;
mod search;
mod settings;
mod sim;
mod sources;
mod tidy;
mod tools;
mod two_nodes;
mod uploads;
mod zoo;
