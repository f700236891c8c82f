//! A CBOR writer by hand (RFC 8949), so that the tests can write what the crate itself never would.

use horahora_protocol::Cid;

pub(crate) const NULL: [u8; 1] = [0xf6];
pub(crate) const TRUE: [u8; 1] = [0xf5];

/// The head of an item in its shortest form.
pub(crate) fn head(major: u8, number: u64) -> Vec<u8> {
    match number {
        0..=23 => vec![major << 5 | u8::try_from(number).expect("below 24")],
        24..=0xff => head_of_width(major, number, 1),
        0x100..=0xffff => head_of_width(major, number, 2),
        0x1_0000..=0xffff_ffff => head_of_width(major, number, 4),
        _ => head_of_width(major, number, 8),
    }
}

/// The head of an item with its number in 1, 2, 4 or 8 bytes, needed or not.
pub(crate) fn head_of_width(major: u8, number: u64, width: usize) -> Vec<u8> {
    let info = 24 + u8::try_from(width.ilog2()).expect("a small width");
    let mut bytes = vec![major << 5 | info];
    bytes.extend(&number.to_be_bytes()[8 - width..]);
    bytes
}

pub(crate) fn uint(number: u64) -> Vec<u8> {
    head(0, number)
}

pub(crate) fn bytes(content: &[u8]) -> Vec<u8> {
    [head(2, content.len() as u64), content.to_vec()].concat()
}

pub(crate) fn text(content: &str) -> Vec<u8> {
    [head(3, content.len() as u64), content.as_bytes().to_vec()].concat()
}

pub(crate) fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}

/// A map with its keys in the order given.
pub(crate) fn map(fields: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items = fields.iter().flat_map(|(key, value)| [text(key), value.clone()]);
    [head(5, fields.len() as u64), items.collect::<Vec<_>>().concat()].concat()
}

/// A link as DAG-CBOR wants it: tag 42, a byte string, an identity multibase byte, the CID.
pub(crate) fn link(cid: &Cid) -> Vec<u8> {
    link_to(&[&[0], cid.to_bytes().as_slice()].concat())
}

/// A link with anything in its byte string.
pub(crate) fn link_to(content: &[u8]) -> Vec<u8> {
    [vec![0xd8, 42], bytes(content)].concat()
}
