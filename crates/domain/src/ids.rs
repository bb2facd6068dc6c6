//! Names and numbers, each its own type; parsing is the only door.
//!
//! Knows nothing of where a name is stored or shown.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::spelling::{composed, is_name};

/// Why a text is not the name it was meant to be. `Display` says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidName {
    /// What was parsed, such as "device name".
    pub what: &'static str,
    /// What is allowed.
    pub rule: &'static str,
}

fn of_chars(text: &str, most: usize, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.len() <= most && text.chars().all(allowed)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '.' | '-')
}

/// Beside what ends a path or begins markup: nothing that breaks a line or turns the direction of what people read.
fn may_be_in_file_name(c: char) -> bool {
    let turns = matches!(c, '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    !c.is_control() && !turns && !matches!(c, '/' | '\\' | '<' | '>' | '"')
}

fn as_given(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:expr) => {
        name!($(#[$doc])* $type, $what, $rule, $check, as_given,);
    };
    // What people write in any script: spelled in one way before it is looked at, and read again by no rule.
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:expr, composed) => {
        name!($(#[$doc])* $type, $what, $rule, $check, composed,);

        impl $type {
            /// What was taken once, by the rule of that time. For what the store holds, and nothing else.
            pub fn stored(text: String) -> Self {
                Self(text)
            }
        }
    };
    ($(#[$doc:meta])* $type:ident, $what:literal, $rule:literal, $check:expr, $spelled:expr,) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Gives up the type, keeps the text.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> bool = $check;
                let spelled: fn(&str) -> Cow<'_, str> = $spelled;
                let text = spelled(text);
                if check(&text) {
                    Ok(Self(text.into_owned()))
                } else {
                    Err(InvalidName { what: $what, rule: $rule })
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// An isolated customer or organisation.
    TenantName, "tenant name", "1 to 63 of a-z, 0-9 and -, and not a reserved word",
    |t| of_chars(t, 63, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !matches!(t, "api" | "rest" | "things" | "assets" | "healthz" | "readyz" | "metrics")
);
name!(
    /// The public id of a device, unique in its tenant, case-sensitive.
    DeviceName, "device name",
    "1 to 128 of letters, digits, : _ . and -, and not one of . .. export import tags",
    |t| of_chars(t, 128, is_plain) && !matches!(t, "." | ".." | "export" | "import" | "tags")
);
/// Ordered, compared and hashed as its text is, so that a beginning can be looked up in what is ordered by name.
impl std::borrow::Borrow<str> for DeviceName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
name!(
    /// A model of device.
    TypeName, "device type name", "1 to 128 of letters, digits, : _ . and -, other than . and .. alone",
    |t| of_chars(t, 128, is_plain) && t != "." && t != ".."
);
name!(
    /// A named shadow. The classic shadow has no name.
    ShadowName, "shadow name", "1 to 64 of letters, digits, : _ and -",
    |t| of_chars(t, 64, |c| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-'))
);
name!(
    /// A static group: a path in the tenant's tree, such as `eu/berlin/plant-3`.
    GroupPath, "group path", "up to 8 parts joined by /, each 1 to 63 of letters, digits, : _ . and -",
    |t| t.split('/').count() <= 8 && t.split('/').all(|part| of_chars(part, 63, is_plain) && part != "." && part != "..")
);
name!(
    /// A word or a few on a device.
    Tag, "tag",
    "1 to 128 characters of any script without markup, characters that nobody sees, marks at its beginning and spaces around",
    |t| is_name(t, 128), composed
);
name!(
    /// What kind of software a component is: `os`, `application`, or any word or few.
    ComponentType, "component type",
    "1 to 64 characters of any script without /, markup, characters that nobody sees, marks at its beginning and spaces around",
    |t| is_name(t, 64) && !t.contains('/'), composed
);
name!(
    /// The key of an attribute (set by an operator) or of an inventory entry (reported by the device).
    AttributeKey, "attribute key", "1 to 128 of letters, digits, : _ . and -",
    |t| of_chars(t, 128, is_plain)
);
name!(
    /// A release or component name. `name@version` says one of its versions, `type/name@version` a component of a type.
    ItemName, "name",
    "1 to 128 characters of any script without / and @, markup, characters that nobody sees, marks at its beginning and spaces around, \
     other than . and .. alone",
    |t| is_name(t, 128) && !t.contains(['/', '@']) && t != "." && t != "..", composed
);
name!(
    /// The name of a file, kept as given: in any script, with any punctuation that is part of no path and no markup.
    FileName, "file name",
    "1 to 255 bytes without / \\ < > \" or control characters and without spaces around, other than . and .. alone",
    |t| !t.is_empty() && t.len() <= 255 && t.chars().all(may_be_in_file_name) && t.trim() == t && t != "." && t != ".."
);
name!(
    /// A version as its maker writes it; compared for equality only.
    VersionText, "version",
    "1 to 64 characters of any script without /, markup, characters that nobody sees, marks at its beginning and spaces around, other than . and .. alone",
    |t| is_name(t, 64) && !t.contains('/') && t != "." && t != "..", composed
);
name!(
    /// A provisioning template.
    TemplateName, "template name", "1 to 36 of letters, digits, _ and -",
    |t| of_chars(t, 36, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
);
name!(
    /// A way by which people are told of alerts.
    ChannelName, "channel name", "1 to 64 of letters, digits, : _ . and -, other than . and .. alone",
    |t| of_chars(t, 64, is_plain) && t != "." && t != ".."
);
name!(
    /// What a device is told to do, such as `reboot`.
    CommandName, "command", "1 to 64 of letters, digits, : _ . and -",
    |t| of_chars(t, 64, is_plain)
);
name!(
    /// A command template.
    CommandTemplateName, "command template name", "1 to 64 of letters, digits, : _ . and -, other than . and .. alone",
    |t| of_chars(t, 64, is_plain) && t != "." && t != ".."
);
name!(
    /// A telemetry metric; nested objects become dotted names.
    MetricName, "metric name", "1 to 128 bytes without control characters",
    |t| !t.is_empty() && t.len() <= 128 && !t.chars().any(char::is_control)
);

impl AttributeKey {
    /// The key under which something is kept that devices call so: what is no key itself has `_` for what cannot stay.
    /// None if it is empty or longer than a key.
    pub fn replaced(text: &str) -> Option<Self> {
        let text = composed(text);
        if text.chars().count() > 128 {
            return None;
        }
        text.chars().map(|c| if is_plain(c) { c } else { '_' }).collect::<String>().parse().ok()
    }

    /// As [`AttributeKey::replaced`], but one for each text: what is no key itself has 12 digits of its own digest at the
    /// end.
    pub fn like(text: &str) -> Option<Self> {
        let text = composed(text);
        let kept = Self::replaced(&text)?;
        if kept.as_str() == text {
            return Some(kept);
        }
        let digest = Sha256::of(text.as_bytes()).to_string();
        let start: String = kept.as_str().chars().take(115).collect();
        format!("{start}-{}", digest.get(..12)?).parse().ok()
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(i64);

        impl $type {
            /// Wraps a row id, which is positive.
            pub const fn new(id: i64) -> Self {
                Self(id)
            }

            /// The number as stored and shown.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match text.parse::<i64>() {
                    Ok(id) if id > 0 && id < 1 << 53 && !text.starts_with('+') => Ok(Self(id)),
                    _ => Err(InvalidName { what: stringify!($type), rule: "a whole number from 1 to 2^53" }),
                }
            }
        }
    };
}

number!(/// Id of an alert; public.
    AlertId);
number!(/// Row id of a notification channel; never shown, its name is its public id.
    ChannelId);
number!(/// Id of one notification on its way; public.
    DeliveryId);
number!(/// Row id of a tenant.
    TenantId);
number!(/// Row id of a device; never shown, its name is its public id.
    DeviceId);
number!(/// Row id of a device type.
    TypeId);
number!(/// Row id of a static group.
    GroupId);
number!(/// Id of a credential.
    CredentialId);
number!(/// Id of a claim.
    ClaimId);
number!(/// Id of an artifact; public.
    ArtifactId);
number!(/// Id of an upload in parts; public.
    UploadId);
number!(/// Row id of a component.
    ComponentId);
number!(/// Row id of a release.
    ReleaseId);
number!(/// Id of a job; public.
    JobId);
number!(/// Id of one job's life on one device; public.
    ExecutionId);
number!(/// Id of an API token; public.
    TokenId);
number!(/// Id of an enrolment that waits for an operator; public.
    PendingId);
number!(/// Row id of a user.
    UserId);
number!(/// Id of a person's session in a browser; public.
    ConsoleSessionId);

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident: $bytes:literal, $what:literal, $size:literal, $digits:literal;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// Wraps the digest's bytes.
            pub const fn new(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The digest's bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = InvalidName;

            fn try_from(bytes: &[u8]) -> Result<Self, InvalidName> {
                bytes.try_into().map(Self).map_err(|_| InvalidName { what: $what, rule: $size })
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let mut bytes = [0; $bytes];
                match hex::decode_to_slice(text, &mut bytes) {
                    Ok(()) => Ok(Self(bytes)),
                    Err(_) => Err(InvalidName { what: $what, rule: $digits }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )* };
}

digests! {
    /// A SHA-256 digest, written as 64 lower-case hex characters.
    Sha256: 32, "SHA-256 digest", "32 bytes", "64 hex characters";
    /// A SHA-1 digest, written as 40 lower-case hex characters. For clients that want one; nothing here trusts it.
    Sha1: 20, "SHA-1 digest", "20 bytes", "40 hex characters";
    /// An MD5 digest, written as 32 lower-case hex characters. For clients that want one; nothing here trusts it.
    Md5: 16, "MD5 digest", "16 bytes", "32 hex characters";
}

impl Sha256 {
    /// Hashes bytes that are all in memory.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_names_follow_the_words_table() {
        for good in ["a", "pump-1", "AA:BB_cc.dd", &"x".repeat(128)] {
            assert!(good.parse::<DeviceName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "a b", "ä", "+", "#", &"x".repeat(129)] {
            assert!(bad.parse::<DeviceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn file_names_are_taken_in_any_script_and_lead_nowhere() {
        for good in [
            "a",
            "Über & größe=1'%.swu",
            "固件 (2).bin",
            "a+b;c,d#e?f:g*|~.raucb",
            ".profile",
            "a.",
            &"ä".repeat(127),
        ] {
            assert_eq!(good.parse::<FileName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            " ",
            ".",
            "..",
            "a/b",
            "a\\b",
            "<b>",
            "a\"b",
            " a",
            "a ",
            "a\tb",
            "a\r\nb",
            "\u{7f}",
            "a\0",
            "\u{a0}a",
            "gpj.\u{202e}exe",
            "a\u{2028}b",
            "\u{2066}a",
            &"ä".repeat(128),
        ] {
            assert!(bad.parse::<FileName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn items_and_their_versions_are_called_as_people_write() {
        for good in
            ["a b+c(d)", ".a", "a..", "x:y_z", "Firmware for Pump 펌웨어", "50%2F\\\"'", &"펌".repeat(128)]
        {
            assert_eq!(good.parse::<ItemName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            " ",
            "a ",
            ".",
            "..",
            "a/b",
            "a@b",
            "a\nb",
            "<b>",
            "a\u{202e}b",
            "a\u{200b}",
            &"x".repeat(129),
        ] {
            assert!(bad.parse::<ItemName>().is_err(), "{bad:?}");
        }
        for good in ["1.0 beta", "2.0@rc1", "v1 (日本)", &"版".repeat(64)] {
            assert_eq!(good.parse::<VersionText>().unwrap().as_str(), good);
        }
        for bad in ["", " 1", "1/2", ".", "..", "1\t2", "1\u{a0}0", "<i>1", &"1".repeat(65)] {
            assert!(bad.parse::<VersionText>().is_err(), "{bad:?}");
        }
        assert_eq!("Pu\u{308}mpe".parse::<ItemName>().unwrap().as_str(), "Pümpe");
    }

    #[test]
    fn what_is_no_key_is_kept_under_one_that_is_like_it() {
        let like = |text: &str| AttributeKey::like(text).map(AttributeKey::into_string);
        assert!(like("fw.Firmware for Pump").unwrap().starts_with("fw.Firmware_for_Pump-"));
        assert_eq!(like("펌".repeat(128).as_str()).unwrap().len(), 128);
        assert_eq!(like("plain-1:2"), Some("plain-1:2".to_owned()));
        assert!(like("").is_none() && like(&"펌".repeat(129)).is_none());
        assert_eq!(like("fw.Pu\u{308}mpe"), like("fw.Pümpe"));
    }

    #[test]
    fn no_two_texts_are_kept_under_one_key() {
        let texts = ["fw.밸브", "fw.펌프", "fw.app 2", "fw.app_2", "a+b", "a b", "a(b", "a_b"];
        let keys: std::collections::BTreeSet<_> =
            texts.iter().map(|text| AttributeKey::like(text).unwrap()).collect();
        assert_eq!(keys.len(), texts.len());
        let long = |last: &str| AttributeKey::like(&format!("{}{last}", "펌".repeat(127))).unwrap();
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn what_was_taken_once_is_read_by_no_rule() {
        assert!("1.0<rc2".parse::<VersionText>().is_err());
        assert_eq!(VersionText::stored("1.0<rc2".to_owned()).as_str(), "1.0<rc2");
    }

    #[test]
    fn reserved_words_are_no_tenant_names() {
        assert!("default".parse::<TenantName>().is_ok());
        for bad in ["api", "metrics", "Upper", "a_b", ""] {
            assert!(bad.parse::<TenantName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn public_numbers_are_positive_and_fit_a_double() {
        assert_eq!("7".parse::<JobId>().unwrap().get(), 7);
        for bad in ["0", "-1", "+1", "9007199254740992", "x", ""] {
            assert!(bad.parse::<JobId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_digest_reads_back_as_written() {
        let digest = Sha256::of(b"windlass");
        assert_eq!(digest.to_string().parse::<Sha256>().unwrap(), digest);
        assert!("00".parse::<Sha256>().is_err());
        let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
        assert_eq!(sha1.parse::<Sha1>().unwrap().to_string(), sha1);
        assert!(sha1.parse::<Md5>().is_err());
    }
}
