//! Who would get work of a job that is not made, for those who choose its devices by that.

use windlass_domain::ids::DeviceId;
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::Tx;

use super::{BATCH, SEED, latest};
use crate::jobs::create::{Draft, NewJob, NewTargets, draft};
use crate::jobs::judge::{self, Judged};
use crate::{App, AppError};

/// Those of these devices that a new job would give work now, up to `most`, and how many were looked at for it.
///
/// # Errors
/// As [`App::job_create`].
pub(crate) async fn with_work(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    new: &NewJob,
    devices: &[DeviceId],
    most: usize,
    now: Timestamp,
) -> Result<(Vec<DeviceId>, usize), AppError> {
    let (mut ready, mut looked) = (Vec::new(), 0);
    let Some(first) = devices.first() else { return Ok((ready, looked)) };
    let targets = NewTargets::Found { devices: vec![*first], words: String::new(), waves: Vec::new() };
    let Draft { job, .. } = draft(tx, app, by, &NewJob { targets, ..new.clone() }, 0, SEED, now).await?;
    let job = latest(job);
    let mut catalogue = judge::catalogue(tx, &job, app.limits.open_executions, now).await?;
    for some in devices.chunks(usize::try_from(BATCH).unwrap_or(usize::MAX)) {
        let facts = catalogue.facts(tx, &job, some).await?;
        for device in some {
            looked += 1;
            match catalogue.judge(tx, &job, facts.get(device)).await? {
                Judged::Work { .. } | Judged::Runs { .. } | Judged::InPlace => ready.push(*device),
                Judged::Skip(_) => continue,
            }
            if ready.len() >= most {
                return Ok((ready, looked));
            }
        }
    }
    Ok((ready, looked))
}
