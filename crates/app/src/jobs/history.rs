//! Jobs that are long over are forgotten: by age, and by number. Whoever is deleted is gone at once; its executions, which
//! nobody sees without it, go a few at a time, and go on after a restart. What devices were given stays
//! known.

use windlass_domain::ids::JobId;
use windlass_store::jobs;

use super::verify::FETCHED;
use crate::{App, AppError};

/// Jobs that one call forgets.
const AT_ONCE: u32 = 100;
/// Executions that one transaction deletes.
const BITE: u32 = 500;
/// Bites that whoever deletes a job waits for.
const WAITED_FOR: u32 = 20;

impl App {
    /// Forgets some jobs that were over before the retention, or that have too many newer ones of their tenant that are over. True if
    /// there may be more.
    ///
    /// # Errors
    /// When the store fails; what went by then stays gone.
    pub async fn jobs_forget_bygone(&self) -> Result<bool, AppError> {
        let (before, keep) = (self.clock.now().minus(self.limits.job_history), self.limits.jobs_kept);
        let bygone = self.store.read(move |tx| Box::pin(jobs::bygone(tx, before, keep, AT_ONCE))).await?;
        let count = bygone.len();
        for id in bygone {
            self.job_forget(id).await?;
        }
        if count > 0 {
            self.forget_downloads();
            tracing::info!(jobs.forgotten = count, "jobs that are long over were forgotten");
        }
        Ok(count == usize::try_from(AT_ONCE).unwrap_or(usize::MAX))
    }

    /// Deletes a job that is over, unless somebody set it going again.
    async fn job_forget(&self, id: JobId) -> Result<(), AppError> {
        let is_gone = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let over = jobs::get_any(tx, id).await?.is_some_and(|job| !job.state.is_open());
                    if over {
                        jobs::delete(tx, id).await?;
                    }
                    Ok::<_, AppError>(over)
                })
            })
            .await?;
        if is_gone {
            while !self.job_clear_some(id).await? {}
        }
        Ok(())
    }

    /// One bite of a job that was deleted. True if nothing is left of it.
    async fn job_clear_some(&self, id: JobId) -> Result<bool, AppError> {
        Ok(self.store.write(move |tx| Box::pin(jobs::clear_remnant(tx, id, BITE, FETCHED))).await?)
    }

    /// Clears away what is left of a job that was just deleted: a large one in the background.
    pub(super) async fn job_clear(&self, id: JobId) {
        for _ in 0..WAITED_FOR {
            match self.job_clear_some(id).await {
                Ok(false) => {}
                Ok(true) => return,
                Err(error) => return left(id, &error),
            }
        }
        let app = self.clone();
        self.tasks.spawn_until_stopped(async move {
            loop {
                match app.job_clear_some(id).await {
                    Ok(false) => {}
                    Ok(true) => return,
                    Err(error) => return left(id, &error),
                }
            }
        });
    }

    /// Clears away what a node that ended, or a store that failed, left of jobs that were deleted.
    ///
    /// # Errors
    /// When the store fails; what went by then stays gone.
    pub async fn jobs_clear_remnants(&self) -> Result<(), AppError> {
        loop {
            let left = self.store.read(|tx| Box::pin(jobs::remnants(tx, AT_ONCE))).await?;
            if left.is_empty() {
                return Ok(());
            }
            for id in left {
                while !self.job_clear_some(id).await? {}
            }
        }
    }
}

fn left(id: JobId, error: &AppError) {
    tracing::warn!(
        job.id = id.get(),
        error = %crate::error::chain(error),
        "executions of a deleted job could not be cleared away; it is tried again"
    );
}
