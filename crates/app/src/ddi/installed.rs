//! Which of its finished updates brought a device what it runs.

use windlass_domain::ids::DeviceId;
use windlass_domain::job::{Handling, Outcome};
use windlass_store::ddi::{self as table, Installed, Target};
use windlass_store::{StoreError, Tx, executions, jobs};

use crate::jobs::release_of;

/// Most finished updates that are looked at.
pub(super) const LOOKED_AT: u32 = 16;

/// The last update that the device installed and that stands; only of this name and version where they are given.
pub(super) async fn last(
    tx: &mut Tx<'_>,
    device: DeviceId,
    wanted: Option<(&str, &str)>,
) -> Result<Option<Installed>, StoreError> {
    for execution in executions::finished_updates(tx, device, LOOKED_AT).await? {
        if !matches!(execution.outcome(), Outcome::Succeeded | Outcome::Verifying) {
            continue;
        }
        let Some(job) = jobs::get_any(tx, execution.job).await? else { continue };
        let Some(release) = release_of(tx, &job).await? else { continue };
        let is_it = wanted.is_none_or(|wanted| wanted == (release.name.as_str(), release.version.as_str()));
        if job.spec.rollout.handling != Handling::DownloadOnly && is_it {
            return Ok(Some(Installed {
                name: release.name.into_string(),
                version: release.version.into_string(),
                execution: Some(execution.id),
                at: execution.ended_at.unwrap_or(execution.updated_at),
            }));
        }
    }
    Ok(None)
}

/// What an update brought is not there any more: the device runs what it had installed before, as far as that is known.
///
/// # Errors
/// When the store fails.
pub(crate) async fn fell_back(tx: &mut Tx<'_>, device: DeviceId) -> Result<(), StoreError> {
    let target = table::target(tx, device).await?;
    if target.installed.is_some() {
        return Ok(());
    }
    match last(tx, device, None).await? {
        Some(before) => table::target_put(tx, device, &Target { installed: Some(before), ..target }).await,
        None => Ok(()),
    }
}
