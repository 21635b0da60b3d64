//! The tz database on disk, and which zone the machine itself is in.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{env, fs};

use jiff::tz::TimeZone;

use super::expression_error::quoted;
use super::{Zone, ZoneError};

const FOLDERS: [&str; 3] = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"];
const LOCALTIME: &str = "/etc/localtime";
/// In any path to zone data, what comes before the name of the zone.
const BEFORE_NAME: &str = "/zoneinfo/";
/// Far above every name that exists.
const LONGEST_NAME: usize = 64;
const ALIKE: f64 = 0.75;

/// Where the tz database is, if it is anywhere.
#[derive(Debug)]
pub(super) struct ZoneData {
    folder: Option<PathBuf>,
}

impl ZoneData {
    /// `$TZDIR`, else the usual folders, as the C library has it.
    pub fn find() -> Self {
        Self::chosen(env::var_os("TZDIR").as_deref().map(Path::new))
    }

    /// The same for a process whose `$TZDIR` this is.
    pub fn chosen(folder: Option<&Path>) -> Self {
        let usual = FOLDERS.iter().map(Path::new);
        let mut folders = folder.into_iter().chain(usual);
        // What is empty is none.
        let found = folders.find(|folder| folder.is_dir());
        Self {
            folder: found.map(Path::to_owned),
        }
    }

    #[cfg(test)]
    pub fn at(folder: &Path) -> Self {
        Self {
            folder: folder.is_dir().then(|| folder.to_path_buf()),
        }
    }

    /// A zone by its name. Nothing is remembered: the next look-up sees what is on disk then.
    pub fn zone(&self, name: &str) -> Result<Zone, ZoneError> {
        let Some(folder) = &self.folder else {
            return Err(no_data(name, "on this machine"));
        };
        if name.starts_with("right/") {
            let found = quoted(name);
            return Err(ZoneError(format!(
                "zone {found} counts leap seconds; leave out 'right/'"
            )));
        }
        if !is_well_formed(name) {
            return Err(self.unknown(name));
        }
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(data) if data.starts_with(b"TZif") => decode(name, &path, &data),
            Ok(_) => Err(self.unknown(name)),
            Err(error) => match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
                    Err(self.unknown(name))
                }
                _ => Err(ZoneError(format!("{}: {error}", path.display()))),
            },
        }
    }

    fn unknown(&self, name: &str) -> ZoneError {
        if let Some(folder) = self.folder.as_ref().filter(|_| self.names().is_empty()) {
            return no_data(name, &format!("in {}", folder.display()));
        }
        let found = quoted(name);
        match self.closest(name) {
            Some(close) => ZoneError(format!("unknown zone {found}; did you mean '{close}'?")),
            None => ZoneError(format!(
                "unknown zone {found} (allowed: names of the tz database such as 'Europe/Berlin', and 'UTC')"
            )),
        }
    }

    /// The zone whose name, or whose city, is most like what was written.
    fn closest(&self, name: &str) -> Option<String> {
        // An abbreviation, such as CEST, is like many names and means none of them.
        let is_abbreviation = name.bytes().all(|byte| byte.is_ascii_uppercase());
        if name.len() > LONGEST_NAME || is_abbreviation {
            return None;
        }
        let wanted = name.to_lowercase().replace(' ', "_");
        let likeness = |zone: &String| {
            let zone = zone.to_lowercase();
            let city = zone.rsplit('/').next().unwrap_or(&zone);
            let whole = strsim::normalized_damerau_levenshtein(&wanted, &zone);
            whole.max(strsim::normalized_damerau_levenshtein(&wanted, city))
        };
        self.names()
            .into_iter()
            .map(|zone| (likeness(&zone), zone))
            .filter(|(likeness, _)| *likeness >= ALIKE)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, zone)| zone)
    }

    /// In reverse order of the alphabet, so that of equals the last and best is the first by name.
    fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(folder) = &self.folder {
            collect_names(folder, "", &mut names);
        }
        names.sort_by(|a, b| b.cmp(a));
        names
    }
}

fn no_data(name: &str, place: &str) -> ZoneError {
    let found = quoted(name);
    ZoneError(format!(
        "zone {found}: no zone data {place} (install tzdata); only 'UTC' works without"
    ))
}

// Zones and their folders begin with a capital letter; `posix`, `right` and tables do not.
fn collect_names(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let file = entry.file_name();
        let Some(file) = file
            .to_str()
            .filter(|file| file.starts_with(|first: char| first.is_ascii_uppercase()))
        else {
            continue;
        };
        // A link to a folder is not followed, for it may lead back.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => {
                collect_names(&entry.path(), &format!("{prefix}{file}/"), names)
            }
            _ => names.push(format!("{prefix}{file}")),
        }
    }
}

/// Whether a name stays within the folder.
fn is_well_formed(name: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
    };
    name.len() <= LONGEST_NAME && name.split('/').all(is_part)
}

fn decode(name: &str, path: &Path, data: &[u8]) -> Result<Zone, ZoneError> {
    match TimeZone::tzif(name, data) {
        Ok(zone) => Ok(Zone::new(name.to_string(), zone)),
        Err(error) => Err(ZoneError(format!(
            "{}: damaged zone data: {error}",
            path.display()
        ))),
    }
}

/// The zone that a process is in, by its `$TZ`.
pub(super) fn system(data: &ZoneData, variable: Option<&OsStr>) -> Result<Zone, ZoneError> {
    match variable {
        Some(text) => from_variable(data, text),
        None => Ok(from_localtime(data, Path::new(LOCALTIME))),
    }
}

/// As the C library reads `$TZ`: a name, a path or a rule, perhaps after a colon.
pub(super) fn from_variable(data: &ZoneData, text: &OsStr) -> Result<Zone, ZoneError> {
    let Some(text) = text.to_str() else {
        return Err(ZoneError(format!(
            "TZ: {} is not UTF-8",
            quoted(&text.to_string_lossy())
        )));
    };
    let name = text.strip_prefix(':').unwrap_or(text);
    if matches!(name, "" | "UTC") {
        return Ok(Zone::utc());
    }
    if name.starts_with('/') {
        let path = Path::new(name);
        return from_file(data, path)
            .ok_or_else(|| ZoneError(format!("TZ: no zone data in {}", quoted(name))));
    }
    data.zone(name)
        .or_else(|error| match TimeZone::posix(name) {
            Ok(zone) => Ok(Zone::new(name.to_string(), zone)),
            Err(_) => Err(ZoneError(format!("TZ: {error}"))),
        })
}

/// UTC where there is nothing that can be read, as everywhere else on the machine.
pub(super) fn from_localtime(data: &ZoneData, path: &Path) -> Zone {
    from_file(data, path).unwrap_or_else(Zone::utc)
}

/// By the name that a link or path tells, else by the content, under the name of the path: `$TZ`
/// takes that as well.
fn from_file(data: &ZoneData, path: &Path) -> Option<Zone> {
    let target = fs::read_link(path).unwrap_or_else(|_| path.to_path_buf());
    let named = target
        .to_str()
        .and_then(|target| target.split_once(BEFORE_NAME));
    if let Some((_, name)) = named {
        let name = name.strip_prefix("right/").unwrap_or(name);
        if let Ok(zone) = data.zone(name) {
            return Some(zone);
        }
    }
    decode(path.to_str()?, path, &fs::read(path).ok()?).ok()
}
