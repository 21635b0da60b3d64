//! The engine in a world of invented time.

mod due;
mod limits;
mod reload;
mod stop;
mod world;
