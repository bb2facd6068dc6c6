//! What leaves this server on its own account: signed webhooks and mail. Whoever carries it out is at the rim.
//!
//! Knows no socket; [`Courier`] is implemented where HTTP and SMTP are.

use std::fmt;

use futures_util::future::BoxFuture;
use windlass_domain::notify::EmailAddress;
use windlass_domain::time::Timestamp;

/// A signed message by HTTP.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookCall {
    /// Where to.
    pub url: String,
    /// `webhook-id`: the same for every try.
    pub id: String,
    /// `webhook-timestamp`: of this try.
    pub at: Timestamp,
    /// `webhook-signature`.
    pub signature: String,
    /// JSON.
    pub body: String,
}

impl fmt::Debug for WebhookCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Some receivers keep their secret in the address.
        f.debug_struct("WebhookCall").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A mail in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same for every try.
    pub id: String,
    /// When it was written.
    pub at: Timestamp,
    /// To whom.
    pub to: Vec<EmailAddress>,
    /// One line without control characters.
    pub subject: String,
    /// The rest.
    pub text: String,
}

/// Something to carry out of here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// By HTTP.
    Webhook(WebhookCall),
    /// By SMTP.
    Mail(Mail),
}

/// Why something was not taken by its receiver. A sentence for operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotTaken(pub String);

/// Carries things out of here, each within bounds of time and size, and only to where they may go.
pub trait Courier: Send + Sync + fmt::Debug {
    /// Whether the address may be called at all, as far as the address itself tells.
    ///
    /// # Errors
    /// What is wrong with it.
    fn may_call(&self, url: &str) -> Result<(), NotTaken>;

    /// Whether mail can be sent.
    fn has_mail(&self) -> bool;

    /// One try. Taken means that the receiver said so.
    fn carry(&self, outgoing: Outgoing) -> BoxFuture<'_, Result<(), NotTaken>>;
}
