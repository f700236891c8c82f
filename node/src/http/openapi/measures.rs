//! The operations on measures, the log, and the comments of origins.

use super::{
    operation::{Op, get, number, one_of, post, put, text},
    shapes::{
        Items,
        measures::{Log, Measures, NewMeasure, Replies, Threshold, Weight, Word},
    },
};

/// What moderators decide, and whose decisions count.
pub(super) fn measures() -> Vec<Op> {
    vec![
        get("/api/v1/measures", "What stands here, and whose lists count").gives::<Measures>(200, "It."),
        post("/api/v1/measures", "Takes a measure")
            .takes::<NewMeasure>()
            .done()
            .fails(400, "bad-change, reason-needed, bad-video-id, bad-creator, bad-node-id")
            .fails(403, "not-a-member")
            .fails(404, "unknown-video")
            .fails(409, "myself"),
        get("/api/v1/measures/lists/{node}", "What is on a node's list, the latest first")
            .gives::<Items<Word>>(200, "It.")
            .fails(400, "bad-node-id"),
        put("/api/v1/measures/lists/{node}", "Lets a node's list count this much")
            .takes::<Weight>()
            .done()
            .fails(400, "bad-node-id, bad-weight")
            .fails(409, "myself"),
        put("/api/v1/measures/threshold", "Sets how much the lists that agree must weigh")
            .takes::<Threshold>()
            .done()
            .fails(400, "bad-weight"),
        get("/api/v1/videos/{video}/replies", "What people wrote below it at its origin")
            .gives::<Replies>(200, "As it was archived.")
            .fails(404, "unknown-video, unknown-blob"),
        get("/api/v1/logs", "The last lines of the log, the latest first")
            .query("level", one_of(&["error", "warn", "info", "debug", "trace"]), "This and what is worse.")
            .query("q", text(), "Words in them.")
            .query("before", number(0, None), "`next` of the page before.")
            .gives::<Log>(200, "200 of them.")
            .fails(400, "bad-level, bad-request"),
    ]
}
