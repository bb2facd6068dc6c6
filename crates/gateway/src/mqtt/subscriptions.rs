//! What one connection is subscribed to, and what a topic or filter may look like. A short list, searched in line.

use windlass_domain::limits::Limits;
use windlass_wire::filter::{self, Bounds, Problem};

use super::packet::{Qos, reason};

/// Topics of the contract hold up to two names of 128 and 64 characters, or a foreign id of 256 bytes.
const CONTRACT_TOPIC_BYTES: usize = 512;

/// `$aws/things/{name}/shadow/name/{shadow}/update/documents`.
const CONTRACT_TOPIC_LEVELS: usize = 8;

/// Why a topic cannot be published to by anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicProblem {
    /// Empty, or with a wildcard.
    Invalid,
    /// Over the limits of length or levels.
    TooLarge,
}

/// Judges the form of a topic to publish to.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check_topic(topic: &str, limits: &Limits) -> Result<(), TopicProblem> {
    match filter::valid_topic(topic.as_bytes(), bounds(topic, limits)) {
        Ok(_) => Ok(()),
        Err(Problem::TooLong | Problem::TooManyLevels) => Err(TopicProblem::TooLarge),
        Err(Problem::NotUtf8 | Problem::Empty | Problem::Nul | Problem::Wildcard | Problem::Shared) => {
            Err(TopicProblem::Invalid)
        }
    }
}

/// Judges the form of a filter to subscribe to.
///
/// # Errors
/// The reason code for SUBACK.
pub(crate) fn check_filter(asked: &str, limits: &Limits) -> Result<(), u8> {
    match filter::valid_filter(asked.as_bytes(), bounds(asked, limits)) {
        Ok(_) => Ok(()),
        Err(Problem::Shared) => Err(reason::NO_SHARED),
        Err(
            Problem::NotUtf8
            | Problem::Empty
            | Problem::Nul
            | Problem::Wildcard
            | Problem::TooLong
            | Problem::TooManyLevels,
        ) => Err(reason::FILTER_INVALID),
    }
}

fn bounds(topic: &str, limits: &Limits) -> Bounds {
    let bytes = if topic.starts_with("$aws/") {
        limits.topic_bytes.max(CONTRACT_TOPIC_BYTES)
    } else {
        limits.topic_bytes
    };
    Bounds { bytes, levels: limits.topic_levels.max(CONTRACT_TOPIC_LEVELS) }
}

/// The subscriptions of one connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subscriptions(Vec<(Box<str>, Qos)>);

impl Subscriptions {
    /// From a saved session. What cannot be read is left out.
    pub(crate) fn restore(saved: &[(String, u8)]) -> Self {
        Self(
            saved
                .iter()
                .filter_map(|(filter, qos)| Some((filter.as_str().into(), Qos::from_number(*qos)?)))
                .collect(),
        )
    }

    /// For a saved session.
    pub(crate) fn save(&self) -> Vec<(String, u8)> {
        self.0.iter().map(|(filter, qos)| (filter.to_string(), qos.number())).collect()
    }

    /// The filters alone.
    pub(crate) fn filters(&self) -> Vec<String> {
        self.0.iter().map(|(filter, _)| filter.to_string()).collect()
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds or replaces one. False, with nothing changed, if there would be more than `most`.
    pub(crate) fn set(&mut self, filter: &str, qos: Qos, most: usize) -> bool {
        if let Some(entry) = self.0.iter_mut().find(|(have, _)| have.as_ref() == filter) {
            entry.1 = qos;
            return true;
        }
        if self.0.len() >= most {
            return false;
        }
        self.0.push((filter.into(), qos));
        true
    }

    /// Takes one away. False if it was not there.
    pub(crate) fn remove(&mut self, filter: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|(have, _)| have.as_ref() != filter);
        self.0.len() < before
    }

    /// Drops those that `keep` does not want. True if any went.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|(filter, _)| keep(filter));
        self.0.len() < before
    }

    /// The best quality of service of those that match.
    pub(crate) fn granted(&self, topic: &str) -> Option<Qos> {
        self.0.iter().filter(|(have, _)| filter::matches(have, topic)).map(|(_, qos)| *qos).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_judged_by_form_and_size() {
        let limits = Limits::default();
        let levels = |n: usize| vec!["a"; n].join("/");
        let cases = [
            ("devices/pump/telemetry".to_owned(), Ok(())),
            ("devices/+/telemetry".to_owned(), Ok(())),
            ("#".to_owned(), Ok(())),
            (levels(8), Ok(())),
            (levels(9), Err(reason::FILTER_INVALID)),
            ("x".repeat(256), Ok(())),
            ("x".repeat(257), Err(reason::FILTER_INVALID)),
            (String::new(), Err(reason::FILTER_INVALID)),
            ("a/#/b".to_owned(), Err(reason::FILTER_INVALID)),
            ("a+/b".to_owned(), Err(reason::FILTER_INVALID)),
            ("$share/group/a".to_owned(), Err(reason::NO_SHARED)),
            (
                format!("$aws/things/{}/shadow/name/{}/update/documents", "n".repeat(128), "s".repeat(64)),
                Ok(()),
            ),
            (format!("$aws/things/{}/shadow/name/{}/get", "n".repeat(256), "s".repeat(64)), Ok(())),
        ];
        for (filter, expected) in cases {
            assert_eq!(check_filter(&filter, &limits), expected, "{filter}");
        }
    }

    #[test]
    fn topics_are_judged_by_form_and_size() {
        let limits = Limits::default();
        assert_eq!(check_topic("devices/pump/telemetry", &limits), Ok(()));
        for bad in ["", "a/+", "#", "a#"] {
            assert_eq!(check_topic(bad, &limits), Err(TopicProblem::Invalid), "{bad}");
        }
        assert_eq!(check_topic(&"x".repeat(257), &limits), Err(TopicProblem::TooLarge));
        assert_eq!(check_topic("a/b/c/d/e/f/g/h/i", &limits), Err(TopicProblem::TooLarge));
    }

    #[test]
    fn the_best_matching_subscription_decides() {
        let mut subscriptions = Subscriptions::default();
        assert!(subscriptions.set("a/+", Qos::Zero, 3));
        assert!(subscriptions.set("a/b", Qos::One, 3));
        assert_eq!(subscriptions.granted("a/b"), Some(Qos::One));
        assert_eq!(subscriptions.granted("a/c"), Some(Qos::Zero));
        assert_eq!(subscriptions.granted("b"), None);
        assert!(subscriptions.remove("a/b"));
        assert!(!subscriptions.remove("a/b"));
        assert_eq!(subscriptions.granted("a/b"), Some(Qos::Zero));
    }

    #[test]
    fn a_list_is_bounded_but_an_entry_may_be_replaced() {
        let mut subscriptions = Subscriptions::default();
        assert!(subscriptions.set("a", Qos::Zero, 1));
        assert!(!subscriptions.set("b", Qos::Zero, 1));
        assert!(subscriptions.set("a", Qos::One, 1));
        assert_eq!(subscriptions.save(), [("a".to_owned(), 1)]);
        assert_eq!(Subscriptions::restore(&subscriptions.save()), subscriptions);
    }
}
