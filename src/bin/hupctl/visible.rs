//! Text of others made harmless for a terminal.

/// The text with everything escaped that would steer a terminal or hide what is written.
pub fn visible(text: &str) -> String {
    escape(text, |_| false)
}

/// The same for a text of several lines, which may be indented with tabs.
pub fn visible_lines(text: &str) -> String {
    escape(text, |character| matches!(character, '\n' | '\t'))
}

fn escape(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    text.chars().fold(String::new(), |mut shown, character| {
        match is_kept(character) || !is_dangerous(character) {
            true => shown.push(character),
            false => shown.extend(character.escape_default()),
        }
        shown
    })
}

fn is_dangerous(character: char) -> bool {
    // Besides control characters: line separators, and what changes the direction of writing.
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_not_obeyed() {
        assert_eq!(
            visible("a\u{1b}[31m\n\tb\u{202e}"),
            r"a\u{1b}[31m\n\tb\u{202e}"
        );
        assert_eq!(visible("größe 'x' \\ ✓"), "größe 'x' \\ ✓");
        assert_eq!(visible_lines("a\n\u{7f}b"), "a\n\\u{7f}b");
    }
}
