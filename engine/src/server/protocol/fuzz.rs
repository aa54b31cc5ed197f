//! Everything that reads what a client sends, fed with anything: it may refuse, it may not panic, and it may not keep more than
//! was sent. `ALLOD_FUZZ_SECONDS` says how long.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::frame::Frames;
use super::handshake::{CAPABILITIES, Login, Response};
use super::payload::Payload;
use super::{parameter, sql};

/// Bytes as an attacker would choose them: lengths at their limits, NULLs, quotes, and anything.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let edge = prop::sample::select(vec![
        0u8, 1, 0x7f, 0x80, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, b'\'', b'\\', b'`', b'/',
    ]);
    vec(prop_oneof![edge, any::<u8>()], 0..300)
}

/// Reads it in every way there is.
fn read(bytes: &[u8], cut: usize) {
    let mut whole = Payload::new(bytes);
    while whole.lenenc_bytes().is_ok_and(|b| !b.is_empty()) {}
    let _ = Response::read(bytes, CAPABILITIES);
    // With every capability that changes how it is read.
    let mut response = CAPABILITIES.to_le_bytes().to_vec();
    response.resize(32, 0);
    response.extend_from_slice(bytes);
    let _ = Response::read(&response, CAPABILITIES);
    let _ = Login::read_change_user(&mut Payload::new(bytes), CAPABILITIES);
    let mut payload = Payload::new(bytes);
    if let Ok(types) = parameter::types(&mut payload, bytes.len() % 7) {
        for ty in types {
            let _ = parameter::value(&mut payload, ty, None);
        }
    }
    if let Some(text) = sql::text(bytes, None) {
        assert!(text.len() <= 2 * bytes.len() + 3);
    }
    frames(bytes, cut);
}

/// As a stream that comes in two pieces.
fn frames(bytes: &[u8], cut: usize) {
    const LIMIT: usize = 200;
    let mut frames = Frames::new(LIMIT);
    let mut input = BytesMut::new();
    let mut taken = 0;
    let (first, second) = bytes.split_at(cut.min(bytes.len()));
    for piece in [first, second] {
        input.extend_from_slice(piece);
        loop {
            match frames.take(&mut input) {
                Ok(Some(payload)) => {
                    assert!(payload.len() <= LIMIT);
                    taken += payload.len();
                    frames.restart();
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    assert!(taken + input.len() <= bytes.len());
}

#[test]
fn nothing_that_is_sent_makes_a_reader_panic() {
    let seconds = std::env::var("ALLOD_FUZZ_SECONDS").ok().and_then(|s| s.parse().ok());
    let until = Instant::now() + seconds.map_or(Duration::from_millis(500), Duration::from_secs);
    let mut runner = TestRunner::default();
    let strategy = (hostile(), 0usize..300);
    while Instant::now() < until {
        for _ in 0..100 {
            let (bytes, cut) = strategy.new_tree(&mut runner).expect("it rejects nothing").current();
            read(&bytes, cut);
        }
    }
}

proptest! {
    /// What is written in packets is read again, however it is cut.
    #[test]
    fn packets_come_back(payloads in vec(vec(any::<u8>(), 0..50), 0..10), cut in 0usize..500) {
        let mut stream = Vec::new();
        let mut writer = Frames::new(0);
        for payload in &payloads {
            writer.put(&mut stream, |out| out.extend_from_slice(payload));
        }
        let (mut reader, mut input, mut found) = (Frames::new(50), BytesMut::new(), Vec::new());
        let (first, second) = stream.split_at(cut.min(stream.len()));
        for piece in [first, second] {
            input.extend_from_slice(piece);
            while let Some(payload) = reader.take(&mut input).unwrap() {
                found.push(payload.to_vec());
            }
        }
        prop_assert_eq!(found, payloads);
    }
}
