//! What happens to devices: told by devices on their event and log topics, noted by the server, read by people.
//!
//! The events of a device, lifecycle and connections among them, are its time line.

mod kinds;

pub use kinds::EventKinds;

use serde_json::Value;
use windlass_domain::event::Severity;
use windlass_domain::ids::{DeviceId, DeviceName, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::events::{self, Event, NewEvent, event_record, log_record};
use windlass_store::{StoreError, Tx, devices};

use crate::app::App;
use crate::error::AppError;
use crate::message::{Effects, RequestContext};
use crate::permit::demand;

/// Most bytes of a kind that a device gives.
const KIND: usize = 64;
/// Most bytes of a sentence.
const DETAIL: usize = 1_024;
/// Most times that a page is read on to fill it, where a scope leaves little of each.
const ROUNDS: usize = 20;

/// An event as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// What happened.
    pub event: Event,
    /// To whom; absent if the device is gone.
    pub device: Option<DeviceName>,
}

/// Events, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub items: Vec<EventView>,
    /// Pass it as `before` to go on; absent at the end.
    pub next: Option<i64>,
}

/// What a device says of itself on an event topic.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    kind: String,
    severity: Severity,
    detail: String,
}

fn cut(text: &str, most: usize) -> String {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}

fn member<'a>(object: &'a serde_json::Map<String, Value>, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| object.get(*name)).and_then(Value::as_str)
}

/// A sentence that every engine can keep: bounded, and without NUL, which PostgreSQL's text does not hold.
fn sentence(text: &str) -> String {
    cut(text, DETAIL).replace('\0', " ")
}

/// Reads an event: a JSON object with `kind` (or `type`), `severity` (or `level`) and `detail` (or `message`), all
/// optional; or any other text, which is the detail. The kind is prefixed, so that no device speaks for the server.
fn read(payload: &[u8]) -> Result<Told, &'static str> {
    let text = std::str::from_utf8(payload).map_err(|_| "the event is not UTF-8 text")?;
    let object = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) | Err(_) => {
            return Ok(Told {
                kind: "device.event".to_owned(),
                severity: Severity::Info,
                detail: sentence(text),
            });
        }
    };
    let kind = member(&object, &["kind", "type"]).unwrap_or("event");
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | ':');
    if kind.is_empty() || kind.len() > KIND || !kind.chars().all(plain) {
        return Err("the event's kind must be 1 to 64 of letters, digits, : _ . and -");
    }
    let severity = match member(&object, &["severity", "level"]).map(str::to_ascii_lowercase).as_deref() {
        None | Some("info" | "debug" | "trace" | "notice") => Severity::Info,
        Some("warning" | "warn") => Severity::Warning,
        Some("error" | "critical" | "fatal" | "alert" | "emergency") => Severity::Error,
        Some(_) => return Err("the event's severity must be info, warning or error"),
    };
    let detail = member(&object, &["detail", "message"]).map_or_else(|| sentence(text), sentence);
    Ok(Told { kind: format!("device.{kind}"), severity, detail })
}

fn rejected(reason: &str) -> Effects {
    Effects { rejected: Some(reason.to_owned()), ..Effects::default() }
}

/// Keeps what a device says on an event topic. Kinds beyond what one minute may bring share one.
///
/// # Errors
/// When the store fails.
pub async fn from_device(tx: &mut Tx<'_>, context: &RequestContext<'_>) -> Result<Effects, StoreError> {
    match read(context.payload) {
        Ok(Told { kind, severity, detail }) => {
            let kind = context.app.event_kinds.admit(context.device, kind, context.now);
            let event =
                NewEvent { tenant: context.peer.tenant, device: context.device, kind, severity, detail };
            event_record(tx, &event, context.now).await?;
            Ok(Effects::default())
        }
        Err(reason) => Ok(rejected(reason)),
    }
}

/// Keeps what a device says on a log topic: the lines of a minute stay together.
///
/// # Errors
/// When the store fails.
pub async fn log_from_device(tx: &mut Tx<'_>, context: &RequestContext<'_>) -> Result<Effects, StoreError> {
    let Ok(text) = std::str::from_utf8(context.payload) else {
        return Ok(rejected("the log line is not UTF-8 text"));
    };
    let line = NewEvent {
        tenant: context.peer.tenant,
        device: context.device,
        kind: "device.log".to_owned(),
        severity: Severity::Info,
        detail: sentence(text),
    };
    log_record(tx, &line, context.now).await?;
    Ok(Effects::default())
}

impl App {
    /// Events of one device, newest first: its time line.
    ///
    /// # Errors
    /// Forbidden, not found, a limit that cannot be used, or that the store failed.
    pub async fn device_events(
        &self,
        by: &Principal,
        name: &DeviceName,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventPage, AppError> {
        demand(by, Permission::EventRead)?;
        let device = self
            .fleet
            .id_of(by.tenant, name)
            .filter(|id| self.fleet.is_visible(by, *id))
            .ok_or_else(|| AppError::not_found("device", name))?;
        self.events_page(by, Source::Device(device), before, limit).await
    }

    /// Events of every device that the caller may see, newest first.
    ///
    /// # Errors
    /// Forbidden, a limit that cannot be used, or that the store failed.
    pub async fn event_list(
        &self,
        by: &Principal,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventPage, AppError> {
        demand(by, Permission::EventRead)?;
        self.events_page(by, Source::Tenant(by.tenant), before, limit).await
    }

    async fn events_page(
        &self,
        by: &Principal,
        source: Source,
        before: Option<i64>,
        limit: usize,
    ) -> Result<EventPage, AppError> {
        let most = self.limits.page;
        let size = u32::try_from(limit).ok().filter(|_| limit > 0 && limit <= most);
        let Some(size) = size else {
            return Err(AppError::invalid("limit", format!("must be from 1 to {most}")));
        };
        let mut before = before.unwrap_or(i64::MAX);
        let mut items = Vec::new();
        for _ in 0..ROUNDS {
            let events = self
                .store
                .read(move |tx| {
                    Box::pin(async move {
                        match source {
                            Source::Device(device) => {
                                events::events_of_device(tx, device, before, size).await
                            }
                            Source::Tenant(tenant) => {
                                events::events_of_tenant(tx, tenant, before, size).await
                            }
                        }
                    })
                })
                .await?;
            let last = events.len() < limit;
            for event in events {
                if items.len() == limit {
                    return Ok(EventPage { items, next: Some(before) });
                }
                before = event.id;
                // Events of devices that are gone are for those who see the whole tenant.
                let name = self.fleet.name_of(event.device);
                let seen = match &name {
                    Some(_) => self.fleet.is_visible(by, event.device),
                    None => by.scope.is_none(),
                };
                if seen {
                    items.push(EventView { event, device: name });
                }
            }
            if last {
                return Ok(EventPage { items, next: None });
            }
            if items.len() == limit {
                break;
            }
        }
        Ok(EventPage { items, next: Some(before) })
    }

    /// Notes an event of a device from outside of any other change, such as a refused topic.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn event_raise(
        &self,
        device: DeviceId,
        kind: &str,
        severity: Severity,
        detail: &str,
    ) -> Result<(), StoreError> {
        let (kind, detail, now) = (kind.to_owned(), sentence(detail), self.clock.now());
        self.store
            .write(move |tx| {
                let (kind, detail) = (kind.clone(), detail.clone());
                Box::pin(async move {
                    let Some(found) = devices::device_by_id(tx, device).await? else { return Ok(()) };
                    let event = NewEvent { tenant: found.tenant, device, kind, severity, detail };
                    event_record(tx, &event, now).await
                })
            })
            .await
    }
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Device(DeviceId),
    Tenant(TenantId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_from_an_object_or_from_plain_text() {
        let told = read(br#"{"kind":"door.open","severity":"WARN","message":"front door"}"#).unwrap();
        let expected = Told {
            kind: "device.door.open".to_owned(),
            severity: Severity::Warning,
            detail: "front door".to_owned(),
        };
        assert_eq!(told, expected);
        assert_eq!(read(b"rebooted").unwrap().detail, "rebooted");
        assert_eq!(read(br#"{"a":1}"#).unwrap().detail, r#"{"a":1}"#);
        assert_eq!(read("ä".repeat(2_000).as_bytes()).unwrap().detail.len(), DETAIL);
    }

    #[test]
    fn an_event_that_cannot_be_read_is_refused_with_a_reason() {
        for bad in [&b"\xff\xfe"[..], br#"{"kind":"a b"}"#, br#"{"kind":""}"#, br#"{"severity":"loud"}"#] {
            assert!(read(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn no_device_can_write_an_event_of_the_server() {
        assert!(read(br#"{"kind":"disconnected"}"#).unwrap().kind.starts_with("device."));
    }
}
