//! Random lives of machines on which hupd serves, from a seed: the real loop, engine and store rules, on an invented
//! world, against invariants and a reference model.

#![allow(dead_code, reason = "each program uses its part")]

pub mod acts;
pub mod chance;
pub mod clock;
pub mod dice;
pub mod disk;
mod happenings;
pub mod invariants;
pub mod jobs;
pub mod ledger;
pub mod life;
pub mod machine;
pub mod model;
pub mod oracle;
pub mod owed;
pub mod plan;
mod power;
pub mod process;
pub mod shrink;
pub mod tally;
mod world;
