//! Files that are made to do harm: each is refused, or plays and harms nothing. Nothing is read, nothing is sent.

use std::{fs, net::TcpListener, path::Path};

use horahora::tools::Toolset;
use horahora_testnet::{
    cluster::{self, Node, tools},
    zoo,
};
use serde_json::Value;

use crate::zoo::left_over;

/// Names that a shell, a path, a command line or a page could take for something else.
const NAMES: [&str; 8] = [
    "-i.mp4",
    "--help.mp4",
    "a; touch owned; b.mp4",
    "$(touch owned) `touch owned`.mp4",
    "%2e%2e%2f..%2fetc%2fpasswd.mp4",
    "<img src=x onerror=alert(1)>.mp4",
    "concat:one|two.mp4",
    "new\nline \u{202e}4pm.mp4",
];

/// A door that nobody may knock at.
struct Canary(TcpListener);

impl Canary {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    fn address(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// The kernel takes a call for it and keeps it until it is asked.
    fn was_called(&self) -> bool {
        self.0.accept().is_ok()
    }
}

/// An AVI file (Microsoft, "AVI RIFF File Reference") of so many empty streams of this size.
fn avi(streams: u32, width: u32, height: u32) -> Vec<u8> {
    let chunk = |name: &[u8; 4], body: &[u8]| {
        [name.as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), body].concat()
    };
    let list = |name: &[u8; 4], body: &[u8]| chunk(b"LIST", &[name.as_slice(), body].concat());
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
    let head = words(&[40_000, 0, 0, 0, 1, 0, streams, 0, width, height, 0, 0, 0, 0]);
    let stream = [b"vidsMJPG".to_vec(), words(&[0, 0, 0, 1, 25, 0, 1, 0, 0, 0, 0, 0])].concat();
    let format = [words(&[40, width, height, 0x0018_0001]), b"MJPG".to_vec(), words(&[0; 5])].concat();
    let one = list(b"strl", &[chunk(b"strh", &stream), chunk(b"strf", &format)].concat());
    let header = list(b"hdrl", &[chunk(b"avih", &head), one.repeat(streams as usize)].concat());
    let body = list(b"movi", &chunk(b"00dc", &[0xff, 0xd8, 0xff, 0xd9]));
    chunk(b"RIFF", &[b"AVI ".as_slice(), &header, &body].concat())
}

/// The head of a JPEG that says it is this large (ITU-T T.81), and no picture.
fn jpeg(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xd8, 0xff, 0xc0, 0, 17, 8];
    bytes.extend([height.to_be_bytes(), width.to_be_bytes()].concat());
    bytes.extend([3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
    bytes.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]);
    bytes.extend(vec![0x55; 4_000]);
    bytes
}

/// Files that must be refused, by their names.
fn refused(canary: &str, secret: &Path) -> Vec<(&'static str, Vec<u8>)> {
    let secret = secret.display();
    let playlist = |target: &str| {
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n").into_bytes()
    };
    let mpd = format!(
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\"><Period><AdaptationSet mimeType=\"video/mp4\">\
         <Representation id=\"a\" bandwidth=\"1\"><BaseURL>{canary}/x.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>"
    );
    vec![
        ("reads.mp4", playlist(&format!("file://{secret}"))),
        ("calls.mp4", playlist(&format!("{canary}/x.ts"))),
        (
            "key.mp4",
            format!("#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"{canary}/key\"\n#EXTINF:5,\n{secret}\n")
                .into_bytes(),
        ),
        ("list.mp4", format!("ffconcat version 1.0\nfile '{secret}'\n").into_bytes()),
        ("dash.mp4", mpd.into_bytes()),
        (
            "session.mp4",
            format!(
                "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {} RTP/AVP 96\n",
                canary.rsplit(':').next().unwrap_or_default()
            )
            .into_bytes(),
        ),
        (
            "drawn.svg.mp4",
            format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"{canary}/x.png\"/></svg>")
                .into_bytes(),
        ),
        ("streams.avi", avi(10_000, 16, 16)),
        ("huge.avi", avi(1, 60_000, 60_000)),
        ("picture.mp4", jpeg(65_500, 65_500)),
    ]
}

async fn good(tools: &Toolset) -> std::path::PathBuf {
    let (dir, ffmpeg) = (cluster::shared_dir().unwrap().join("zoo"), tools.ffmpeg.clone());
    let zoo = tokio::task::spawn_blocking(move || zoo::make(&dir, &ffmpeg)).await.unwrap().unwrap();
    zoo.join("plain.mp4")
}

#[tokio::test]
async fn files_that_are_made_to_do_harm_do_none() {
    let tools = tools().await.unwrap();
    let good = good(&tools).await;
    let dir = tempfile::tempdir().unwrap();
    let (folder, secret) = (dir.path().join("folder"), dir.path().join("secret.ts"));
    fs::create_dir(&folder).unwrap();
    // Whoever reads it has something that plays.
    fs::copy(&good, &secret).unwrap();
    let canary = Canary::new();
    let refused = refused(&canary.address(), &secret);
    for (name, bytes) in &refused {
        fs::write(folder.join(name), bytes).unwrap();
    }
    for name in NAMES {
        // Each is another video: its bytes are not those of the others.
        fs::write(folder.join(name), [fs::read(&good).unwrap(), free(name)].concat()).unwrap();
    }
    fs::write(folder.join("bomb.mp4"), [fs::read(&good).unwrap(), free("bomb")].concat()).unwrap();
    fs::write(folder.join("bomb.jpg"), jpeg(30_000, 30_000)).unwrap();

    let node = Node::start(&[]).await.unwrap();
    node.cli(&["import", folder.to_str().unwrap()]).await.unwrap();
    let over = async || {
        let jobs = node.own("/api/v1/jobs").await?;
        let videos = node.own("/api/v1/videos?limit=100").await?;
        Ok(jobs["items"].as_array().is_some_and(Vec::is_empty)
            && videos["items"].as_array().is_some_and(|v| !v.is_empty()))
    };
    node.until_within(2 * cluster::DEADLINE, "all are looked at", over).await.unwrap();
    let videos = node.own("/api/v1/videos?limit=100").await.unwrap();
    let videos = videos["items"].as_array().unwrap();
    let of = |name: &str| {
        videos.iter().find(|video| names(video, name)).unwrap_or_else(|| panic!("{name:?} of {videos:?}"))
    };
    for (name, _) in &refused {
        let video = of(name);
        assert_eq!(
            (video["state"].as_str(), video["code"].as_str()),
            (Some("failed"), Some("not_media")),
            "{name}: {video}"
        );
        assert!(video["reason"].as_str().is_some_and(|reason| reason.len() > 20), "{video}");
    }
    for name in NAMES.iter().chain(&["bomb.mp4"]) {
        let video = of(name);
        assert_eq!(video["state"], "done", "{name:?}: {video}\n{}", node.log());
        let id = video["id"].as_str().unwrap().replace(':', "%3A");
        let video = node.own(&format!("/api/v1/videos/{id}")).await.unwrap();
        assert!(node.play_through(&video).await.unwrap() > 0, "{name:?}");
        let page = node.bytes(&format!("/watch/{id}")).await.unwrap();
        assert!(!String::from_utf8_lossy(&page).contains("<img src=x"), "{name:?}");
    }
    assert!(!canary.was_called(), "a file made us call somebody");
    for place in [folder.as_path(), node.data(), Path::new(".")] {
        assert!(!place.join("owned").exists(), "a name was run as a command");
    }
    assert_eq!(left_over(&node.data().join("jobs")), Vec::<String>::new(), "no file is left");
}

/// A `free` box with these words: players skip it (ISO/IEC 14496-12, 8.1.2).
fn free(words: &str) -> Vec<u8> {
    [&u32::try_from(words.len() + 8).unwrap().to_be_bytes(), b"free".as_slice(), words.as_bytes()].concat()
}

fn names(video: &Value, name: &str) -> bool {
    let url = video["url"].as_str().unwrap_or_default();
    url == format!("file:{name}") || url.trim_start_matches("file:").split('/').next_back() == Some(name)
}
