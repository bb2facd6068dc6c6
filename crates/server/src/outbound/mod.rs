//! The one way out of this server: webhooks by HTTP, mail by SMTP. Everything here has a bound: time, size, how many
//! at once, and above all where to.
//!
//! **Invariant:** no connection is made to an address that is not public, unless the configuration lists it; the
//! address that is judged is the one that is connected to.
//!
//! `mod` order is reading order.

mod address;
mod http;
mod mail;

pub use address::is_public;
pub use mail::{Smtp, SmtpTls};

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;
use windlass_app::outbound::{Courier, NotTaken, Outgoing};

use crate::config::Cidr;

/// How long one webhook may take, from the look-up of its name to the status of its answer.
const WEBHOOK: Duration = Duration::from_secs(5);
/// How long one mail may take.
const MAIL: Duration = Duration::from_secs(30);
/// How many go out at once; more wait.
const AT_ONCE: usize = 32;

/// Carries notifications out of this process.
#[derive(Debug)]
pub struct Outbound {
    http: http::Http,
    mail: Option<mail::Mailer>,
    at_once: Semaphore,
}

impl Outbound {
    /// `allow`: addresses that may be connected to although they are not public. `smtp`: where mail goes, if anywhere.
    ///
    /// # Errors
    /// A sentence that says which setting cannot be used.
    pub fn new(allow: &[Cidr], smtp: Option<&Smtp>) -> Result<Self, String> {
        let mail = smtp.map(mail::Mailer::new).transpose()?;
        let http = http::Http::new(Arc::from(allow.to_vec()), WEBHOOK);
        Ok(Self { http, mail, at_once: Semaphore::new(AT_ONCE) })
    }
}

impl Courier for Outbound {
    fn may_call(&self, url: &str) -> Result<(), NotTaken> {
        self.http.judge(url).map(drop).map_err(NotTaken)
    }

    fn has_mail(&self) -> bool {
        self.mail.is_some()
    }

    fn carry(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), NotTaken>> {
        Box::pin(async move {
            let Ok(_one_of_many) = self.at_once.acquire().await else {
                return Err(NotTaken("the server is ending".to_owned()));
            };
            let carried = match outgoing {
                Outgoing::Webhook(call) => {
                    let answer = tokio::time::timeout(WEBHOOK, self.http.call(call)).await;
                    answer.unwrap_or_else(|_| Err(format!("no answer within {} s", WEBHOOK.as_secs())))
                }
                Outgoing::Mail(mail) => match &self.mail {
                    Some(mailer) => {
                        let answer = tokio::time::timeout(MAIL, mailer.send(mail)).await;
                        answer.unwrap_or_else(|_| {
                            Err(format!("the mail server did not take it within {} s", MAIL.as_secs()))
                        })
                    }
                    None => Err("no mail server is configured; set [smtp]".to_owned()),
                },
            };
            carried.map_err(NotTaken)
        })
    }
}

#[cfg(test)]
mod tests;
