//! Webhooks by HTTP: no redirects, no proxies, TLS verified, nothing of the answer read but its status.
//!
//! Names are resolved by [`Guarded`], which hands on only addresses that may be connected to; addresses that stand in
//! the URL itself are judged before. So what is judged is what is connected to, also when a name changes meanwhile.
//! Without TLS only listed addresses are called: everybody on the way reads and changes what goes there.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use windlass_app::error::chain;
use windlass_app::outbound::WebhookCall;

use super::address::may_connect;
use crate::config::Cidr;

/// What the resolver and the check of literal addresses say of an address inside.
const INSIDE: &str = "is not at a public address; to allow it, list the address in outbound_allow";

/// Resolves names to addresses that may be connected to.
#[derive(Debug)]
struct Guarded {
    allow: Arc<[Cidr]>,
    listed_only: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow, listed_only) = (Arc::clone(&self.allow), self.listed_only);
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            // The port is put in by whoever connects.
            let fit: Vec<_> =
                found.filter(|address| may_connect(address.ip(), &allow, listed_only)).take(16).collect();
            if fit.is_empty() {
                return Err(format!("{host} {}", refusal(listed_only)).into());
            }
            let addresses: Addrs = Box::new(fit.into_iter());
            Ok(addresses)
        })
    }
}

const fn refusal(listed_only: bool) -> &'static str {
    if listed_only {
        "may only be called without TLS if outbound_allow lists its address; use https"
    } else {
        INSIDE
    }
}

/// Calls webhooks.
#[derive(Debug)]
pub(super) struct Http {
    allow: Arc<[Cidr]>,
    limit: Duration,
    secure: OnceLock<Result<Client, String>>,
    plain: OnceLock<Result<Client, String>>,
}

impl Http {
    pub(super) fn new(allow: Arc<[Cidr]>, limit: Duration) -> Self {
        Self { allow, limit, secure: OnceLock::new(), plain: OnceLock::new() }
    }

    /// Made at the first use: a machine without trusted authorities serves all the same.
    fn client(&self, listed_only: bool) -> Result<&Client, String> {
        let place = if listed_only { &self.plain } else { &self.secure };
        let made = place.get_or_init(|| {
            Client::builder()
                .dns_resolver(Arc::new(Guarded { allow: Arc::clone(&self.allow), listed_only }))
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .pool_max_idle_per_host(0)
                .https_only(!listed_only)
                .timeout(self.limit)
                .user_agent(concat!("Windlass/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| {
                    format!("TLS cannot be used; are trusted authorities installed? {}", chain(&error))
                })
        });
        made.as_ref().map_err(Clone::clone)
    }

    /// Reads a URL and refuses one that says by itself that it may not be called.
    pub(super) fn judge(&self, text: &str) -> Result<(Url, bool), String> {
        let url =
            Url::parse(text).map_err(|_| "must be a URL such as https://hooks.example.com/x".to_owned())?;
        let listed_only = match url.scheme() {
            "https" => false,
            "http" => true,
            _ => return Err("must start with https://".to_owned()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a user or a password; messages are signed instead".to_owned());
        }
        let host = url.host_str().unwrap_or_default();
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>()
            && !may_connect(address, &self.allow, listed_only)
        {
            return Err(format!("{address} {}", refusal(listed_only)));
        }
        Ok((url, listed_only))
    }

    /// One try. The answer's status decides; its body is not read.
    pub(super) async fn call(&self, call: WebhookCall) -> Result<(), String> {
        let WebhookCall { url, id, at, signature, body } = call;
        let (url, listed_only) = self.judge(&url)?;
        let request = self
            .client(listed_only)?
            .post(url)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", at.seconds().to_string())
            .header("webhook-signature", signature)
            .body(body);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if answer.status().is_redirection() => {
                Err(format!("the receiver answered {}; redirects are not followed", words(answer.status())))
            }
            Ok(answer) => Err(format!("the receiver answered {}", words(answer.status()))),
            Err(error) if error.is_timeout() => Err(format!("no answer within {} s", self.limit.as_secs())),
            // The address may hold a secret of the receiver's.
            Err(error) => Err(chain(&error.without_url())),
        }
    }
}

fn words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}
