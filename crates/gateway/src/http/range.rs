//! Which parts of a file a request asks for (RFC 9110, section 14). Pure.

/// Most ranges of one request.
pub(crate) const MOST: usize = 1_024;

/// Some bytes that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The first one.
    pub(crate) offset: u64,
    /// How many; at least one.
    pub(crate) length: u64,
}

/// What part of a file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of it.
    Whole,
    /// These, in the order of the file; at least one.
    Parts(Vec<Part>),
    /// Nothing that the file has, what is no range, parts that overlap, or too many.
    Nothing,
}

/// Section 14.2. Another unit means the whole; ranges of bytes that cannot be read are refused, as hawkBit does.
pub(crate) fn wanted(range: &str, size: u64) -> Wanted {
    let Some((unit, set)) = range.split_once('=') else { return Wanted::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let mut parts = Vec::new();
    for (index, one) in set.split(',').enumerate() {
        if index >= MOST {
            return Wanted::Nothing;
        }
        match part(one.trim(), size) {
            Ok(part) => parts.extend(part),
            Err(Unreadable) => return Wanted::Nothing,
        }
    }
    parts.sort_by_key(|part| part.offset);
    let overlap = |pair: &[Part]| match pair {
        [first, second] => first.offset + first.length > second.offset,
        _ => false,
    };
    if parts.is_empty() || parts.windows(2).any(overlap) { Wanted::Nothing } else { Wanted::Parts(parts) }
}

struct Unreadable;

/// One range; none if the file has none of it.
fn part(text: &str, size: u64) -> Result<Option<Part>, Unreadable> {
    let (first, last) = text.split_once('-').ok_or(Unreadable)?;
    let (first, last) = (first.trim(), last.trim());
    if !first.bytes().chain(last.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Err(Unreadable);
    }
    // More digits than fit mean a byte that no file has.
    let number = |digits: &str| digits.parse::<u64>().unwrap_or(u64::MAX);
    match (first, last) {
        ("", "") => Err(Unreadable),
        ("", suffix) => {
            let length = number(suffix).min(size);
            Ok((length > 0).then(|| Part { offset: size - length, length }))
        }
        (first, last) => {
            let offset = number(first);
            let last = if last.is_empty() { u64::MAX } else { number(last) };
            if last < offset {
                Err(Unreadable)
            } else if offset >= size {
                Ok(None)
            } else {
                Ok(Some(Part { offset, length: last.min(size - 1) - offset + 1 }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(parts: &[(u64, u64)]) -> Wanted {
        Wanted::Parts(
            parts.iter().map(|(offset, length)| Part { offset: *offset, length: *length }).collect(),
        )
    }

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let cases = [
            ("bytes=0-0", parts(&[(0, 1)])),
            ("bytes=0-99", parts(&[(0, 100)])),
            ("bytes=0-100", parts(&[(0, 100)])),
            ("bytes=90-", parts(&[(90, 10)])),
            ("bytes=99-", parts(&[(99, 1)])),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=100-200", Wanted::Nothing),
            ("bytes=-1", parts(&[(99, 1)])),
            ("bytes=-100", parts(&[(0, 100)])),
            ("bytes=-1000", parts(&[(0, 100)])),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=10-99999999999999999999999", parts(&[(10, 90)])),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("Bytes = 5 - 9", parts(&[(5, 5)])),
            ("bytes=9-5", Wanted::Nothing),
            ("bytes=", Wanted::Nothing),
            ("bytes=-", Wanted::Nothing),
            ("bytes=a-b", Wanted::Nothing),
            ("bytes=+1-5", Wanted::Nothing),
            ("items=0-1", Wanted::Whole),
            ("bytes 0-1", Wanted::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(wanted(range, 100), expected, "{range}");
        }
    }

    #[test]
    fn several_ranges_come_in_the_order_of_the_file() {
        assert_eq!(wanted("bytes=5-6, 0-1", 100), parts(&[(0, 2), (5, 2)]));
        assert_eq!(wanted("bytes=0-1,2-3,-1", 100), parts(&[(0, 2), (2, 2), (99, 1)]));
        assert_eq!(wanted("bytes=0-1,200-300", 100), parts(&[(0, 2)]));
        assert_eq!(wanted("bytes=0-5,5-9", 100), Wanted::Nothing, "they overlap");
        assert_eq!(wanted("bytes=0-,-1", 100), Wanted::Nothing, "they overlap");
        assert_eq!(wanted("bytes=0-1,x", 100), Wanted::Nothing);
    }

    #[test]
    fn three_hundred_ranges_are_taken_and_too_many_are_not() {
        let list = |many: u64| {
            let all: Vec<String> = (0..many).map(|at| format!("{}-{}", at * 10, at * 10 + 4)).collect();
            format!("bytes={}", all.join(","))
        };
        assert!(matches!(wanted(&list(300), 1_000_000), Wanted::Parts(parts) if parts.len() == 300));
        assert_eq!(wanted(&list(1_025), 1_000_000), Wanted::Nothing);
    }

    #[test]
    fn an_empty_file_has_no_range() {
        for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(wanted(range, 0), Wanted::Nothing, "{range}");
        }
    }
}
