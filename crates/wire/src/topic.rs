//! Topics that devices publish to, and the topics that the server answers on.
//!
//! Knows the spelling of topics only: not who may use one, nor what the documents say.

use std::fmt;

/// How a payload is encoded, where the topic says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JSON text.
    Json,
    /// Concise Binary Object Representation (RFC 8949).
    Cbor,
}

impl Format {
    /// The word in the topic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Cbor => "cbor",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        match word {
            "json" => Some(Self::Json),
            "cbor" => Some(Self::Cbor),
            _ => None,
        }
    }
}

/// A topic that a device publishes to and that needs no topic map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DeviceTopic {
    /// `$aws/things/{thing}/shadow/…`
    Shadow(ShadowTopic),
    /// `$aws/things/{thing}/jobs/…`
    Jobs(JobTopic),
    /// `$aws/things/{thing}/streams/…`
    Stream(StreamTopic),
    /// `$aws/certificates/…` and `$aws/provisioning-templates/…`
    Provisioning(ProvisioningTopic),
    /// `devices/{name}/telemetry`, or `…/telemetry/cbor`
    Telemetry {
        /// The device, as it names itself.
        name: String,
        /// Encoding of the payload.
        format: Format,
    },
    /// `devices/{name}/events`
    Events {
        /// The device, as it names itself.
        name: String,
    },
    /// `devices/{name}/logs`
    Logs {
        /// The device, as it names itself.
        name: String,
    },
}

impl DeviceTopic {
    /// The device that the topic names; provisioning topics name none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Shadow(topic) => Some(&topic.thing),
            Self::Jobs(topic) => Some(&topic.thing),
            Self::Stream(topic) => Some(&topic.thing),
            Self::Provisioning(_) => None,
            Self::Telemetry { name, .. } | Self::Events { name } | Self::Logs { name } => Some(name),
        }
    }
}

/// A request about a shadow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ShadowTopic {
    /// The device, as it names itself.
    pub thing: String,
    /// The named shadow; none is the classic one.
    pub shadow: Option<String>,
    /// What is asked.
    pub operation: ShadowOperation,
}

/// What a shadow topic asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ShadowOperation {
    /// Read the documents.
    Get,
    /// Merge into the documents.
    Update,
    /// Delete the shadow.
    Delete,
}

impl ShadowOperation {
    /// The word in the topic.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for ShadowTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", shadow_prefix(&self.thing, self.shadow.as_deref()), self.operation.as_str())
    }
}

impl ShadowTopic {
    /// Where the request is answered when it was carried out.
    pub fn accepted(&self) -> String {
        format!("{self}/accepted")
    }

    /// Where the request is answered when it was refused.
    pub fn rejected(&self) -> String {
        format!("{self}/rejected")
    }
}

/// `$aws/things/{thing}/shadow`, or `…/shadow/name/{shadow}`.
fn shadow_prefix(thing: &str, shadow: Option<&str>) -> String {
    match shadow {
        None => format!("$aws/things/{thing}/shadow"),
        Some(shadow) => format!("$aws/things/{thing}/shadow/name/{shadow}"),
    }
}

/// Where differences between desired and reported are sent.
pub fn shadow_delta(thing: &str, shadow: Option<&str>) -> String {
    format!("{}/update/delta", shadow_prefix(thing, shadow))
}

/// Where every accepted update is published with the documents before and after.
pub fn shadow_documents(thing: &str, shadow: Option<&str>) -> String {
    format!("{}/update/documents", shadow_prefix(thing, shadow))
}

/// A request about jobs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobTopic {
    /// The device, as it names itself.
    pub thing: String,
    /// What is asked.
    pub operation: JobOperation,
}

/// What a jobs topic asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JobOperation {
    /// List what is pending.
    GetPending,
    /// Start the next pending execution and describe it.
    StartNext,
    /// Describe one execution.
    Get {
        /// Which.
        job: JobRef,
    },
    /// Report about one execution.
    Update {
        /// Which.
        job: JobRef,
    },
}

/// How a topic names a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JobRef {
    /// `$next`: the one that is in progress, else the first that is queued.
    Next,
    /// By its id: 1 to 64 of letters, digits, `_` and `-`; whether such a job exists is another question.
    Id(String),
}

impl JobRef {
    fn parse(level: &str) -> Option<Self> {
        if level == "$next" {
            return Some(Self::Next);
        }
        is_word(level, 64, |c| matches!(c, '_' | '-')).then(|| Self::Id(level.to_owned()))
    }

    /// As written in the topic.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Next => "$next",
            Self::Id(id) => id,
        }
    }
}

impl fmt::Display for JobTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$aws/things/{}/jobs/", self.thing)?;
        match &self.operation {
            JobOperation::GetPending => f.write_str("get"),
            JobOperation::StartNext => f.write_str("start-next"),
            JobOperation::Get { job } => write!(f, "{}/get", job.as_str()),
            JobOperation::Update { job } => write!(f, "{}/update", job.as_str()),
        }
    }
}

impl JobTopic {
    /// Where the request is answered when it was carried out.
    pub fn accepted(&self) -> String {
        format!("{self}/accepted")
    }

    /// Where the request is answered when it was refused.
    pub fn rejected(&self) -> String {
        format!("{self}/rejected")
    }
}

/// Where a changed list of pending executions is sent.
pub fn jobs_notify(thing: &str) -> String {
    format!("$aws/things/{thing}/jobs/notify")
}

/// Where a changed next execution is sent.
pub fn jobs_notify_next(thing: &str) -> String {
    format!("$aws/things/{thing}/jobs/notify-next")
}

/// A request for files over MQTT.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamTopic {
    /// The device, as it names itself.
    pub thing: String,
    /// The stream: 1 to 128 of letters, digits, `_` and `-`; whether there is one is another question.
    pub stream: String,
    /// What is asked.
    pub operation: StreamOperation,
    /// Encoding of request and replies.
    pub format: Format,
}

/// What a stream's topic asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamOperation {
    /// What the stream holds.
    Describe,
    /// Blocks of a file.
    Get,
}

impl fmt::Display for StreamTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sibling(match self.operation {
            StreamOperation::Describe => "describe",
            StreamOperation::Get => "get",
        }))
    }
}

impl StreamTopic {
    fn sibling(&self, word: &str) -> String {
        let Self { thing, stream, operation: _, format } = self;
        format!("$aws/things/{thing}/streams/{stream}/{word}/{}", format.as_str())
    }

    /// Where descriptions are sent.
    pub fn description(&self) -> String {
        self.sibling("description")
    }

    /// Where blocks are sent.
    pub fn data(&self) -> String {
        self.sibling("data")
    }

    /// Where the request is answered when it was refused.
    pub fn rejected(&self) -> String {
        self.sibling("rejected")
    }
}

/// A request for a certificate or for a place in the fleet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProvisioningTopic {
    /// What is asked.
    pub operation: ProvisioningOperation,
    /// Encoding of request and reply.
    pub format: Format,
}

/// What a provisioning topic asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ProvisioningOperation {
    /// A certificate with a key made by the server.
    Create,
    /// A certificate for the key of a signing request.
    CreateFromCsr,
    /// A device made by a template.
    Provision {
        /// Name of the template.
        template: String,
    },
}

impl fmt::Display for ProvisioningTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.operation {
            ProvisioningOperation::Create => f.write_str("$aws/certificates/create/")?,
            ProvisioningOperation::CreateFromCsr => f.write_str("$aws/certificates/create-from-csr/")?,
            ProvisioningOperation::Provision { template } => {
                write!(f, "$aws/provisioning-templates/{template}/provision/")?;
            }
        }
        f.write_str(self.format.as_str())
    }
}

impl ProvisioningTopic {
    /// Where the request is answered when it was carried out.
    pub fn accepted(&self) -> String {
        format!("{self}/accepted")
    }

    /// Where the request is answered when it was refused.
    pub fn rejected(&self) -> String {
        format!("{self}/rejected")
    }
}

/// Reads a topic that a device publishes to. None for every other topic, also for names that are no names.
pub fn parse(topic: &str) -> Option<DeviceTopic> {
    let mut levels = topic.split('/');
    let parsed = match levels.next()? {
        "$aws" => match levels.next()? {
            "things" => parse_thing(&mut levels)?,
            "certificates" => {
                let operation = match levels.next()? {
                    "create" => ProvisioningOperation::Create,
                    "create-from-csr" => ProvisioningOperation::CreateFromCsr,
                    _ => return None,
                };
                let format = Format::parse(levels.next()?)?;
                DeviceTopic::Provisioning(ProvisioningTopic { operation, format })
            }
            "provisioning-templates" => {
                let template = levels.next().filter(|t| is_word(t, 36, |c| matches!(c, '_' | '-')))?;
                if levels.next()? != "provision" {
                    return None;
                }
                let operation = ProvisioningOperation::Provision { template: template.to_owned() };
                let format = Format::parse(levels.next()?)?;
                DeviceTopic::Provisioning(ProvisioningTopic { operation, format })
            }
            _ => return None,
        },
        "devices" => parse_native(&mut levels)?,
        _ => return None,
    };
    levels.next().is_none().then_some(parsed)
}

fn parse_thing<'a>(levels: &mut impl Iterator<Item = &'a str>) -> Option<DeviceTopic> {
    let thing = levels.next().filter(|name| is_thing_name(name))?.to_owned();
    match levels.next()? {
        "shadow" => {
            let (shadow, word) = match levels.next()? {
                "name" => {
                    let shadow = levels.next().filter(|name| is_shadow_name(name))?.to_owned();
                    (Some(shadow), levels.next()?)
                }
                word => (None, word),
            };
            let operation = match word {
                "get" => ShadowOperation::Get,
                "update" => ShadowOperation::Update,
                "delete" => ShadowOperation::Delete,
                _ => return None,
            };
            Some(DeviceTopic::Shadow(ShadowTopic { thing, shadow, operation }))
        }
        "jobs" => {
            let first = levels.next()?;
            let operation = match (first, levels.next()) {
                ("get", None) => JobOperation::GetPending,
                ("start-next", None) => JobOperation::StartNext,
                (job, Some("get")) => JobOperation::Get { job: JobRef::parse(job)? },
                (job, Some("update")) => JobOperation::Update { job: JobRef::parse(job)? },
                _ => return None,
            };
            Some(DeviceTopic::Jobs(JobTopic { thing, operation }))
        }
        "streams" => {
            let stream = levels.next().filter(|id| is_word(id, 128, |c| matches!(c, '_' | '-')))?.to_owned();
            let operation = match levels.next()? {
                "describe" => StreamOperation::Describe,
                "get" => StreamOperation::Get,
                _ => return None,
            };
            let format = Format::parse(levels.next()?)?;
            Some(DeviceTopic::Stream(StreamTopic { thing, stream, operation, format }))
        }
        _ => None,
    }
}

fn parse_native<'a>(levels: &mut impl Iterator<Item = &'a str>) -> Option<DeviceTopic> {
    let name = levels.next().filter(|name| is_thing_name(name))?.to_owned();
    match (levels.next()?, levels.next()) {
        ("telemetry", None) => Some(DeviceTopic::Telemetry { name, format: Format::Json }),
        ("telemetry", Some("cbor")) => Some(DeviceTopic::Telemetry { name, format: Format::Cbor }),
        ("events", None) => Some(DeviceTopic::Events { name }),
        ("logs", None) => Some(DeviceTopic::Logs { name }),
        _ => None,
    }
}

/// Whether only the server publishes to a topic: replies, notifications and events of the contract.
/// Everything under `$aws/rules/` is a device's own.
pub fn is_server_only(topic: &str) -> bool {
    let Some(rest) = topic.strip_prefix("$aws/") else { return false };
    if rest.starts_with("rules/") {
        return false;
    }
    let last = rest.rsplit('/').next().unwrap_or(rest);
    rest.starts_with("events/")
        || last.starts_with("notify")
        || matches!(last, "accepted" | "rejected" | "delta" | "documents")
}

/// A device name or thing name: 1 to 128 of letters, digits, `:`, `_`, `.` and `-`, and not `.` or `..`.
/// Thing names of the contract have no dots; device names do.
pub fn is_thing_name(text: &str) -> bool {
    is_word(text, 128, |c| matches!(c, ':' | '_' | '.' | '-')) && text != "." && text != ".."
}

/// A named shadow: 1 to 64 of letters, digits, `:`, `_` and `-`.
pub fn is_shadow_name(text: &str) -> bool {
    is_word(text, 64, |c| matches!(c, ':' | '_' | '-'))
}

fn is_word(text: &str, longest: usize, also: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.len() <= longest && text.chars().all(|c| c.is_ascii_alphanumeric() || also(c))
}

#[cfg(test)]
mod tests;
