//! What operators do to a job that exists. Each is one small transaction; the reconciler does the rest.

use windlass_domain::ids::JobId;
use windlass_domain::permission::Principal;

use super::list::JobView;
use crate::App;
use crate::error::AppError;

impl App {
    /// Begins to offer work. `expected`: refused unless the job is at this version.
    ///
    /// # Errors
    /// `NotFound`, `VersionMismatch`, `Conflict` `job.state` when the job's state does not allow it.
    pub async fn job_start(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        unimplemented!("job_start")
    }

    /// Holds a job: nothing new is offered, and what devices have not picked up is hidden from them.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_pause(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        unimplemented!("job_pause")
    }

    /// Goes on after a pause; after a halt it accepts the failures so far.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_resume(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        unimplemented!("job_resume")
    }

    /// Ends a job. What devices have not begun is withdrawn; what they work on only if `in_progress_too`.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_cancel(
        &self,
        by: &Principal,
        id: JobId,
        in_progress_too: bool,
        expected: Option<i64>,
    ) -> Result<JobView, AppError> {
        unimplemented!("job_cancel")
    }

    /// Offers the job again to every device on which it failed. Returns how many those are. A halted or completed job
    /// runs again.
    ///
    /// # Errors
    /// As [`App::job_start`]; `Conflict` `job.nothing_failed`.
    pub async fn job_retry_failed(
        &self,
        by: &Principal,
        id: JobId,
        expected: Option<i64>,
    ) -> Result<u64, AppError> {
        unimplemented!("job_retry_failed")
    }

    /// Forgets a job that is over or never began, with its executions.
    ///
    /// # Errors
    /// As [`App::job_start`].
    pub async fn job_delete(&self, by: &Principal, id: JobId, expected: Option<i64>) -> Result<(), AppError> {
        unimplemented!("job_delete")
    }
}
