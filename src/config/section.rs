//! One table of a file, from which each key is taken once; what is left over is unknown.

use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::{Finding, Findings};
use super::include::INCLUDE;
use super::key_of::{KeyOf, Kind, Known};
use super::kinds::Table;
use super::source::Source;
use super::synonyms;
use super::words::{key_of, list, nearest, quoted, shortened, visible};

/// One value as written, and where.
#[derive(Debug)]
pub(super) struct Item<'t> {
    pub source: &'t Source,
    pub value: &'t DeValue<'t>,
    pub at: Range<usize>,
}

/// Why a value cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// The part of the value that is meant; all of it where there is none.
    pub at: Option<Range<usize>>,
    pub message: String,
    pub help: Option<String>,
}

impl Wrong {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            at: None,
            message: message.into(),
            help: None,
        }
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Which table a section is: what messages call it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Title<'t> {
    Top,
    Section(&'static str),
    Job(&'t str),
}

impl fmt::Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => f.write_str("at the top of the file"),
            Self::Section(name) => write!(f, "in [{name}]"),
            Self::Job(name) => write!(f, "in [jobs.{}]", key_of(name)),
        }
    }
}

/// A table that is being read; an absent one is read like an empty one.
#[derive(Debug)]
pub(super) struct Section<'t, 'f> {
    title: Title<'t>,
    source: &'t Source,
    table: Option<&'t DeTable<'t>>,
    initials: Initials,
    /// So many of its keys were asked for.
    found: usize,
    /// What was asked for so far: in the end, all that may be written.
    known: Vec<&'static dyn Known>,
    /// What was told already that it belongs elsewhere.
    refused: Vec<&'static str>,
    findings: &'f mut Findings,
}

/// How the keys of a table begin, a bit for each: most tables have few of the many keys that are asked for, and
/// there may be very many tables.
#[derive(Clone, Copy, Debug)]
struct Initials(u64);

impl Initials {
    fn of(table: Option<&DeTable<'_>>) -> Self {
        let keys = table.into_iter().flat_map(|table| table.keys());
        Self(keys.fold(0, |bits, key| bits | Self::bit(key.get_ref())))
    }

    /// Whether there may be such a key.
    fn may_begin(self, key: &str) -> bool {
        self.0 & Self::bit(key) != 0
    }

    fn bit(key: &str) -> u64 {
        let initial = key.bytes().next().unwrap_or_default();
        1 << (initial % 64)
    }
}

impl<'t, 'f> Section<'t, 'f> {
    pub fn new(
        title: Title<'t>,
        source: &'t Source,
        table: Option<&'t DeTable<'t>>,
        findings: &'f mut Findings,
    ) -> Self {
        Self {
            title,
            source,
            table,
            initials: Initials::of(table),
            found: 0,
            known: Vec::with_capacity(60),
            refused: Vec::new(),
            findings,
        }
    }

    /// The value of a key, if it is there and right.
    pub fn take<K: Kind>(&mut self, key: &'static KeyOf<K>) -> Option<K::Value> {
        self.take_by(key, |item| key.kind.read(item))
    }

    /// The same, where it takes more than the value to read it.
    pub fn take_by<T>(
        &mut self,
        key: &'static dyn Known,
        read: impl FnOnce(&Item<'t>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let item = self.item(key)?;
        read(&item)
            .map_err(|wrong| self.push_wrong(key.name(), &item, wrong))
            .ok()
    }

    /// What is right of a value in which several things can be wrong.
    pub fn take_all<T>(
        &mut self,
        key: &'static dyn Known,
        read: impl FnOnce(&Item<'t>, &mut Vec<Wrong>) -> T,
    ) -> Option<T> {
        let item = self.item(key)?;
        let mut wrongs = Vec::new();
        let value = read(&item, &mut wrongs);
        for wrong in wrongs {
            self.push_wrong(key.name(), &item, wrong);
        }
        Some(value)
    }

    /// A table below this one, to be read with [`Section::inside`].
    pub fn take_table(&mut self, key: &'static KeyOf<Table>) -> Option<&'t DeTable<'t>> {
        self.take_by(key, |item| match item.value {
            DeValue::Table(table) => Ok(table),
            _ => Err(item.unlike("a table").help(format!("write {}", key.kind.0))),
        })
    }

    /// A section for a table below this one.
    pub fn inside(&mut self, title: Title<'t>, table: Option<&'t DeTable<'t>>) -> Section<'t, '_> {
        Section::new(title, self.source, table, self.findings)
    }

    /// Refuses keys that belong elsewhere.
    pub fn refuse(&mut self, keys: &[&'static str], finding: impl Fn(&str) -> Finding) {
        for key in keys {
            self.refused.push(key);
            if let Some(at) = self.key_at(key) {
                self.found += 1;
                self.findings.push(finding(key).at(at));
            }
        }
    }

    pub fn key_at(&self, key: &str) -> Option<Range<usize>> {
        let (key, _) = self.table?.get_key_value(key)?;
        Some(key.span())
    }

    /// A value as it is written, right or wrong.
    pub fn peek(&self, key: &str) -> Option<&'t DeValue<'t>> {
        Some(self.table?.get(key)?.get_ref())
    }

    /// Where the value of a key is.
    pub fn value_at(&self, key: &str) -> Option<Range<usize>> {
        Some(self.table?.get(key)?.span())
    }

    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// All that may be written, in the order of asking.
    pub fn into_known(self) -> Vec<&'static dyn Known> {
        self.known
    }

    /// Reports every key that nobody asked for.
    pub fn finish(self) {
        if self.table.is_none_or(|table| table.len() == self.found) {
            return;
        }
        for (key, value) in self.table.into_iter().flatten() {
            let known = self.known.iter().map(|key| key.name());
            let mut told = known.chain(self.refused.iter().copied());
            if !told.any(|known| known == key.get_ref()) {
                let finding = self.unknown(key.get_ref(), value.get_ref());
                self.findings.push(finding.at(key.span()));
            }
        }
    }

    fn item(&mut self, key: &'static dyn Known) -> Option<Item<'t>> {
        let mut known = self.known.iter().map(|known| known.name());
        debug_assert!(known.all(|known| known != key.name()), "asked for once");
        self.known.push(key);
        if !self.initials.may_begin(key.name()) {
            return None;
        }
        let value: &'t Spanned<DeValue<'t>> = self.table?.get(key.name())?;
        self.found += 1;
        Some(Item {
            source: self.source,
            value: value.get_ref(),
            at: value.span(),
        })
    }

    fn push_wrong(&mut self, key: &str, item: &Item<'_>, wrong: Wrong) {
        let mut finding = Finding::error(format!("{key}: {}", wrong.message));
        finding.at = Some(wrong.at.unwrap_or_else(|| item.at.clone()));
        finding.help = wrong.help;
        self.findings.push(finding);
    }

    fn unknown(&self, key: &str, value: &DeValue<'_>) -> Finding {
        let mut known: Vec<_> = self.known.iter().map(|key| key.name()).collect();
        known.sort_unstable();
        let finding = Finding::error(format!("unknown key {} {}", quoted(key), self.title));
        let meant = nearest(key, known.iter().copied()).or(synonyms::meant(key, &known));
        let help = match (self.title, meant) {
            (Title::Section(_) | Title::Job(_), _) if key == INCLUDE.name => {
                "it belongs to the top of the file, above the first [section]".to_owned()
            }
            (_, Some(known)) => format!("did you mean '{known}'?"),
            (Title::Job(job), None) if is_job(value) => {
                let whole = visible(&format!("{job}.{key}"));
                format!("a name with a dot must be in quotes: [jobs.\"{whole}\"]")
            }
            _ => format!("known here: {}", list(known, "and")),
        };
        finding.help(help)
    }
}

/// Whether a table looks like a job, and not like the value of a key.
pub(super) fn is_job(value: &DeValue<'_>) -> bool {
    let table = value.as_table();
    table.is_some_and(|table| table.contains_key("command"))
}

impl<'t> Item<'t> {
    /// One of the values that this one is made of.
    pub fn part(&self, value: &'t Spanned<DeValue<'t>>) -> Self {
        Self {
            source: self.source,
            value: value.get_ref(),
            at: value.span(),
        }
    }

    /// `expected a duration, found the number 30`.
    pub fn unlike(&self, what: &str) -> Wrong {
        Wrong::new(format!("expected {what}, found {}", self.found()))
    }

    /// Where a part of a text stands in the file, if it stands there letter for letter.
    pub fn inside(&self, text: &str, part: &Range<usize>) -> Option<Range<usize>> {
        let written = self.source.text().get(self.at.clone())?;
        let is_plain = written.len() == text.len() + 2 && written.get(1..=text.len())? == text;
        let start = self.at.start + 1 + part.start;
        (is_plain && part.end <= text.len()).then_some(start..start + part.len())
    }

    /// What is written, without telling it.
    pub fn kind(&self) -> &'static str {
        match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(true) => "true",
            DeValue::Boolean(false) => "false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    fn found(&self) -> String {
        match self.value {
            DeValue::String(text) => format!("the text {}", quoted(text)),
            DeValue::Integer(number) => format!("the number {}", shortened(&number.to_string())),
            DeValue::Float(number) => format!("the number {}", shortened(&number.to_string())),
            _ => self.kind().to_owned(),
        }
    }
}
