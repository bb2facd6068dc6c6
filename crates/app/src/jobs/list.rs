//! What operators see of jobs and executions.

use windlass_domain::ids::{ExecutionId, JobId};
use windlass_domain::job::plan::Standing;
use windlass_domain::job::{Execution, ExecutionState, Job, Outcome, Verdict, Why};
use windlass_domain::permission::Principal;

use crate::App;
use crate::error::AppError;

/// One wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaveView {
    /// How many targets it has.
    pub targets: u64,
    /// How many of them were offered work or skipped.
    pub offered: u64,
    /// How those stand.
    pub standing: Standing,
}

/// A job with its counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobView {
    /// The job.
    pub job: Job,
    /// Name and version of what it installs.
    pub release: Option<(String, String)>,
    /// Each wave, in order.
    pub waves: Vec<WaveView>,
    /// The whole job.
    pub standing: Standing,
    /// Index of the wave under way.
    pub current_wave: usize,
}

/// One device's part, with what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionView {
    /// The execution.
    pub execution: Execution,
    /// The device's name; none if it is gone.
    pub device: Option<String>,
    /// Why it stands where it stands, and what to do.
    pub why: Why,
}

/// Failures with the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureCluster {
    /// What the protocol said.
    pub state: ExecutionState,
    /// What is true.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// On how many devices.
    pub count: u64,
}

/// Which executions of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExecutionFilter {
    /// Only in this state.
    pub state: Option<ExecutionState>,
    /// Only with this verdict.
    pub verdict: Option<Verdict>,
    /// Only with this outcome.
    pub outcome: Option<Outcome>,
    /// From the one after this on.
    pub after: Option<ExecutionId>,
}

impl App {
    /// One job.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_get(&self, by: &Principal, id: JobId) -> Result<JobView, AppError> {
        unimplemented!("job_get")
    }

    /// Jobs, newest first, from the one before `before` on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn job_list(
        &self,
        by: &Principal,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<JobView>, AppError> {
        unimplemented!("job_list")
    }

    /// Executions of a job by number; earlier tries included.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_list(
        &self,
        by: &Principal,
        job: JobId,
        filter: ExecutionFilter,
        limit: u32,
    ) -> Result<Vec<ExecutionView>, AppError> {
        unimplemented!("execution_list")
    }

    /// One execution.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn execution_get(&self, by: &Principal, id: ExecutionId) -> Result<ExecutionView, AppError> {
        unimplemented!("execution_get")
    }

    /// Executions of a device, newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn device_executions(
        &self,
        by: &Principal,
        device: &str,
        before: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionView>, AppError> {
        unimplemented!("device_executions")
    }

    /// Why a job failed where it failed: the most frequent reasons first, at most 50.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn job_failures(&self, by: &Principal, id: JobId) -> Result<Vec<FailureCluster>, AppError> {
        unimplemented!("job_failures")
    }
}
