//! What holds for every value, every block and every stranger's bytes, tried with many of each.
//!
//! The seed is fixed, so the gate does not depend on luck. To look further:
//! `PROPTEST_RNG_SEED=$RANDOM PROPTEST_CASES=10000 cargo test -p horahora-protocol --test properties`.

#[path = "properties/batches.rs"]
mod batches;
#[path = "properties/canonical.rs"]
mod canonical;
#[path = "properties/caps.rs"]
mod caps;
#[path = "properties/cbor.rs"]
mod cbor;
#[path = "properties/changes.rs"]
mod changes;
#[path = "properties/feeds.rs"]
mod feeds;
#[path = "properties/forks.rs"]
mod forks;
#[path = "properties/forms.rs"]
mod forms;
#[path = "properties/groups.rs"]
mod groups;
#[path = "properties/growing.rs"]
mod growing;
#[path = "properties/leases.rs"]
mod leases;
#[path = "properties/manifests.rs"]
mod manifests;
#[path = "properties/members.rs"]
mod members;
#[path = "properties/message_caps.rs"]
mod message_caps;
#[path = "properties/messages.rs"]
mod messages;
#[path = "properties/names.rs"]
mod names;
#[path = "properties/ranks.rs"]
mod ranks;
#[path = "properties/said.rs"]
mod said;
#[path = "properties/signatures.rs"]
mod signatures;
#[path = "properties/strangers.rs"]
mod strangers;
#[path = "properties/summaries.rs"]
mod summaries;
#[path = "properties/tickets.rs"]
mod tickets;
#[path = "properties/values.rs"]
mod values;
#[path = "properties/worlds.rs"]
mod worlds;
