//! The file, and how well hupd sees changes of it, in two lines of `hupctl status`.

use hupd::protocol::{Status, Watching};

use crate::visible::visible;

pub fn configuration(status: &Status) -> String {
    let file = visible(&status.config_file);
    match status.watch_config {
        true => format!("{file}, reloaded when it changes"),
        false => file,
    }
}

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
