//! How names that people give are spelled: in any script, with blanks inside, and so that what looks the same is the same.
//!
//! Knows no kind of names; what one of them may not have beside this is said where it is made ([`crate::ids`]).

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A text with its letters and their marks put together (Unicode's Normalization Form C), as names are kept.
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Whether a character leaves no ink or turns the direction of reading: those that Unicode calls default ignorable, and
/// what separates lines.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a browser would begin markup somewhere in it: `<` and a letter, `/`, `!` or `?` (HTML, section 13.2.5.6).
fn has_markup(text: &str) -> bool {
    let begins =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    text.split('<').skip(1).any(begins)
}

/// Whether people can read it as a name: 1 to `most` characters, no blank but the plain one and none around, nothing that
/// is not seen, and no markup.
pub fn is_name(text: &str, most: usize) -> bool {
    let shows = |c: char| c == ' ' || !(c.is_control() || c.is_whitespace() || is_unseen(c));
    !text.is_empty()
        && text.chars().count() <= most
        && text.chars().all(shows)
        && text.trim() == text
        && !has_markup(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_in_any_script_with_blanks_and_signs() {
        for good in [
            "a",
            "Firmware for Pump 펌웨어",
            "1.0 beta",
            "a < b & c > d, \"e\" 'f' \\ % # ? ; : = ! ~ * | {g} [h] $i`",
            "日本語",
            "Ünïcode",
            "<3",
            &"펌".repeat(128),
        ] {
            assert!(is_name(good, 128), "{good}");
        }
    }

    #[test]
    fn what_looks_like_another_name_or_like_nothing_is_none() {
        for bad in [
            "",
            " ",
            " a",
            "a ",
            "a\tb",
            "a\nb",
            "a\0b",
            "\u{7f}",
            "a\u{85}b",
            "a\u{a0}b",
            "a\u{3000}b",
            "gpj.\u{202e}exe",
            "\u{2066}a",
            "a\u{200b}b",
            "a\u{200d}b",
            "\u{feff}a",
            "a\u{ad}b",
            "a\u{2028}b",
            "a\u{3164}b",
            "a\u{e0041}",
            "<script>",
            "a</b>",
            "<!--",
            "<?x",
            &"x".repeat(129),
        ] {
            assert!(!is_name(bad, 128), "{bad:?}");
        }
    }

    #[test]
    fn letters_and_their_marks_are_put_together() {
        assert_eq!(composed("Pu\u{308}mpe"), "Pümpe");
        assert_eq!(composed("\u{1111}\u{1165}\u{11b7}"), "펌");
        assert!(matches!(composed("Pümpe"), Cow::Borrowed(_)));
    }
}
