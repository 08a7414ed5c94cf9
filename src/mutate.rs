//! For tests: valid input, damaged as an attacker or a bad line would damage it.

use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::RngSeed;

/// So many cases, the same ones in every run: a test that fails must fail for whoever runs it next.
/// `PROPTEST_RNG_SEED` tries others, `PROPTEST_CASES` more.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
    }
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(0x5eed);
    }
    config
}

/// One way of damaging bytes.
#[derive(Debug, Clone)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Drop(Index, usize),
    Repeat(Index, usize, usize),
    Splice(Index, Index, usize),
    Put(Index, &'static [u8]),
}

/// Bytes that mean something to one decoder or another: lengths that lie, numbers without an end, brackets, anchors, marks.
const PIECES: [&[u8]; 32] = [
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xff\xff\xff\xff\x07",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
    b"\x0a\xff\x7f",
    b"\x12\x00\x12\x00\x12\x00",
    b"\x0b\x0c",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\"",
    b"\\ud800",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"{\"\":{\"\":{\"\":{\"\":{\"\":{\"\":",
    b"- - - - - - - - - - - - - - - - ",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"1e999",
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\n",
    b"\n---\n",
    b"\n...\n%YAML 9.9\n---\n",
    b"&a [*a]",
    b"<<: *a\n",
    b"!!binary ",
    b"? ",
    b"|+9\n",
    b"\x1b]8;;x\x07\xc2\x9b\xe2\x80\xae",
    b"//../*",
];

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<Index>;
    prop_oneof![
        (at(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        at().prop_map(Damage::Cut),
        (at(), 1..40_usize).prop_map(|(at, length)| Damage::Drop(at, length)),
        (at(), 1..40_usize, 2..200_usize)
            .prop_map(|(at, length, times)| Damage::Repeat(at, length, times)),
        (at(), at(), 1..200_usize).prop_map(|(at, from, length)| Damage::Splice(at, from, length)),
        (at(), select(PIECES.to_vec())).prop_map(|(at, piece)| Damage::Put(at, piece)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: &Index| at.index(bytes.len() + 1);
        let within = |at: &Index, length: usize| {
            let from = place(at);
            from..(from + length).min(bytes.len())
        };
        match self {
            Self::Flip(at, bit) => {
                let at = place(at);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            Self::Cut(at) => bytes.truncate(place(at)),
            Self::Drop(at, length) => drop(bytes.drain(within(at, *length))),
            Self::Repeat(at, length, times) => {
                let range = within(at, *length);
                let copies = bytes[range.clone()].repeat(*times);
                bytes.splice(range, copies);
            }
            Self::Splice(at, from, length) => {
                let copy = bytes[within(from, *length)].to_vec();
                let at = place(at);
                bytes.splice(at..at, copy);
            }
            Self::Put(at, piece) => {
                let at = place(at);
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}

/// One of these, damaged in up to four places.
pub(crate) fn damaged(valid: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    (select(valid), prop::collection::vec(damage(), 1..5)).prop_map(|(mut bytes, damages)| {
        for damage in damages {
            damage.apply(&mut bytes);
        }
        bytes
    })
}

/// [`damaged`] texts.
pub(crate) fn damaged_text(valid: &[&str]) -> impl Strategy<Value = String> {
    let valid = valid.iter().map(|text| text.as_bytes().to_vec()).collect();
    damaged(valid).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
