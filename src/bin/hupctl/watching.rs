//! How well hupd sees changes of its files, in a line of `hupctl status`.

use hupd::protocol::Watching;

use crate::visible::visible;

pub fn watching(watching: &Watching) -> String {
    match watching {
        Watching::Beginning => "on, beginning".to_owned(),
        Watching::Healthy => "on, healthy".to_owned(),
        Watching::Degraded { reason } => format!(
            "on, DEGRADED: the files are only looked through now and then: {}",
            visible(reason)
        ),
    }
}
