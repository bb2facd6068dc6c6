//! Out of service for good: what that would do, said before; a wipe by the device itself first, if wanted; what stays
//! and what is erased; and the name, free again only on purpose.
//!
//! A device that is to wipe itself stays in service until its job ends or the time is up. That is carried out by a
//! reconciler without input, so a restart costs nothing.

mod preview;

use std::time::Duration;

use serde_json::{Map, Value, json};
use windlass_domain::device::{DataFate, Device, Leaving, Lifecycle};
use windlass_domain::event::Severity;
use windlass_domain::ids::{DeviceId, DeviceName, TenantId};
use windlass_domain::job::{ExecutionState, Timeouts};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_store::events::{NewEvent, event_record};
use windlass_store::{StoreError, Tx, devices, executions, jobs, sessions};

use super::{expected_one, save, stay_in_scope, target};
use crate::app::App;
use crate::audit;
use crate::error::{AppError, FieldProblem, chain};
use crate::fleet::DeviceView;
use crate::hub::CloseReason;
use crate::jobs::create::create as create_job;
use crate::jobs::{Begin, NewCommand, NewJob, NewTargets, NewWhat, gone};
use crate::permit::demand;

pub use preview::LeavePreview;

/// How often devices on their way out are looked at.
const EVERY: Duration = Duration::from_secs(5);
/// Devices on their way out that are looked at in one transaction.
const AT_ONCE: u32 = 200;
/// How long a wipe may be awaited.
const WAIT: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(90 * 24 * 3600);
/// Most bytes of the name of a command.
const COMMAND_BYTES: usize = 128;

/// What a device is told to do before it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Wipe {
    /// The command, as its software knows it.
    pub command: String,
    /// What goes with it.
    pub arguments: Map<String, Value>,
    /// How long its answer is awaited.
    pub wait: Duration,
}

/// How a device goes out of service.
#[derive(Debug, Clone, PartialEq)]
pub struct Decommission {
    /// What becomes of its data.
    pub data: DataFate,
    /// What it does first, if anything.
    pub wipe: Option<Wipe>,
    /// The device's name once more, where the caller wants to be sure.
    pub confirm: Option<String>,
}

fn check(request: &Decommission, name: &DeviceName) -> Vec<FieldProblem> {
    let Decommission { data: _, wipe, confirm } = request;
    let mut problems = Vec::new();
    if confirm.as_deref().is_some_and(|text| text != name.as_str()) {
        problems.push(FieldProblem::new("confirm", format!("must be the name of the device, {name}")));
    }
    if let Some(Wipe { command, arguments: _, wait }) = wipe {
        if command.is_empty() || command.len() > COMMAND_BYTES || command.chars().any(char::is_control) {
            let problem = format!("must be 1 to {COMMAND_BYTES} bytes without control characters");
            problems.push(FieldProblem::new("wipe.command", problem));
        }
        if !WAIT.contains(wait) {
            let problem = "must be from 60 (a minute) to 7776000 (90 days)";
            problems.push(FieldProblem::new("wipe.waitSeconds", problem));
        }
    }
    problems
}

/// The job that carries a wipe to one device.
fn wipe_job(name: &DeviceName, wipe: &Wipe) -> NewJob {
    NewJob {
        description: format!("Wipe {name} before it goes out of service"),
        what: NewWhat::Command(NewCommand {
            command: Some(wipe.command.clone()),
            template: None,
            arguments: wipe.arguments.clone(),
            expires_in: Some(wipe.wait),
        }),
        targets: NewTargets::Devices(vec![name.to_string()]),
        waves: Vec::new(),
        threshold: None,
        timeouts: Timeouts { queued: wipe.wait, download: None, in_progress: wipe.wait, verify: None },
        retries: 0,
        begin: Begin::Now,
        rollout: windlass_domain::job::RolloutPolicy::default(),
    }
}

/// Takes a device out of service in the caller's transaction: credentials, sessions, open jobs, children, data. The
/// caller ends its connections and refreshes the index after the commit.
pub(super) async fn go_in(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    device: &mut Device,
    data: DataFate,
    note: &str,
    now: Timestamp,
) -> Result<(), AppError> {
    let before = device.lifecycle;
    device.lifecycle = Lifecycle::Decommissioned;
    device.leaving = None;
    device.reprovision_until = None;
    stay_in_scope(app, tx, by, device).await?;
    save(tx, device, now).await?;
    let revoked = crate::enrol::revoke_all_in(tx, by, device.id, "device decommissioned", now).await?;
    sessions::remove_all(tx, device.id).await?;
    let removed = gone::orphan(tx, device.id, "the device was decommissioned", now).await?;
    let children = free_children(tx, device.id, now).await?;
    if data == DataFate::Erase {
        devices::device_erase(tx, device.id).await?;
        devices::erasure_ask(tx, device.id, now).await?;
    }
    let because = if note.is_empty() { String::new() } else { format!(": {note}") };
    let event = NewEvent {
        tenant: device.tenant,
        device: device.id,
        kind: "lifecycle".to_owned(),
        severity: Severity::Info,
        detail: format!("{before} became {}{because}", device.lifecycle),
    };
    event_record(tx, &event, now).await?;
    let details = json!({
        "from": before.as_str(), "to": device.lifecycle.as_str(), "data": data.as_str(), "note": note,
        "revoked": revoked, "executionsRemoved": removed, "childrenFreed": children,
    });
    audit::record(tx, by, "device.decommission", &target(&device.name), details, now).await?;
    Ok(())
}

/// Devices that hung on a gateway which is no more hang on none.
async fn free_children(tx: &mut Tx<'_>, gateway: DeviceId, now: Timestamp) -> Result<usize, AppError> {
    let children = devices::device_children(tx, gateway).await?;
    let freed = children.len();
    for mut child in children {
        child.parent = None;
        save(tx, &mut child, now).await?;
    }
    Ok(freed)
}

/// How a wipe ended, if it is over.
async fn wipe_over(
    tx: &mut Tx<'_>,
    device: &Device,
    leaving: &Leaving,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    let execution = executions::latest(tx, device.id, leaving.wipe).await?;
    if let Some(execution) = execution.filter(|execution| !execution.state.is_open()) {
        return Ok(Some(match execution.state {
            ExecutionState::Succeeded => "the device has wiped itself".to_owned(),
            other => format!("the wipe ended as {other}, not confirmed by the device"),
        }));
    }
    let alive = jobs::get_any(tx, leaving.wipe).await?.is_some_and(|job| job.state.is_open());
    Ok(if !alive {
        Some("the job of the wipe is over; the device did not confirm it".to_owned())
    } else if now >= leaving.until {
        Some("the device did not confirm the wipe in time".to_owned())
    } else {
        None
    })
}

impl App {
    /// Takes a device out of service: at once, or after it has been told to wipe itself. Doing it again changes nothing;
    /// doing it without a wipe while one is awaited does not wait any longer.
    ///
    /// # Errors
    /// Forbidden, not found, another version than expected, every field that cannot be taken, `device.leaving` while a
    /// wipe is awaited already, `device.lifecycle` where the device cannot be told anything, or that the store failed.
    pub async fn device_decommission(
        &self,
        by: &Principal,
        name: &DeviceName,
        request: Decommission,
        expected: Option<i64>,
    ) -> Result<DeviceView, AppError> {
        demand(by, Permission::DeviceLifecycle)?;
        if request.wipe.is_some() {
            demand(by, Permission::JobCreate)?;
        }
        let problems = check(&request, name);
        if !problems.is_empty() {
            return Err(AppError::Invalid(problems));
        }
        let now = self.clock.now();
        let seq = self.store.latest_change().await?;
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let (device, children) = self
            .store
            .write(move |tx| {
                let (app, by, name, request) = (app.clone(), who.clone(), name.clone(), request.clone());
                Box::pin(async move {
                    let mut device = expected_one(&app, tx, &by, &name, expected).await?;
                    if device.lifecycle == Lifecycle::Decommissioned {
                        return Ok((device, Vec::new()));
                    }
                    let children = devices::device_children(tx, device.id).await?;
                    match &request.wipe {
                        None => {
                            go_in(&app, tx, &by, &mut device, request.data, "", now).await?;
                            Ok((device, children.into_iter().map(|child| child.id).collect()))
                        }
                        Some(wipe) => {
                            begin_wipe(&app, tx, &by, &mut device, wipe, request.data, seq, now).await?;
                            Ok::<_, AppError>((device, Vec::new()))
                        }
                    }
                })
            })
            .await?;
        if !device.lifecycle.may_connect() {
            self.hub.close_device(device.id, CloseReason::NotAuthorized);
        }
        self.fleet.refresh_devices(&self.store, children).await?;
        self.device_settled(by, &device).await
    }

    /// Removes what is left of a decommissioned device, so that its name may be given to another one. Its certificates
    /// stay known as used, its telemetry is erased, audit records stay.
    ///
    /// # Errors
    /// Forbidden, not found, another version than expected, `device.not_decommissioned`, or that the store failed.
    pub async fn device_free_name(
        &self,
        by: &Principal,
        name: &DeviceName,
        expected: Option<i64>,
    ) -> Result<(), AppError> {
        demand(by, Permission::DeviceLifecycle)?;
        let now = self.clock.now();
        let (app, who, name) = (self.clone(), by.clone(), name.clone());
        let id = self
            .store
            .write(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), name.clone());
                Box::pin(async move {
                    let device = expected_one(&app, tx, &by, &name, expected).await?;
                    if device.lifecycle != Lifecycle::Decommissioned {
                        return Err(AppError::Conflict {
                            code: "device.not_decommissioned",
                            detail: format!("device {name} is {}; decommission it first", device.lifecycle),
                        });
                    }
                    crate::enrol::revoke_all_in(tx, &by, device.id, "device removed", now).await?;
                    devices::device_delete(tx, device.id).await?;
                    devices::erasure_ask(tx, device.id, now).await?;
                    let details = json!({"reuseName": true});
                    audit::record(tx, &by, "device.delete", &target(&name), details, now).await?;
                    Ok::<_, AppError>(device.id)
                })
            })
            .await?;
        self.fleet.refresh_devices(&self.store, [id]).await?;
        Ok(())
    }

    /// Takes devices out of service whose wipe is over, and erases telemetry that is to be erased. Takes no input; doing
    /// it again changes nothing. Returns how many went.
    ///
    /// # Errors
    /// When the store fails; what was done before stays done.
    pub async fn leaving_round(&self) -> Result<usize, AppError> {
        let (mut gone, mut after) = (0, DeviceId::new(0));
        while let Some((last, over)) = self.wipes_over(after).await? {
            after = last;
            for (tenant, id) in over {
                if self.leave_if_over(tenant, id).await? {
                    gone += 1;
                }
            }
        }
        self.erase_telemetry().await?;
        Ok(gone)
    }

    /// Of the next devices above `after` that are on their way out: the last one, and those whose wipe is over.
    async fn wipes_over(
        &self,
        after: DeviceId,
    ) -> Result<Option<(DeviceId, Vec<(TenantId, DeviceId)>)>, AppError> {
        let now = self.clock.now();
        let found: Result<_, StoreError> = self
            .store
            .read(move |tx| {
                Box::pin(async move {
                    let leaving = devices::devices_leaving(tx, after, AT_ONCE).await?;
                    let mut over = Vec::new();
                    for device in &leaving {
                        if let Some(leaving) = &device.leaving
                            && wipe_over(tx, device, leaving, now).await?.is_some()
                        {
                            over.push((device.tenant, device.id));
                        }
                    }
                    Ok(leaving.last().map(|last| (last.id, over)))
                })
            })
            .await;
        Ok(found?)
    }

    async fn leave_if_over(&self, tenant: TenantId, id: DeviceId) -> Result<bool, AppError> {
        let (app, now) = (self.clone(), self.clock.now());
        let left = self
            .store
            .write(move |tx| {
                let app = app.clone();
                Box::pin(async move {
                    let Some(mut device) = devices::device_by_id(tx, id).await? else { return Ok(None) };
                    let Some(leaving) = device.leaving else { return Ok(None) };
                    let Some(note) = wipe_over(tx, &device, &leaving, now).await? else { return Ok(None) };
                    let mut changed: Vec<DeviceId> =
                        devices::device_children(tx, id).await?.into_iter().map(|child| child.id).collect();
                    changed.push(id);
                    let by = Principal::system(tenant, "decommission");
                    go_in(&app, tx, &by, &mut device, leaving.data, &note, now).await?;
                    Ok::<_, AppError>(Some(changed))
                })
            })
            .await?;
        let Some(changed) = left else { return Ok(false) };
        self.hub.close_device(id, CloseReason::NotAuthorized);
        self.fleet.refresh_devices(&self.store, changed).await?;
        Ok(true)
    }

    /// Looks every few seconds, until stopped. Several nodes may run it.
    pub(crate) async fn leaving_keeper(self) {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            if let Err(error) = self.leaving_round().await {
                tracing::warn!(error = %chain(&error), "devices on their way out could not be looked at; again in a moment");
            }
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "everything that one transaction needs, by name")]
async fn begin_wipe(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    device: &mut Device,
    wipe: &Wipe,
    data: DataFate,
    seq: i64,
    now: Timestamp,
) -> Result<(), AppError> {
    let name = device.name.clone();
    if device.leaving.is_some() {
        return Err(AppError::Conflict {
            code: "device.leaving",
            detail: format!(
                "device {name} was told to wipe itself already; decommission it without a wipe to wait no longer"
            ),
        });
    }
    if !device.lifecycle.may_connect() {
        return Err(AppError::Conflict {
            code: "device.lifecycle",
            detail: format!(
                "device {name} is {} and cannot be told anything; decommission it without a wipe",
                device.lifecycle
            ),
        });
    }
    let job =
        create_job(tx, app, by, &wipe_job(&name, wipe), seq, now).await.map_err(|error| match error {
            AppError::Invalid(problems) => AppError::Invalid(
                problems
                    .into_iter()
                    .map(|FieldProblem { field, problem }| {
                        let inner = field.strip_prefix("command.").unwrap_or(&field);
                        FieldProblem::new(format!("wipe.{inner}"), problem)
                    })
                    .collect(),
            ),
            other => other,
        })?;
    device.leaving = Some(Leaving { since: now, until: now.plus(wipe.wait), wipe: job, data });
    save(tx, device, now).await?;
    let details = json!({
        "command": wipe.command, "job": job.get(), "data": data.as_str(), "waitSeconds": wipe.wait.as_secs(),
    });
    audit::record(tx, by, "device.wipe", &target(&name), details, now).await?;
    Ok(())
}
