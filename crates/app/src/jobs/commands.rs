//! Commands: devices told to do something now, and what they answer. A command is a job like any other; one for a single
//! device may be waited for.

use std::time::Duration;

use serde_json::{Map, Value};
use windlass_domain::ids::{CommandTemplateName, ExecutionId, JobId};
use windlass_domain::job::Command;
use windlass_domain::job::command::{EXPIRES_IN, LONGEST};
use windlass_domain::permission::{Permission, Principal};
use windlass_store::{Tx, command_templates, executions};

use super::list::{ExecutionView, execution_views, known_device};
use super::{Begin, ExecutionFilter, NewJob, NewTargets, NewWhat};
use crate::App;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

/// The longest wait for an end.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Where a job to make keeps its command.
const FIELD: &str = "command.";

/// A command to send: by its own name, or by a template that fills in the rest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewCommand {
    /// What is to be done, unless a template says it.
    pub command: Option<String>,
    /// The name of a template.
    pub template: Option<String>,
    /// How.
    pub arguments: Map<String, Value>,
    /// How long it is good: 1 second to 365 days; the template's or one hour where absent.
    pub expires_in: Option<Duration>,
}

/// A command that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waited {
    /// How it stands.
    pub view: ExecutionView,
    /// Whether it ended while it was waited for.
    pub has_ended: bool,
}

/// Reads a command; every bad field goes to `problems`.
pub(super) async fn command(
    tx: &mut Tx<'_>,
    by: &Principal,
    new: &NewCommand,
    problems: &mut Vec<FieldProblem>,
) -> Result<Option<Command>, AppError> {
    let NewCommand { command, template, arguments, expires_in } = new;
    let mut add =
        |field: &str, problem: String| problems.push(FieldProblem::new(format!("{FIELD}{field}"), problem));
    if expires_in.is_some_and(|span| span < Duration::from_secs(1) || span > LONGEST) {
        add("expiresInSeconds", "1 second to 365 days".to_owned());
    }
    match (command, template) {
        (None, None) => add("command", "is missing; give a command or a template".to_owned()),
        (Some(_), Some(_)) => {
            add("template", "does not go with a command; leave one of the two out".to_owned())
        }
        (Some(name), None) => match name.parse() {
            Ok(name) => {
                let (arguments, expires_in) = (arguments.clone(), expires_in.unwrap_or(EXPIRES_IN));
                return Ok(Some(Command {
                    name,
                    arguments,
                    expires_in,
                    template: None,
                    device_types: Vec::new(),
                }));
            }
            Err(error) => add("command", error.to_string()),
        },
        (None, Some(text)) => {
            let found = match text.parse::<CommandTemplateName>() {
                Ok(name) => command_templates::by_name(tx, by.tenant, &name).await?,
                Err(_) => None,
            };
            let Some(found) = found else {
                add("template", format!("command template {text} does not exist"));
                return Ok(None);
            };
            match found.template.fill(arguments) {
                Ok(arguments) => {
                    return Ok(Some(Command {
                        name: found.template.command,
                        arguments,
                        expires_in: expires_in.or(found.template.expires_in).unwrap_or(EXPIRES_IN),
                        template: Some(found.name),
                        device_types: found.template.device_types,
                    }));
                }
                Err(wrong) => wrong.into_iter().for_each(|each| add(&each.field, each.problem)),
            }
        }
    }
    Ok(None)
}

/// Problems of a command that stands alone, not within a job.
fn plainly(error: AppError) -> AppError {
    match error {
        AppError::Invalid(problems) => AppError::Invalid(
            problems
                .into_iter()
                .map(|FieldProblem { field, problem }| match field.as_str() {
                    "targets.devices" => FieldProblem::new("template", problem),
                    _ => FieldProblem::new(field.strip_prefix(FIELD).unwrap_or(&field), problem),
                })
                .collect(),
        ),
        other => other,
    }
}

impl App {
    /// Tells one device to do something, and waits for the end of it, no longer than `wait` (60 seconds at most). A
    /// caller that goes away, and a server that stops, end the wait and nothing else.
    ///
    /// # Errors
    /// `NotFound`; every field that cannot be taken, as it stands in the command.
    pub async fn command_send(
        &self,
        by: &Principal,
        device: &str,
        new: NewCommand,
        wait: Duration,
    ) -> Result<Waited, AppError> {
        demand(by, Permission::JobCreate)?;
        let (app, who, name) = (self.clone(), by.clone(), device.to_owned());
        let device = self
            .store
            .read(move |tx| {
                let (app, by, name) = (app.clone(), who.clone(), name.clone());
                Box::pin(async move { known_device(tx, &app, &by, &name).await })
            })
            .await?;
        let job = NewJob {
            description: String::new(),
            what: NewWhat::Command(new),
            targets: NewTargets::Devices(vec![device.name.into_string()]),
            waves: Vec::new(),
            threshold: None,
            timeouts: windlass_domain::job::Timeouts::default(),
            retries: 0,
            begin: Begin::Now,
            rollout: windlass_domain::job::RolloutPolicy::default(),
        };
        let id = self.job_create(by, job).await.map_err(plainly)?.job.id;
        // The reconciler would do it too; the caller is told the number of the execution.
        self.job_step(id).await?;
        let offered = self.command_view(by, id).await?;
        self.command_wait(by, offered, wait.min(LONGEST_WAIT)).await
    }

    async fn command_view(&self, by: &Principal, id: JobId) -> Result<ExecutionView, AppError> {
        let found = self.execution_list(by, id, ExecutionFilter::default(), 100).await?;
        found.into_iter().next_back().ok_or_else(|| {
            AppError::Unavailable(format!("job {id} is made, but not offered yet; ask for it again"))
        })
    }

    async fn command_wait(
        &self,
        by: &Principal,
        offered: ExecutionView,
        wait: Duration,
    ) -> Result<Waited, AppError> {
        let (job, deadline) = (offered.execution.job, tokio::time::Instant::now() + wait);
        let place = self.command_waits.enter(job, offered.execution.id);
        // Read only now: of what came before the place was taken nobody tells.
        let mut view = self.command_view(by, job).await?;
        loop {
            if view.execution.outcome().is_settled() {
                return Ok(Waited { view, has_ended: true });
            }
            let Some(place) = place.as_ref() else { return Ok(Waited { view, has_ended: false }) };
            tokio::select! {
                () = place.changed() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(Waited { view, has_ended: false }),
                () = self.tasks.stop().cancelled() => return Ok(Waited { view, has_ended: false }),
            }
            view = self.command_view(by, job).await?;
        }
    }

    /// What a device was told to do, newest first.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn device_commands(
        &self,
        by: &Principal,
        device: &str,
        before: Option<ExecutionId>,
        limit: u32,
    ) -> Result<Vec<ExecutionView>, AppError> {
        demand(by, Permission::JobRead)?;
        let (app, by, now) = (self.clone(), by.clone(), self.clock.now());
        let (name, before) = (device.to_owned(), before.map_or(i64::MAX, ExecutionId::get));
        self.store
            .read(move |tx| {
                let (app, by, name) = (app.clone(), by.clone(), name.clone());
                Box::pin(async move {
                    let device = known_device(tx, &app, &by, &name).await?;
                    let found = executions::commands_of_device(tx, device.id, before, limit).await?;
                    Ok(execution_views(tx, &app, found, now).await?)
                })
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use windlass_domain::job::Begun;
    use windlass_domain::limits::Limits;
    use windlass_store::Location;
    use windlass_store::tenants::tenant_default;
    use windlass_store::testing::START;

    use super::*;
    use crate::app::AppConfig;
    use crate::clock::{FixedClock, SystemEntropy};
    use crate::devices::{DeviceSpec, NewDevice};
    use crate::tasks::Tasks;

    #[tokio::test]
    async fn an_end_that_comes_before_anybody_listens_for_it_is_told_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let config = AppConfig {
            location: Location::Sqlite { directory: data.clone() },
            directory: data,
            limits: Limits::default(),
            hostnames: Vec::new(),
            public_url: None,
            server_side_keys: false,
        };
        let clock = Arc::new(FixedClock::new(START));
        let app = App::start(config, clock, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap();
        let tenant = app.store.read(|tx| Box::pin(tenant_default(tx))).await.unwrap().id;
        let by = Principal::system(tenant, "test");
        let device = NewDevice { name: "pump-1".to_owned(), spec: DeviceSpec::default() };
        app.device_create(&by, device).await.unwrap();
        let reboot = NewCommand { command: Some("reboot".to_owned()), ..NewCommand::default() };
        let offered = app.command_send(&by, "pump-1", reboot, Duration::ZERO).await.unwrap().view;
        app.job_cancel(&by, offered.execution.job, Begun::Ask, None).await.unwrap();
        while app.job_step(offered.execution.job).await.unwrap() {}
        let waited = app.command_wait(&by, offered, Duration::ZERO).await.unwrap();
        assert!(waited.has_ended, "{:?}", waited.view.execution.state);
    }
}
