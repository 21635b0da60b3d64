//! Rust source as far as rules about it need it: its words and marks without comments and literals,
//! and the modules that its paths lead to.

/// A word or a mark, and the line it is on. `::` is one mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

/// What is left of a source when comments, strings, characters and lifetimes are taken out.
pub fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while !rest.is_empty() {
        let (length, kind) = first_piece(rest);
        let (text, behind) = rest.split_at(length);
        if kind == Piece::Code {
            tokens.push(Token { text, line });
        }
        line += text.matches('\n').count();
        rest = behind;
    }
    tokens
}

#[derive(PartialEq, Eq)]
enum Piece {
    Code,
    Other,
}

fn first_piece(rest: &str) -> (usize, Piece) {
    let first = rest.chars().next().expect("there is more");
    if first.is_whitespace() {
        return (first.len_utf8(), Piece::Other);
    }
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), Piece::Other);
    }
    if rest.starts_with("/*") {
        return (block_comment(rest), Piece::Other);
    }
    if let Some(length) = literal(rest) {
        return (length, Piece::Other);
    }
    if rest.starts_with("::") {
        return (2, Piece::Code);
    }
    let word = rest.find(|c| !is_part_of_word(c)).unwrap_or(rest.len());
    (word.max(first.len_utf8()), Piece::Code)
}

fn is_part_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let (mut at, mut depth) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..] {
            [b'/', b'*', ..] => (at, depth) = (at + 2, depth + 1),
            [b'*', b'/', ..] => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of the string, character or lifetime that the text begins with.
fn literal(rest: &str) -> Option<usize> {
    for prefix in ["", "b", "c", "r", "br", "cr"] {
        let Some(quoted) = rest.strip_prefix(prefix) else {
            continue;
        };
        let length = match prefix.ends_with('r') {
            true => raw_string(quoted),
            false if quoted.starts_with('"') => Some(until_quote(quoted, '"')),
            false => character(quoted),
        };
        if let Some(length) = length {
            return Some(prefix.len() + length);
        }
    }
    None
}

fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    let inside = rest[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", &rest[..hashes]);
    let length = inside.find(&end).unwrap_or(inside.len());
    Some((hashes + 1 + length + end.len()).min(rest.len()))
}

/// Up to the quote that ends it, which no backslash precedes.
fn until_quote(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let mut letters = inside.chars();
    let first = letters.next()?;
    if first == '\\' || letters.next() == Some('\'') {
        return Some(until_quote(rest, '\''));
    }
    // A lifetime: no quote behind it.
    let name = inside.find(|c| !is_part_of_word(c)).unwrap_or(inside.len());
    Some(1 + name)
}

/// From where paths into the library begin.
#[derive(Clone, Debug)]
pub enum Place {
    /// Inside it, in the module of this path.
    Library(Vec<String>),
    /// In a program, which calls it `hupd`.
    Program,
}

/// The modules at the top of the library that the code names, with the line. A `*` stands for
/// all of them, and the empty name for the library as a whole under another name.
pub fn named_modules(source: &str, place: &Place) -> Vec<(String, usize)> {
    let mut scan = Scan {
        tokens: tokens(source),
        library: match place {
            Place::Library(_) => "crate",
            Place::Program => "hupd",
        },
        found: Vec::new(),
    };
    scan.all(place);
    scan.found
}

struct Scan<'a> {
    tokens: Vec<Token<'a>>,
    /// What the library is called here.
    library: &'static str,
    found: Vec<(String, usize)>,
}

impl<'a> Scan<'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn all(&mut self, place: &Place) {
        let (file, beginnings): (&[String], &[&str]) = match place {
            Place::Library(file) => (file, &["crate", "super", "self"]),
            Place::Program => (&[], &["hupd"]),
        };
        let (mut at, mut depth) = (0, 0);
        // Modules within the file, and how deep in braces each is.
        let mut inner: Vec<(&str, usize)> = Vec::new();
        while at < self.tokens.len() {
            match self.text(at) {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    inner.retain(|&(_, outside)| outside < depth);
                }
                "mod" if self.text(at + 2) == "{" => inner.push((self.text(at + 1), depth)),
                _ => {}
            }
            at = match self.begins_path(at, beginnings) {
                true => {
                    let within = inner.iter().map(|&(name, _)| name);
                    let module = file.iter().map(String::as_str).chain(within);
                    self.path(at, &module.collect::<Vec<_>>())
                }
                false => at + 1,
            };
        }
    }

    fn begins_path(&self, at: usize, beginnings: &[&str]) -> bool {
        let is_taken_whole = at > 0 && matches!(self.text(at - 1), "use" | "crate");
        beginnings.contains(&self.text(at)) && (self.text(at + 1) == "::" || is_taken_whole)
    }

    /// Follows a path from a module, into all its branches. Gives the place behind it.
    fn path(&mut self, mut at: usize, from: &[&str]) -> usize {
        let mut module = from.to_vec();
        loop {
            match self.text(at) {
                "{" => return self.branches(at + 1, &module),
                root if root == self.library => module.clear(),
                "super" => drop(module.pop()),
                "self" => {}
                name => {
                    if module.is_empty() {
                        self.note(name, at);
                    }
                    module.push(name);
                }
            }
            if self.text(at + 1) != "::" {
                break;
            }
            at += 2;
        }
        if module.is_empty() {
            self.note("", at);
        }
        at + 1
    }

    fn branches(&mut self, mut at: usize, module: &[&str]) -> usize {
        while at < self.tokens.len() && self.text(at) != "}" {
            at = match self.text(at) {
                "," => at + 1,
                // What the branch led to gets another name.
                "as" => at + 2,
                _ => self.path(at, module),
            };
        }
        at + 1
    }

    fn note(&mut self, name: &str, at: usize) {
        self.found.push((name.to_owned(), self.tokens[at].line));
    }
}

/// What a file src/engine/due.rs with this text names besides its own module.
fn named_in_due(text: &str) -> Vec<String> {
    let place = Place::Library(vec!["engine".to_owned(), "due".to_owned()]);
    let names = named_modules(text, &place).into_iter();
    names
        .map(|(name, _)| name)
        .filter(|name| name != "engine")
        .collect()
}

#[test]
fn every_way_to_name_a_module_is_seen() {
    for text in [
        "use crate::store::Store;",
        "use crate::{engine::{Due, self}, store::{self, Store}};",
        "use super::super::store::Store;",
        "use super::{super::store::Store, Engine};",
        "use {crate::store, super::Engine};",
        "mod tests { mod more { use super::super::super::super::store; } }",
        "mod tests { mod more {} use super::super::super::store; }",
        "#[cfg(test)] mod tests { use crate::store::Store; }",
        "fn f() -> crate::store::Store { g(['{', '\\''], \"{\", r#\"\"{\"#, b'{') }",
        "log::info!(\"{}\", crate::store::NAME);",
        "macro_rules! m { () => { $crate::store::f() } }",
        "struct S<'a>(&'a str, crate::store::Store<'a>);",
        "/* /* */ */ use crate::store; // use crate::system;",
    ] {
        assert_eq!(named_in_due(text), ["store"], "{text}");
    }
}

#[test]
fn what_names_no_module_is_left_alone() {
    for text in [
        "//! [`crate::store`]\n/* use crate::store; */ // crate::store::Store",
        "const A: (&str, &str) = (\"\\\"crate::store\", r##\"\"# crate::store\"##);",
        "pub(crate) fn store(&self) -> Self { self.store.super_store() }",
        "use crate::engine::{self, Store, store as other}; use self::store::Store;",
        "use super::store::Store; mod tests { use super::*; use super::super::store; }",
        "use std::{store, path::{self, Path}}; use hupd::store;",
    ] {
        assert_eq!(named_in_due(text), [""; 0], "{text}");
    }
}

#[test]
fn a_line_is_counted_through_everything() {
    let text = "/*\n*/ a \"\n\\\n\" b 'x' // c\nd";
    let lines: Vec<_> = tokens(text)
        .iter()
        .map(|token| (token.text, token.line))
        .collect();
    assert_eq!(lines, [("a", 2), ("b", 4), ("d", 5)]);
}
