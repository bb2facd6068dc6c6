//! What devices report. Lenient where real clients are: see the module above.

use serde_json::{Map, Value};

use super::Format;

/// Most levels of nesting in a body.
const DEEPEST: usize = 32;

/// Why a body cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadBody {
    /// Neither JSON nor CBOR, as its type says.
    #[error("the body is not {0}")]
    Unreadable(&'static str),
    /// A member is missing or has a value that it cannot have.
    #[error("{member} {problem}")]
    Member {
        /// Dotted path.
        member: &'static str,
        /// What is allowed.
        problem: &'static str,
    },
}

const fn member(member: &'static str, problem: &'static str) -> BadBody {
    BadBody::Member { member, problem }
}

macro_rules! words {
    ($(#[$doc:meta])* $type:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$vdoc])* $variant),+ }

        impl $type {
            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            fn read(word: &str) -> Option<Self> {
                $(if word.eq_ignore_ascii_case($word) { return Some(Self::$variant); })+
                None
            }
        }
    };
}

words!(
    /// `status.execution`.
    Execution {
        /// The action is over.
        Closed = "closed",
        /// It goes on.
        Proceeding = "proceeding",
        /// Canceled on the device.
        Canceled = "canceled",
        /// Planned on the device.
        Scheduled = "scheduled",
        /// Refused.
        Rejected = "rejected",
        /// Goes on after a pause.
        Resumed = "resumed",
        /// Downloading.
        Download = "download",
        /// Downloaded.
        Downloaded = "downloaded",
    }
);

words!(
    /// `status.result.finished`.
    Finished {
        /// It went well.
        Success = "success",
        /// It did not.
        Failure = "failure",
        /// Not known yet.
        None = "none",
    }
);

words!(
    /// What a device does with its attributes.
    Mode {
        /// Adds and changes.
        Merge = "merge",
        /// Has these and no others.
        Replace = "replace",
        /// Has these no longer.
        Remove = "remove",
    }
);

words!(
    /// `confirmation`.
    ConfirmationWord {
        /// Go on.
        Confirmed = "confirmed",
        /// Not now.
        Denied = "denied",
    }
);

/// What a device says of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feedback {
    /// How it stands.
    pub execution: Execution,
    /// How it went.
    pub finished: Finished,
    /// Steps done, of how many.
    pub progress: Option<(u64, u64)>,
    /// A number of the device's own.
    pub code: Option<i64>,
    /// Texts, as they came.
    pub details: Vec<String>,
    /// Milliseconds since 1970, where the device has a clock.
    pub timestamp: Option<i64>,
}

/// What a device says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigData {
    /// What to do with it.
    pub mode: Mode,
    /// Values by key; none takes the key away.
    pub data: Vec<(String, Option<String>)>,
}

/// What a device says of an action that waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirmation {
    /// Whether to go on.
    pub word: ConfirmationWord,
    /// A number of the device's own.
    pub code: Option<i64>,
    /// Texts, as they came.
    pub details: Vec<String>,
}

/// Who switches confirming by itself on or off.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Initiator {
    /// A name.
    pub initiator: Option<String>,
    /// Why.
    pub remark: Option<String>,
}

/// What a device says that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledBase {
    /// Name of the set.
    pub name: String,
    /// Its version.
    pub version: String,
}

fn object(format: Format, body: &[u8]) -> Result<Map<String, Value>, BadBody> {
    let read: Option<Value> = match format {
        Format::Json => serde_json::from_slice(body).ok(),
        Format::Cbor => ciborium::de::from_reader_with_recursion_limit(body, DEEPEST).ok(),
    };
    match read {
        Some(Value::Object(members)) => Ok(members),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | None => {
            Err(BadBody::Unreadable(match format {
                Format::Json => "a JSON object",
                Format::Cbor => "a CBOR map",
            }))
        }
    }
}

/// A whole number, written as one or as text.
fn number(value: Option<&Value>) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Text, or what can be read as text; none for null and what holds more.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().filter_map(text).collect(),
        Some(other) => text(other).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Reads feedback on an action, or on its cancelation.
///
/// # Errors
/// No object, or no `status.execution` and `status.result.finished` that are known.
pub fn feedback(format: Format, body: &[u8]) -> Result<Feedback, BadBody> {
    let members = object(format, body)?;
    let status = members.get("status").and_then(Value::as_object);
    let status = status.ok_or(member("status", "must be an object"))?;
    let execution =
        status.get("execution").and_then(Value::as_str).and_then(Execution::read).ok_or(member(
            "status.execution",
            "must be one of: closed proceeding canceled scheduled rejected resumed download downloaded",
        ))?;
    let result = status.get("result").and_then(Value::as_object);
    let finished = result.and_then(|result| result.get("finished")).and_then(Value::as_str);
    let finished = finished
        .and_then(Finished::read)
        .ok_or(member("status.result.finished", "must be one of: success failure none"))?;
    let progress = result.and_then(|result| result.get("progress")).and_then(Value::as_object);
    let count = |name: &str| progress.and_then(|progress| number(progress.get(name)));
    let progress = match (count("cnt"), count("of")) {
        (Some(done), Some(of)) => u64::try_from(done).ok().zip(u64::try_from(of).ok().filter(|of| *of > 0)),
        (Some(_) | None, _) => None,
    };
    Ok(Feedback {
        execution,
        finished,
        progress,
        code: number(status.get("code")),
        details: texts(status.get("details")),
        timestamp: number(members.get("timestamp")),
    })
}

/// Reads the attributes of a device.
///
/// # Errors
/// No object, an unknown mode, or no `data`.
pub fn config_data(format: Format, body: &[u8]) -> Result<ConfigData, BadBody> {
    let members = object(format, body)?;
    let mode = match members.get("mode") {
        None | Some(Value::Null) => Mode::Merge,
        Some(word) => word
            .as_str()
            .and_then(Mode::read)
            .ok_or(member("mode", "must be one of: merge replace remove"))?,
    };
    let data = match members.get("data") {
        Some(Value::Object(data)) => data,
        None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
            return Err(member("data", "must be an object"));
        }
    };
    let pair = |(key, value): (&String, &Value)| match value {
        Value::Array(_) | Value::Object(_) => Err(member("data", "must hold texts")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok((key.clone(), text(value))),
    };
    Ok(ConfigData { mode, data: data.iter().map(pair).collect::<Result<_, _>>()? })
}

/// Reads the answer to an action that waits for its confirmation.
///
/// # Errors
/// No object, or no `confirmation` that is known.
pub fn confirmation(format: Format, body: &[u8]) -> Result<Confirmation, BadBody> {
    let members = object(format, body)?;
    let word = members.get("confirmation").and_then(Value::as_str).and_then(ConfirmationWord::read);
    Ok(Confirmation {
        word: word.ok_or(member("confirmation", "must be one of: confirmed denied"))?,
        code: number(members.get("code")),
        details: texts(members.get("details")),
    })
}

/// Reads who switches confirming by itself on or off; an empty body says nothing.
///
/// # Errors
/// No object.
pub fn initiator(format: Format, body: &[u8]) -> Result<Initiator, BadBody> {
    if body.is_empty() {
        return Ok(Initiator::default());
    }
    let members = object(format, body)?;
    let said = |name: &str| members.get(name).and_then(text).filter(|text| !text.is_empty());
    Ok(Initiator { initiator: said("initiator"), remark: said("remark") })
}

/// Reads what a device says that it runs.
///
/// # Errors
/// No object, or no name or version.
pub fn installed_base(format: Format, body: &[u8]) -> Result<InstalledBase, BadBody> {
    let members = object(format, body)?;
    let said = |name: &'static str| {
        let found = members.get(name).and_then(text).filter(|text| !text.is_empty());
        found.ok_or(member(name, "must be text"))
    };
    Ok(InstalledBase { name: said("name")?, version: said("version")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(body: &str) -> Result<Feedback, BadBody> {
        feedback(Format::Json, body.as_bytes())
    }

    #[test]
    fn feedback_of_real_clients_is_read() {
        let swupdate = said(
            r#"{"id": 4, "status": {"result": {"progress": {"cnt": 0, "of": 1}, "finished": "none"},
               "execution": "proceeding", "details": ["Installing Update Chunk Artifacts."]}}"#,
        )
        .unwrap();
        assert_eq!((swupdate.execution, swupdate.finished), (Execution::Proceeding, Finished::None));
        assert_eq!(swupdate.progress, Some((0, 1)));
        let rauc = said(
            r#"{"id":"8","time":"20261123T031354","status":{"execution":"proceeding",
               "result":{"finished":"none"},"details":[" 44% Loading manifest file"]}}"#,
        )
        .unwrap();
        assert_eq!(rauc.details, [" 44% Loading manifest file"]);
        let full = said(
            r#"{"id":8,"time":"","timestamp":1627997501890,"surprise":{"a":[1]},"status":{"execution":"closed",
               "result":{"finished":"failure","progress":null},"code":"-7","details":null,"more":1}}"#,
        )
        .unwrap();
        assert_eq!(
            (full.execution, full.finished, full.code),
            (Execution::Closed, Finished::Failure, Some(-7))
        );
        assert_eq!((full.timestamp, full.details.len(), full.progress), (Some(1_627_997_501_890), 0, None));
    }

    #[test]
    fn what_may_be_absent_may_be_null_or_nonsense() {
        for more in ["", r#","progress":null"#, r#","progress":7"#, r#","progress":{"cnt":-1,"of":0}"#] {
            let body =
                format!(r#"{{"status":{{"execution":"download","result":{{"finished":"none"{more}}}}}}}"#);
            let read = said(&body).unwrap();
            assert_eq!((read.finished, read.progress, read.code), (Finished::None, None, None), "{more}");
        }
        let one = r#"{"status":{"execution":"closed","result":{"finished":"none"},"details":"just text"}}"#;
        let one = said(one).unwrap();
        assert_eq!(one.details, ["just text"]);
    }

    #[test]
    fn feedback_that_says_nothing_is_refused_with_the_member() {
        for (body, wanted) in [
            ("", "JSON"),
            ("[]", "JSON"),
            ("{}", "status"),
            (r#"{"status":"closed"}"#, "status"),
            (r#"{"status":{}}"#, "status.execution"),
            (r#"{"status":{"execution":"exploded"}}"#, "status.execution"),
            (r#"{"status":{"execution":"closed","result":{"finished":"maybe"}}}"#, "status.result.finished"),
            (r#"{"status":{"execution":"closed"}}"#, "status.result.finished"),
            (r#"{"status":{"execution":"closed","result":null}}"#, "status.result.finished"),
            (r#"{"status":{"execution":"closed","result":{}}}"#, "status.result.finished"),
            (r#"{"status":{"execution":"closed","result":{"finished":null}}}"#, "status.result.finished"),
        ] {
            let problem = said(body).unwrap_err().to_string();
            assert!(problem.contains(wanted), "{body}: {problem}");
        }
        let deep = format!("{}{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        assert!(said(&deep).is_err());
    }

    #[test]
    fn attributes_are_read_with_and_without_a_mode() {
        let read = |body: &str| config_data(Format::Json, body.as_bytes());
        let plain = read(r#"{"id":"","time":"","status":{},"data":{"hw":"1","n":7,"gone":null}}"#).unwrap();
        assert_eq!(plain.mode, Mode::Merge);
        let pair = |key: &str, value: Option<&str>| (key.to_owned(), value.map(ToOwned::to_owned));
        assert_eq!(plain.data, [pair("gone", None), pair("hw", Some("1")), pair("n", Some("7"))]);
        assert_eq!(read(r#"{"mode":null,"data":{}}"#).unwrap().mode, Mode::Merge);
        assert_eq!(read(r#"{"mode":"replace","data":{}}"#).unwrap().mode, Mode::Replace);
        for bad in
            [r#"{"mode":"melt","data":{}}"#, r#"{"mode":"merge"}"#, r#"{"data":[]}"#, r#"{"data":{"a":{}}}"#]
        {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn confirmations_and_installed_sets_are_read() {
        let yes =
            confirmation(Format::Json, br#"{"confirmation":"confirmed","code":1,"details":["ok"]}"#).unwrap();
        assert_eq!((yes.word, yes.code), (ConfirmationWord::Confirmed, Some(1)));
        assert!(confirmation(Format::Json, br#"{"confirmation":"later"}"#).is_err());
        assert_eq!(initiator(Format::Json, b"").unwrap(), Initiator::default());
        let runs = installed_base(Format::Json, br#"{"name":"linux","version":"1.2.3"}"#).unwrap();
        assert_eq!((runs.name.as_str(), runs.version.as_str()), ("linux", "1.2.3"));
        assert!(installed_base(Format::Json, br#"{"name":"linux"}"#).is_err());
    }

    #[test]
    fn cbor_says_the_same() {
        let value = serde_json::json!({"status": {"execution": "closed", "result": {"finished": "success"}}});
        let mut bytes = Vec::new();
        ciborium::into_writer(&value, &mut bytes).unwrap();
        assert_eq!(feedback(Format::Cbor, &bytes).unwrap().finished, Finished::Success);
        assert!(feedback(Format::Cbor, b"\xff\xff").is_err());
        let deep = [vec![0x81; 100_000], vec![0x80]].concat();
        assert!(feedback(Format::Cbor, &deep).is_err());
    }
}
