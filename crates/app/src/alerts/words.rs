//! What receivers read: the JSON of webhooks with its signature, and the text of mails. Pure.
//!
//! Webhooks follow the Standard Webhooks specification 1.0: `webhook-id`, `webhook-timestamp`, and `webhook-signature`,
//! which is `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::{Map, Value, json};
use windlass_domain::alert::{About, AlertKind};
use windlass_domain::notify::{EmailAddress, Rest, Telling};
use windlass_domain::time::Timestamp;
use windlass_store::alerts::Alert;
use windlass_store::outbox::{Channel, Delivery, SigningKey, Target};

use crate::fleet::Fleet;
use crate::outbound::{Mail, Outgoing, WebhookCall};

/// Most characters of a mail's subject.
const SUBJECT: usize = 150;

/// An alert as REST shows it.
pub(super) fn alert(alert: &Alert, fleet: &Fleet) -> Value {
    let Alert {
        id,
        tenant: _,
        kind,
        about,
        severity,
        subject,
        detail,
        action,
        opened_at,
        last_at,
        count,
        acknowledged,
        closed,
    } = alert;
    let mut object = json!({
        "id": id.get(),
        "kind": kind.as_str(),
        "severity": severity.as_str(),
        "state": if closed.is_some() { "closed" } else { "open" },
        "subject": subject,
        "detail": detail,
        "action": action,
        "openedAt": opened_at.to_string(),
        "lastAt": last_at.to_string(),
        "count": count,
    });
    let mut add = |name: &str, value: Value| {
        if let Some(object) = object.as_object_mut() {
            object.insert(name.to_owned(), value);
        }
    };
    match about {
        About::Device(device) => {
            if let Some(name) = fleet.name_of(*device) {
                add("device", Value::from(name.into_string()));
            }
        }
        About::Job(job) => add("job", Value::from(job.get())),
        About::Pending(entry) => add("pending", Value::from(*entry)),
        About::Claim(_) | About::Server | About::Console => {}
    }
    if let Some((at, by)) = acknowledged {
        add("acknowledgedAt", Value::from(at.to_string()));
        add("acknowledgedBy", Value::from(by.as_str()));
    }
    if let Some((at, reason)) = closed {
        add("closedAt", Value::from(at.to_string()));
        add("closedReason", Value::from(reason.as_str()));
    }
    object
}

/// The counts of what is not told one by one.
pub(super) fn write_rest(rest: &Rest) -> Value {
    let Rest { opened, closed } = rest;
    let counts = |counts: &BTreeMap<AlertKind, u64>| {
        counts.iter().map(|(kind, count)| (kind.to_string(), Value::from(*count))).collect::<Map<_, _>>()
    };
    json!({"opened": counts(opened), "closed": counts(closed)})
}

/// Reads them back.
pub(super) fn read_rest(payload: &str) -> Rest {
    let value: Value = serde_json::from_str(payload).unwrap_or_default();
    let counts = |name: &str| {
        let object = value.get(name).and_then(Value::as_object);
        object
            .into_iter()
            .flatten()
            .filter_map(|(kind, count)| Some((kind.parse().ok()?, count.as_u64()?)))
            .collect()
    };
    Rest { opened: counts("opened"), closed: counts("closed") }
}

/// The signature of a webhook.
pub(super) fn sign(key: &SigningKey, id: &str, at: Timestamp, body: &str) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(&key.0) else { return String::new() };
    mac.update(format!("{id}.{}.{body}", at.seconds()).as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

const fn event(telling: Telling) -> &'static str {
    match telling {
        Telling::Opened => "alert.opened",
        Telling::Closed => "alert.closed",
        Telling::More => "alert.more",
        Telling::Test => "test",
    }
}

const TEST: &str = "This is a test. Alerts of Windlass will arrive in this way.";

fn body(delivery: &Delivery) -> String {
    let mut object = json!({
        "id": delivery.message,
        "event": event(delivery.telling),
        "at": delivery.created_at.to_string(),
    });
    let payload: Value = serde_json::from_str(&delivery.payload).unwrap_or_default();
    if let Some(object) = object.as_object_mut() {
        match delivery.telling {
            Telling::Opened | Telling::Closed => {
                object.insert("alert".to_owned(), payload);
            }
            Telling::More => {
                let rest = read_rest(&delivery.payload);
                object.insert("more".to_owned(), Value::from(rest.total()));
                object.insert("detail".to_owned(), Value::from(format!("and {rest}")));
                object.extend(payload.as_object().cloned().unwrap_or_default());
            }
            Telling::Test => {
                object.insert("detail".to_owned(), Value::from(TEST));
            }
        }
    }
    object.to_string()
}

/// One line: control characters, which could begin another header, become spaces.
fn line(text: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c };
    text.chars().map(plain).take(SUBJECT).collect()
}

fn mail(delivery: &Delivery, to: &[EmailAddress]) -> Mail {
    let payload: Value = serde_json::from_str(&delivery.payload).unwrap_or_default();
    let part = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (subject, text) = match delivery.telling {
        Telling::Opened => (
            format!("[{}] {}", part("severity"), part("subject")),
            format!(
                "{}\n\n{}\n\nWhat to do: {}\n\nAlert {} ({}), opened {}.\n",
                part("subject"),
                part("detail"),
                part("action"),
                payload.get("id").and_then(Value::as_i64).unwrap_or_default(),
                part("kind"),
                part("openedAt"),
            ),
        ),
        Telling::Closed => (
            format!("[closed] {}", part("subject")),
            format!(
                "{}\n\nClosed {}: {}.\n\nAlert {} ({}), opened {}.\n",
                part("subject"),
                part("closedAt"),
                part("closedReason"),
                payload.get("id").and_then(Value::as_i64).unwrap_or_default(),
                part("kind"),
                part("openedAt"),
            ),
        ),
        Telling::More => {
            let rest = read_rest(&delivery.payload);
            (
                format!("… and {rest}"),
                format!(
                    "Besides the alerts that you were told of one by one: {rest}.\n\nwindlass alert list\n"
                ),
            )
        }
        Telling::Test => ("Windlass: a test".to_owned(), format!("{TEST}\n")),
    };
    Mail {
        id: delivery.message.clone(),
        at: delivery.created_at,
        to: to.to_vec(),
        subject: line(&subject),
        text,
    }
}

/// A notification as its channel takes it. `now` is the time of this try.
pub(super) fn outgoing(channel: &Channel, delivery: &Delivery, now: Timestamp) -> Outgoing {
    match &channel.spec.target {
        Target::Webhook { url, key } => {
            let body = body(delivery);
            Outgoing::Webhook(WebhookCall {
                url: url.clone(),
                id: delivery.message.clone(),
                at: now,
                signature: sign(key, &delivery.message, now, &body),
                body,
            })
        }
        Target::Email { to } => Outgoing::Mail(mail(delivery, to)),
    }
}

#[cfg(test)]
mod tests {
    use windlass_domain::ids::{ChannelId, DeliveryId, TenantId};
    use windlass_domain::notify::DeliveryState;

    use super::*;

    fn delivery(telling: Telling, payload: Value) -> Delivery {
        Delivery {
            id: DeliveryId::new(1),
            tenant: TenantId::new(1),
            channel: ChannelId::new(1),
            alert: None,
            message: "msg_1".to_owned(),
            telling,
            payload: payload.to_string(),
            state: DeliveryState::Waiting,
            tries: 1,
            next_at: Timestamp::from_seconds(5),
            last_error: None,
            created_at: Timestamp::from_seconds(0),
            ended_at: None,
        }
    }

    #[test]
    fn a_signature_is_that_of_the_published_example() {
        // The example of the Standard Webhooks specification and of its reference libraries.
        let key = SigningKey(STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap());
        let at = Timestamp::from_seconds(1_614_265_330);
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_not_told_one_by_one_reads_back_as_written() {
        let mut rest = Rest::default();
        (0..4_213).for_each(|_| rest.count(AlertKind::DeviceOverdue, true));
        rest.count(AlertKind::DiskLow, false);
        assert_eq!(read_rest(&write_rest(&rest).to_string()), rest);
        assert_eq!(read_rest("garbage"), Rest::default());
        let body: Value = serde_json::from_str(&body(&delivery(Telling::More, write_rest(&rest)))).unwrap();
        assert_eq!((&body["event"], &body["more"]), (&json!("alert.more"), &json!(4_214)));
        assert_eq!(body["opened"], json!({"deviceOverdue": 4_213}));
        assert!(body["detail"].as_str().unwrap().starts_with("and 4,213 more alerts opened"), "{body}");
    }

    #[test]
    fn no_text_of_an_alert_begins_another_header() {
        let payload = json!({
            "severity": "error",
            "subject": format!("x\r\nBcc: all@example.com\u{2028}\0{}", "y".repeat(1_000)),
        });
        let to: Vec<EmailAddress> = vec!["ops@example.com".parse().unwrap()];
        for telling in Telling::ALL {
            let mail = mail(&delivery(*telling, payload.clone()), &to);
            assert!(!mail.subject.chars().any(char::is_control), "{:?}", mail.subject);
            assert!(mail.subject.chars().count() <= SUBJECT);
        }
    }
}
