//! The file: text → what is written → checked value → changes between two values.
//!
//! What comes out of [`load()`] is right by construction and is never checked again.

mod accounts;
mod attempts;
mod changes;
mod check;
mod compared;
mod credential;
mod crowd;
mod decode;
mod digest;
mod duration;
mod env_file;
mod environment;
mod finding;
mod foresight;
mod ignored;
mod include;
mod job;
mod key_of;
mod keys;
mod kinds;
mod limits;
mod load;
mod log_file;
mod longest;
mod mend;
mod missed;
mod nice;
mod on_change;
mod origin;
mod overlap;
mod policies;
mod portrait;
mod problem;
mod process;
mod read;
mod render;
mod retry;
mod schema;
mod secrets;
mod section;
mod settings;
mod size;
mod snapshot;
mod source;
mod surroundings;
mod synonyms;
mod syntax;
mod syntax_words;
mod timing;
mod took;
mod trust;
mod typed;
mod value;
mod way;
mod whereabouts;
mod words;
mod zones;

#[cfg(test)]
mod tests;

pub use accounts::Who;
pub use attempts::Retry;
pub use changes::Changes;
pub use compared::Compared;
pub use credential::CredentialError;
pub use duration::{format_duration, parse_duration};
pub use env_file::{EnvFileError, read_env_file};
pub use environment::{EnvValue, Environment};
pub use ignored::Ignored;
pub use keys::{Key, KeyChange};
pub use limits::{Limits, Resource, most_open_files};
pub use load::{
    Accepted, LoadOutcome, Loaded, Text, kept_said_of_start, load, load_as, load_kept, load_told,
    load_with_ignored, runtime_dir_of, said_of_start,
};
pub use on_change::OnChange;
pub use portrait::Policy;
pub use problem::{Problem, Problems, Severity};
pub use process::{Hangup, Process};
pub use schema::schema;
pub use size::{format_size, parse_size};
pub use surroundings::Surroundings;
pub use took::{ElapsedClock, Took};
pub use trust::{Writers, hand_of_others};
pub use value::{
    Config, DEFAULT_FILE, Daemon, History, Jitter, Job, Log, LogFormat, MAX_WAITING, Missed,
    OnInvalidStart, Orphans, OutputMode, Overlap, SOCKET_NAME, SourceFile, Timing,
};
pub use whereabouts::runtime_dir_said_by;
pub use words::{counted, visible};
