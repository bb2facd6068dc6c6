//! `windlass job`: rollouts and other jobs, watched until they end.

use std::time::Duration;

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use windlass_api::jobs::{Counts, Execution, Job, JobDownloads, JobState, Outcome, RetryResult};
use windlass_api::page::MOST;
use windlass_api::rollouts::{DeviceUpdate, JobPreview, PreviewDeviceQuery, Remark};

mod create;
mod shown;

use create::Create;
use shown::{executions, made, show, show_with, waits, what};

use super::api::Api;
use super::printer::{Printer, time};
use super::rollout;
use crate::terminal::{self, Exit, Trouble};

/// One intention for many devices.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Roll out a release, or hand out a document.
    Create(Box<Create>),
    /// Show jobs, newest first.
    List {
        /// Most jobs.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show a job, its waves, and what failed.
    Show {
        /// Its number.
        id: i64,
        /// Every device, not only those that failed.
        #[arg(long)]
        all: bool,
    },
    /// Offer it to no further device for now.
    Pause {
        /// Its number.
        id: i64,
    },
    /// Go on after a pause, or in spite of the failures that stopped it.
    Resume {
        /// Its number.
        id: i64,
    },
    /// End it: what devices have not begun is withdrawn.
    Cancel {
        /// Its number.
        id: i64,
        /// End it where devices work on it, too: hawkBit's clients are asked to stop, from others it is withdrawn.
        #[arg(long)]
        in_progress_too: bool,
        /// Withdraw it from all of them without asking.
        #[arg(long)]
        force: bool,
    },
    /// Try the devices again that failed.
    Retry {
        /// Its number.
        id: i64,
    },
    /// Agree to a job that somebody else made.
    Approve {
        /// Its number.
        id: i64,
        /// Why.
        #[arg(long, default_value = "")]
        remark: String,
    },
    /// Deny a job that somebody else made.
    Deny {
        /// Its number.
        id: i64,
        /// Why.
        #[arg(long, default_value = "")]
        remark: String,
    },
    /// Begin a job that waits to be started.
    Start {
        /// Its number.
        id: i64,
    },
    /// Go on to the next wave without waiting for this one.
    Advance {
        /// Its number.
        id: i64,
    },
    /// Bring devices back to what they ran before a job.
    Rollback {
        /// Its number.
        id: i64,
    },
    /// Say why a device stands where it stands with a job.
    Why {
        /// Its number.
        id: i64,
        /// The device's name.
        device: String,
    },
    /// Agree to an update in place of a device's user.
    Confirm {
        /// Its number.
        id: i64,
        /// The device's name.
        device: String,
    },
    /// Ask one device to stop.
    Stop {
        /// Its number.
        id: i64,
        /// The device's name.
        device: String,
        /// End it without the device's word, which may install the update all the same.
        #[arg(long)]
        force: bool,
    },
    /// Follow a job until it ends; fails when it was stopped or canceled.
    Watch {
        /// Its number.
        id: i64,
    },
}

/// Carries the command out.
pub(crate) async fn run(api: &Api, command: Command, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        Command::Create(create) => {
            let watches = create.watch;
            if create.each_device {
                let most = usize::try_from(create.limit).unwrap_or(usize::MAX);
                let query = PreviewDeviceQuery {
                    outcome: create.outcome,
                    limit: Some(create.limit.clamp(1, MOST)),
                    ..PreviewDeviceQuery::default()
                };
                let path = ["jobs", "preview", "devices"];
                let wanted = create.into_job()?;
                let page = api.all_of(&path, &query, &wanted, most).await?;
                rollout::show_preview_devices(&page, wanted.rollout.order.by, printer)?;
                return Ok(Exit::Success);
            }
            if create.dry_run {
                let preview: JobPreview =
                    api.write(Method::POST, &["jobs", "preview"], &create.into_job()?).await?;
                return rollout::show_preview(&preview, printer);
            }
            let new = create.into_job()?;
            // What cannot be looked at beforehand cannot be made either, and that is said then.
            let preview: Option<JobPreview> = api.write(Method::POST, &["jobs", "preview"], &new).await.ok();
            let job: Job = api.write(Method::POST, &["jobs"], &new).await?;
            terminal::note(&made(job.id, job.counts.targets, waits(&job).as_deref(), preview.as_ref()));
            if watches {
                return watch(api, job.id, printer).await;
            }
            show(&job, printer)?;
        }
        Command::List { limit } => {
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let page = api.all::<Job>(&["jobs"], &json!({ "limit": limit.clamp(1, MOST) }), most).await?;
            printer.page(
                &page,
                &["id", "what", "state", "devices", "succeeded", "failed", "made"],
                |job| {
                    vec![
                        job.id.to_string(),
                        what(job),
                        job.state.to_string(),
                        job.counts.targets.to_string(),
                        job.counts.succeeded.to_string(),
                        job.counts.failed.to_string(),
                        time(job.created_at),
                    ]
                },
            )?;
        }
        Command::Show { id, all } => {
            let id_text = id.to_string();
            let job: Job = api.show(&["jobs", &id_text]).await?;
            if printer.is_json() {
                show(&job, printer)?;
            } else {
                let downloads: JobDownloads = api.show(&["jobs", &id_text, "downloads"]).await?;
                show_with(&job, Some(&downloads), printer)?;
                executions(api, &id_text, all, printer).await?;
            }
        }
        Command::Approve { id, remark } => {
            let remark = Remark { remark };
            show(&api.write(Method::POST, &["jobs", &id.to_string(), "approve"], &remark).await?, printer)?;
        }
        Command::Deny { id, remark } => {
            let remark = Remark { remark };
            show(&api.write(Method::POST, &["jobs", &id.to_string(), "deny"], &remark).await?, printer)?;
        }
        Command::Start { id } => show(&api.invoke(&["jobs", &id.to_string(), "start"]).await?, printer)?,
        Command::Advance { id } => show(&api.invoke(&["jobs", &id.to_string(), "advance"]).await?, printer)?,
        Command::Rollback { id } => {
            show(&api.invoke(&["jobs", &id.to_string(), "rollback"]).await?, printer)?
        }
        Command::Why { id, device } => {
            let why: DeviceUpdate = api.show(&["jobs", &id.to_string(), "devices", &device]).await?;
            rollout::show_why(&why, printer)?;
        }
        Command::Confirm { id, device } => {
            let execution = execution_of(api, id, &device).await?;
            let _agreed: Execution = api.invoke(&["executions", &execution, "confirm"]).await?;
            terminal::note(&format!("job {id} goes on at {device}"));
        }
        Command::Stop { id, device, force } => {
            let execution = execution_of(api, id, &device).await?;
            let url = api.url(&["executions", &execution, "cancel"])?;
            let now: Execution = api.ask(api.request(Method::POST, url).query(&[("force", force)])).await?;
            terminal::note(&match now.outcome {
                Outcome::Open | Outcome::Verifying => {
                    format!("{device} is asked to stop; with --force it ends without its word")
                }
                Outcome::Succeeded | Outcome::Failed | Outcome::Canceled | Outcome::Skipped => {
                    format!("job {id} is over at {device}: {}", now.outcome)
                }
            });
        }
        Command::Pause { id } => show(&api.invoke(&["jobs", &id.to_string(), "pause"]).await?, printer)?,
        Command::Resume { id } => show(&api.invoke(&["jobs", &id.to_string(), "resume"]).await?, printer)?,
        Command::Cancel { id, in_progress_too, force } => {
            let url = api.url(&["jobs", &id.to_string(), "cancel"])?;
            let query = [("inProgressToo", in_progress_too), ("force", force)];
            show(&api.ask(api.request(Method::POST, url).query(&query)).await?, printer)?;
        }
        Command::Retry { id } => {
            let result: RetryResult = api.invoke(&["jobs", &id.to_string(), "retry"]).await?;
            printer.pairs(&result, |result| vec![("tried again", result.retried.to_string())])?;
        }
        Command::Watch { id } => return watch(api, id, printer).await,
    }
    Ok(Exit::Success)
}

/// The number of a device's part in a job.
async fn execution_of(api: &Api, job: i64, device: &str) -> anyhow::Result<String> {
    let standing: DeviceUpdate = api.show(&["jobs", &job.to_string(), "devices", device]).await?;
    match standing.execution {
        Some(execution) => Ok(execution.to_string()),
        None => Err(Trouble {
            exit: Exit::Refused,
            message: format!("{device} has no part in job {job} yet: {}", standing.why),
            hint: Some(standing.action).filter(|action| !action.is_empty()),
        }
        .into()),
    }
}

/// How often a watched job is looked at.
const LOOK: Duration = Duration::from_millis(500);

async fn watch(api: &Api, id: i64, printer: Printer) -> anyhow::Result<Exit> {
    let bar = terminal::progress(0, &format!("job {id}"));
    let job = follow(api, id, |job| {
        bar.set_length(job.counts.targets);
        bar.set_position(done(&job.counts));
        bar.set_message(format!("job {id} {}", job.state));
    })
    .await;
    bar.finish_and_clear();
    let job = job?;
    show(&job, printer)?;
    Ok(match job.state {
        JobState::Completed => Exit::Success,
        JobState::AwaitingApproval
        | JobState::Denied
        | JobState::Scheduled
        | JobState::Running
        | JobState::Paused
        | JobState::Halted
        | JobState::Stopping
        | JobState::Canceled => Exit::Failure,
    })
}

/// Looks at a job until nothing more will happen by itself.
pub(crate) async fn follow(api: &Api, id: i64, mut seen: impl FnMut(&Job)) -> anyhow::Result<Job> {
    loop {
        let job: Job = api.show(&["jobs", &id.to_string()]).await?;
        seen(&job);
        match job.state {
            JobState::Completed | JobState::Canceled | JobState::Denied | JobState::Halted => return Ok(job),
            JobState::AwaitingApproval
            | JobState::Scheduled
            | JobState::Running
            | JobState::Paused
            | JobState::Stopping => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Devices with a final word.
pub(crate) const fn done(counts: &Counts) -> u64 {
    counts.succeeded + counts.failed + counts.canceled + counts.skipped
}

#[cfg(test)]
mod tests {
    use super::shown::counts;
    use super::*;

    #[test]
    fn counts_name_only_what_there_is() {
        let some = Counts { targets: 10, succeeded: 7, failed: 1, waiting: 2, ..Counts::default() };
        assert_eq!(counts(&some), "10 (7 succeeded, 1 failed, 2 waiting)");
        assert_eq!(done(&some), 8);
    }
}
