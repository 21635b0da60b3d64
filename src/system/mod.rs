//! Everything that touches the machine.

pub mod alarm;
mod bell;
pub mod cgroups;
pub mod children;
pub mod detach;
pub mod identity;
pub mod inherited;
pub mod limits;
pub mod lock_file;
mod output;
pub mod raw;
pub mod signals;
pub mod spawn;
pub mod systemd;
#[cfg(test)]
mod testing;
pub mod watch;
