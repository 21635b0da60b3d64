//! `overlap`, and with `"allow"` the `max_running` of a job; `group`.

use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value, json};

use super::finding::Finding;
use super::key_of::KeyOf;
use super::kinds::{Choice, Count};
use super::section::{Item, Section, Wrong};
use super::words::quoted;
use super::{Overlap, typed};
use crate::run::GroupName;

const LONGEST_NAME: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Skip,
    Queue,
    Replace,
    Allow,
}

static OVERLAP: KeyOf<Choice<Word>> = KeyOf::new(
    "overlap",
    Choice::new(),
    "\"skip\"",
    "What happens to an occurrence while an earlier run lives",
);
static MAX_RUNNING: KeyOf<Count> = KeyOf::new(
    "max_running",
    Count(1..=100_000),
    "",
    "With overlap = \"allow\": so many runs of the job side by side at most",
);

/// What a section says of it, each key by itself: `[defaults]` may say one and a job the other.
#[derive(Clone, Debug)]
pub(super) struct Written {
    word: Word,
    most: Option<usize>,
    /// Where this very section says how many.
    at: Option<Range<usize>>,
}

impl Written {
    pub const BUILT_IN: Self = Self {
        word: Word::Skip,
        most: None,
        at: None,
    };

    /// This, and on top of it what a section says.
    pub fn overridden(&self, section: &mut Section<'_, '_>) -> Self {
        let most = section.take(&MAX_RUNNING);
        Self {
            at: section.value_at("max_running").filter(|_| most.is_some()),
            word: section.take(&OVERLAP).unwrap_or(self.word),
            most: most
                .and_then(|most| usize::try_from(most).ok())
                .or(self.most),
        }
    }

    pub fn meant(&self) -> Overlap {
        match self.word {
            Word::Skip => Overlap::Skip,
            Word::Queue => Overlap::Queue,
            Word::Replace => Overlap::Replace,
            Word::Allow => Overlap::Allow {
                most: self.most.unwrap_or(Overlap::ANY_NUMBER),
            },
        }
    }

    /// A job that says itself how many of its runs there may be, where there is never more than one.
    pub fn check_max_running(&self, group: Option<&GroupName>, section: &mut Section<'_, '_>) {
        let Some(at) = self.at.clone() else {
            return;
        };
        let meant = self.meant().to_string();
        let written = section.peek("overlap");
        // Who has misspelt "allow" is told so, and no more.
        if written.is_some_and(|written| written.as_str() != Some(&meant)) {
            return;
        }
        let finding = match (self.meant(), group) {
            _ if self.most == Some(1) => return,
            (Overlap::Allow { .. }, None) => return,
            (Overlap::Allow { .. }, Some(group)) => {
                let group = quoted(group.as_str());
                Finding::warning(format!(
                    "max_running: of the group {group} one run is alive at a time"
                ))
                .absent()
                .help("leave it out, or take the job out of the group")
            }
            (overlap, _) => Finding::error(format!(
                "max_running: of a job with overlap = \"{overlap}\" one run is alive at a time"
            ))
            .help("leave it out, or write overlap = \"allow\""),
        };
        section.push(finding.at(at));
    }
}

pub(super) fn group_schema() -> Value {
    json!({ "type": "string", "pattern": "\\S", "minLength": 1, "maxLength": LONGEST_NAME })
}

/// The name of a group, or none of that of `[defaults]`: `"none"`.
pub(super) fn group(item: &Item<'_>) -> Result<Option<GroupName>, Wrong> {
    let name = typed::text_like(item, "\"database\"")?;
    let problem = match name {
        "none" => return Ok(None),
        name if name.trim().is_empty() => "is empty".to_owned(),
        name if name.chars().count() > LONGEST_NAME => format!("{} is too long", quoted(name)),
        name if name.chars().any(char::is_control) => {
            format!("{} has a control character", quoted(name))
        }
        name => return Ok(Some(GroupName::new(name))),
    };
    Err(Wrong::new(problem)
        .help("write a name of 1 to 100 letters, the same in all jobs of the group"))
}
