//! What must hold whatever somebody writes, over texts that are nearly right and over any bytes at all; and over
//! the corpus of the fuzz targets.

#[path = "properties/mod.rs"]
mod properties;
mod texts;

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use texts::{
    amount, bytes_of_a_file, conversation, lines_of_a_schedule, pieces_of_a_file, request,
    sections_of_a_file, target,
};

/// Nothing is written down: what was found once becomes a test beside the code, or a file of the corpus.
fn cases(number: u32) -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(number)
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_file_with_slips_of_the_hand_is_right_or_told(bytes in bytes_of_a_file()) {
        properties::file(&bytes);
    }

    #[test]
    fn a_file_of_pieces_is_right_or_told(text in pieces_of_a_file()) {
        properties::file(text.as_bytes());
    }

    #[test]
    fn a_file_of_sections_is_right_or_told(text in sections_of_a_file()) {
        properties::file(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_a_right_file_or_told(bytes: Vec<u8>) {
        properties::file(&bytes);
    }
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn an_expression_names_instants_in_order_or_is_told(text in lines_of_a_schedule()) {
        properties::schedule_of_lines(&text);
    }

    #[test]
    fn a_duration_is_exact_or_told(text in amount()) {
        properties::durations(&text);
    }

    #[test]
    fn a_size_is_exact_or_told(text in amount()) {
        properties::sizes(&text);
    }

    #[test]
    fn a_request_is_understood_or_refused(text in target()) {
        properties::requests(text.as_bytes());
    }

    #[test]
    fn a_request_is_understood_as_it_was_meant(request in request()) {
        properties::request_survives(&request);
    }
}

#[test]
fn whatever_is_sent_to_the_socket_the_next_client_is_served() {
    let socket = properties::Socket::new();
    let outcome = TestRunner::new(cases(300)).run(&conversation(), |bytes| {
        socket.survives(&bytes);
        Ok(())
    });
    outcome.expect("it survives all of it");
}

/// The files that a fuzz target starts from.
fn corpus(target: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let entries = fs::read_dir(folder).expect("the target has a corpus");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    paths.collect()
}

fn replay(target: &str, property: Property) {
    let files = corpus(target);
    assert!(!files.is_empty(), "{target}");
    for file in files {
        let bytes = fs::read(&file).expect("the corpus can be read");
        let outcome = catch_unwind(|| property(&bytes));
        assert!(outcome.is_ok(), "{}", file.display());
    }
}

type Property = fn(&[u8]);

const TARGETS: [(&str, Property); 6] = [
    ("file", properties::file),
    ("cron", |bytes| properties::schedule_of_lines(&text(bytes))),
    ("calendar", |bytes| {
        properties::schedule_of_lines(&text(bytes))
    }),
    ("durations", |bytes| properties::durations(&text(bytes))),
    ("sizes", |bytes| properties::sizes(&text(bytes))),
    ("requests", properties::requests),
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_corpus_of_every_fuzz_target_keeps_its_promises() {
    for (target, property) in TARGETS {
        replay(target, property);
    }
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let folders = fs::read_dir(corpus).expect("there is a corpus");
    assert_eq!(folders.count(), TARGETS.len(), "a corpus is not replayed");
}
