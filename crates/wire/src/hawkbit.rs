//! What hawkBit's two interfaces have in common: the kinds of refusals that clients know, and which form of an answer
//! they want.

/// A kind of refusal: the name of a class that clients in Java look for, and a stable code.
pub type Kind = (&'static str, &'static str);

/// The body is not what the path takes.
pub const UNREADABLE: Kind = (
    "org.eclipse.hawkbit.rest.exception.MessageNotReadableException",
    "hawkbit.server.error.rest.body.notReadable",
);
/// There is no such thing.
pub const NOT_THERE: Kind = (
    "org.eclipse.hawkbit.repository.exception.EntityNotFoundException",
    "hawkbit.server.error.repo.entityNotFound",
);
/// It stays as it is.
pub const READ_ONLY: Kind = (
    "org.eclipse.hawkbit.repository.exception.EntityReadOnlyException",
    "hawkbit.server.error.entityReadOnly",
);
/// It is not being canceled, or cannot be.
pub const NOT_CANCELABLE: Kind = (
    "org.eclipse.hawkbit.repository.exception.CancelActionNotAllowedException",
    "hawkbit.server.error.action.notCancelable",
);
/// Somebody else was quicker.
pub const CONFLICT: Kind = (
    "org.eclipse.hawkbit.repository.exception.ConcurrentModificationException",
    "hawkbit.server.error.repo.concurrentModification",
);
/// There would be more of it than there may be.
pub const QUOTA: Kind = (
    "org.eclipse.hawkbit.repository.exception.AssignmentQuotaExceededException",
    "hawkbit.server.error.quota.tooManyEntries",
);
/// Anything else.
pub const OTHER: Kind =
    ("org.eclipse.hawkbit.exception.GenericSpServerException", "hawkbit.server.error.repo.genericError");

/// One of the types of media that a client takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    /// In lower case, without parameters; may be anything.
    pub kind: String,
    /// How much it is wanted, 1 unless said.
    pub weight: f32,
    /// Whether the client says a character set with it.
    pub charset: bool,
}

/// The types of media that a header `Accept` names, in its order (RFC 9110, section 12.5.1). What cannot be read of a
/// weight is as good as not said.
pub fn accepted(header: &str) -> impl Iterator<Item = Accepted> {
    header.split(',').map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let mut one = Accepted { kind, weight: 1.0, charset: false };
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            if name.trim().eq_ignore_ascii_case("q") {
                one.weight = value.trim().parse().unwrap_or(1.0);
            } else {
                one.charset |= name.trim().eq_ignore_ascii_case("charset");
            }
        }
        one
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_media_are_read_with_what_is_said_of_them() {
        let read: Vec<(String, f32, bool)> =
            accepted("Application/JSON ; charset=utf-8;q=0.5, */*;q=.2,text/html;q=x,;,")
                .map(|one| (one.kind, one.weight, one.charset))
                .collect();
        let wanted = [
            ("application/json", 0.5, true),
            ("*/*", 0.2, false),
            ("text/html", 1.0, false),
            ("", 1.0, false),
            ("", 1.0, false),
        ];
        assert_eq!(read.len(), wanted.len());
        for ((kind, weight, charset), (kind_wanted, weight_wanted, charset_wanted)) in read.iter().zip(wanted)
        {
            assert_eq!((kind.as_str(), *charset), (kind_wanted, charset_wanted));
            assert!((weight - weight_wanted).abs() < f32::EPSILON, "{kind}");
        }
    }
}
