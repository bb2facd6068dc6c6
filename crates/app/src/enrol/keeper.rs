//! What has to be looked after: certificates that nobody provisioned, and the server's own certificate.

use std::time::Duration;

use windlass_store::{credentials, pending};

use crate::app::App;
use crate::authority::names::ServerNames;
use crate::error::{AppError, chain};

const EVERY: Duration = Duration::from_secs(60);
/// Names and age of the server certificate are looked at every so many rounds.
const CERTIFICATE_ROUNDS: u32 = 60;
const BATCH: u32 = 500;

impl App {
    /// Removes certificates whose ownership token ran out before anybody provisioned them. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn enrolment_sweep(&self) -> Result<u64, AppError> {
        let (now, mut removed) = (self.clock.now(), 0);
        loop {
            let count = self
                .store
                .write(move |tx| {
                    Box::pin(async move { credentials::delete_unprovisioned(tx, now, BATCH).await })
                })
                .await
                .map_err(AppError::Store)?;
            removed += count;
            if count < u64::from(BATCH) {
                return Ok(removed);
            }
        }
    }

    /// Forgets enrolments that nobody decided, and decisions that nobody asks for any more. Returns how many.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pending_sweep(&self) -> Result<u64, AppError> {
        let before = self.clock.now().minus(self.limits.pending_kept);
        self.store
            .write(move |tx| Box::pin(async move { pending::expire(tx, before, BATCH).await }))
            .await
            .map_err(AppError::Store)
    }

    /// Sweeps every minute and renews the server certificate when it is due or the machine's names changed, until
    /// stopped. Several nodes may run it.
    pub async fn enrolment_keeper(self) {
        let mut round = 0_u32;
        loop {
            if let Err(error) = self.enrolment_sweep().await {
                tracing::error!(error = %chain(&error), "unused certificates could not be removed");
            }
            if let Err(error) = self.pending_sweep().await {
                tracing::error!(error = %chain(&error), "old enrolments could not be removed from the queue");
            }
            if round.is_multiple_of(CERTIFICATE_ROUNDS) {
                let config = &self.config;
                let names = ServerNames::of_this_machine(&config.hostnames, config.public_url.as_deref());
                let now = self.clock.now();
                if let Err(error) = self.authority.renew_server_certificate(&names, &*self.entropy, now) {
                    tracing::error!(error = %chain(&error), "the server certificate could not be renewed");
                }
            }
            round = round.wrapping_add(1);
            tokio::time::sleep(EVERY).await;
        }
    }
}
