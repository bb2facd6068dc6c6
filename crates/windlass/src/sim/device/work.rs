//! What goes on inside a simulated device beside its connection: one job at a time, each step told as it ends.
//!
//! What it decides about firmware is in `firmware`, what it answers to commands in `command`.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use windlass_domain::job::command::{EXIT_CODE, OUTPUT};

use super::{Device, End};
use crate::sim::command::{self, Answer, Facts};
use crate::sim::firmware::{self, Fate};
use crate::sim::job::{self, Downloaded, Execution, Task};
use crate::sim::mqtt::{Client, Lost};

/// What goes on inside the device beside its connection.
pub(super) enum Work {
    Idle,
    Downloading { execution: Execution, version: String, download: Boxed<anyhow::Result<Downloaded>> },
    Installing { execution: Execution, version: String, fate: Fate, done: Boxed<()> },
    Restarting,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A step of [`Work`] that came to its end.
pub(super) enum Done {
    Downloaded(anyhow::Result<Downloaded>),
    Installed,
    Restarted,
}

impl Work {
    pub(super) async fn step(&mut self) -> Done {
        match self {
            Self::Idle => std::future::pending().await,
            Self::Restarting => Done::Restarted,
            Self::Downloading { download, .. } => Done::Downloaded(download.as_mut().await),
            Self::Installing { done, .. } => {
                done.as_mut().await;
                Done::Installed
            }
        }
    }
}

impl Device {
    pub(super) fn take_on(
        &mut self,
        client: &mut Client,
        work: &mut Work,
        execution: Execution,
    ) -> Result<(), Lost> {
        self.shared.counters.jobs.one();
        match execution.task.clone() {
            Task::Command { command, arguments, expires } => {
                self.note(&format!("job {}: {command}", execution.job));
                let facts = Facts {
                    uptime: self.started.elapsed(),
                    version: &self.version,
                    log: self.log.make_contiguous(),
                    now: self.shared.now_millis().div_euclid(1_000),
                };
                let answer = command::answer(&command, &arguments, expires, facts);
                *work = self.obey_command(client, &execution.job, answer)?;
                Ok(())
            }
            Task::Update { version, artifacts } => {
                self.note(&format!("job {}: installs {version}", execution.job));
                let details = [("phase", "downloading"), ("progress", "0")];
                self.report_job(client, &execution.job, "IN_PROGRESS", &details)?;
                let download = Box::pin(job::download(self.shared.http.clone(), artifacts));
                *work = Work::Downloading { execution, version, download };
                Ok(())
            }
            Task::Unknown(operation) => {
                self.shared.counters.failed.one();
                let reason = format!("this device cannot do {operation}");
                self.report_job(client, &execution.job, "REJECTED", &[("reason", &reason)])
            }
        }
    }

    fn obey_command(&mut self, client: &mut Client, job: &str, answer: Answer) -> Result<Work, Lost> {
        match answer {
            Answer::Ran { exit_code, output, restarts } => {
                let (status, counter) = if exit_code == 0 {
                    ("SUCCEEDED", &self.shared.counters.succeeded)
                } else {
                    ("FAILED", &self.shared.counters.failed)
                };
                counter.one();
                let code = exit_code.to_string();
                let details = [(EXIT_CODE, code.as_str()), (OUTPUT, output.as_str())];
                self.report_job(client, job, status, &details)?;
                Ok(if restarts { Work::Restarting } else { Work::Idle })
            }
            Answer::Rejected(reason) => {
                self.shared.counters.failed.one();
                self.report_job(client, job, "REJECTED", &[("reason", &reason)])?;
                Ok(Work::Idle)
            }
        }
    }

    pub(super) fn worked(
        &mut self,
        client: &mut Client,
        work: &mut Work,
        done: Done,
    ) -> Result<Option<End>, Lost> {
        match (std::mem::replace(work, Work::Idle), done) {
            (Work::Downloading { execution, version, .. }, Done::Downloaded(Ok(downloaded))) => {
                self.shared.counters.downloaded.add(downloaded.bytes);
                let options = &self.shared.options;
                let fate =
                    firmware::fate(options.seed, self.number, &version, downloaded.quality, options.trouble);
                let details = [("phase", "installing"), ("progress", "100")];
                self.report_job(client, &execution.job, "IN_PROGRESS", &details)?;
                let done = Box::pin(tokio::time::sleep(self.shared.options.install));
                *work = Work::Installing { execution, version, fate, done };
                Ok(None)
            }
            (Work::Downloading { execution, .. }, Done::Downloaded(Err(error))) => {
                self.fail(client, &execution, &format!("{error:#}"))?;
                Ok(None)
            }
            (Work::Installing { execution, version, fate, .. }, Done::Installed) => match fate {
                Fate::Fails => {
                    self.fail(client, &execution, &format!("{version} does not start on this hardware"))?;
                    Ok(None)
                }
                Fate::Succeeds => {
                    self.report_job(client, &execution.job, "IN_PROGRESS", &[("phase", "rebooting")])?;
                    self.version.clone_from(&version);
                    self.to_confirm = Some((execution.job, version));
                    Ok(Some(End::Restart))
                }
                Fate::FallsBack => {
                    // Says that all went well, but starts the old version again.
                    let details = [("phase", "rebooting"), ("version", version.as_str())];
                    self.report_job(client, &execution.job, "SUCCEEDED", &details)?;
                    self.shared.counters.succeeded.one();
                    Ok(Some(End::Restart))
                }
                Fate::NeverReturns => {
                    self.report_job(client, &execution.job, "IN_PROGRESS", &[("phase", "rebooting")])?;
                    Ok(Some(End::Gone))
                }
            },
            (Work::Restarting, Done::Restarted) => Ok(Some(End::Restart)),
            // The work was given up while its last step ended.
            (_, _) => Ok(None),
        }
    }

    fn fail(&self, client: &mut Client, execution: &Execution, reason: &str) -> Result<(), Lost> {
        self.shared.counters.failed.one();
        self.report_job(
            client,
            &execution.job,
            "FAILED",
            &[("reason", reason), ("version", self.version.as_str())],
        )
    }

    pub(super) fn report_job(
        &self,
        client: &mut Client,
        job: &str,
        status: &str,
        details: &[(&str, &str)],
    ) -> Result<(), Lost> {
        let topic = format!("$aws/things/{}/jobs/{job}/update", self.name);
        client.publish(&topic, Bytes::from(job::report(status, details).to_string()), 1)?;
        Ok(())
    }
}
