//! How names that people give are spelled: in any script, with blanks inside, and so that what is written alike is the same.
//!
//! Knows no kind of names; what one of them may not have beside this is said where it is made ([`crate::ids`]).

use std::borrow::Cow;

use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A text with its letters and their marks put together (Unicode's Normalization Form C), as names are kept.
pub fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Whether a character leaves no ink or turns the direction of reading: those that Unicode calls default ignorable, what
/// separates lines, the empty pattern of Braille, and what is no character.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Whether what joins or parts two letters stands where a script is written with it: after a virama, and, to part them,
/// between letters of Arabic script (RFC 5892, appendix A.1 and A.2, of which this takes less).
fn joins(before: Option<char>, c: char, after: Option<char>) -> bool {
    let is_virama = |c: char| canonical_combining_class(c) == 9;
    let is_arabic = |c: char| {
        c.is_alphabetic()
            && matches!(c, '\u{620}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}')
    };
    match c {
        '\u{200c}' => {
            before.is_some_and(is_virama) || (before.is_some_and(is_arabic) && after.is_some_and(is_arabic))
        }
        '\u{200d}' => before.is_some_and(is_virama),
        _ => false,
    }
}

/// Whether a browser would begin markup somewhere in it: `<` and a letter, `/`, `!` or `?` (HTML, section 13.2.5.6).
fn has_markup(text: &str) -> bool {
    let begins =
        |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    text.split('<').skip(1).any(begins)
}

/// Whether people can read it as a name: 1 to `most` characters, no blank but the plain one and none around, nothing that
/// is not seen, no mark without its letter at the beginning, and no markup.
pub fn is_name(text: &str, most: usize) -> bool {
    let shows = |c: char| c == ' ' || !(c.is_control() || c.is_whitespace() || is_unseen(c));
    let mut before = None;
    let mut rest = text.chars();
    let mut shown = true;
    while let Some(c) = rest.next() {
        shown = shown && (shows(c) || joins(before, c, rest.clone().next()));
        before = Some(c);
    }
    shown
        && text.chars().count() <= most
        && text.chars().next().is_some_and(|first| !is_combining_mark(first))
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
            "نرم\u{200c}افزار",
            "ශ්\u{200d}රී",
            "ന്\u{200d}",
            &"펌".repeat(128),
        ] {
            assert!(is_name(good, 128), "{good}");
        }
    }

    #[test]
    fn what_nobody_sees_or_what_draws_over_others_is_no_name() {
        for bad in [
            "\u{2800}",
            "a\u{2800}b",
            "\u{301}",
            "\u{301}a",
            &"\u{336}".repeat(128),
            "a\u{fffe}",
            "a\u{ffff}",
            "a\u{1fffe}",
            "a\u{fdd0}",
            "a\u{200c}b",
            "\u{440}\u{200c}\u{440}",
            "펌\u{200d}펌",
            "\u{200c}افزار",
            "نرم\u{200c}",
            "❤\u{fe0f}",
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
