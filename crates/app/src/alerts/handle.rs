//! What people do with alerts: look, acknowledge, close.

use serde_json::json;
use windlass_domain::alert::AlertKind;
use windlass_domain::ids::{AlertId, DeviceName};
use windlass_domain::notify::Telling;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::alerts::{self as table, Alert, Pick};

use super::tell::Tellers;
use crate::app::App;
use crate::audit::record;
use crate::error::AppError;
use crate::permit::demand;

/// Most bytes of the reason for closing.
const REASON: usize = 256;
/// Most times that a page is read on to fill it, where a scope leaves little of each.
const ROUNDS: usize = 20;

/// Which alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only open, or only closed ones.
    pub open: Option<bool>,
    /// Only of this kind.
    pub kind: Option<AlertKind>,
    /// Only about this device.
    pub device: Option<DeviceName>,
}

/// An alert as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertView {
    /// The alert.
    pub alert: Alert,
    /// The device it is about, if that is still there.
    pub device: Option<DeviceName>,
}

/// Alerts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertPage {
    /// The alerts.
    pub items: Vec<AlertView>,
    /// How many there are in all, where everything open was asked for by somebody who sees everything.
    pub total: Option<u64>,
    /// Pass it as `before` to go on; absent at the end.
    pub next: Option<i64>,
}

impl App {
    fn view(&self, alert: Alert) -> AlertView {
        let device = alert.about.device().and_then(|device| self.fleet.name_of(device));
        AlertView { alert, device }
    }

    /// With a scope one sees the alerts of devices in it, and no others.
    fn sees_alert(&self, by: &Principal, alert: &Alert) -> bool {
        match alert.about.device() {
            _ if by.scope.is_none() => true,
            Some(device) => self.fleet.is_visible(by, device),
            None => false,
        }
    }

    /// Alerts that the caller may see, newest first.
    ///
    /// # Errors
    /// Forbidden, a device that is not there, a limit that cannot be used, or that the store failed.
    pub async fn alert_list(
        &self,
        by: &Principal,
        filter: &Filter,
        before: Option<i64>,
        limit: usize,
    ) -> Result<AlertPage, AppError> {
        demand(by, Permission::AlertRead)?;
        let most = self.limits.page;
        let size = u32::try_from(limit).ok().filter(|_| limit > 0 && limit <= most);
        let Some(size) = size else {
            return Err(AppError::invalid("limit", format!("must be from 1 to {most}")));
        };
        let device = match &filter.device {
            None => None,
            Some(name) => {
                let found = self.fleet.id_of(by.tenant, name).filter(|id| self.fleet.is_visible(by, *id));
                Some(found.ok_or_else(|| AppError::not_found("device", name))?)
            }
        };
        let pick = Pick { open: filter.open, kind: filter.kind, device };
        let tenant = by.tenant;
        let everything_open = Pick { open: Some(true), ..Pick::default() };
        let total = if by.scope.is_none() && pick == everything_open {
            let count = self.store.read(move |tx| Box::pin(table::count_open(tx, tenant))).await?;
            u64::try_from(count).ok()
        } else {
            None
        };
        let mut before = before.unwrap_or(i64::MAX);
        let mut items = Vec::new();
        for _ in 0..ROUNDS {
            let page = self
                .store
                .read(move |tx| Box::pin(async move { table::list(tx, tenant, &pick, before, size).await }))
                .await?;
            let last = page.len() < limit;
            for alert in page {
                if items.len() == limit {
                    return Ok(AlertPage { items, total, next: Some(before) });
                }
                before = alert.id.get();
                if self.sees_alert(by, &alert) {
                    items.push(self.view(alert));
                }
            }
            if last {
                return Ok(AlertPage { items, total, next: None });
            }
            if items.len() == limit {
                break;
            }
        }
        Ok(AlertPage { items, total, next: Some(before) })
    }

    /// One alert.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn alert_get(&self, by: &Principal, id: AlertId) -> Result<AlertView, AppError> {
        demand(by, Permission::AlertRead)?;
        self.alert_seen(by, id).await.map(|alert| self.view(alert))
    }

    async fn alert_seen(&self, by: &Principal, id: AlertId) -> Result<Alert, AppError> {
        let tenant = by.tenant;
        let found = self.store.read(move |tx| Box::pin(table::by_id(tx, tenant, id))).await?;
        found.filter(|alert| self.sees_alert(by, alert)).ok_or_else(|| AppError::not_found("alert", id))
    }

    /// Says that the caller looks after an open alert. Whoever said so first stays.
    ///
    /// # Errors
    /// Forbidden, not found, closed already, or that the store failed.
    pub async fn alert_acknowledge(&self, by: &Principal, id: AlertId) -> Result<AlertView, AppError> {
        demand(by, Permission::AlertHandle)?;
        self.alert_seen(by, id).await?;
        let (by, now) = (by.clone(), self.clock.now());
        let alert = self
            .store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    match table::acknowledge(tx, by.tenant, id, &by.actor.name, now).await? {
                        Some(alert) => {
                            let target = format!("alert:{id}");
                            record(tx, &by, "alert.acknowledge", &target, json!({}), now).await?;
                            Ok(alert)
                        }
                        None => match table::by_id(tx, by.tenant, id).await? {
                            Some(alert) if alert.closed.is_none() => Ok(alert),
                            Some(_) => Err(closed(id)),
                            None => Err(AppError::not_found("alert", id)),
                        },
                    }
                })
            })
            .await?;
        Ok(self.view(alert))
    }

    /// Closes an open alert. It does not open again while its condition goes on.
    ///
    /// # Errors
    /// Forbidden, not found, closed already, a reason that is too long, or that the store failed.
    pub async fn alert_close(
        &self,
        by: &Principal,
        id: AlertId,
        reason: &str,
    ) -> Result<AlertView, AppError> {
        demand(by, Permission::AlertHandle)?;
        if reason.len() > REASON || reason.contains('\0') {
            return Err(AppError::invalid("reason", format!("must be text of at most {REASON} bytes")));
        }
        self.alert_seen(by, id).await?;
        let reason = if reason.is_empty() { "closed by hand".to_owned() } else { reason.to_owned() };
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        let alert = self
            .store
            .write(move |tx| {
                let (app, by, reason) = (app.clone(), by.clone(), reason.clone());
                Box::pin(async move {
                    let Some(alert) = table::close(tx, by.tenant, id, &reason, now).await? else {
                        return Err(closed(id));
                    };
                    let details = json!({"reason": reason});
                    record(tx, &by, "alert.close", &format!("alert:{id}"), details, now).await?;
                    let mut tellers = Tellers::load(tx, by.tenant, now).await?;
                    tellers.tell(tx, &app, &alert, Telling::Closed).await?;
                    tellers.finish(tx, &app).await?;
                    Ok(alert)
                })
            })
            .await?;
        self.alerts.outbox_due.notify_one();
        Ok(self.view(alert))
    }
}

fn closed(id: AlertId) -> AppError {
    AppError::Conflict {
        code: "alert.closed",
        detail: format!("alert {id} is closed; if its cause comes back, a new alert opens"),
    }
}
