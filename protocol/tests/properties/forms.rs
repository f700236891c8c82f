//! Every other way to write a CBOR block that means the same, found by taking the block apart.

use crate::cbor;

/// One item of a block and where it is.
struct Item {
    major: u8,
    number: u64,
    start: usize,
    /// Where its content begins: the bytes of a text, the first item of a list.
    content: usize,
    end: usize,
    children: Vec<Item>,
}

/// Other bytes for what a block says, each with what was done to it. The block itself must be canonical: heads
/// as short as they can be, keys in order.
pub(crate) fn others(block: &[u8]) -> Vec<(String, Vec<u8>)> {
    let root = item(block, 0);
    assert_eq!(root.end, block.len(), "one item");
    let mut forms = vec![
        ("a byte more".to_owned(), [block, &[0]].concat()),
        ("the block twice".to_owned(), block.repeat(2)),
        ("a tag around it".to_owned(), [&[0xd9, 0xd9, 0xf7], block].concat()),
    ];
    walk(block, &root, &mut forms);
    forms
}

fn walk(block: &[u8], item: &Item, forms: &mut Vec<(String, Vec<u8>)>) {
    let whole = &block[item.start..item.end];
    let content = &block[item.content..item.end];
    let mut put = |what: &str, form: Vec<u8>| {
        let at = item.start;
        forms.push((format!("{what} at {at}"), [&block[..at], &form, &block[item.end..]].concat()));
    };
    if item.major < 7 {
        assert_eq!(
            &block[item.start..item.content],
            cbor::head(item.major, item.number),
            "the shortest head"
        );
        for width in [1, 2, 4, 8] {
            let head = cbor::head_of_width(item.major, item.number, width);
            if head.len() > item.content - item.start && (width == 8 || item.number >> (8 * width) == 0) {
                put("a long head", [head.as_slice(), content].concat());
            }
        }
    }
    match item.major {
        0 => {
            put("a number as a float", [&[0xfb], &float(item.number)[..]].concat());
            put("a number as a big one", [&[0xc2], &cbor::bytes(&item.number.to_be_bytes())[..]].concat());
        }
        2 => {
            put("bytes in parts", [&[0x5f], whole, &[0xff]].concat());
            put("bytes as text", [&cbor::head(3, item.number), content].concat());
            let numbers: Vec<_> = content.iter().map(|&byte| cbor::uint(u64::from(byte))).collect();
            put("bytes as numbers", cbor::array(&numbers));
        }
        3 => {
            put("text in parts", [&[0x7f], whole, &[0xff]].concat());
            put("text as bytes", [&cbor::head(2, item.number), content].concat());
            put("text as a key of null", [&cbor::head(5, 1), whole, &cbor::NULL].concat());
        }
        4 => put("an open list", [&[0x9f], content, &[0xff]].concat()),
        5 => {
            let key = |item: &Item| (item.number, block[item.content..item.end].to_vec());
            assert!(item.children.iter().step_by(2).map(key).is_sorted(), "keys by length, then by bytes");
            put("an open map", [&[0xbf], content, &[0xff]].concat());
            let of = |item: &Item| block[item.start..item.end].to_vec();
            let fields: Vec<_> =
                item.children.chunks(2).map(|pair| [of(&pair[0]), of(&pair[1])].concat()).collect();
            let map = |fields: &[Vec<u8>]| [cbor::head(5, fields.len() as u64), fields.concat()].concat();
            for at in 0..fields.len() {
                let mut twice = fields.clone();
                twice.insert(at, fields[at].clone());
                put("a key twice", map(&twice));
                let mut missing = fields.clone();
                missing.remove(at);
                put("a key less", map(&missing));
                if at > 0 {
                    let mut swapped = fields.clone();
                    swapped.swap(at - 1, at);
                    put("two keys swapped", map(&swapped));
                }
            }
            let more =
                [cbor::text("a key that nobody knows, after the others"), cbor::NULL.to_vec()].concat();
            put("a key more", map(&[fields.clone(), vec![more]].concat()));
            let values: Vec<_> = item.children.iter().skip(1).step_by(2).map(of).collect();
            put("a map as a list", cbor::array(&values));
        }
        6 => {
            put("a tag twice", [&block[item.start..item.content], whole].concat());
            put("no tag", content.to_vec());
        }
        _ => {
            put("a simple value in two bytes", [&[0xf8], &[whole[0] & 0x1f][..]].concat());
            put("undefined", vec![0xf7]);
        }
    }
    for child in &item.children {
        walk(block, child, forms);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a test of numbers that a float can write, and of some it cannot"
)]
fn float(number: u64) -> [u8; 8] {
    (number as f64).to_be_bytes()
}

/// Takes one item in canonical form apart.
fn item(block: &[u8], start: usize) -> Item {
    let (major, info) = (block[start] >> 5, block[start] & 0x1f);
    let width = if info < 24 { 0 } else { 1 << (info - 24) };
    let content = start + 1 + width;
    let number = match width {
        0 => u64::from(info),
        _ => block[start + 1..content].iter().fold(0, |number, &byte| number << 8 | u64::from(byte)),
    };
    let length = usize::try_from(number).unwrap_or(usize::MAX);
    let (text, within) = match major {
        2 | 3 => (length, 0),
        4 => (0, length),
        5 => (0, 2 * length),
        6 => (0, 1),
        _ => (0, 0),
    };
    let mut end = content + text;
    let mut children = Vec::new();
    for _ in 0..within {
        let child = item(block, end);
        end = child.end;
        children.push(child);
    }
    Item { major, number, start, content, end, children }
}
