//! The part of a URI after `?`: every key is known, and given once.

use jiff::Timestamp;

use super::failure::Failure;
use super::percent;

/// What is still to be taken from a query; what nobody took is an error.
#[derive(Debug)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for part in text.split('&').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let (key, value) = (decoded(key)?, decoded(value)?);
            if pairs.iter().any(|(known, _)| *known == key) {
                return Err(Failure::bad_request(format!("query: '{key}' twice")));
            }
            pairs.push((key, value));
        }
        Ok(Self { pairs })
    }

    /// The text of a key; an empty one is an error.
    pub fn text(&mut self, key: &str) -> Result<Option<String>, Failure> {
        match self.take(key) {
            Some(value) if value.is_empty() => {
                Err(Failure::bad_request(format!("query: '{key}' is empty")))
            }
            value => Ok(value),
        }
    }

    pub fn flag(&mut self, key: &str) -> Result<bool, Failure> {
        match self.take(key).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Failure::bad_request(format!(
                "query: {key} '{other}': true or false is allowed"
            ))),
        }
    }

    /// A number from 1 to `most`, or `usual` where the key is not given.
    pub fn number(&mut self, key: &str, usual: usize, most: usize) -> Result<usize, Failure> {
        let Some(value) = self.take(key) else {
            return Ok(usual);
        };
        match value.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(Failure::bad_request(format!(
                "query: {key} '{value}': a number from 1 to {most} is allowed"
            ))),
        }
    }

    /// A word that `read` knows; `allowed` says which ones there are.
    pub fn word<T>(
        &mut self,
        key: &str,
        allowed: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let wrong =
            || Failure::bad_request(format!("query: {key} '{value}': {allowed} is allowed"));
        read(&value).map(Some).ok_or_else(wrong)
    }

    /// An instant, with its offset.
    pub fn instant(&mut self, key: &str) -> Result<Option<Timestamp>, Failure> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| {
            Failure::bad_request(format!(
                "query: {key} '{value}': a time of RFC 3339 such as 2026-03-29T00:00:00Z is allowed"
            ))
        })
    }

    /// That nothing is left over; `allowed` is for the message.
    pub fn end(self, allowed: &[&str]) -> Result<(), Failure> {
        let Some((key, _)) = self.pairs.first() else {
            return Ok(());
        };
        let allowed = match allowed {
            [] => "none is allowed here".to_owned(),
            keys => format!("allowed here: {}", keys.join(", ")),
        };
        Err(Failure::bad_request(format!(
            "query: unknown key '{key}'; {allowed}"
        )))
    }

    fn take(&mut self, key: &str) -> Option<String> {
        let place = self.pairs.iter().position(|(known, _)| known == key)?;
        Some(self.pairs.swap_remove(place).1)
    }
}

fn decoded(text: &str) -> Result<String, Failure> {
    percent::decode(text).ok_or_else(|| {
        Failure::bad_request(format!("query: '{text}' is not percent-encoded UTF-8"))
    })
}
