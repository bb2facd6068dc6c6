//! What decommissioning would do, in figures and in sentences, before anybody does it.

use windlass_domain::device::{DataFate, Device, DeviceKind, Lifecycle};
use windlass_domain::ids::DeviceName;
use windlass_domain::permission::{Permission, Principal};
use windlass_store::{credentials, devices, executions, shadows};

use super::super::visible;
use crate::app::App;
use crate::error::AppError;
use crate::permit::demand;

/// What decommissioning would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavePreview {
    /// Sentences for people.
    pub effects: Vec<String>,
    /// Certificates that would be revoked.
    pub credentials: u64,
    /// Jobs that would be taken from it.
    pub open_executions: u64,
    /// Devices that hang on it.
    pub children: u64,
    /// Telemetry points that are stored, texts not counted.
    pub points: u64,
    /// Shadows that are stored.
    pub shadows: u64,
}

fn count(many: usize) -> u64 {
    u64::try_from(many).unwrap_or(u64::MAX)
}

/// `1 certificate`, `2 certificates`.
fn number(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn sentences(device: &Device, data: DataFate, wipe: bool, seen: &LeavePreview) -> Vec<String> {
    let name = &device.name;
    if device.lifecycle == Lifecycle::Decommissioned {
        return vec![format!("{name} is decommissioned already; nothing changes.")];
    }
    let mut effects = Vec::new();
    if wipe {
        effects.push(format!(
            "{name} is told to wipe itself first and stays in service until it has answered or the time is up; then:"
        ));
    }
    effects.push(format!("{name} can never connect again; its live connections end."));
    let certificates = number(seen.credentials, "certificate is", "certificates are");
    effects.push(format!("{certificates} revoked."));
    if seen.open_executions > 0 {
        let jobs = number(seen.open_executions, "open job is", "open jobs are");
        effects.push(format!("{jobs} taken from it."));
    }
    if seen.children > 0 {
        let children = number(seen.children, "device hangs", "devices hang");
        effects.push(format!(
            "{children} on it; they stay registered without a gateway, and cannot be reached until they get another."
        ));
    }
    effects.push(match data {
        DataFate::Keep => format!(
            "Its data stays readable: {}, {} and its events.",
            number(seen.points, "telemetry point", "telemetry points"),
            number(seen.shadows, "shadow", "shadows")
        ),
        DataFate::Erase => format!(
            "Its data is erased for good: {}, {} and its events. Audit records stay.",
            number(seen.points, "telemetry point", "telemetry points"),
            number(seen.shadows, "shadow", "shadows")
        ),
    });
    effects.push(format!("The name {name} stays taken until somebody frees it on purpose."));
    effects
}

impl App {
    /// What decommissioning the device would do.
    ///
    /// # Errors
    /// Forbidden, not found, or that a store failed.
    pub async fn device_leave_preview(
        &self,
        by: &Principal,
        name: &DeviceName,
        data: DataFate,
        wipe: bool,
    ) -> Result<LeavePreview, AppError> {
        demand(by, Permission::DeviceLifecycle)?;
        let (app, who, wanted) = (self.clone(), by.clone(), name.clone());
        let (device, mut preview) = self
            .store
            .read(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), wanted.clone());
                Box::pin(async move {
                    let device = visible(&app, tx, &by, &name).await?;
                    let certificates = credentials::of_device(tx, device.id).await?;
                    let open = executions::open_count(tx, device.id).await?;
                    let preview = LeavePreview {
                        effects: Vec::new(),
                        credentials: count(certificates.iter().filter(|one| one.ended.is_none()).count()),
                        open_executions: u64::try_from(open).unwrap_or_default(),
                        children: match device.kind {
                            DeviceKind::Gateway => {
                                count(devices::device_children(tx, device.id).await?.len())
                            }
                            DeviceKind::Device => 0,
                        },
                        points: 0,
                        shadows: count(shadows::shadow_lines(tx, device.id).await?.len()),
                    };
                    Ok::<_, AppError>((device, preview))
                })
            })
            .await?;
        preview.points = self.points_of(device.id).await?;
        preview.effects = sentences(&device, data, wipe, &preview);
        Ok(preview)
    }
}
