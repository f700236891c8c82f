//! Every bound on what a stranger can make us hold, each with its reason.

/// One blob. The largest is a segment of a copied rung: 10 s of a 40 Mbit/s source is 50 MB.
pub const BLOB_BYTES: usize = 64 << 20;
/// One chunk of an original: small enough to resume cheaply, large enough that 10 GB are 2,560 links.
pub const CHUNK_BYTES: usize = 4 << 20;
/// A manifest: 24 h at 4 s with five renditions is 108,000 segments of about 45 bytes, 4.9 MB.
pub const MANIFEST_BYTES: usize = 16 << 20;
/// A feed entry: fixed fields and one 32-character kind; 320 bytes seen.
pub const ENTRY_BYTES: usize = 1 << 10;
/// The body of a feed entry: a description stays in the manifest, so the largest is a long URL.
pub const BODY_BYTES: usize = 64 << 10;
/// A group's genesis: a name and fixed fields.
pub const GENESIS_BYTES: usize = 1 << 10;
/// A URL: browsers stop at about 2,000 characters, search pages of some sites come near.
pub const URL_BYTES: usize = 4 << 10;
/// The site half of a video id: yt-dlp's longest extractor key is under 40.
pub const EXTRACTOR_BYTES: usize = 64;
/// The id half of a video id: generic ids are 64 hex digits, file names of some sites are longer.
pub const SITE_ID_BYTES: usize = 256;
/// The name of an entry's kind.
pub const KIND_BYTES: usize = 32;
/// Names of people, nodes, groups and tags on sites that allow whole sentences.
pub const NAME_BYTES: usize = 512;
/// Videos that one listing may add: the largest channels have tens of thousands, and an extractor that never ends is
/// stopped.
pub const LISTING_ITEMS: usize = 200_000;
/// Tags that travel in a summary; more stay in the manifest. Niconico allows 11, Bilibili 12.
pub const TAGS: usize = 32;
/// Renditions of a capture in the making: five pictures and a few sound tracks.
pub const RUNGS: usize = 16;
/// Segments of one rendition: 24 h at 2 s.
pub const SEGMENTS: usize = 43_200;
/// A record of a capture in the making; a whole batch of gossip is not larger.
pub const GROWING_BYTES: usize = 48 << 10;
/// Segments that one such record tells of for a rendition: 50 bytes each.
pub const GROWING_SEGMENTS: usize = 200;
/// One message of gossip; gossipsub sends at most 64 KiB in one piece.
pub const GOSSIP_BYTES: usize = 56 << 10;
/// Feeds named in one message of gossip.
pub const GOSSIP_FEEDS: usize = 64;
/// Records of captures in the making in one message of gossip.
pub const GOSSIP_GROWING: usize = 16;
/// A question of one node to another: the heads of 64 groups.
pub const REQUEST_BYTES: usize = 1 << 20;
/// An answer: one batch of entries and its frame.
pub const RESPONSE_BYTES: usize = 4 << 20;
/// Groups that nodes tell each other of.
pub const GROUPS: usize = 64;
/// Feeds of one group: its members, each with a few restored lives.
pub const FEEDS: usize = 1_000;
/// Entries of one batch, and the bytes after which it ends: a few round trips a second fill any line.
pub const BATCH_ENTRIES: usize = 1_000;
/// See [`BATCH_ENTRIES`].
pub const BATCH_BYTES: usize = 2 << 20;
/// Manifests asked about at once.
pub const HOLDINGS: usize = 256;
/// A node's own word about itself.
pub const PRESENCE_BYTES: usize = 8 << 10;
/// The head of a frame of the blob exchange: a number, an address, two flags; 70 bytes seen.
pub const FRAME_BYTES: usize = 256;
/// Blobs that one peer may have asked for and not got yet.
pub const WANTS: usize = 64;
/// A signed invitation or redemption: fixed fields, two keys, two signatures; 420 bytes seen.
pub const INVITE_BYTES: usize = 1 << 10;
/// A ticket: an invitation and a dozen addresses. A QR code holds less than 3 kB.
pub const TICKET_BYTES: usize = 4 << 10;
/// Addresses of one node that others are told of.
pub const ADDRESSES: usize = 12;
/// One address: a DNS name of 253 bytes, or one through a relay with two node ids.
pub const ADDRESS_BYTES: usize = 400;
/// Incarnations of one node: a restored backup opens one, so a handful in ten years is much.
pub const LIVES: usize = 64;
/// Records of members' presence in one exchange of heads; the others come with the next.
pub const PRESENCES: usize = 64;
/// The proof of a fork: two entries.
pub const FORK_BYTES: usize = 2 * ENTRY_BYTES + 64;
/// Forks of one group that nodes tell each other of; one for each writer is enough.
pub const FORKS: usize = 64;
/// Parts of the space of video ids that a large node tells the hash table of, instead of its videos.
pub const SHARDS: u16 = 4096;
/// The name of a job: its kind and a video id, or two ids.
pub const JOB_BYTES: usize = 400;
/// A signed claim with the grants of seven witnesses of 700 bytes each at most; 1.1 kB seen with two.
pub const CLAIM_BYTES: usize = 8 << 10;
/// Claims in one message of gossip: those of one node.
pub const GOSSIP_CLAIMS: usize = 16;
/// Claims that hold in one answer: a group of 500 nodes with two jobs each.
pub const CLAIMS: usize = 1_000;
/// Categories of a group: more are no help to who sorts by them.
pub const CATEGORIES: usize = 64;
/// Words of one category: with [`CATEGORIES`] and usual words a body is well below its bound.
pub const CATEGORY_WORDS: usize = 64;
/// Subjects of one verdict: what a page of a queue shows at once, twice over.
pub const SUBJECTS: usize = 200;
/// Later looks at the site in one manifest: at the pace of the node, thirty years of them.
pub const LOOKS: usize = 64;
/// Chapters of a video: a day of songs of three minutes.
pub const CHAPTERS: usize = 500;
/// Renditions that a capture still lacks: the ladder in two codecs, and as much again.
pub const RENDITIONS: usize = 32;
/// Any number of a storyboard: browsers show no picture that is wider or higher.
pub const SHEET_PIXELS: u32 = 16_384;
/// Videos that one entry lists; a long listing is many entries. 300 bytes each fit into a body.
pub const LISTED: usize = 100;
/// Captures of one video that a node tells of.
pub const COPIES: usize = 16;
/// What somebody with an account is called: 32 letters of any script.
pub const PERSON_NAME_BYTES: usize = 128;
/// A comment: a long page of text.
pub const COMMENT_BYTES: usize = 4 << 10;
/// What fits over a picture at once.
pub const DANMAKU_BYTES: usize = 256;
/// Videos of which one entry counts the views; more are further entries.
pub const VIEWED: usize = 1_000;
/// Words about why something failed.
pub const REASON_BYTES: usize = 1 << 10;
/// How long a claim holds without another word: long enough for two lost beats, short enough that a dead node's job
/// waits about a minute.
pub const LEASE_MS: u64 = 60_000;
/// How often a claimant says that it is alive.
pub const BEAT_MS: u64 = 20_000;
/// How often a node compares with a random other one what both know. A thousand nodes that share out 20,000 jobs of a
/// minute say 9 messages a job for it.
pub const COMPARE_MS: u64 = 25_000;
/// How long a claim without witnesses waits for a better one: gossip reaches 99 of 100 nodes within 1.3 s.
pub const SETTLE_MS: u64 = 2_000;
/// A lease ends after this many times the time that its job should take.
pub const LEASE_ESTIMATES: u64 = 4;
/// How many times slower than an ordinary node a claimant may say that it is.
pub const SLOWEST: u64 = 4;
/// Members that witness a job's claims, and grants that make a claim witnessed: two pairs of three always meet.
pub const WITNESSES: usize = 3;
/// See [`WITNESSES`].
pub const QUORUM: usize = 2;
/// Members that are asked at most when witnesses do not answer.
pub const PANEL: usize = 7;
/// How often a claim is asked for before it begins without witnesses.
pub const ROUNDS: usize = 3;
/// How long an answer of a witness is waited for at least: over ordinary lines 95 of 100 are faster.
pub const ASK_MS: u64 = 1_500;
/// How long while none was measured: busy machines need some seconds.
pub const ASK_FIRST_MS: u64 = 5_000;
/// How long at most: then a rare duplicate costs less than waiting.
pub const ASK_LAST_MS: u64 = 15_000;
/// How often a claim is asked for anew because others stand in its way, and how far its epoch may jump each time.
pub const AGAIN: u8 = 3;
/// See [`AGAIN`].
pub const EPOCHS: u32 = 16;
/// Open claims of one node: more than it has workers, less than would stall a group.
pub const OPEN_CLAIMS: u32 = 64;
/// When a lease ran out, its members come to the job one after the other in rank order, this far apart, so that they do
/// not all ask at once; after so many all that are left do.
pub const TURN_MS: u64 = 400;
/// See [`TURN_MS`].
pub const TURNS: usize = 50;
/// When the next member checks what was delivered, if the one before it did not.
pub const CHECK_MS: u64 = 60_000;
/// When members whose turn is surely not among the first few find out when it is.
pub const CHECK_LATE_MS: u64 = 3 * CHECK_MS;
/// How many members have a low lot, on the average: with less than 5 of 10,000 jobs fewer than three have.
pub const LOW_LOTS: u64 = 12;
/// When something that nobody confirmed may be done again by others: a holder behind a bad line has an hour to be seen.
pub const DOUBT_MS: u64 = 3_600_000;
/// Of how many jobs that it is best ranked for a node takes the longest.
pub const CHOICES: usize = 8;
/// Jobs of a request that are looked at when a worker is free.
pub const LOOK_AHEAD: usize = 64;
/// Captures of one video among which the one that is shown is chosen: a partition makes two, years of making it again a
/// dozen.
pub const CAPTURES_SHOWN: usize = 64;
