//! All files of one load: from the main file through what it includes to a value.

mod including;

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use jiff::Timestamp;
use toml::de::DeTable;

use super::accounts::Accounts;
use super::crowd::crowd;
use super::decode::decode;
use super::finding::{Finding, Findings, into_problems};
use super::include::{self, Entry, INCLUDE};
use super::job::{Checker, DEFAULTS, JOBS};
use super::origin::Origin;
use super::policies::Policies;
use super::read::{ATTEMPTS, Contents, Identity};
use super::section::{Section, Title};
use super::settings::Settings;
use super::snapshot::Snapshot;
use super::source::Source;
use super::took::{Stopwatch, Took};
use super::words::{quoted, visible};
use super::{Accepted, Config, Job, LoadOutcome, Problems, SourceFile, Surroundings, syntax};
use crate::run::JobName;
use crate::schedule::{Zone, Zones};

/// How deep files may include each other.
const DEEPEST: usize = 16;

/// What has been read and found so far.
#[derive(Debug)]
pub(super) struct Loading<'s> {
    origin: Origin<'s>,
    surroundings: &'s Surroundings,
    now: Timestamp,
    /// Whoever asks how long it takes sets it.
    pub watch: Stopwatch,
    pub begun: Begun<'s>,
    snapshot: Snapshot,
    zones: Zones,
    accounts: Accounts,
    settings: Option<Settings>,
    defaults: Policies,
    jobs: BTreeMap<JobName, Arc<Job>>,
    /// Every job that is named, also a wrong one: the file, and where in it.
    names: BTreeMap<String, (Rc<Source>, usize)>,
    sources: Vec<SourceFile>,
    include_folders: Vec<PathBuf>,
    /// Where the last step of a pattern looks, and the pattern.
    looked_in: Vec<(PathBuf, String)>,
    /// What patterns have named, right or wrong.
    named: Vec<PathBuf>,
    /// In the order of reading, the main file first.
    files: Vec<Findings>,
    /// Every file that was read, and what named it.
    seen: BTreeMap<Identity, String>,
    /// The main file, and the files that include each other down to the one being read.
    chain: Vec<Link>,
}

/// Told each file before it is read.
pub(super) struct Begun<'b>(pub &'b dyn Fn(&Path));

impl fmt::Debug for Begun<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begun")
    }
}

/// One of the files that include each other.
#[derive(Debug)]
struct Link {
    identity: Identity,
    /// The file, or the place of the `include` that names it.
    named: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Main,
    Included,
}

impl<'s> Loading<'s> {
    pub fn new(origin: Origin<'s>, surroundings: &'s Surroundings, now: Timestamp) -> Self {
        Self {
            origin,
            surroundings,
            now,
            watch: Stopwatch::still(),
            begun: Begun(&|_| {}),
            snapshot: Snapshot::default(),
            zones: Zones::of(surroundings.zone_folder.clone()),
            accounts: Accounts::new(surroundings),
            settings: None,
            defaults: Policies::built_in(Zone::utc()),
            jobs: BTreeMap::new(),
            names: BTreeMap::new(),
            sources: Vec::new(),
            include_folders: Vec::new(),
            looked_in: Vec::new(),
            named: Vec::new(),
            files: Vec::new(),
            seen: BTreeMap::new(),
            chain: Vec::new(),
        }
    }

    pub fn main_file(&mut self, path: &Path) {
        match self.read(path) {
            Ok(contents) => {
                if let Err(finding) = self.refuse_hands(path) {
                    let mut findings = Findings::new(Rc::new(Source::new(path, "".into())));
                    findings.push(finding);
                    self.files.push(findings);
                    return;
                }
                let place = "the main file".to_owned();
                self.seen.insert(contents.identity, place);
                let name = path.display().to_string();
                self.file((path, name), contents, Role::Main);
            }
            Err(reason) => {
                let path = self.origin.place(path);
                let source = Source::new(path, "".into());
                let mut findings = Findings::new(Rc::new(source));
                let finding = Finding::error(format!("cannot read the file: {reason}"));
                findings.push(match is_missing(path) {
                    true => finding.help("write it, or name another file with -c"),
                    false => finding,
                });
                self.files.push(findings);
            }
        }
    }

    pub fn finish(self) -> (LoadOutcome, Took) {
        let watch = self.watch;
        let outcome = self.outcome();
        (outcome, watch.stop())
    }

    fn outcome(mut self) -> LoadOutcome {
        let is_refused = self.files.iter().any(Findings::has_errors);
        if !is_refused {
            self.warn_of_all_jobs();
        }
        let problems = Problems(into_problems(self.files));
        match self.settings {
            Some(settings) if !is_refused => Ok(Accepted {
                config: Config {
                    daemon: settings.daemon,
                    log: settings.log,
                    history: settings.history,
                    jobs: self.jobs,
                    sources: self.sources,
                    include_folders: self.include_folders,
                },
                warnings: problems,
            }),
            _ => Err(problems),
        }
    }

    /// Of what only all jobs together show.
    fn warn_of_all_jobs(&mut self) {
        let (Some(main), Some(settings)) = (self.files.first_mut(), &self.settings) else {
            return;
        };
        if self.jobs.is_empty() {
            let help = "write [jobs.NAME] and a command below it";
            main.push(Finding::warning("there are no jobs").help(help));
        }
        if let Some(mut crowd) = crowd(&self.jobs, &settings.daemon, self.now) {
            crowd.at = settings.max_running_at.clone();
            main.push(crowd);
        }
    }

    fn read(&mut self, path: &Path) -> Result<Contents, String> {
        (self.begun.0)(self.origin.place(path));
        let (origin, snapshot) = (self.origin, &mut self.snapshot);
        self.watch.read(|| origin.read(path, snapshot))
    }

    /// Something that is not what it was when it was read.
    pub fn changed(&mut self) -> Option<PathBuf> {
        let snapshot = &self.snapshot;
        let changed = self.watch.read(|| snapshot.changed());
        changed.map(Path::to_owned)
    }

    /// What was found in such files means nothing.
    pub fn refuse_changing(&mut self, main: &Path, changed: &Path) {
        let name = visible(&changed.to_string_lossy());
        let message = format!(
            "the files changed while they were read, {ATTEMPTS} times in a row; the last was '{name}'"
        );
        let help =
            "reload when whoever changes them is done; put a finished folder in place at once";
        let mut findings = Findings::new(Rc::new(Source::new(main, "".into())));
        findings.push(Finding::error(message).help(help).about(changed));
        self.files = vec![findings];
    }

    /// One file and all that it includes.
    fn file(&mut self, (path, named): (&Path, String), contents: Contents, role: Role) {
        let decoded = self.watch.read(|| decode(path, contents.bytes));
        let source = match decoded {
            Ok(source) => source,
            Err(findings) => {
                self.files.push(findings);
                return;
            }
        };
        self.sources.push(SourceFile {
            path: path.to_owned(),
            text: source.whole(),
        });
        let position = self.files.len();
        let (findings, entries) = self.check(&source, role);
        self.files.push(findings);
        self.chain.push(Link {
            identity: contents.identity,
            named,
        });
        for entry in entries {
            self.include(position, &entry);
        }
        self.chain.pop();
    }

    /// What is wrong with one file by itself, and what it includes. The tables are gone when this
    /// returns: they take many times the memory of the file.
    fn check(&mut self, source: &Rc<Source>, role: Role) -> (Findings, Vec<Entry>) {
        let mut findings = Findings::new(Rc::clone(source));
        let mut mended = String::new();
        let (tree, damage) = self.watch.parse(|| syntax::parse(source, &mut mended));
        let mut top = Section::new(Title::Top, source, Some(&tree), &mut findings);
        let (entries, jobs) = self.top(&mut top, role);
        top.finish();
        if let Some(jobs) = jobs {
            self.jobs(jobs, source, &mut findings);
        }
        findings.add_damage(damage);
        self.watch.parse(|| drop(tree));
        (findings, entries)
    }

    /// All that a file can say: what it includes and its jobs are left to be read.
    fn top<'t>(
        &mut self,
        top: &mut Section<'t, '_>,
        role: Role,
    ) -> (Vec<Entry>, Option<&'t DeTable<'t>>) {
        let entries = top.take_all(&INCLUDE, include::entries);
        match role {
            Role::Main => self.settings(top),
            Role::Included => refuse_settings(top, &self.chain[0].named),
        }
        (entries.unwrap_or_default(), top.take_table(&JOBS))
    }

    /// All keys of a main file.
    pub fn keys(mut self, top: &mut Section<'_, '_>) {
        self.top(top, Role::Main);
    }

    fn settings(&mut self, top: &mut Section<'_, '_>) {
        let settings = Settings::read(top, &mut self.zones, self.surroundings);
        let built_in = Policies::built_in(settings.daemon.timezone.clone());
        let table = top.take_table(&DEFAULTS);
        let mut section = top.inside(Title::Section("defaults"), table);
        self.defaults = built_in.overridden(&mut section, &mut self.zones, &mut self.accounts);
        section.refuse(
            &["command", "description", "every", "on_change", "schedule"],
            |key| {
                Finding::error(format!("'{key}' belongs to a job, not to [defaults]"))
                    .help("write it below [jobs.NAME]")
            },
        );
        section.finish();
        self.settings = Some(settings);
    }

    fn jobs(&mut self, table: &DeTable<'_>, source: &Rc<Source>, findings: &mut Findings) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if let Some((first, offset)) = self.names.get(name) {
                let place = visible(&first.place(*offset));
                let message = format!("job {} is already there: {place}", quoted(name));
                let finding = Finding::error(message).at(key.span());
                findings.push(finding.help("rename or remove one of them"));
            } else {
                let place = (Rc::clone(source), key.span().start);
                self.names.insert(name.to_owned(), place);
            }
            let mut checker = Checker {
                defaults: &self.defaults,
                zones: &mut self.zones,
                accounts: &mut self.accounts,
                host: &self.surroundings.host,
                now: self.now,
            };
            if let Some(job) = checker.job(key, value, (source, findings)) {
                self.jobs.insert(job.name.clone(), Arc::new(job));
            }
        }
    }
}

fn is_missing(path: &Path) -> bool {
    let found = path.symlink_metadata();
    found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn refuse_settings(top: &mut Section<'_, '_>, main: &str) {
    top.refuse(&["daemon", "defaults", "history", "log"], |key| {
        let message = format!("[{key}] belongs into the main file; included files hold jobs");
        Finding::error(message).help(format!("move it to {}", visible(main)))
    });
}
