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
    // No topic is empty, so these two match the same topics.
    let asked = if asked == "#" { "+/#" } else { asked };
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
