//! Jobs that are long over are forgotten with their executions: by age, and by number. A few at a time.

use windlass_domain::ids::JobId;
use windlass_store::{executions, jobs};

use crate::{App, AppError};

/// Jobs that one call forgets.
const AT_ONCE: u32 = 100;
/// Executions that one transaction deletes.
const DELETED_AT_ONCE: u32 = 2_000;

impl App {
    /// Forgets some jobs that were over before the retention, or that have too many newer ones that are over. True if
    /// there may be more.
    ///
    /// # Errors
    /// When the store fails; what went by then stays gone.
    pub async fn jobs_forget_bygone(&self) -> Result<bool, AppError> {
        let (before, keep) = (self.clock.now().minus(self.limits.job_history), self.limits.jobs_kept);
        let bygone = self.store.read(move |tx| Box::pin(jobs::bygone(tx, before, keep, AT_ONCE))).await?;
        let count = bygone.len();
        for id in bygone {
            while !self.job_forget_some(id).await? {}
        }
        if count > 0 {
            self.forget_downloads();
            tracing::info!(jobs.forgotten = count, "jobs that are long over were forgotten");
        }
        Ok(count == usize::try_from(AT_ONCE).unwrap_or(usize::MAX))
    }

    /// One bite of a job that is over. True if nothing is left of it, or if somebody set it going again.
    async fn job_forget_some(&self, id: JobId) -> Result<bool, AppError> {
        self.store
            .write(move |tx| {
                Box::pin(async move {
                    let over = jobs::get_any(tx, id).await?.is_some_and(|job| !job.state.is_open());
                    if !over {
                        return Ok(true);
                    }
                    if executions::delete_some(tx, id, DELETED_AT_ONCE).await? > 0 {
                        return Ok(false);
                    }
                    jobs::delete(tx, id).await?;
                    Ok::<_, AppError>(true)
                })
            })
            .await
    }
}
