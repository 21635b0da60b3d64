//! Which places of a file hold what is told to nobody: the values of `env` and `stdin`, as far as broken text lets know.

use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

use super::synonyms;
use super::words::nearest;

const SECRET: [&str; 2] = ["env", "stdin"];
const TABLES: [&str; 5] = ["daemon", "defaults", "history", "jobs", "log"];

/// The places, in their order.
#[derive(Debug, Default)]
pub(super) struct Secrets(Vec<Range<usize>>);

impl Secrets {
    pub fn of(text: &str) -> Self {
        let mut scan = Scan::new(text);
        for token in Source::new(text).lex() {
            scan.take(token);
        }
        scan.found
    }

    /// Whether there is any of it in that part of the file.
    pub fn are_in(&self, part: &Range<usize>) -> bool {
        let first = self.0.partition_point(|secret| secret.end <= part.start);
        self.0.get(first).is_some_and(|it| it.start <= part.end)
    }
}

/// Reads tokens, for a tree is not to be had of what is broken.
#[derive(Debug)]
struct Scan<'t> {
    text: &'t str,
    found: Secrets,
    /// Brackets that are open.
    depth: usize,
    begins_line: bool,
    /// The names of a header so far.
    header: Option<Vec<&'t str>>,
    /// A name that is a secret key if it is a key: where it begins.
    candidate: Option<usize>,
    /// Where the secret begins that is being read, and how deep.
    secret: Option<(usize, usize)>,
    /// What came last, but for blanks, comments and the ends of lines.
    last: Option<TokenKind>,
}

impl<'t> Scan<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            found: Secrets::default(),
            depth: 0,
            begins_line: true,
            header: None,
            candidate: None,
            secret: None,
            last: None,
        }
    }

    fn take(&mut self, token: Token) {
        let span = token.span().start()..token.span().end();
        match token.kind() {
            TokenKind::Whitespace => return,
            TokenKind::Newline => self.end_line(span.start),
            TokenKind::Eof => self.end_secret(span.end),
            TokenKind::LeftSquareBracket if self.begins_line && self.is_header(span.start) => {
                self.begin_header(span.start);
            }
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => self.depth += 1,
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                self.depth = self.depth.saturating_sub(1);
            }
            TokenKind::Atom => self.name(span),
            TokenKind::BasicString | TokenKind::LiteralString => self.string(span),
            TokenKind::Equals | TokenKind::Dot => {
                if let Some(start) = self.candidate.take() {
                    self.begin_secret(start);
                }
            }
            _ => {}
        }
        self.begins_line = token.kind() == TokenKind::Newline;
        if !self.begins_line && token.kind() != TokenKind::Comment {
            self.last = Some(token.kind());
        }
    }

    /// Where it is not closed, nobody knows where the value ends: as with a bracket.
    fn string(&mut self, span: Range<usize>) {
        self.name(span.clone());
        if self.secret.is_some() && !is_closed(&self.text[span]) {
            self.depth += 1;
        }
    }

    /// Whether a value is not over, or has not begun.
    fn goes_on(&self, depth: usize) -> bool {
        self.depth > depth || self.last == Some(TokenKind::Equals)
    }

    fn name(&mut self, span: Range<usize>) {
        let name = self.text.get(span.clone()).unwrap_or_default();
        let name = name.trim_matches(['"', '\'', ':']);
        match &mut self.header {
            Some(names) => names.push(name),
            None if is_secret(name) && self.begins_line => self.begin_secret(span.start),
            None => self.candidate = is_secret(name).then_some(span.start),
        }
    }

    /// A secret that goes on may do so with an array: what may be either is no header.
    fn is_header(&self, at: usize) -> bool {
        self.secret.is_none() || !self.goes_on(0) || names_a_table(&self.text[at..])
    }

    /// Ends what was not closed: nothing goes on behind a header.
    fn begin_header(&mut self, at: usize) {
        self.end_secret(at);
        self.depth = 0;
        self.header = Some(Vec::new());
    }

    fn end_line(&mut self, at: usize) {
        self.candidate = None;
        if let Some(names) = self.header.take() {
            self.depth = 0;
            // All of the section, also what is broken of it.
            if is_of_secrets(&names) {
                self.secret = Some((at, usize::MAX));
            }
            return;
        }
        if self
            .secret
            .is_some_and(|(_, depth)| depth != usize::MAX && !self.goes_on(depth))
        {
            self.end_secret(at);
        }
    }

    fn begin_secret(&mut self, at: usize) {
        self.secret.get_or_insert((at, self.depth));
    }

    fn end_secret(&mut self, at: usize) {
        if let Some((start, _)) = self.secret.take() {
            self.found.0.push(start..at);
        }
    }
}

/// Whether a string of one line ends as it begins.
fn is_closed(string: &str) -> bool {
    let quote = string.chars().next().unwrap_or_default();
    let inner = string.get(1..).and_then(|rest| rest.strip_suffix(quote));
    inner.is_some_and(|inner| {
        let escapes = inner
            .bytes()
            .rev()
            .take_while(|byte| *byte == b'\\')
            .count();
        quote == '\'' || escapes % 2 == 0
    })
}

/// Whether this is the beginning of `[jobs.a]` and the like, and no array that a file can have.
fn names_a_table(text: &str) -> bool {
    let text = text.trim_start_matches(['[', ' ', '\t']);
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let name = text.split(|c| !is_bare(c)).next().unwrap_or_default();
    let behind = text[name.len()..].trim_start_matches([' ', '\t']);
    behind.starts_with(['.', ']']) && nearest(name, TABLES).is_some()
}

/// Also what is meant for one of these keys.
fn is_secret(name: &str) -> bool {
    nearest(name, SECRET)
        .or(synonyms::meant(name, &SECRET))
        .is_some()
}

/// `[jobs.a.env]`, not `[jobs.env]`.
fn is_of_secrets(header: &[&str]) -> bool {
    let keys = match header.first() {
        Some(&"jobs") => header.get(2..),
        _ => header.get(1..),
    };
    keys.unwrap_or_default().iter().any(|name| is_secret(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text that hold secrets, from 1.
    fn lines(text: &str) -> Vec<usize> {
        let secrets = Secrets::of(text);
        let mut at = 0;
        let lines = text
            .split_inclusive('\n')
            .enumerate()
            .filter_map(|(number, line)| {
                let start = at;
                at += line.len();
                let line = start..start + line.trim_end().len();
                secrets.are_in(&line).then_some(number + 1)
            });
        lines.collect()
    }

    #[test]
    fn a_value_of_env_or_stdin_is_a_secret_wherever_it_stands() {
        for (text, secret) in [
            ("a = 1\nenv = { A = \"x\" }\nb = 2\n", vec![2]),
            ("a = 1\nenv.A = \"x\"\nb = 2\n", vec![2]),
            (
                "\"env\" = {\n A = \"x\",\n B = \"y\"\n}\nb = 2\n",
                vec![1, 2, 3, 4],
            ),
            ("jobs.a = { env = { A = \"x\" }, b = 2 }\nc = 3\n", vec![1]),
            (
                "[jobs.a.env]\nA = \"x\"\n\nB = \"x\"\n[jobs.b]\nb = 2\n",
                vec![1, 2, 3, 4],
            ),
            ("stdin = \"\"\"\na = 1\nb\"\"\"\nc = 1\n", vec![1, 2, 3]),
            ("jobs.a.stdin = 'x'\nc = 1\n", vec![1]),
            (
                "env = { A = [\n[\"x\"],\n[\"y\"]\n] }\nb = 2\n",
                vec![1, 2, 3, 4],
            ),
            (
                "[jobs.a.env]\nA = [\n[\"x\"],\n]\nB = \"x\"\n[jobs.b]\nb = 2\n",
                vec![1, 2, 3, 4, 5],
            ),
            ("stdin = [\n  [ x ],\n [log, y]]\nb = 2\n", vec![1, 2, 3]),
        ] {
            assert_eq!(lines(text), secret, "{text}");
        }
    }

    #[test]
    fn what_is_broken_or_by_another_name_is_a_secret_as_well() {
        for (text, secret) in [
            ("env = { A = \"x }\nb = 2\n[jobs.b]\nc = 2\n", vec![1, 2]),
            ("env { A = \"x\" }\nb = 2\n", vec![1]),
            ("env: { A = \"x\" }\nb = 2\n", vec![1]),
            ("stdin = \"\"\"\na = 1\n[jobs.b]\n", vec![1, 2, 3]),
            ("environment = { A = \"x\" }\nb = 2\n", vec![1]),
            ("ENVS = { A = \"x\" }\nb = 2\n", vec![1]),
            ("env = # all\n{ A = \"x\" }\nb = 2\n", vec![1, 2]),
            ("stdin = \"x\ny\n[jobs.b]\nb = 2\n", vec![1, 2]),
            ("env_vars = { A = \"x\" }\nb = 2\n", vec![1]),
            ("jobs.a.variables.A = \"x\"\nb = 2\n", vec![1]),
            ("[jobs.a.secrets]\nA = \"x\"\n[jobs.b]\nb = 2\n", vec![1, 2]),
            ("[defaults.Credentials]\nA = \"x\"\n[log]\n", vec![1, 2]),
            ("env = { A = [\n\"x\"\n[job.b]\nc = 2\n", vec![1, 2]),
            ("env = { A = [\n[\"x\"\n[[ jobs ]]\nc = 2\n", vec![1, 2]),
            ("[jobs.a.env\nA = \"x\"\n[jobs.b]\n", vec![1, 2]),
        ] {
            assert_eq!(lines(text), secret, "{text}");
        }
    }

    #[test]
    fn no_slip_within_a_secret_shows_the_rest_of_it() {
        let (key, value) = (
            "env =",
            " { A = [\n[\"s\"], \"s\",\n[ \"s\" ]\n], B = 's' }",
        );
        for at in 0..value.len() {
            let (before, after) = value.split_at(at);
            let inserted = ["", "[", "]", "{", "}", ",", "\"", "'", "=", "\n"];
            let longer = inserted.map(|slip| format!("{before}{slip}{after}"));
            for value in longer
                .into_iter()
                .chain([format!("{before}{}", &after[1..])])
            {
                let all: Vec<_> = (1..=value.lines().count()).collect();
                let text = format!("{key}{value}");
                let found = lines(&text);
                assert_eq!(found, all, "{text}");
                let followed = format!("{text}\n[jobs.b]\nb = 2\n");
                assert!(!lines(&followed).contains(&(all.len() + 1)), "{followed}");
            }
        }
    }

    #[test]
    fn nothing_else_is_a_secret() {
        for text in [
            "command = [\"env\", \"A=x\"]\n",
            "[jobs.env]\ncommand = \"x\"\n",
            "[jobs.secrets]\ncommand = \"x\"\n",
            "env_file = \"/x\"\nenv_inherit = [\"LANG\"]\n",
            "# env = 1\ndescription = \"env = 1\"\n",
            "",
        ] {
            assert_eq!(lines(text), [0; 0], "{text}");
        }
    }
}
