//! A calendar expression, a zone and a time, a line each.

#![no_main]

use hupd_fuzz::properties;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| properties::schedule_of_lines(text));
