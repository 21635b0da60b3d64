//! The peak memory of a run. A file of its own: what a test process has had, its hupd inherits, and a
//! neighbour that fails has much.

mod common;

use common::Hupd;
use serde_json::Value;

#[test]
fn the_peak_of_memory_is_that_of_the_run_or_unknown() {
    let hupd = Hupd::start(
        r#"
        [jobs.big]
        command = "head -c 100M /dev/zero | tail >/dev/null"
        [jobs.small]
        command = ["true"]
        "#,
    );
    let big = hupd.home.run_to_end("big");
    let peak = big["peak_memory_bytes"].as_u64().expect("a number");
    assert!((100 << 20..200 << 20).contains(&peak), "{peak}");
    let small = hupd.home.run_to_end("small");
    assert_eq!(small["peak_memory_bytes"], Value::Null);
    assert_eq!(hupd.home.ended_run("big")["peak_memory_bytes"], peak);
    assert_eq!(
        hupd.home.ended_run("small")["peak_memory_bytes"],
        Value::Null
    );
}
