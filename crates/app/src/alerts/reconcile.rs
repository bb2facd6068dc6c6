//! The reconciler of alerts: holds what holds now against what is noted, opens and closes. Takes no input and is
//! idempotent; a lost wake-up costs seconds, a restart nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use windlass_domain::alert::{About, AlertKind, Condition, Difference, Expected, difference, silence_counts};
use windlass_domain::device::Lifecycle;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{AlertId, DeviceId, TenantId, TypeId};
use windlass_domain::notify::Telling;
use windlass_domain::time::Timestamp;
use windlass_store::leases::{Lease, lease_holds, lease_take};
use windlass_store::tenants::{Tenant, tenants};
use windlass_store::types::types;
use windlass_store::{StoreError, alerts as table, outbox};

use super::lock;
use super::observe::Holding;
use super::tell::Tellers;
use crate::app::App;
use crate::error::{AppError, chain};
use crate::fleet::parse_query;

/// How often it looks unless it is woken.
const PERIOD: Duration = Duration::from_secs(15);
/// How often certificates are looked at.
const CERTIFICATES: Duration = Duration::from_secs(3_600);
/// How long another node waits for one that has gone.
const LEASE: Duration = Duration::from_secs(120);
/// Alerts that one transaction opens or closes.
const BATCH: usize = 250;
/// Overdue devices of one tenant that one round opens or closes.
const ROUND: usize = 5_000;
/// Rows that are read at once.
const PAGE: u32 = 1_000;

type Noted = Vec<(AlertId, About, String)>;

const fn over(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::DeviceOverdue => "the device was heard again",
        AlertKind::RolloutStopped => "the job goes on, or is over",
        AlertKind::CertificateExpiring => "the certificate was renewed or withdrawn",
        AlertKind::DiskLow => "there is enough free disk space again",
        AlertKind::DevicePending => "somebody decided, or the request lapsed",
        AlertKind::BackupFailed => "a backup succeeded",
    }
}

impl App {
    /// Looks once at everything. True if there is more to do at once.
    ///
    /// # Errors
    /// When the store fails; what was done by then stands.
    pub async fn alerts_activate(&self) -> Result<bool, AppError> {
        let (node, now) = (self.leases.owner().to_owned(), self.clock.now());
        let taken = self
            .store
            .write(move |tx| {
                let node = node.clone();
                Box::pin(async move { lease_take(tx, "alerts", &node, now, LEASE).await })
            })
            .await?;
        let Some(lease) = taken.map(Arc::new) else { return Ok(false) };
        let everybody = self.store.read(|tx| Box::pin(tenants(tx))).await?;
        let mut more = false;
        for tenant in &everybody {
            more |= self.reconcile_overdue(tenant.id, &lease, now).await?;
        }
        let stopped = self.stopped_rollouts().await?;
        self.reconcile(&everybody, AlertKind::RolloutStopped, stopped, &lease, now).await?;
        let waiting = self.waiting_devices().await?;
        self.reconcile(&everybody, AlertKind::DevicePending, waiting, &lease, now).await?;
        // What is wrong with the server itself is told to the first tenant, which every store has.
        if let Some(owner) = everybody.first().map(|tenant| tenant.id) {
            let mut disk = Holding::new();
            if self.disk.is_low() {
                disk.insert(owner, vec![Condition::disk_low()]);
            }
            self.reconcile(&everybody, AlertKind::DiskLow, disk, &lease, now).await?;
            let backups = self.failed_backups(owner).await?;
            self.reconcile(&everybody, AlertKind::BackupFailed, backups, &lease, now).await?;
            let looked = *lock(&self.alerts.certificates_looked_at);
            if looked.is_none_or(|at| now.since(at) >= CERTIFICATES) {
                let ending = self.ending_certificates(owner, now).await?;
                self.reconcile(&everybody, AlertKind::CertificateExpiring, ending, &lease, now).await?;
                *lock(&self.alerts.certificates_looked_at) = Some(now);
            }
        }
        self.count_alerts().await?;
        Ok(more)
    }

    async fn count_alerts(&self) -> Result<(), StoreError> {
        let (open, waiting) = self
            .store
            .read(|tx| {
                Box::pin(async move {
                    Ok::<_, StoreError>((table::count_all_open(tx).await?, outbox::count_waiting(tx).await?))
                })
            })
            .await?;
        self.alerts.open.store(open, std::sync::atomic::Ordering::Relaxed);
        self.alerts.waiting.store(waiting, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    async fn noted(&self, tenant: TenantId, kind: AlertKind) -> Result<Noted, StoreError> {
        let mut noted = Noted::new();
        loop {
            let after = noted.last().map_or(0, |(id, _, _)| id.get());
            let page =
                self.store.read(move |tx| Box::pin(table::standing(tx, tenant, kind, after, PAGE))).await?;
            if page.is_empty() {
                return Ok(noted);
            }
            noted.extend(page);
        }
    }

    async fn reconcile(
        &self,
        everybody: &[Tenant],
        kind: AlertKind,
        mut holding: Holding,
        lease: &Arc<Lease>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        for tenant in everybody.iter().map(|tenant| tenant.id) {
            let noted = self.noted(tenant, kind).await?;
            let found = difference(&noted, holding.remove(&tenant).unwrap_or_default());
            let Difference { began, changed, ended } = found;
            let ended = ended.into_iter().map(|id| (id, over(kind))).collect();
            self.alerts_carry_out(tenant, began, changed, ended, lease, now).await?;
        }
        Ok(())
    }

    /// Devices are too many to make a sentence of each at every look: only those that become or cease to be overdue
    /// are taken up. True if there are more than one round takes.
    async fn reconcile_overdue(
        &self,
        tenant: TenantId,
        lease: &Arc<Lease>,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let query = parse_query("q", "presence==overdue;lifecycle==active")?;
        let overdue = self.fleet.select(tenant, &query, self, now).devices;
        let noted = self.noted(tenant, AlertKind::DeviceOverdue).await?;
        let known: BTreeSet<DeviceId> = noted.iter().filter_map(|(_, about, _)| about.device()).collect();
        let specs = self.store.read(move |tx| Box::pin(types(tx, tenant))).await?;
        let intervals: BTreeMap<TypeId, Duration> =
            specs.into_iter().map(|record| (record.id, record.spec.contact_interval)).collect();
        let usual = TypeSpec::default().contact_interval;
        let mut began = overdue
            .iter()
            .filter_map(|id| i64::try_from(id).ok().map(DeviceId::new))
            .filter(|id| !known.contains(id))
            .filter_map(|id| {
                let entry = self.fleet.entry(id)?;
                let own = entry.device.device_type.and_then(|id| intervals.get(&id));
                let told = || self.ddi.interval(id).map(Expected::ByPolling);
                let own = own.copied().map(Expected::ByType);
                let expected = own.or_else(told).unwrap_or(Expected::Usually(usual));
                silence_counts(expected.interval(), self.alerts.listening_since, now).then(|| {
                    let last = self.live.last_seen(id);
                    Condition::device_overdue(id, &entry.device.name, last, expected)
                })
            });
        let begun: Vec<Condition> = began.by_ref().take(ROUND).collect();
        let mut more = began.next().is_some();
        let still =
            |about: &About| about.device().is_some_and(|id| overdue.contains(id.get().unsigned_abs()));
        let mut gone = noted.iter().filter(|(_, about, _)| !still(about)).map(|(id, about, _)| {
            let watched = about
                .device()
                .and_then(|device| self.fleet.entry(device))
                .is_some_and(|entry| entry.device.lifecycle == Lifecycle::Active);
            (*id, if watched { over(AlertKind::DeviceOverdue) } else { "the device is out of service" })
        });
        let ended: Vec<(AlertId, &'static str)> = gone.by_ref().take(ROUND).collect();
        more |= gone.next().is_some();
        self.alerts_carry_out(tenant, begun, Vec::new(), ended, lease, now).await?;
        Ok(more)
    }

    /// Opens, amends and closes, in batches, each with what channels are told of it. Ends early without the lease.
    async fn alerts_carry_out(
        &self,
        tenant: TenantId,
        began: Vec<Condition>,
        changed: Vec<(AlertId, Condition)>,
        ended: Vec<(AlertId, &'static str)>,
        lease: &Arc<Lease>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let mut steps: Vec<Step> = began.into_iter().map(Step::Open).collect();
        steps.extend(changed.into_iter().map(|(id, condition)| Step::Amend(id, condition)));
        steps.extend(ended.into_iter().map(|(id, reason)| Step::End(id, reason)));
        for batch in steps.chunks(BATCH) {
            let (app, lease, batch) = (self.clone(), Arc::clone(lease), Arc::new(batch.to_vec()));
            let told = self
                .store
                .write(move |tx| {
                    let (app, lease, batch) = (app.clone(), Arc::clone(&lease), Arc::clone(&batch));
                    Box::pin(async move {
                        if !lease_holds(tx, &lease).await? {
                            return Ok(None);
                        }
                        let mut tellers = Tellers::load(tx, tenant, now).await?;
                        for step in batch.iter() {
                            match step {
                                Step::Open(condition) => {
                                    if let Some(alert) = table::open(tx, tenant, condition, now).await? {
                                        tellers.tell(tx, &app, &alert, Telling::Opened).await?;
                                    }
                                }
                                Step::Amend(id, condition) => {
                                    let before = table::by_id(tx, tenant, *id).await?;
                                    let after = table::amend(tx, *id, condition, now).await?;
                                    // What has become worse is told again: some channels hear of the worst only.
                                    if let (Some(before), Some(after)) = (before, after)
                                        && after.severity > before.severity
                                        && after.closed.is_none()
                                    {
                                        tellers.tell(tx, &app, &after, Telling::Opened).await?;
                                    }
                                }
                                Step::End(id, reason) => {
                                    if let Some(alert) = table::end(tx, *id, reason, now).await? {
                                        tellers.tell(tx, &app, &alert, Telling::Closed).await?;
                                    }
                                }
                            }
                        }
                        tellers.finish(tx, &app).await.map(Some)
                    })
                })
                .await?;
            match told {
                None => return Ok(()),
                Some(true) => self.alerts.outbox_due.notify_one(),
                Some(false) => {}
            }
        }
        Ok(())
    }

    /// Runs the reconciler until it is dropped: when woken, and every few seconds.
    pub(crate) async fn alerts_keeper(self) {
        loop {
            match self.alerts_activate().await {
                Ok(true) => {
                    tokio::task::yield_now().await;
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = %chain(&error), "alerts could not be looked after; they are in a moment");
                }
            }
            drop(tokio::time::timeout(PERIOD, self.alerts.due.notified()).await);
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone)]
enum Step {
    Open(Condition),
    Amend(AlertId, Condition),
    End(AlertId, &'static str),
}
