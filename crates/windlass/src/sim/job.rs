//! A job as a device sees it: what the document asks for, and downloading it with a hash check.

use std::time::Duration;

use anyhow::Context;
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::firmware::{self, Quality};

/// One execution, as received with `start-next` or `notify-next`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Execution {
    /// The job's number, in the protocol's words an id.
    pub(crate) job: String,
    /// What is to be done.
    pub(crate) task: Task,
}

/// What a job document asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// Install this version.
    Update {
        /// The version that should run afterwards.
        version: String,
        /// What to download.
        artifacts: Vec<Artifact>,
    },
    /// Do something now.
    Command {
        /// What.
        command: String,
        /// How.
        arguments: Map<String, Value>,
        /// Seconds since 1970, from when on it is not wanted any more.
        expires: Option<i64>,
    },
    /// Something that this device cannot do.
    Unknown(String),
}

/// One file of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Artifact {
    /// Where it is.
    pub(crate) url: String,
    /// Lower-case hex.
    pub(crate) sha256: String,
}

/// Reads the `execution` member of a jobs message; `None` where nothing is pending.
pub(crate) fn execution(message: &Value) -> Option<Execution> {
    let execution = message.get("execution")?;
    let job = execution.get("jobId")?.as_str()?.to_owned();
    let document = execution.get("jobDocument").unwrap_or(&Value::Null);
    let operation = document.get("operation").and_then(Value::as_str).unwrap_or("nothing");
    let version = document.pointer("/release/version").and_then(Value::as_str);
    let task = match (operation, version) {
        ("update", Some(version)) => {
            Task::Update { version: version.to_owned(), artifacts: artifacts(document) }
        }
        ("command", _) => Task::Command {
            command: document.get("command").and_then(Value::as_str).unwrap_or_default().to_owned(),
            arguments: document.get("arguments").and_then(Value::as_object).cloned().unwrap_or_default(),
            expires: document.get("expires").and_then(Value::as_i64),
        },
        (operation, _) => Task::Unknown(operation.to_owned()),
    };
    Some(Execution { job, task })
}

fn artifacts(document: &Value) -> Vec<Artifact> {
    let list = |value: &Value, member: &str| {
        value.get(member).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    list(document, "components")
        .iter()
        .flat_map(|component| list(component, "artifacts"))
        .filter_map(|artifact| {
            let text = |member: &str| artifact.get(member).and_then(Value::as_str).map(str::to_owned);
            Some(Artifact { url: text("url")?, sha256: text("sha256")? })
        })
        .collect()
}

/// The body of an update of the execution's state.
pub(crate) fn report(status: &str, details: &[(&str, &str)]) -> Value {
    let details: serde_json::Map<String, Value> =
        details.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({ "status": status, "statusDetails": details })
}

/// What came down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Downloaded {
    /// The worst of all artifacts.
    pub(crate) quality: Quality,
    /// Bytes of all artifacts.
    pub(crate) bytes: u64,
}

/// Downloads every artifact and checks its hash. Memory stays small: only the first bytes are kept.
pub(crate) async fn download(http: reqwest::Client, artifacts: Vec<Artifact>) -> anyhow::Result<Downloaded> {
    let mut all = Downloaded { quality: Quality::Good, bytes: 0 };
    for artifact in artifacts {
        let response = http.get(&artifact.url).timeout(Duration::from_secs(600)).send().await?;
        let status = response.status();
        anyhow::ensure!(status.is_success(), "the download was answered with {status}");
        let mut digest = Sha256::new();
        let mut head = Vec::new();
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.context("the download broke")?;
            digest.update(&chunk);
            let room = 4096_usize.saturating_sub(head.len());
            head.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            all.bytes += u64::try_from(chunk.len()).unwrap_or(0);
        }
        let found = hex::encode(digest.finalize());
        anyhow::ensure!(found == artifact.sha256, "the hash is {found}, not {}", artifact.sha256);
        all.quality = worse(all.quality, firmware::quality(&head));
    }
    Ok(all)
}

const fn worse(one: Quality, other: Quality) -> Quality {
    match (one, other) {
        (Quality::Bad, _) | (_, Quality::Bad) => Quality::Bad,
        (Quality::Flaky, _) | (_, Quality::Flaky) => Quality::Flaky,
        (Quality::Good, Quality::Good) => Quality::Good,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_document_gives_version_and_artifacts() {
        let message = json!({ "execution": { "jobId": "12", "status": "QUEUED", "jobDocument": {
            "operation": "update",
            "release": { "name": "pump-fw", "version": "2.4.1" },
            "components": [
                { "name": "app", "version": "2.4.1", "artifacts": [{ "name": "app.bin", "size": 3, "sha256": "aa", "url": "https://h/1" }] },
                { "name": "boot", "version": "1.0", "artifacts": [{ "name": "b.bin", "size": 3, "sha256": "bb", "url": "https://h/2" }] },
            ],
        }}});
        let execution = execution(&message).unwrap();
        assert_eq!(execution.job, "12");
        let Task::Update { version, artifacts } = execution.task else { panic!("not an update") };
        assert_eq!(version, "2.4.1");
        assert_eq!(
            artifacts.iter().map(|a| a.url.as_str()).collect::<Vec<_>>(),
            ["https://h/1", "https://h/2"]
        );
    }

    #[test]
    fn a_command_document_gives_command_arguments_and_expiry() {
        let message = json!({ "execution": { "jobId": "7", "jobDocument": {
            "operation": "command", "command": "log", "arguments": { "lines": 3 }, "expires": 99,
        }}});
        let arguments = json!({ "lines": 3 }).as_object().unwrap().clone();
        let expected = Task::Command { command: "log".to_owned(), arguments, expires: Some(99) };
        assert_eq!(execution(&message).unwrap().task, expected);
    }

    #[test]
    fn no_execution_means_nothing_to_do() {
        assert_eq!(execution(&json!({ "timestamp": 1 })), None);
        assert_eq!(execution(&json!([])), None);
    }

    #[test]
    fn a_document_that_is_not_an_update_is_named_and_not_guessed_at() {
        let message = json!({ "execution": { "jobId": "1", "jobDocument": { "operation": "dance" } } });
        assert_eq!(execution(&message).unwrap().task, Task::Unknown("dance".to_owned()));
    }

    #[test]
    fn reports_carry_status_and_details_as_strings() {
        let body = report("IN_PROGRESS", &[("phase", "downloading"), ("progress", "40")]);
        assert_eq!(
            body,
            json!({ "status": "IN_PROGRESS", "statusDetails": { "phase": "downloading", "progress": "40" } })
        );
    }

    #[test]
    fn the_worst_artifact_decides() {
        assert_eq!(worse(Quality::Good, Quality::Flaky), Quality::Flaky);
        assert_eq!(worse(Quality::Bad, Quality::Flaky), Quality::Bad);
        assert_eq!(worse(Quality::Good, Quality::Good), Quality::Good);
    }
}
