//! The order of version texts, which nobody writes the same way.
//!
//! Numbers count as numbers, words as words; a word after the numbers is a version before the release (`1.0-rc1` comes
//! before `1.0`), as in Semantic Versioning 2.0, section 11. What follows a `+` does not count. Knows no software.

use std::cmp::Ordering;

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Number(&'a str),
    Word(&'a str),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let text = text.split_once('+').map_or(text, |(version, _)| version);
    let text = text
        .strip_prefix(['v', 'V'])
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        .unwrap_or(text);
    let mut parts = Vec::new();
    for piece in text.split(|c: char| !c.is_alphanumeric()) {
        let mut rest = piece;
        while let Some(first) = rest.chars().next() {
            let is_digit = first.is_ascii_digit();
            let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
            let (part, tail) = rest.split_at(end);
            parts.push(if is_digit { Part::Number(part.trim_start_matches('0')) } else { Part::Word(part) });
            rest = tail;
        }
    }
    parts
}

/// Which of two versions is newer. Equal ones may be written differently: `1.2` and `1.2.0` are the same.
pub fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (parts(one), parts(other));
    for index in 0..one.len().max(other.len()) {
        let zero = Part::Number("");
        let order = match (one.get(index), other.get(index)) {
            // A word where the other one has ended is a version before it.
            (Some(Part::Word(_)), None) => Ordering::Less,
            (None, Some(Part::Word(_))) => Ordering::Greater,
            (a, b) => match (a.unwrap_or(&zero), b.unwrap_or(&zero)) {
                (Part::Number(a), Part::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
                (Part::Word(a), Part::Word(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
                (Part::Number(_), Part::Word(_)) => Ordering::Greater,
                (Part::Word(_), Part::Number(_)) => Ordering::Less,
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_are_put_in_the_order_that_people_mean() {
        let rising = [
            "0.9",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta",
            "1.0.0-rc1",
            "1.0.0-rc2",
            "1.0",
            "1.0.1",
            "1.2",
            "1.10",
            "2.0",
            "2026.1",
            "2026.11",
        ];
        for (index, older) in rising.iter().enumerate() {
            for newer in rising.iter().skip(index + 1) {
                assert_eq!(compare(older, newer), Ordering::Less, "{older} and {newer}");
                assert_eq!(compare(newer, older), Ordering::Greater, "{newer} and {older}");
            }
        }
        for (one, same) in
            [("1.2", "1.2.0"), ("v1.2", "1.2"), ("01.2", "1.2"), ("1.2+a", "1.2+b"), ("RC1", "rc1")]
        {
            assert_eq!(compare(one, same), Ordering::Equal, "{one} and {same}");
        }
    }

    proptest! {
        #[test]
        fn the_order_is_the_same_from_both_sides(a in "[a-c0-2.+-]{0,8}", b in "[a-c0-2.+-]{0,8}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        }
    }
}
