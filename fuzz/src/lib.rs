//! The properties that `cargo test` checks as well.

#[path = "../../tests/properties/mod.rs"]
pub mod properties;
