//! What a file would change of what runs now: key by key, and what becomes of what runs and waits. Pure.

mod difference;
mod live;
mod on_change;
mod outlook;
mod portrait;

pub use difference::{Change, JobPlan, Plan};
pub use live::{Live, LiveRun};
pub use outlook::{Note, NoteKind};
pub use portrait::{InForce, JobPortrait, Portrait};
