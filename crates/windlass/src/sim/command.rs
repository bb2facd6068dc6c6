//! What a simulated device answers to commands. Decides; sends nothing.

use std::time::Duration;

use serde_json::{Map, Value};

/// Most bytes of output that go with an answer.
const OUTPUT_BYTES: usize = 4096;
/// Lines of the log where nobody says how many.
const LINES: usize = 10;

/// What the device knows of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// Since its last start.
    pub(crate) uptime: Duration,
    /// The firmware that runs.
    pub(crate) version: &'a str,
    /// What it did lately, oldest first.
    pub(crate) log: &'a [String],
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It ran.
    Ran {
        /// As a shell would say it.
        exit_code: i64,
        /// What it printed.
        output: String,
        /// Whether the device starts anew afterwards.
        restarts: bool,
    },
    /// The device will not do it.
    Rejected(String),
}

fn ran(output: impl Into<String>) -> Answer {
    let mut output = output.into();
    let mut end = output.len().min(OUTPUT_BYTES);
    while !output.is_char_boundary(end) {
        end -= 1;
    }
    output.truncate(end);
    Answer::Ran { exit_code: 0, output, restarts: false }
}

/// Carries a command out. `expires`: seconds since 1970, from when on it is not wanted any more.
pub(crate) fn answer(
    command: &str,
    arguments: &Map<String, Value>,
    expires: Option<i64>,
    facts: Facts<'_>,
) -> Answer {
    if expires.is_some_and(|at| at <= facts.now) {
        return Answer::Rejected("the command expired".to_owned());
    }
    match command {
        "echo" => ran(match arguments.get("text") {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => Value::Object(arguments.clone()).to_string(),
        }),
        "uptime" => ran(format!("up {} s", facts.uptime.as_secs())),
        "version" => ran(facts.version),
        "log" => {
            let wanted = arguments
                .get("lines")
                .and_then(Value::as_u64)
                .map_or(LINES, |lines| usize::try_from(lines).unwrap_or(usize::MAX));
            let skipped = facts.log.len().saturating_sub(wanted);
            ran(facts.log.iter().skip(skipped).cloned().collect::<Vec<_>>().join("\n"))
        }
        "exit" => {
            let exit_code = arguments.get("code").and_then(Value::as_i64).unwrap_or(0);
            Answer::Ran { exit_code, output: String::new(), restarts: false }
        }
        "reboot" => Answer::Ran { exit_code: 0, output: "restarting".to_owned(), restarts: true },
        other => Answer::Rejected(format!(
            "this device does not know {other}; it knows echo, exit, log, reboot, uptime and version"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answered(command: &str, arguments: Value, expires: Option<i64>) -> Answer {
        let log = ["one".to_owned(), "two".to_owned(), "three".to_owned()];
        let facts = Facts { uptime: Duration::from_secs(90), version: "1.2", log: &log, now: 100 };
        answer(command, arguments.as_object().unwrap(), expires, facts)
    }

    #[test]
    fn known_commands_print_what_they_are_asked_for() {
        assert_eq!(answered("echo", json!({"text": "hi"}), None), ran("hi"));
        assert_eq!(answered("echo", json!({"a": 1}), None), ran(r#"{"a":1}"#));
        assert_eq!(answered("uptime", json!({}), None), ran("up 90 s"));
        assert_eq!(answered("version", json!({}), None), ran("1.2"));
        assert_eq!(answered("log", json!({"lines": 2}), None), ran("two\nthree"));
        let Answer::Ran { exit_code, .. } = answered("exit", json!({"code": 3}), None) else { panic!() };
        assert_eq!(exit_code, 3);
        assert!(matches!(answered("reboot", json!({}), None), Answer::Ran { restarts: true, .. }));
    }

    #[test]
    fn unknown_and_expired_commands_are_rejected_with_a_reason() {
        let Answer::Rejected(reason) = answered("dance", json!({}), None) else { panic!() };
        assert!(reason.contains("does not know dance"), "{reason}");
        assert!(matches!(answered("echo", json!({}), Some(100)), Answer::Rejected(_)));
        assert_eq!(answered("echo", json!({"text": "hi"}), Some(101)), ran("hi"));
    }

    #[test]
    fn output_fits_and_is_cut_between_letters() {
        let Answer::Ran { output, .. } = answered("echo", json!({"text": "ä".repeat(5000)}), None) else {
            panic!()
        };
        assert_eq!(output, "ä".repeat(2048));
    }
}
