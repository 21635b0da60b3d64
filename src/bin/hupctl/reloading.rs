//! A reload under way, as `status` and whoever waits for its verdict tell of it.

use hupd::protocol::{Awaiting, Reloading, Status};
use jiff::SignedDuration;

use crate::screen::View;
use crate::visible::visible;

/// What takes no longer is no news.
const SOON: SignedDuration = SignedDuration::from_secs(5);

/// A line of `status`, and its name.
pub fn reloading(status: &Status, view: &View) -> (&'static str, Option<String>) {
    let Some(reloading) = &status.reloading else {
        return ("reloading", None);
    };
    let since = view.times.both(reloading.reloading_since);
    match view.times.now.duration_since(reloading.reloading_since) < SOON {
        true => ("reloading", Some(format!("since {since}"))),
        false => {
            let text = format!(
                "DEGRADED: since {since} {}, and no reload gets a verdict before that is done",
                awaited(reloading)
            );
            ("RELOAD HANGS", Some(text))
        }
    }
}

/// What a reload waits for.
pub fn awaited(reloading: &Reloading) -> String {
    let awaited = match (&reloading.reading, reloading.awaiting) {
        (Some(file), _) => {
            return format!("'{}', or what that names, is being read", visible(file));
        }
        (None, Awaiting::Record) => "what would come back is being put on record",
        (None, Awaiting::Text) => "the history is asked for the text of a generation",
        (None, Awaiting::Reader | Awaiting::File) => {
            "the reader is not done with the configuration before"
        }
    };
    awaited.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::view;
    use crate::status::tests::quiet;

    #[test]
    fn a_reload_that_takes_long_is_told_with_what_it_waits_for() {
        let mut status = quiet();
        let mut line = |since: &str| {
            status.reloading = Some(Reloading {
                reloading_since: since.parse().unwrap(),
                awaiting: Awaiting::File,
                reading: Some("/etc/hupd/hupd.toml".into()),
            });
            reloading(&status, &view())
        };
        let soon = "since 2026-11-23 06:59:57 (3 s ago)".to_owned();
        assert_eq!(line("2026-11-23T05:59:57Z"), ("reloading", Some(soon)));
        let long = "DEGRADED: since 2026-11-23 06:59:50 (10 s ago) '/etc/hupd/hupd.toml', or what that \
            names, is being read, and no reload gets a verdict before that is done";
        assert_eq!(
            line("2026-11-23T05:59:50Z"),
            ("RELOAD HANGS", Some(long.to_owned()))
        );
    }

    #[test]
    fn one_that_reads_no_file_yet_is_told_by_what_it_waits_for() {
        let told = |awaiting| {
            awaited(&Reloading {
                reloading_since: "2026-11-23T05:59:50Z".parse().unwrap(),
                awaiting,
                reading: None,
            })
        };
        assert_eq!(
            told(Awaiting::Record),
            "what would come back is being put on record"
        );
        assert_eq!(
            told(Awaiting::Text),
            "the history is asked for the text of a generation"
        );
        assert_eq!(
            told(Awaiting::Reader),
            "the reader is not done with the configuration before"
        );
    }
}
