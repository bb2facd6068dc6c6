//! The documents that devices get. Compact, members in hawkBit's order: small clients search for texts.

use bytes::Bytes;
use serde::Serialize;

use super::{Format, write};

#[derive(Debug, Serialize)]
struct Href<'a> {
    href: &'a str,
}

fn href(link: &Option<String>) -> Option<Href<'_>> {
    link.as_deref().map(|href| Href { href })
}

/// What a device is told at each poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// `HH:MM:SS`.
    pub sleep: String,
    /// Where to go on.
    pub links: BaseLinks,
}

/// The links of a poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseLinks {
    /// An action waits for the device's word.
    pub confirmation: Option<String>,
    /// An action is to be canceled.
    pub cancel: Option<String>,
    /// An action is to be carried out.
    pub deployment: Option<String>,
    /// The last action that was carried out.
    pub installed: Option<String>,
    /// The device's attributes are wanted.
    pub config_data: Option<String>,
}

/// Writes the answer to a poll.
pub fn base(format: Format, base: &Base) -> Bytes {
    #[derive(Serialize)]
    struct Polling<'a> {
        sleep: &'a str,
    }
    #[derive(Serialize)]
    struct Config<'a> {
        polling: Polling<'a>,
    }
    #[derive(Serialize)]
    struct Links<'a> {
        #[serde(rename = "confirmationBase", skip_serializing_if = "Option::is_none")]
        confirmation: Option<Href<'a>>,
        #[serde(rename = "cancelAction", skip_serializing_if = "Option::is_none")]
        cancel: Option<Href<'a>>,
        #[serde(rename = "deploymentBase", skip_serializing_if = "Option::is_none")]
        deployment: Option<Href<'a>>,
        #[serde(rename = "installedBase", skip_serializing_if = "Option::is_none")]
        installed: Option<Href<'a>>,
        #[serde(rename = "configData", skip_serializing_if = "Option::is_none")]
        config_data: Option<Href<'a>>,
    }
    #[derive(Serialize)]
    struct Document<'a> {
        config: Config<'a>,
        #[serde(rename = "_links")]
        links: Links<'a>,
    }
    let Base { sleep, links: BaseLinks { confirmation, cancel, deployment, installed, config_data } } = base;
    write(
        format,
        &Document {
            config: Config { polling: Polling { sleep } },
            links: Links {
                confirmation: href(confirmation),
                cancel: href(cancel),
                deployment: href(deployment),
                installed: href(installed),
                config_data: href(config_data),
            },
        },
    )
}

/// What a device is to do with one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Handling {
    /// At once.
    Forced,
    /// When it fits.
    Attempt,
    /// Not now.
    Skip,
}

/// An artifact of a chunk, with its links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactDoc {
    /// Name of the file.
    pub filename: String,
    /// Lower-case hex.
    pub sha1: Option<String>,
    /// Lower-case hex.
    pub md5: Option<String>,
    /// Lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// Where the bytes are; `.MD5SUM` after it is their digest.
    pub href: String,
}

/// A software module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its kind, in the words that devices expect.
    pub part: String,
    /// Its version.
    pub version: String,
    /// Its name.
    pub name: String,
    /// Whether its files are encrypted.
    pub encrypted: bool,
    /// What operators let devices know of it.
    pub metadata: Vec<(String, String)>,
    /// Its files.
    pub artifacts: Vec<ArtifactDoc>,
}

/// What was said of an action so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionHistory {
    /// How it stands.
    pub status: String,
    /// What was said, newest first.
    pub messages: Vec<String>,
}

/// An action for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its number.
    pub id: String,
    /// Whether it waits for the device's word.
    pub waits: bool,
    /// What to do about the download.
    pub download: Handling,
    /// What to do about the installation.
    pub update: Handling,
    /// With a maintenance window: whether it is open.
    pub window: Option<bool>,
    /// Software modules.
    pub chunks: Vec<Chunk>,
    /// Only where it was asked for.
    pub history: Option<ActionHistory>,
}

#[derive(Serialize)]
struct Hashes<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha1: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5: Option<&'a str>,
    sha256: &'a str,
}

#[derive(Serialize)]
struct OwnedHref {
    href: String,
}

#[derive(Serialize)]
struct ArtifactLinks<'a> {
    download: Href<'a>,
    md5sum: OwnedHref,
    #[serde(rename = "download-http")]
    download_http: Href<'a>,
    #[serde(rename = "md5sum-http")]
    md5sum_http: OwnedHref,
}

#[derive(Serialize)]
struct WireArtifact<'a> {
    filename: &'a str,
    hashes: Hashes<'a>,
    size: u64,
    #[serde(rename = "_links")]
    links: ArtifactLinks<'a>,
}

impl<'a> WireArtifact<'a> {
    fn of(artifact: &'a ArtifactDoc) -> Self {
        let ArtifactDoc { filename, sha1, md5, sha256, size, href } = artifact;
        let sum = || OwnedHref { href: format!("{href}.MD5SUM") };
        Self {
            filename,
            hashes: Hashes { sha1: sha1.as_deref(), md5: md5.as_deref(), sha256 },
            size: *size,
            links: ArtifactLinks {
                download: Href { href },
                md5sum: sum(),
                download_http: Href { href },
                md5sum_http: sum(),
            },
        }
    }
}

/// Writes the list of a module's artifacts.
pub fn artifacts(format: Format, artifacts: &[ArtifactDoc]) -> Bytes {
    write(format, &artifacts.iter().map(WireArtifact::of).collect::<Vec<_>>())
}

/// Writes an action: `deploymentBase/{id}`, `installedBase/{id}`, `confirmationBase/{id}`.
pub fn deployment(format: Format, deployment: &Deployment) -> Bytes {
    #[derive(Serialize)]
    struct Pair<'a> {
        key: &'a str,
        value: &'a str,
    }
    #[derive(Serialize)]
    struct WireChunk<'a> {
        part: &'a str,
        version: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        encrypted: Option<bool>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        metadata: Vec<Pair<'a>>,
        artifacts: Vec<WireArtifact<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Plan<'a> {
        download: Handling,
        update: Handling,
        #[serde(skip_serializing_if = "Option::is_none")]
        maintenance_window: Option<&'static str>,
        chunks: Vec<WireChunk<'a>>,
    }
    #[derive(Serialize)]
    struct History<'a> {
        status: &'a str,
        messages: &'a [String],
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a> {
        id: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        deployment: Option<Plan<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        confirmation: Option<Plan<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        action_history: Option<History<'a>>,
    }
    let Deployment { id, waits, download, update, window, chunks, history } = deployment;
    fn shown(chunk: &Chunk) -> WireChunk<'_> {
        let Chunk { part, version, name, encrypted, metadata, artifacts } = chunk;
        WireChunk {
            part,
            version,
            name,
            encrypted: encrypted.then_some(true),
            metadata: metadata.iter().map(|(key, value)| Pair { key, value }).collect(),
            artifacts: artifacts.iter().map(WireArtifact::of).collect(),
        }
    }
    let plan = Plan {
        download: *download,
        update: *update,
        maintenance_window: window.map(|open| if open { "available" } else { "unavailable" }),
        chunks: chunks.iter().map(shown).collect(),
    };
    let (deployment, confirmation) = if *waits { (None, Some(plan)) } else { (Some(plan), None) };
    let action_history =
        history.as_ref().map(|ActionHistory { status, messages }| History { status, messages });
    write(format, &Document { id, deployment, confirmation, action_history })
}

/// Writes that an action is to be canceled.
pub fn cancel(format: Format, id: &str) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Stop<'a> {
        stop_id: &'a str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a> {
        id: &'a str,
        cancel_action: Stop<'a>,
    }
    write(format, &Document { id, cancel_action: Stop { stop_id: id } })
}

/// How confirming by itself stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoConfirmDoc {
    /// Since when (milliseconds), by whom and why; none while it is off.
    pub active: Option<(i64, Option<String>, Option<String>)>,
    /// Where to switch it on or off.
    pub switch: String,
    /// An action that waits.
    pub confirmation: Option<String>,
}

/// Writes how confirming by itself stands.
pub fn auto_confirm(format: Format, document: &AutoConfirmDoc) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct AutoConfirm<'a> {
        active: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        initiator: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        remark: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        activated_at: Option<i64>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Links<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        activate_auto_confirm: Option<Href<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        deactivate_auto_confirm: Option<Href<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        confirmation_base: Option<Href<'a>>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a> {
        auto_confirm: AutoConfirm<'a>,
        #[serde(rename = "_links")]
        links: Links<'a>,
    }
    let AutoConfirmDoc { active, switch, confirmation } = document;
    let (on, off) = if active.is_some() {
        (None, Some(Href { href: switch }))
    } else {
        (Some(Href { href: switch }), None)
    };
    let said = active.as_ref();
    write(
        format,
        &Document {
            auto_confirm: AutoConfirm {
                active: said.is_some(),
                initiator: said.and_then(|(_, initiator, _)| initiator.as_deref()),
                remark: said.and_then(|(_, _, remark)| remark.as_deref()),
                activated_at: said.map(|(at, _, _)| *at),
            },
            links: Links {
                activate_auto_confirm: on,
                deactivate_auto_confirm: off,
                confirmation_base: href(confirmation),
            },
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &Bytes) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_poll_with_nothing_to_do_is_short() {
        let nothing = Base { sleep: "00:05:00".to_owned(), links: BaseLinks::default() };
        assert_eq!(
            text(&base(Format::Json, &nothing)),
            r#"{"config":{"polling":{"sleep":"00:05:00"}},"_links":{}}"#
        );
        let links = BaseLinks { deployment: Some("http://h/d/1?c=2".to_owned()), ..BaseLinks::default() };
        let work = base(Format::Json, &Base { links, ..nothing });
        assert!(text(&work).ends_with(r#""_links":{"deploymentBase":{"href":"http://h/d/1?c=2"}}}"#));
    }

    #[test]
    fn an_action_is_written_as_clients_read_it() {
        let artifact = ArtifactDoc {
            filename: "f.swu".to_owned(),
            sha1: Some("aa".to_owned()),
            md5: None,
            sha256: "bb".to_owned(),
            size: 5,
            href: "http://h/f.swu".to_owned(),
        };
        let chunk = Chunk {
            part: "os".to_owned(),
            version: "1".to_owned(),
            name: "fw".to_owned(),
            encrypted: false,
            metadata: Vec::new(),
            artifacts: vec![artifact],
        };
        let action = Deployment {
            id: "8".to_owned(),
            waits: false,
            download: Handling::Forced,
            update: Handling::Skip,
            window: Some(false),
            chunks: vec![chunk],
            history: Some(ActionHistory { status: "RUNNING".to_owned(), messages: vec!["m".to_owned()] }),
        };
        assert_eq!(
            text(&deployment(Format::Json, &action)),
            concat!(
                r#"{"id":"8","deployment":{"download":"forced","update":"skip","maintenanceWindow":"unavailable","#,
                r#""chunks":[{"part":"os","version":"1","name":"fw","artifacts":[{"filename":"f.swu","#,
                r#""hashes":{"sha1":"aa","sha256":"bb"},"size":5,"_links":{"download":{"href":"http://h/f.swu"},"#,
                r#""md5sum":{"href":"http://h/f.swu.MD5SUM"},"download-http":{"href":"http://h/f.swu"},"#,
                r#""md5sum-http":{"href":"http://h/f.swu.MD5SUM"}}}]}]},"#,
                r#""actionHistory":{"status":"RUNNING","messages":["m"]}}"#
            )
        );
        let waiting = deployment(Format::Json, &Deployment { waits: true, ..action });
        assert!(text(&waiting).starts_with(r#"{"id":"8","confirmation":{"#));
    }

    #[test]
    fn a_cancelation_names_the_action_twice() {
        assert_eq!(text(&cancel(Format::Json, "11")), r#"{"id":"11","cancelAction":{"stopId":"11"}}"#);
    }

    #[test]
    fn confirming_by_itself_offers_the_other_switch() {
        let off = AutoConfirmDoc { active: None, switch: "s".to_owned(), confirmation: None };
        assert_eq!(
            text(&auto_confirm(Format::Json, &off)),
            r#"{"autoConfirm":{"active":false},"_links":{"activateAutoConfirm":{"href":"s"}}}"#
        );
        let on = AutoConfirmDoc { active: Some((5, None, Some("why".to_owned()))), ..off };
        assert!(
            text(&auto_confirm(Format::Json, &on))
                .contains(r#""active":true,"remark":"why","activatedAt":5"#)
        );
    }
}
