//! The files that others include, and what is wrong with that.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use super::super::finding::Finding;
use super::super::ignored::Ignored;
use super::super::include::{self, Entry};
use super::super::read::Identity;
use super::super::trust::{Hand, Writers, first_hand, first_hand_on_names};
use super::super::words::visible;
use super::{DEEPEST, Loading, Role};

impl Loading<'_> {
    pub(super) fn include(&mut self, position: usize, entry: &Entry) {
        let source = Rc::clone(self.files[position].source());
        let folders = include::folders(source.folder(), &entry.pattern);
        let last = include::last_folders(source.folder(), &entry.pattern);
        let last = last
            .into_iter()
            .map(|folder| (folder, entry.pattern.clone()));
        self.looked_in.extend(last);
        let missing = folders.first().filter(|folder| !folder.is_dir());
        if let Some(folder) = missing.filter(|_| self.origin.is_disk()) {
            let message = format!("include: there is no folder {}", quoted_path(folder));
            let finding = Finding::warning(message).at(entry.at.clone());
            let help = "make the folder, or leave the pattern out";
            self.files[position].push(finding.help(help));
        }
        let open = folders
            .iter()
            .find_map(|folder| self.refuse_open_list(folder).err());
        self.include_folders.extend(folders);
        if let Some(finding) = open {
            self.files[position].push(finding.at(entry.at.clone()));
            return;
        }
        let pattern = (source.folder(), &*entry.pattern);
        let paths = match self.origin.expand(pattern, &mut self.snapshot) {
            Ok(paths) => paths,
            Err(wrong) => {
                let mut finding = wrong_include(wrong.message, &entry.at);
                finding.help = wrong.help;
                self.files[position].push(finding);
                return;
            }
        };
        self.named.extend(paths.iter().cloned());
        for path in paths {
            let place = source.place(entry.at.start);
            if let Err(finding) = self.include_file(&path, place, &entry.at) {
                self.files[position].push(finding);
            }
        }
    }

    fn include_file(
        &mut self,
        path: &Path,
        place: String,
        at: &Range<usize>,
    ) -> Result<(), Finding> {
        let name = quoted_path(path);
        if self.chain.len() > DEEPEST {
            let message = format!("{name} is included more than {DEEPEST} deep");
            let help = "include it from the main file";
            return Err(wrong_include(message, at).help(help));
        }
        let contents = self.read(path).map_err(|reason| {
            let message = format!("cannot read {name}: {reason}");
            let help = match () {
                () if path.is_dir() => "name the files in it, such as \"conf.d/*.toml\"",
                () if path.is_file() => "let the user as whom hupd runs read it",
                () if path.exists() => "name regular files",
                () => "write a path from the folder of this file on, or one from '/' on",
            };
            wrong_include(message, at).help(help).about(path)
        })?;
        self.refuse_hands(path)
            .map_err(|finding| finding.at(at.clone()))?;
        self.refuse_loop(&contents.identity, (path, &place), at)?;
        if let Some(first) = self.seen.get(&contents.identity) {
            let message = format!("{name} is included twice; first by {}", visible(first));
            let help = "leave one of them out";
            return Err(wrong_include(message, at).help(help));
        }
        self.seen.insert(contents.identity, place.clone());
        self.file((path, place), contents, Role::Included);
        Ok(())
    }

    /// Nor may anybody else add to what root reads.
    fn refuse_open_list(&self, folder: &Path) -> Result<(), Finding> {
        told(folder, first_hand_on_names(folder, self.writers()))
    }

    /// What root reads nobody else may write.
    pub(super) fn refuse_hands(&self, path: &Path) -> Result<(), Finding> {
        told(path, first_hand(path, self.writers()))
    }

    fn writers(&self) -> Writers {
        match self.origin.is_disk() {
            true => self.surroundings.writers(),
            false => Writers::Anybody,
        }
    }

    fn refuse_loop(
        &self,
        identity: &Identity,
        (path, place): (&Path, &str),
        at: &Range<usize>,
    ) -> Result<(), Finding> {
        let mut chain = self.chain.iter();
        let Some(start) = chain.position(|link| link.identity == *identity) else {
            return Ok(());
        };
        // Each with the place where it includes the next.
        let places = self.chain[start + 1..].iter().map(|link| &*link.named);
        let mut names: Vec<String> = places.chain([place]).map(visible).collect();
        names.push(visible(&path.to_string_lossy()));
        let message = format!("files include each other: {}", names.join(" -> "));
        let help = "keep included files in a folder of their own, such as \"conf.d/*.toml\"";
        Err(wrong_include(message, at).help(help))
    }

    /// Files that lie where files are included, and are not.
    pub fn ignored(&self) -> Vec<Ignored> {
        let main = self.sources.first().map(|file| file.path.clone());
        let named: BTreeSet<_> = self.named.iter().cloned().chain(main).collect();
        let mut ignored: Vec<Ignored> = Vec::new();
        for (folder, pattern) in &self.looked_in {
            for file in Ignored::among(folder, pattern, &named) {
                if !ignored.iter().any(|known| known.path == file.path) {
                    ignored.push(file);
                }
            }
        }
        ignored
    }
}

fn told(path: &Path, hand: Option<Hand>) -> Result<(), Finding> {
    let told = |hand: Hand| {
        let finding = Finding::error(hand.on(path)).help(hand.help());
        Err(finding.about(&hand.at))
    };
    hand.map_or(Ok(()), told)
}

fn wrong_include(message: String, at: &Range<usize>) -> Finding {
    Finding::error(format!("include: {message}")).at(at.clone())
}

/// Paths are not cut: their end says most.
fn quoted_path(path: &Path) -> String {
    format!("'{}'", visible(&path.to_string_lossy()))
}
