//! A duration.

#![no_main]

use hupd_fuzz::properties;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| properties::durations(text));
