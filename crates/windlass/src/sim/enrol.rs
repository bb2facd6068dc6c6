//! Fleet provisioning as a device does it: claim certificate, own key, signing request, template.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use rustls::ClientConfig;
use serde_json::{Value, json};

use super::identity::{self, Identity};
use super::mqtt::{Client, Endpoint, Hello, Incoming, Protocol};
use crate::terminal;

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Tries after being told to slow down.
const TRIES: u32 = 20;

const CREATE: &str = "$aws/certificates/create-from-csr/json";

/// An open connection with the claim certificate.
#[derive(Debug)]
pub(crate) struct Enroller {
    client: Client,
    provision: String,
    /// Whether people were told that the claim is slowed down.
    told_slow: bool,
}

/// What a device has after provisioning.
#[derive(Debug)]
pub(crate) struct Enrolled {
    /// The name the server gave it.
    pub(crate) name: String,
    /// What it signs in with from now on.
    pub(crate) identity: Identity,
}

impl Enroller {
    /// Signs in with the claim certificate.
    pub(crate) async fn connect(
        endpoint: &Endpoint,
        claim: &Arc<ClientConfig>,
        template: &str,
        client_id: String,
    ) -> anyhow::Result<Self> {
        let hello = Hello { protocol: Protocol::V5, client_id, clean: true, keep_alive: 60 };
        let (mut client, _) = Client::connect(endpoint, claim, &hello, PATIENCE)
            .await
            .context("the claim certificate could not sign in")?;
        let provision = format!("$aws/provisioning-templates/{template}/provision/json");
        let filters = [CREATE, provision.as_str()]
            .map(|topic| [format!("{topic}/accepted"), format!("{topic}/rejected")]);
        client.subscribe(&filters.concat())?;
        match client.next_within(PATIENCE).await? {
            Incoming::Subscribed { refused: 0 } => Ok(Self { client, provision, told_slow: false }),
            other => bail!("the claim may not subscribe to its own answers: {other:?}"),
        }
    }

    /// Enrols one device: makes its key, has the request signed, provisions it with `parameters`.
    pub(crate) async fn enrol(&mut self, parameters: &Value, common_name: &str) -> anyhow::Result<Enrolled> {
        let (key_pem, request) = identity::key_and_request(common_name)?;
        let created = self.ask(CREATE.to_owned(), &json!({ "certificateSigningRequest": request })).await?;
        let certificate_pem = text(&created, "certificatePem")?;
        let token = text(&created, "certificateOwnershipToken")?;
        let body = json!({ "certificateOwnershipToken": token, "parameters": parameters });
        let provisioned = self.ask(self.provision.clone(), &body).await?;
        let name = text(&provisioned, "thingName")?;
        Ok(Enrolled { name, identity: Identity { certificate_pem, key_pem } })
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        self.client.disconnect().await;
    }

    async fn ask(&mut self, topic: String, body: &Value) -> anyhow::Result<Value> {
        for attempt in 0..TRIES {
            self.client.publish(&topic, Bytes::from(body.to_string()), 1)?;
            let (accepted, answer) = self.answer(&topic).await?;
            if accepted {
                return Ok(answer);
            }
            let throttled = answer.get("statusCode").and_then(Value::as_u64) == Some(429);
            if !throttled {
                bail!("{topic} was rejected: {answer}");
            }
            if !std::mem::replace(&mut self.told_slow, true) {
                let said = answer.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
                terminal::note(&format!(
                    "The server slows this claim down ({said}). Trying again; the limit is \
                     limits.claim_certificates_per_minute of the server."
                ));
            }
            tokio::time::sleep(Duration::from_millis(500) * (attempt + 1)).await;
        }
        bail!("{topic} was throttled {TRIES} times; the claim's limit is too low for so many devices at once")
    }

    async fn answer(&mut self, topic: &str) -> anyhow::Result<(bool, Value)> {
        loop {
            match self.client.next_within(PATIENCE).await? {
                Incoming::Message { topic: answered, payload } => {
                    let ending = answered.strip_prefix(topic);
                    if let Some(ending @ ("/accepted" | "/rejected")) = ending {
                        let answer = serde_json::from_slice(&payload).context("the answer is not JSON")?;
                        return Ok((ending == "/accepted", answer));
                    }
                }
                Incoming::Acknowledged { refused: Some(reason), .. } => {
                    bail!("{topic} was refused: {reason}")
                }
                Incoming::Acknowledged { .. } | Incoming::Subscribed { .. } | Incoming::Connected { .. } => {}
            }
        }
    }
}

fn text(answer: &Value, member: &str) -> anyhow::Result<String> {
    let value = answer.get(member).and_then(Value::as_str);
    Ok(value.with_context(|| format!("the answer has no {member}"))?.to_owned())
}
