//! What holds now: the conditions that the reconciler holds against what is noted.
//!
//! Reads only. Overdue devices are found by [`super::reconcile`] itself, since there may be very many of them.

use std::collections::BTreeMap;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use windlass_domain::alert::{About, CERTIFICATE_NEAR, Condition, certificate_is_near};
use windlass_domain::ids::TenantId;
use windlass_domain::job::JobState;
use windlass_domain::time::Timestamp;
use windlass_store::alerts::{CertificateOf, EndingCertificate, certificates_ending, jobs_halted};
use windlass_store::backups::outcomes;
use windlass_store::{claims, jobs, pending};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::app::App;
use crate::error::AppError;

/// Rows that are read at once.
const PAGE: u32 = 500;

/// Devices in the queue that are told of at once.
const WAITING: u32 = 10_000;

/// Conditions by tenant.
pub(super) type Holding = BTreeMap<TenantId, Vec<Condition>>;

fn end_of(path: &Path) -> Option<(Timestamp, Timestamp)> {
    let pem = std::fs::read(path).ok()?;
    let der = CertificateDer::from_pem_slice(&pem).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let validity = certificate.validity();
    let at = |time: x509_parser::time::ASN1Time| Timestamp::from_seconds(time.timestamp());
    Some((at(validity.not_before), at(validity.not_after)))
}

impl App {
    /// Jobs that their threshold stopped.
    pub(super) async fn stopped_rollouts(&self) -> Result<Holding, AppError> {
        let found = self
            .store
            .read(|tx| {
                Box::pin(async move {
                    let mut found = Vec::new();
                    for id in jobs_halted(tx).await? {
                        if let Some(job) = jobs::get_any(tx, id).await? {
                            found.push(job);
                        }
                    }
                    Ok::<_, AppError>(found)
                })
            })
            .await?;
        let mut holding = Holding::new();
        for job in found {
            if let JobState::Halted(halt) = &job.state {
                let condition = Condition::rollout_stopped(job.id, &job.spec.name, halt);
                holding.entry(job.tenant).or_default().push(condition);
            }
        }
        Ok(holding)
    }

    /// Devices that wait in the queue for somebody's decision; the queue itself is bounded.
    pub(super) async fn waiting_devices(&self) -> Result<Holding, AppError> {
        let waiting = self.store.read(|tx| Box::pin(pending::waiting(tx, WAITING))).await?;
        let mut holding = Holding::new();
        for one in waiting {
            let wish = &one.wish;
            let condition =
                Condition::device_pending(one.id.get(), wish.name.as_deref(), &wish.reason, one.first_at);
            holding.entry(one.tenant).or_default().push(condition);
        }
        Ok(holding)
    }

    /// Backups whose last attempt failed: of several nodes the first, which `owner` is told of.
    pub(super) async fn failed_backups(&self, owner: TenantId) -> Result<Holding, AppError> {
        let outcomes = self.store.read(|tx| Box::pin(outcomes(tx))).await?;
        let failed = outcomes.iter().find_map(|(node, outcome)| {
            let problem = outcome.problem.as_deref()?;
            Some(Condition::backup_failed(node, problem, outcome.attempted_at, outcome.succeeded_at))
        });
        Ok(failed.map(|condition| (owner, vec![condition])).into_iter().collect())
    }

    /// Certificates near their end: of devices, claims, and of this server itself, which `owner` is told of.
    pub(super) async fn ending_certificates(
        &self,
        owner: TenantId,
        now: Timestamp,
    ) -> Result<Holding, AppError> {
        let mut holding = Holding::new();
        let mut after = 0;
        loop {
            let page = self
                .store
                .read(move |tx| Box::pin(certificates_ending(tx, now.plus(CERTIFICATE_NEAR), after, PAGE)))
                .await?;
            let Some(last) = page.last() else { break };
            after = last.id.get();
            for certificate in page {
                let EndingCertificate { id: _, tenant, whose, not_before, not_after } = certificate;
                if !certificate_is_near(not_before, not_after, now) {
                    continue;
                }
                if let Some(condition) = self.ending(whose, not_after, now).await? {
                    holding.entry(tenant).or_default().push(condition);
                }
            }
        }
        holding.entry(owner).or_default().extend(self.own_certificates(now));
        Ok(holding)
    }

    async fn ending(
        &self,
        whose: CertificateOf,
        not_after: Timestamp,
        now: Timestamp,
    ) -> Result<Option<Condition>, AppError> {
        match whose {
            CertificateOf::Device(id) => {
                let entry = self.fleet.entry(id).filter(|entry| entry.device.lifecycle.may_connect());
                Ok(entry.map(|entry| {
                    let name = &entry.device.name;
                    let action = "Have the device renew its certificate or enrol again; it cannot connect after the end";
                    let whose = format!("The certificate of {name}");
                    Condition::certificate_expiring(About::Device(id), &whose, not_after, now, action)
                }))
            }
            CertificateOf::Claim(id) => {
                let claim = self.store.read(move |tx| Box::pin(claims::by_id(tx, id))).await?;
                Ok(claim.map(|claim| {
                    let action =
                        "Make a new claim for devices that are still to be enrolled, and revoke this one";
                    let whose = format!("The certificate of claim {}", claim.name);
                    Condition::certificate_expiring(About::Claim(id), &whose, not_after, now, action)
                }))
            }
        }
    }

    fn own_certificates(&self, now: Timestamp) -> Vec<Condition> {
        let identity = self.authority.server_identity();
        let own = identity.borrow().not_after;
        let mut found = Vec::new();
        // It renews itself at two thirds of its life: this near its end, that has failed for months.
        if own.since(now) < CERTIFICATE_NEAR {
            let action = "See the server's log for why it cannot renew its certificate, and restart it";
            let whose = "The server's certificate";
            found.push(Condition::certificate_expiring(About::Server, whose, own, now, action));
        }
        if let Some((from, to)) = self.alerts.console_certificate.get().and_then(|path| end_of(path))
            && certificate_is_near(from, to, now)
        {
            let action = "Renew the certificate in the file that tls_cert names, and restart the server";
            let whose = "The certificate of the console port";
            found.push(Condition::certificate_expiring(About::Console, whose, to, now, action));
        }
        found
    }
}
