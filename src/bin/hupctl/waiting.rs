//! What waits, as `status` tells of it.

use hupd::protocol::{Status, WaitingRow};

use crate::screen::View;
use crate::table::{Fit, Table};
use crate::visible::visible;

/// How many wait, and of how many of them it is told for what.
pub fn waiting(status: &Status) -> Option<String> {
    let waiting = status.waiting;
    let shown = status.first_waiting.len();
    match waiting {
        0 => None,
        _ if shown < waiting => Some(format!("{waiting}, of which the first {shown}:")),
        waiting => Some(waiting.to_string()),
    }
}

/// One line for each.
pub fn waiting_text(waiting: &[WaitingRow], view: &View) -> String {
    let mut table = Table::new(&[
        ("WAITING", Fit::Whole),
        ("JOB", Fit::Cut),
        ("DUE", Fit::Whole),
        ("", Fit::Spare),
        ("FOR", Fit::Spare),
    ]);
    for row in waiting {
        table.row([
            row.run.to_string(),
            visible(&row.job),
            view.times.at(row.scheduled_for),
            view.times.relative(row.scheduled_for),
            visible(&row.why),
        ]);
    }
    table.render(view.width)
}
