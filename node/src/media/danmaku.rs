//! Danmaku of the origin sites in one form: when, what, in which colour, where, how large, and by whom.
//!
//! Read are Niconico's comments as yt-dlp writes them (a list of `{vposMs, body, commands, userId, postedAt}`), and
//! bilibili's XML (`<d p="seconds,mode,size,colour,sent,pool,user,row">text</d>`).

use serde::Serialize;
use serde_json::Value;

/// More than any video has; what comes after is left out.
const MOST: usize = 500_000;
/// Commands of one comment that are kept.
const COMMANDS: usize = 16;
/// Niconico's names of colours (its help page on comment commands) and what they are.
const COLOURS: [(&str, u32); 20] = [
    ("white", 0xff_ff_ff),
    ("red", 0xff_00_00),
    ("pink", 0xff_80_80),
    ("orange", 0xff_c0_00),
    ("yellow", 0xff_ff_00),
    ("green", 0x00_ff_00),
    ("cyan", 0x00_ff_ff),
    ("blue", 0x00_00_ff),
    ("purple", 0xc0_00_ff),
    ("black", 0x00_00_00),
    ("white2", 0xcc_cc_99),
    ("red2", 0xcc_00_33),
    ("pink2", 0xff_33_cc),
    ("orange2", 0xff_66_00),
    ("yellow2", 0x99_99_00),
    ("green2", 0x00_cc_66),
    ("cyan2", 0x00_cc_cc),
    ("blue2", 0x33_99_ff),
    ("purple2", 0x66_33_cc),
    ("black2", 0x66_66_66),
];

/// Where a comment is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// It moves from right to left.
    Scroll,
    /// It stands above.
    Top,
    /// It stands below.
    Bottom,
}

/// How large a comment is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Size {
    /// Smaller than usual.
    Small,
    /// As usual.
    Medium,
    /// Larger than usual.
    Big,
}

/// One comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// Milliseconds from the video's beginning.
    pub t_ms: u64,
    /// What it says.
    pub text: String,
    /// `#rrggbb`.
    pub colour: String,
    /// Where.
    pub place: Place,
    /// How large.
    pub size: Size,
    /// The site's own hash of who wrote it, empty when it does not tell.
    pub user: String,
    /// When it was written: milliseconds since 1970, if the site tells.
    pub sent_at: Option<u64>,
    /// Niconico's own words on how it is drawn; none of other sites.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commands: Option<Vec<String>>,
}

/// Who draws comments as their site does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// All are of Niconico.
    Niconico,
    /// Nobody does: they are drawn as they are described.
    Plain,
}

/// All comments of a video.
#[derive(Debug, Serialize)]
pub struct Whole {
    /// How they are drawn.
    pub form: Form,
    /// In the order of their times.
    pub comments: Vec<Comment>,
}

/// One of several tracks: what was said is in each that was fetched later, until the site forgets it. Each comment is
/// there once.
#[must_use]
pub fn merge(tracks: Vec<Vec<Comment>>) -> Whole {
    let mut comments: Vec<Comment> = tracks.into_iter().flatten().collect();
    comments.sort_by(|a, b| (a.t_ms, &a.text, &a.user).cmp(&(b.t_ms, &b.text, &b.user)));
    comments.dedup_by(|a, b| (a.t_ms, &a.text, &a.user) == (b.t_ms, &b.text, &b.user));
    comments.truncate(MOST);
    let niconico = !comments.is_empty() && comments.iter().all(|comment| comment.commands.is_some());
    Whole { form: if niconico { Form::Niconico } else { Form::Plain }, comments }
}

/// Reads danmaku of either form, in the order of their times; what cannot be read is left out. None when the file is of
/// neither form.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Vec<Comment>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut comments: Vec<_> = match text.trim_start().as_bytes().first()? {
        b'[' => {
            let all: Vec<Value> = serde_json::from_str(text).ok()?;
            all.iter().filter_map(niconico).take(MOST).collect()
        }
        b'<' => {
            let document = roxmltree::Document::parse(text).ok()?;
            let nodes = document.descendants().filter(|node| node.has_tag_name("d"));
            let read = |node: roxmltree::Node<'_, '_>| bilibili(node.attribute("p")?, node.text()?);
            nodes.filter_map(read).take(MOST).collect()
        }
        _ => return None,
    };
    comments.sort_by_key(|comment| comment.t_ms);
    Some(comments)
}

fn niconico(comment: &Value) -> Option<Comment> {
    let text = comment["body"].as_str().filter(|text| !text.is_empty())?.to_owned();
    let t_ms = comment["vposMs"].as_i64()?.max(0).unsigned_abs();
    let (mut colour, mut place, mut size) = (0xff_ff_ff, Place::Scroll, Size::Medium);
    let words = comment["commands"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let commands: Vec<_> = words.take(COMMANDS).map(str::to_owned).collect();
    for command in &commands {
        match command.as_str() {
            "ue" => place = Place::Top,
            "shita" => place = Place::Bottom,
            "naka" => place = Place::Scroll,
            "big" => size = Size::Big,
            "small" => size = Size::Small,
            "medium" => size = Size::Medium,
            other => {
                let named = COLOURS.iter().find(|(name, _)| *name == other).map(|(_, colour)| *colour);
                let exact = other.strip_prefix('#').filter(|hex| hex.len() == 6);
                let exact = exact.and_then(|hex| u32::from_str_radix(hex, 16).ok());
                colour = named.or(exact).unwrap_or(colour);
            }
        }
    }
    let user = comment["userId"].as_str().unwrap_or_default().to_owned();
    let sent_at = comment["postedAt"].as_str().and_then(rfc3339);
    let commands = Some(commands);
    Some(Comment { t_ms, text, colour: hex(colour), place, size, user, sent_at, commands })
}

fn bilibili(p: &str, text: &str) -> Option<Comment> {
    let parts: Vec<_> = p.split(',').collect();
    let part = |at: usize| parts.get(at).map(|part| part.trim());
    let seconds: f64 = part(0)?.parse().ok()?;
    let place = match part(1)? {
        "4" => Place::Bottom,
        "5" => Place::Top,
        // 7 are drawn anywhere, 8 and 9 are programs: none is a line of text.
        "7" | "8" | "9" => return None,
        _ => Place::Scroll,
    };
    let size = match part(2)?.parse::<u32>().ok()? {
        0..=18 => Size::Small,
        19..=25 => Size::Medium,
        _ => Size::Big,
    };
    let colour = part(3)?.parse::<u32>().ok()? & 0xff_ff_ff;
    let sent_at = part(4).and_then(|sent| sent.parse::<u64>().ok()).map(|seconds| seconds * 1_000);
    let user = part(6).unwrap_or_default().to_owned();
    let t_ms = (seconds.max(0.0) * 1_000.0).round() as u64;
    let (text, commands) = (text.to_owned(), None);
    Some(Comment { t_ms, text, colour: hex(colour), place, size, user, sent_at, commands })
}

fn hex(colour: u32) -> String {
    format!("#{colour:06x}")
}

/// Milliseconds since 1970 of `2007-03-06T01:00:00+09:00` (RFC 3339).
fn rfc3339(text: &str) -> Option<u64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let days = crate::ingest::days_since_1970(number(0..4)?, number(5..7)?, number(8..10)?)?;
    let local = ((days * 24 + number(11..13)?) * 60 + number(14..16)?) * 60 + number(17..19)?;
    let rest = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let utc = match rest.chars().next()? {
        'Z' | 'z' => local,
        sign @ ('+' | '-') => {
            let (hours, minutes) = rest.get(1..)?.split_once(':')?;
            let ahead = (hours.parse::<u64>().ok()? * 60 + minutes.parse::<u64>().ok()?) * 60;
            if sign == '+' { local.checked_sub(ahead)? } else { local + ahead }
        }
        _ => return None,
    };
    Some(utc * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_of_niconico_are_read_with_their_commands() {
        let json = r##"[
            {"vposMs": 2000, "body": "b", "commands": ["184", "shita", "small", "#12aB00"], "userId": "u2",
             "postedAt": "2007-03-06T01:00:00+09:00"},
            {"vposMs": 300, "body": "うぽつ", "commands": ["ue", "red", "big"], "userId": "nvc:1"},
            {"vposMs": -50, "body": "early", "commands": []}, {"vposMs": 1}, {"body": "no time"}, 7]"##;
        let read = read(json.as_bytes()).unwrap();
        let words: Vec<_> = read.iter().map(|comment| (comment.t_ms, comment.text.as_str())).collect();
        assert_eq!(words, [(0, "early"), (300, "うぽつ"), (2000, "b")]);
        assert_eq!(
            (read[1].place, read[1].size, read[1].colour.as_str()),
            (Place::Top, Size::Big, "#ff0000")
        );
        assert_eq!(
            (read[2].place, read[2].size, read[2].colour.as_str()),
            (Place::Bottom, Size::Small, "#12ab00")
        );
        assert_eq!((read[2].user.as_str(), read[2].sent_at), ("u2", Some(1_173_110_400_000)));
    }

    #[test]
    fn danmaku_of_bilibili_are_read_and_programs_left_out() {
        let xml = r#"<?xml version="1.0" encoding="UTF-8"?><i><chatid>1</chatid>
            <d p="2.5,4,18,65280,1700000003,0,ef567890,3,10">下 &amp; &lt;b&gt;</d>
            <d p="0.50000,1,25,16777215,1700000001,0,abcd1234,1,10">前方高能</d>
            <d p="1,7,25,255,1,0,x,1">[1,2]</d><d p="1,9,25,255,1,2,x,1">def text</d>
            <d p="broken">x</d><d p="3,5,36,255,1,0,x,1"></d></i>"#;
        let read = read(xml.as_bytes()).unwrap();
        assert_eq!(read.len(), 2, "{read:?}");
        let second = &read[1];
        assert_eq!(
            (second.t_ms, second.text.as_str(), second.colour.as_str()),
            (2_500, "下 & <b>", "#00ff00")
        );
        assert_eq!(
            (second.place, second.size, second.user.as_str()),
            (Place::Bottom, Size::Small, "ef567890")
        );
        assert_eq!(read[0].sent_at, Some(1_700_000_001_000));
    }

    #[test]
    fn tracks_of_later_days_add_what_is_new() {
        let track = |json: &str| super::read(json.as_bytes()).unwrap();
        let first = track(r#"[{"vposMs":5,"body":"b","userId":"u"},{"vposMs":1,"body":"a","userId":"u"}]"#);
        let later = track(r#"[{"vposMs":5,"body":"b","userId":"u"},{"vposMs":5,"body":"b","userId":"v"}]"#);
        let whole = merge(vec![first.clone(), later]);
        let said: Vec<_> =
            whole.comments.iter().map(|c| (c.t_ms, c.text.as_str(), c.user.as_str())).collect();
        assert_eq!(said, [(1, "a", "u"), (5, "b", "u"), (5, "b", "v")]);
        assert_eq!(whole.form, Form::Niconico);
        let other = track(r#"<i><d p="1,1,25,255,1,0,x,1">c</d></i>"#);
        assert_eq!(merge(vec![first, other]).form, Form::Plain);
        assert_eq!(merge(Vec::new()).form, Form::Plain);
    }

    #[test]
    fn what_is_of_neither_form_is_none() {
        for other in ["", "WEBVTT", "{\"a\":1}", "<i><d", "[1,"] {
            assert!(super::read(other.as_bytes()).is_none(), "{other}");
        }
        assert!(super::read(&[0xff, 0xfe]).is_none());
    }
}
