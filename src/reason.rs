//! Why the system refused something, in words that fit into a sentence.

use std::io;

/// What the system says, without the number that std adds and without a capital: `no such file or
/// directory`.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_number_nor_a_capital_is_left() {
        let error = io::Error::from_raw_os_error(2);
        assert_eq!(reason(&error), "no such file or directory");
        assert_eq!(reason(&io::Error::other("")), "");
    }
}
