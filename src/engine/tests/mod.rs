//! The engine in a world of invented time.

mod beside;
mod cost;
mod downtime;
mod due;
mod forecast;
mod hangs;
mod hangup;
mod jitter;
mod late;
mod leftover;
mod limits;
mod pause;
mod random;
mod reload;
mod replace;
mod retries;
mod shortage;
mod starts;
mod stop;
mod world;
