//! One object has one form: every other way to write it in CBOR is refused.

use ed25519_dalek::{Signer, SigningKey};
use horahora_protocol::{
    Cid, Codec, Signed, codec,
    entry::{Body, Entry},
    feed::Feed,
    limits,
    manifest::Manifest,
};

use crate::{
    cbor::{self, NULL, TRUE},
    values,
};

type Fields = Vec<(&'static str, Vec<u8>)>;

#[test]
fn a_hand_made_entry_in_canonical_form_is_accepted() {
    let entry = values::entry_sample();
    let payload = cbor::map(&fields());
    assert_eq!(payload, codec::encode(&entry), "the hand-made form of the entry");
    let block = block(&payload);
    let accepted = Feed::new(values::feed_id(), None).accept(&block).unwrap();
    assert_eq!(*accepted, entry);
    assert_eq!(accepted.block().1, block, "the hand-made signature");
}

#[test]
fn other_forms_of_an_entry_are_refused() {
    for (what, field, form) in other_forms() {
        refuse_entry(what, &block(&cbor::map(&with(field, form))));
    }
}

#[test]
fn other_orders_and_sets_of_keys_are_refused() {
    let mut reversed = fields();
    reversed.reverse();
    refuse_entry("keys backwards", &block(&cbor::map(&reversed)));
    for at in 1..fields().len() {
        let mut swapped = fields();
        swapped.swap(at - 1, at);
        refuse_entry("two keys swapped", &block(&cbor::map(&swapped)));
    }
    let mut alphabetic = fields();
    alphabetic.sort();
    refuse_entry("keys in alphabetic order", &block(&cbor::map(&alphabetic)));
    for at in 0..fields().len() {
        let mut missing = fields();
        let (key, value) = missing.remove(at);
        refuse_entry("a key is missing", &block(&cbor::map(&missing)));
        let mut twice = fields();
        twice.insert(at, (key, value));
        refuse_entry("a key is there twice", &block(&cbor::map(&twice)));
    }
    let mut more = fields();
    more.insert(1, ("w", cbor::uint(1)));
    refuse_entry("an unknown key", &block(&cbor::map(&more)));
    let values: Vec<_> = fields().into_iter().map(|(_, value)| value).collect();
    refuse_entry("an array in place of the map", &block(&cbor::array(&values)));
}

#[test]
fn other_forms_of_the_envelope_are_refused() {
    let payload = cbor::map(&fields());
    let signature = signature(&payload);
    let (p, s) = (("payload", payload.clone()), ("signature", cbor::bytes(&signature)));
    let both = cbor::map(&[p.clone(), s.clone()]);
    assert_eq!(both, block(&payload));
    refuse_entry("signature first", &cbor::map(&[s.clone(), p.clone()]));
    refuse_entry("signature twice", &cbor::map(&[p.clone(), s.clone(), s.clone()]));
    refuse_entry("no signature", &cbor::map(std::slice::from_ref(&p)));
    refuse_entry("more than that", &cbor::map(&[("x", NULL.into()), p.clone(), s.clone()]));
    refuse_entry("more at the end", &cbor::map(&[p.clone(), s.clone(), ("signature2", NULL.into())]));
    refuse_entry("signature of 63 bytes", &cbor::map(&[p.clone(), ("signature", cbor::bytes(&[1; 63]))]));
    refuse_entry("signature of 65 bytes", &cbor::map(&[p.clone(), ("signature", cbor::bytes(&[1; 65]))]));
    let numbers: Vec<_> = signature.iter().map(|&byte| cbor::uint(u64::from(byte))).collect();
    refuse_entry("signature as numbers", &cbor::map(&[p, ("signature", cbor::array(&numbers))]));
    refuse_entry("an array", &cbor::array(&[payload, cbor::bytes(&signature)]));
    refuse_entry("a byte more", &[both.as_slice(), &[0]].concat());
    refuse_entry("the block twice", &[both.as_slice(), &both].concat());
    refuse_entry("a break more", &[both.as_slice(), &[0xff]].concat());
    refuse_entry("a tag around it", &[vec![0xd9, 0xd9, 0xf7], both.clone()].concat());
    refuse_entry("a long map head", &[&[0xb8, 2], &both[1..]].concat());
    refuse_entry("an open map", &[&[0xbf], &both[1..], &[0xff]].concat());
    refuse_entry("nothing", &[]);
    for end in 0..both.len() {
        refuse_entry("cut off", &both[..end]);
    }
}

#[test]
fn other_forms_of_a_link_are_refused() {
    let cid = values::entry_sample().body;
    let (tag, plain) = (vec![0xd8, 42], [&[0], cid.to_bytes().as_slice()].concat());
    let hash = cid.hash().as_slice();
    let cid_of = |head: &[u8], hash: &[u8]| cbor::link_to(&[&[0], head, hash].concat());
    assert_eq!(cid_of(&[1, 0x71, 0x1e, 0x20], hash), cbor::link(&cid), "the hand-made link");
    let forms = [
        ("no multibase byte", cbor::link_to(&plain[1..])),
        ("another multibase", cbor::link_to(&[b"b", cid.to_string().as_bytes()].concat())),
        ("a byte more", cbor::link_to(&[plain.as_slice(), &[0]].concat())),
        ("a byte less", cbor::link_to(&plain[..36])),
        ("nothing in it", cbor::link_to(&[])),
        ("a long tag", [vec![0xd9, 0, 42], cbor::bytes(&plain)].concat()),
        ("a long length", [tag.clone(), cbor::head_of_width(2, 37, 2), plain.clone()].concat()),
        ("text in the tag", [tag.clone(), cbor::text(&cid.to_string())].concat()),
        ("no tag", cbor::bytes(&plain)),
        ("another tag", [vec![0xd8, 43], cbor::bytes(&plain)].concat()),
        ("a tag twice", [tag.clone(), cbor::link(&cid)].concat()),
        ("text", cbor::text(&cid.to_string())),
        ("null", NULL.into()),
        (
            "in parts",
            [tag, vec![0x5f], cbor::bytes(&plain[..4]), cbor::bytes(&plain[4..]), vec![0xff]].concat(),
        ),
        ("version 0", cid_of(&[0x12, 0x20], hash)),
        ("version 0 written out", cid_of(&[0, 0x70, 0x12, 0x20], hash)),
        ("version 2", cid_of(&[2, 0x71, 0x1e, 0x20], hash)),
        ("codec dag-pb", cid_of(&[1, 0x70, 0x1e, 0x20], hash)),
        ("codec cbor", cid_of(&[1, 0x51, 0x1e, 0x20], hash)),
        ("hash sha2-256", cid_of(&[1, 0x71, 0x12, 0x20], hash)),
        ("hash identity", cid_of(&[1, 0x71, 0, 0x20], hash)),
        ("a hash of 31 bytes", cid_of(&[1, 0x71, 0x1e, 0x1f], &hash[1..])),
        ("a hash of 33 bytes", cid_of(&[1, 0x71, 0x1e, 0x21], &[hash, &[0]].concat())),
        ("a hash of 0 bytes", cid_of(&[1, 0x71, 0x1e, 0], &[])),
        ("a hash longer than any", cid_of(&[1, 0x71, 0x1e, 0xff, 0xff, 0xff, 0xff, 0x7f], hash)),
        ("a long version", cid_of(&[0x81, 0, 0x71, 0x1e, 0x20], hash)),
        ("a long codec", cid_of(&[1, 0xf1, 0, 0x1e, 0x20], hash)),
        ("a long hash length", cid_of(&[1, 0x71, 0x1e, 0xa0, 0], hash)),
    ];
    for (what, form) in forms {
        refuse_entry(what, &block(&cbor::map(&with("body", form.clone()))));
        refuse_entry(what, &block(&cbor::map(&with("group", form))));
    }
}

#[test]
fn other_forms_of_a_body_are_refused() {
    let capture = values::capture_sample();
    let tool = |name: &'static str| (name, cbor::text(&capture.tools[name]));
    let fields = |tools: Vec<u8>, original: Vec<u8>, info: Option<Vec<u8>>| {
        let mut fields = vec![("v", cbor::uint(1))];
        fields.extend(info.map(|info| ("info", info)));
        fields.push(("tools", tools));
        fields.push(("video", cbor::text("niconico:sm9")));
        fields.push(("capture", cbor::link(&capture.capture)));
        fields.push(("manifest", cbor::link(&capture.manifest)));
        fields.push(("original", original));
        fields.push(("fetched_at", cbor::uint(capture.fetched_at.0)));
        fields.push(("source_url", cbor::text(&capture.source_url)));
        cbor::map(&fields)
    };
    let tools = cbor::map(&[tool("deno"), tool("ffmpeg"), tool("yt-dlp")]);
    let links: Vec<_> = capture.original.iter().map(cbor::link).collect();
    let (original, info) = (cbor::array(&links), capture.info.as_ref().map(cbor::link));
    let canonical = fields(tools.clone(), original.clone(), info.clone());
    assert_eq!(Body::decode("capture", &canonical).unwrap(), Body::Capture(capture.clone()));

    let long = [cbor::head_of_width(4, 2, 1), links.concat()].concat();
    let open = [vec![0x9f], links.concat(), vec![0xff]].concat();
    let twice = cbor::map(&[tool("deno"), tool("ffmpeg"), tool("ffmpeg"), tool("yt-dlp")]);
    let backwards = cbor::map(&[tool("yt-dlp"), tool("ffmpeg"), tool("deno")]);
    let number = [cbor::head(5, 1), cbor::uint(1), cbor::text("x")].concat();
    let forms = [
        ("tools in another order", fields(backwards, original.clone(), info.clone())),
        ("a tool twice", fields(twice, original.clone(), info.clone())),
        ("a number as a key", fields(number, original.clone(), info.clone())),
        ("tools as a list", fields(cbor::array(&[]), original.clone(), info.clone())),
        ("a list with a long head", fields(tools.clone(), long, info.clone())),
        ("an open list", fields(tools.clone(), open, info.clone())),
        ("null in place of a list", fields(tools.clone(), NULL.into(), info)),
        ("no info in place of null", fields(tools.clone(), original.clone(), None)),
        ("undefined in place of null", fields(tools, original, Some(vec![0xf7]))),
    ];
    for (what, form) in forms {
        assert!(Body::decode("capture", &form).is_err(), "accepted: {what}");
    }
}

#[test]
fn other_forms_of_a_manifest_are_refused() {
    let canonical = codec::encode(&values::manifest_sample());
    let replaced = |from: &[u8], to: &[u8]| {
        let at = canonical.windows(from.len()).position(|window| window == from).expect("it is in there");
        [&canonical[..at], to, &canonical[at + from.len()..]].concat()
    };
    let kind = [cbor::text("kind"), cbor::text("video")].concat();
    let other = [cbor::text("kind"), cbor::map(&[("video", NULL.into())])].concat();
    let (rate, numbers) = (cbor::text("frame_rate"), cbor::array(&[cbor::uint(30_000), cbor::uint(1_001)]));
    let rate_of = |items: &[Vec<u8>]| {
        replaced(&[rate.clone(), numbers.clone()].concat(), &[rate.clone(), cbor::array(items)].concat())
    };
    let forms = [
        ("a kind as a map", replaced(&kind, &other)),
        ("an unknown kind", replaced(&kind, &[cbor::text("kind"), cbor::text("scent")].concat())),
        ("a kind by number", replaced(&kind, &[cbor::text("kind"), cbor::uint(0)].concat())),
        ("a kind in upper case", replaced(&kind, &[cbor::text("kind"), cbor::text("Video")].concat())),
        ("a fraction of three", rate_of(&[cbor::uint(1), cbor::uint(1), cbor::uint(1)])),
        ("a fraction of one", rate_of(&[cbor::uint(30)])),
        ("a fraction as a float", replaced(&numbers, &[0xf9, 0x4f, 0x80])),
        ("a fraction that is too large", rate_of(&[cbor::uint(1 << 32), cbor::uint(1)])),
    ];
    for (what, form) in forms {
        assert!(Manifest::decode(&form).is_err(), "accepted: {what}");
    }
}

#[test]
fn a_cid_has_one_text_and_one_binary_form() {
    let cid = Cid::of(Codec::Raw, b"hello");
    let text = cid.to_string();
    let hex: String = cid.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let others = [
        format!("f{hex}"),
        format!("F{}", hex.to_uppercase()),
        text.to_uppercase(),
        format!("/ipfs/{text}"),
        format!("ipfs://{text}"),
        format!(" {text}"),
        format!("{text} "),
        format!("{text}="),
        format!("{text}a"),
        text[..text.len() - 1].to_owned(),
        "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n".to_owned(),
        "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi".to_owned(),
    ];
    for other in others {
        assert!(other.parse::<Cid>().is_err(), "accepted: {other:?}");
    }
    let bytes = cid.to_bytes();
    for end in 0..bytes.len() {
        assert!(Cid::from_bytes(&bytes[..end]).is_err(), "accepted: {end} bytes");
    }
}

#[test]
fn a_cid_with_bytes_after_it_is_refused() {
    let mut bytes = Cid::of(Codec::Raw, b"hello").to_bytes();
    bytes.push(0);
    assert!(Cid::from_bytes(&bytes).is_err(), "one blob has two binary names: 36 bytes, and those and a 0");
}

/// What, the field, and how else its value can be written.
fn other_forms() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let entry = values::entry_sample();
    let node = entry.node.public_key();
    let numbers: Vec<_> = node.iter().map(|&byte| cbor::uint(u64::from(byte))).collect();
    vec![
        ("1 in two bytes", "v", cbor::head_of_width(0, 1, 1)),
        ("1 in three bytes", "v", cbor::head_of_width(0, 1, 2)),
        ("1 in nine bytes", "v", cbor::head_of_width(0, 1, 8)),
        ("1 as half a float", "v", vec![0xf9, 0x3c, 0x00]),
        ("1 as a short float", "v", vec![0xfa, 0x3f, 0x80, 0, 0]),
        ("1 as a float", "v", vec![0xfb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0]),
        ("1 as a big number", "v", [vec![0xc2], cbor::bytes(&[1])].concat()),
        ("1 as true", "v", TRUE.into()),
        ("1 as text", "v", cbor::text("1")),
        ("-1", "v", vec![0x20]),
        ("256", "v", cbor::uint(256)),
        ("null", "v", NULL.into()),
        ("undefined", "previous", vec![0xf7]),
        ("an empty list for none", "previous", cbor::array(&[])),
        ("a simple value", "previous", vec![0xf8, 0x20]),
        ("a time in a long form", "at", cbor::head_of_width(0, 5, 8)),
        ("a time with a tag", "at", [vec![0xc1], cbor::uint(entry.at.0)].concat()),
        ("a time in text", "at", [vec![0xc0], cbor::text("2026-01-01T00:00:00Z")].concat()),
        ("not a number", "at", vec![0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]),
        ("without end", "at", vec![0xf9, 0x7c, 0x00]),
        ("more than 64 bits", "at", [vec![0xc2], cbor::bytes(&[1; 9])].concat()),
        ("text in parts", "kind", [vec![0x7f], cbor::text("req"), cbor::text("uest"), vec![0xff]].concat()),
        ("text with a long length", "kind", [cbor::head_of_width(3, 7, 1), b"request".to_vec()].concat()),
        ("text as bytes", "kind", cbor::bytes(b"request")),
        ("text that is no UTF-8", "kind", [cbor::head(3, 2), vec![0xc3, 0x28]].concat()),
        ("text with half a pair", "kind", [cbor::head(3, 3), vec![0xed, 0xa0, 0x80]].concat()),
        ("text with a tag", "kind", [vec![0xd8, 32], cbor::text("request")].concat()),
        (
            "bytes in parts",
            "node",
            [vec![0x5f], cbor::bytes(&node[..9]), cbor::bytes(&node[9..]), vec![0xff]].concat(),
        ),
        ("bytes as numbers", "node", cbor::array(&numbers)),
        ("bytes as text", "node", cbor::text(&entry.node.to_string())),
        ("31 bytes", "node", cbor::bytes(&node[1..])),
        ("33 bytes", "node", cbor::bytes(&[1; 33])),
        ("reserved head", "v", vec![0x1c]),
        ("a break", "v", vec![0xff]),
    ]
}

/// The sample entry's fields in canonical order: by length, then by bytes.
fn fields() -> Fields {
    let entry = values::entry_sample();
    vec![
        ("v", cbor::uint(1)),
        ("at", cbor::uint(entry.at.0)),
        ("seq", cbor::uint(entry.seq)),
        ("body", cbor::link(&entry.body)),
        ("kind", cbor::text(&entry.kind)),
        ("node", cbor::bytes(entry.node.public_key())),
        ("group", cbor::link(&entry.group)),
        ("previous", NULL.into()),
        ("incarnation", cbor::uint(entry.incarnation)),
    ]
}

fn with(field: &str, form: Vec<u8>) -> Fields {
    let mut fields = fields();
    let place = fields.iter_mut().find(|(key, _)| *key == field).expect("a field of the entry");
    place.1 = form;
    fields
}

/// A signed entry by hand. The signature is over the bytes given, so it fits even when their form does not.
fn block(payload: &[u8]) -> Vec<u8> {
    cbor::map(&[("payload", payload.to_vec()), ("signature", cbor::bytes(&signature(payload)))])
}

fn signature(payload: &[u8]) -> [u8; 64] {
    let message = [b"horahora/entry/1\0", payload].concat();
    SigningKey::from_bytes(&[7; 32]).sign(&message).to_bytes()
}

fn refuse_entry(what: &str, block: &[u8]) {
    let read = codec::decode::<Signed<Entry>>(block, limits::ENTRY_BYTES);
    assert!(read.is_err(), "accepted: {what}");
}
