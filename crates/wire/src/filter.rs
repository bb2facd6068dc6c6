//! MQTT topics and topic filters (MQTT 5.0, part 4.7): validity, matching, and whether one filter covers another.
//!
//! Knows no topic by name and no right to one.

/// Bounds on topics and filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes.
    pub bytes: usize,
    /// Levels, which are what `/` separates.
    pub levels: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 256, levels: 8 }
    }
}

/// Why a text is no topic or no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not UTF-8.
    #[error("not UTF-8")]
    NotUtf8,
    /// No characters.
    #[error("empty")]
    Empty,
    /// Contains U+0000.
    #[error("contains a NUL character")]
    Nul,
    /// A topic with `+` or `#`, or a filter with one in a wrong place.
    #[error("wildcard in a wrong place")]
    Wildcard,
    /// Over the bound on bytes.
    #[error("too long")]
    TooLong,
    /// Over the bound on levels.
    #[error("too many levels")]
    TooManyLevels,
    /// `$share/…`: shared subscriptions are not offered.
    #[error("shared subscriptions are not available")]
    Shared,
}

/// Checks bytes that should be a topic to publish to.
pub fn valid_topic(topic: &[u8], bounds: Bounds) -> Result<&str, Problem> {
    let text = valid_text(topic, bounds)?;
    if text.contains(['+', '#']) { Err(Problem::Wildcard) } else { Ok(text) }
}

/// Checks bytes that should be a filter to subscribe to. `$share/…` is refused.
pub fn valid_filter(filter: &[u8], bounds: Bounds) -> Result<&str, Problem> {
    let text = valid_text(filter, bounds)?;
    if is_shared(text) {
        return Err(Problem::Shared);
    }
    let mut levels = text.split('/').peekable();
    while let Some(level) = levels.next() {
        let fine = match level {
            "+" => true,
            "#" => levels.peek().is_none(),
            other => !other.contains(['+', '#']),
        };
        if !fine {
            return Err(Problem::Wildcard);
        }
    }
    Ok(text)
}

fn valid_text(bytes: &[u8], bounds: Bounds) -> Result<&str, Problem> {
    if bytes.len() > bounds.bytes {
        return Err(Problem::TooLong);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Problem::NotUtf8)?;
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    if text.contains('\0') {
        return Err(Problem::Nul);
    }
    if text.split('/').count() > bounds.levels {
        return Err(Problem::TooManyLevels);
    }
    Ok(text)
}

/// Whether a filter asks for a shared subscription.
pub fn is_shared(filter: &str) -> bool {
    filter.split('/').next() == Some("$share")
}

/// Whether a filter matches a topic. Both must be valid. A wildcard in the first level matches no topic that
/// begins with `$`.
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut topic = topic.split('/');
    for level in filter.split('/') {
        if level == "#" {
            return true;
        }
        match topic.next() {
            Some(word) if level == "+" || level == word => {}
            Some(_) | None => return false,
        }
    }
    topic.next().is_none()
}

/// Whether every topic that `asked` matches is matched by `allowed`. Both must be valid filters.
pub fn covers(allowed: &str, asked: &str) -> bool {
    if asked.starts_with('$') && allowed.starts_with(['+', '#']) {
        return false;
    }
    // No topic is empty, so these match the same topics with one level more.
    let asked = match asked {
        "#" => "+/#",
        "/#" => "/+/#",
        other => other,
    };
    let mut asked = asked.split('/');
    for level in allowed.split('/') {
        if level == "#" {
            return true;
        }
        match asked.next() {
            Some("#") | None => return false,
            Some(word) if level == "+" || level == word => {}
            Some(_) => return false,
        }
    }
    asked.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn topics_and_filters_are_checked_before_anything_looks_at_them() {
        let bounds = Bounds { bytes: 16, levels: 3 };
        for (bytes, topic, filter) in [
            (&b"a/b"[..], Ok("a/b"), Ok("a/b")),
            (b"/", Ok("/"), Ok("/")),
            (b"a/+/c", Err(Problem::Wildcard), Ok("a/+/c")),
            (b"#", Err(Problem::Wildcard), Ok("#")),
            (b"a/#", Err(Problem::Wildcard), Ok("a/#")),
            (b"a/#/b", Err(Problem::Wildcard), Err(Problem::Wildcard)),
            (b"a#", Err(Problem::Wildcard), Err(Problem::Wildcard)),
            (b"a/b+", Err(Problem::Wildcard), Err(Problem::Wildcard)),
            (b"##", Err(Problem::Wildcard), Err(Problem::Wildcard)),
            (b"", Err(Problem::Empty), Err(Problem::Empty)),
            (b"a\0b", Err(Problem::Nul), Err(Problem::Nul)),
            (b"a/b/c/d", Err(Problem::TooManyLevels), Err(Problem::TooManyLevels)),
            (b"12345678901234567", Err(Problem::TooLong), Err(Problem::TooLong)),
            (b"\xff", Err(Problem::NotUtf8), Err(Problem::NotUtf8)),
            (b"\xed\xa0\x80", Err(Problem::NotUtf8), Err(Problem::NotUtf8)),
            (b"$share/g/t", Ok("$share/g/t"), Err(Problem::Shared)),
            (b"$share", Ok("$share"), Err(Problem::Shared)),
            (b"$shared/t", Ok("$shared/t"), Ok("$shared/t")),
        ] {
            assert_eq!(valid_topic(bytes, bounds), topic, "{bytes:?}");
            assert_eq!(valid_filter(bytes, bounds), filter, "{bytes:?}");
        }
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, expected) in [
            ("sport/tennis/player1/#", "sport/tennis/player1", true),
            ("sport/tennis/player1/#", "sport/tennis/player1/ranking", true),
            ("sport/#", "sport", true),
            ("#", "a/b", true),
            ("sport/tennis/+", "sport/tennis/player1", true),
            ("sport/tennis/+", "sport/tennis/player1/ranking", false),
            ("sport/+", "sport", false),
            ("sport/+", "sport/", true),
            ("+/+", "/finance", true),
            ("/+", "/finance", true),
            ("+", "/finance", false),
            ("#", "$SYS/x", false),
            ("+/x", "$SYS/x", false),
            ("$SYS/#", "$SYS/x", true),
            ("$aws/things/+/shadow/get/accepted", "$aws/things/t/shadow/get/accepted", true),
            ("A", "a", false),
        ] {
            assert_eq!(matches(filter, topic), expected, "{filter} {topic}");
        }
    }

    #[test]
    fn covering_knows_the_awkward_cases() {
        for (allowed, asked, expected) in [
            ("a/#", "a", true),
            ("a/#", "a/#", true),
            ("a/#", "a/+/c", true),
            ("a/+", "a/#", false),
            ("a/+/#", "a/#", false),
            ("#", "$aws/x", false),
            ("+/x", "$aws/x", false),
            ("$aws/#", "#", false),
            ("$aws/things/t/#", "$aws/things/+/shadow/get", false),
            ("$aws/things/t/#", "$aws/things/t/shadow/name/+/get/+", true),
            ("$aws/things/t/shadow/get/accepted", "$aws/things/t/shadow/get/+", false),
            ("+/#", "#", true),
            ("+/+/#", "#", false),
            ("+/+/#", "/#", true),
            ("/+", "/#", false),
            ("a", "+", false),
        ] {
            assert_eq!(covers(allowed, asked), expected, "{allowed} {asked}");
        }
    }

    /// A few words, so that filters and topics meet; the empty word and one that begins with `$` among them.
    const WORDS: &[&str] = &["", "a", "b", "$s"];

    /// Every topic of up to four levels made of [`WORDS`] and one that no filter names.
    fn topics() -> Vec<String> {
        let words: Vec<&str> = WORDS.iter().copied().chain(["other"]).collect();
        let mut all = Vec::new();
        let mut longest: Vec<String> = words.iter().map(|&w| w.to_owned()).collect();
        for _ in 0..4 {
            all.extend(longest.iter().filter(|t| !t.is_empty()).cloned());
            longest = longest.iter().flat_map(|t| words.iter().map(move |w| format!("{t}/{w}"))).collect();
        }
        all
    }

    /// The definition, spelled out by recursion over lists of levels.
    fn naive(filter: &[&str], topic: &[&str], first: bool) -> bool {
        let hidden = first && topic.first().is_some_and(|word| word.starts_with('$'));
        match (filter, topic) {
            (["#"], _) => !hidden,
            ([], []) => true,
            (["+", filter @ ..], [_, topic @ ..]) => !hidden && naive(filter, topic, false),
            ([level, filter @ ..], [word, topic @ ..]) => level == word && naive(filter, topic, false),
            ([], [_, ..]) | ([_, ..], []) => false,
        }
    }

    fn any_filter() -> impl Strategy<Value = String> {
        let level = prop::sample::select(&["", "a", "b", "$s", "+", "+"][..]);
        (prop::collection::vec(level, 1..4), any::<bool>())
            .prop_map(|(mut levels, open)| {
                if open {
                    levels.pop();
                    levels.push("#");
                }
                levels.join("/")
            })
            .prop_filter("a filter has characters", |filter| !filter.is_empty())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn matching_agrees_with_the_naive_matcher(filter in any_filter()) {
            let levels: Vec<_> = filter.split('/').collect();
            for topic in topics() {
                let words: Vec<_> = topic.split('/').collect();
                prop_assert_eq!(matches(&filter, &topic), naive(&levels, &words, true), "{} {}", filter, topic);
            }
        }

        #[test]
        fn one_filter_covers_another_if_and_only_if_every_topic_is_matched(
            allowed in any_filter(),
            asked in any_filter(),
        ) {
            let split = |filter: &str| filter.split('/').map(str::to_owned).collect::<Vec<_>>();
            let (wide, narrow) = (split(&allowed), split(&asked));
            let wide: Vec<_> = wide.iter().map(String::as_str).collect();
            let narrow: Vec<_> = narrow.iter().map(String::as_str).collect();
            let every = topics().iter().all(|topic| {
                let words: Vec<_> = topic.split('/').collect();
                !naive(&narrow, &words, true) || naive(&wide, &words, true)
            });
            prop_assert_eq!(covers(&allowed, &asked), every, "{} {}", allowed, asked);
        }

        #[test]
        fn no_bytes_make_a_check_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), text in "\\PC{0,20}") {
            for input in [&bytes[..], text.as_bytes()] {
                if let Ok(filter) = valid_filter(input, Bounds::default()) {
                    prop_assert!(covers(filter, filter));
                }
                if let Ok(topic) = valid_topic(input, Bounds::default()) {
                    prop_assert!(matches(topic, topic));
                }
            }
        }
    }
}
