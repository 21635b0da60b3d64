//! The first line of a request.

#![no_main]

use hupd_fuzz::properties;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| properties::requests(bytes));
