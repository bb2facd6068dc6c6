//! Suspend, resume, decommission. Connections that may no longer be end within the call, after its commit.

use serde_json::json;
use windlass_domain::device::{DataFate, Lifecycle};
use windlass_domain::event::Severity;
use windlass_domain::ids::DeviceName;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::events::{NewEvent, event_record};

use super::{expected_one, save, stay_in_scope, target};
use crate::app::App;
use crate::audit;
use crate::error::AppError;
use crate::fleet::DeviceView;
use crate::hub::CloseReason;
use crate::permit::demand;

/// A step in a device's life that an operator takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleChange {
    /// May not connect for now.
    Suspend,
    /// May connect again.
    Resume,
    /// Out of service for good: its credentials are revoked.
    Decommission,
}

impl LifecycleChange {
    const fn action(self) -> &'static str {
        match self {
            Self::Suspend => "device.suspend",
            Self::Resume => "device.resume",
            Self::Decommission => "device.decommission",
        }
    }

    /// Where the step leads.
    const fn from(self, seen: bool) -> Lifecycle {
        match self {
            Self::Suspend => Lifecycle::Suspended,
            Self::Resume if seen => Lifecycle::Active,
            Self::Resume => Lifecycle::Registered,
            Self::Decommission => Lifecycle::Decommissioned,
        }
    }
}

impl App {
    /// Takes a device a step further in its life. A step that was taken before changes nothing.
    ///
    /// # Errors
    /// Forbidden, not found, another version than expected, or a conflict where the step is not allowed.
    pub async fn device_lifecycle(
        &self,
        by: &Principal,
        name: &DeviceName,
        change: LifecycleChange,
        expected: Option<i64>,
    ) -> Result<DeviceView, AppError> {
        demand(by, Permission::DeviceLifecycle)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let device = self
            .store
            .write(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), name.clone());
                Box::pin(async move {
                    let mut device = expected_one(&app, tx, &by, &name, expected).await?;
                    let next = change.from(device.first_seen_at.is_some());
                    let done = device.lifecycle == next
                        || (change == LifecycleChange::Resume && device.lifecycle.may_connect());
                    if done {
                        return Ok(device);
                    }
                    if !device.lifecycle.may_become(next) {
                        return Err(AppError::Conflict {
                            code: "device.lifecycle",
                            detail: format!("device {name} is {} and cannot become {next}", device.lifecycle),
                        });
                    }
                    if next == Lifecycle::Decommissioned {
                        super::leave::go_in(&app, tx, &by, &mut device, DataFate::Keep, "", now).await?;
                        return Ok(device);
                    }
                    let before = device.lifecycle;
                    device.lifecycle = next;
                    stay_in_scope(&app, tx, &by, &device).await?;
                    save(tx, &mut device, now).await?;
                    let event = NewEvent {
                        tenant: device.tenant,
                        device: device.id,
                        kind: "lifecycle".to_owned(),
                        severity: Severity::Info,
                        detail: format!("{before} became {next}"),
                    };
                    event_record(tx, &event, now).await?;
                    let details = json!({"from": before.as_str(), "to": next.as_str()});
                    audit::record(tx, &by, change.action(), &target(&name), details, now).await?;
                    Ok(device)
                })
            })
            .await?;
        // Connections and downloads end even if the index cannot follow at once.
        if !device.lifecycle.may_connect() {
            self.downloads.doubt_all();
            self.hub.close_device(device.id, CloseReason::NotAuthorized);
        }
        self.device_settled(by, &device).await
    }
}
