//! The engine in a world of invented time.

mod due;
mod forecast;
mod limits;
mod random;
mod reload;
mod stop;
mod world;
