//! `windlass command`: tell devices to do something, and show what they answer.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};
use windlass_api::commands::{CommandQuery, CommandResult, CommandTemplate, CommandTemplateSpec, NewCommand};
use windlass_api::jobs::{
    Begin, Execution, ExecutionState, Job, JobKind, NewJob, Outcome, Targets, Timeouts,
};

use super::api::Api;
use super::printer::{Printer, or_dash, time, words};
use super::registry::{delete, read_json};
use super::{job, parse};
use crate::terminal::{self, Exit, Trouble};

/// How long one device may take to answer before the command line goes on without it.
const PATIENCE: &str = "10s";
/// Most executions that are shown.
const SHOWN: usize = 100_000;

/// Tell devices to do something now.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a command; one device's output is printed, and its exit code is that of this program.
    Run(Run),
    /// Show what a device was told to do, newest first.
    List {
        /// The device.
        device: String,
        /// Most commands.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Command templates: commands with arguments that are checked.
    #[command(subcommand)]
    Template(Template),
}

/// A command to send.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The device (not with --query), then the command (not with --template).
    #[arg(value_name = "DEVICE COMMAND", num_args = 0..=2)]
    words: Vec<String>,
    /// Every device that matches, instead of one.
    #[arg(long, short)]
    query: Option<String>,
    /// A template that says what is to be done.
    #[arg(long)]
    template: Option<String>,
    /// key=value; numbers, true, false and JSON are taken as such, everything else as text. Repeat for more.
    #[arg(long = "argument", value_parser = parse::assignment)]
    arguments: Vec<parse::Assignment>,
    /// How long to wait for an answer, such as 10s; at most 60s for one device. 0s sends and goes.
    #[arg(long)]
    wait: Option<String>,
    /// How long the command is good, in seconds.
    #[arg(long)]
    expires: Option<u64>,
}

/// Command templates.
#[derive(Debug, Subcommand)]
pub(crate) enum Template {
    /// Show all.
    List,
    /// Show one.
    Get {
        /// Its name.
        name: String,
    },
    /// Make or replace a template from a JSON file (`-` is standard input).
    Apply {
        /// Its name.
        name: String,
        /// `command`, `parameters`, `fixedArguments`, …
        file: PathBuf,
    },
    /// Remove one.
    Delete {
        /// Its name.
        name: String,
    },
}

/// Carries the command out.
pub(crate) async fn run(api: &Api, command: Command, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        Command::Run(run) => {
            let wait = run.wait.clone();
            match run.resolve()? {
                (To::Device(device), new) => one(api, &device, &new, wait, printer).await,
                (To::Query(query), new) => many(api, query, new, wait, printer).await,
            }
        }
        Command::List { device, limit } => {
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let query = json!({ "limit": limit.clamp(1, windlass_api::page::MOST) });
            let page = api.all::<CommandResult>(&["devices", &device, "commands"], &query, most).await?;
            let heading = ["job", "command", "outcome", "exit code", "why", "sent"];
            printer.page(&page, &heading, |one| {
                vec![
                    one.job.to_string(),
                    one.command.clone(),
                    one.outcome.to_string(),
                    or_dash(one.exit_code),
                    one.why.clone(),
                    time(one.queued_at),
                ]
            })?;
            Ok(Exit::Success)
        }
        Command::Template(command) => templates(api, command, printer).await,
    }
}

/// To whom.
#[derive(Debug, PartialEq, Eq)]
enum To {
    Device(String),
    Query(String),
}

/// Numbers, truth values and JSON as such; everything else is text.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

impl Run {
    fn resolve(self) -> Result<(To, NewCommand), Trouble> {
        let wrong = |message: &str| Trouble {
            exit: Exit::Refused,
            message: message.to_owned(),
            hint: Some("for example: windlass command run pump-1 reboot".to_owned()),
        };
        let mut words = self.words.into_iter();
        let to = match self.query {
            Some(query) => To::Query(query),
            None => To::Device(words.next().ok_or_else(|| wrong("say which device, or give --query"))?),
        };
        let command = match (&self.template, words.next()) {
            (None, None) => return Err(wrong("say which command, or give --template")),
            (Some(_), Some(_)) => return Err(wrong("give a command or --template, not both")),
            (_, command) => command,
        };
        if words.next().is_some() {
            return Err(wrong("give a device or --query, not both"));
        }
        let arguments: Map<String, Value> =
            self.arguments.into_iter().map(|(key, text)| (key, value(&text))).collect();
        let new =
            NewCommand { command, template: self.template, arguments, expires_in_seconds: self.expires };
        Ok((to, new))
    }
}

/// How the program ends for a command that ended.
fn exit_of(result: &CommandResult) -> Exit {
    match (result.outcome, result.exit_code) {
        (Outcome::Open | Outcome::Verifying, _) => Exit::Unanswered,
        (Outcome::Succeeded, _) => Exit::Success,
        (Outcome::Failed, Some(code)) => {
            Exit::Command(u8::try_from(code).ok().filter(|c| *c != 0).unwrap_or(1))
        }
        (Outcome::Failed | Outcome::Canceled | Outcome::Skipped, _) => Exit::Failure,
    }
}

async fn one(
    api: &Api,
    device: &str,
    new: &NewCommand,
    wait: Option<String>,
    printer: Printer,
) -> anyhow::Result<Exit> {
    let goes = wait.as_deref().is_some_and(|wait| wait.trim_end_matches('s') == "0");
    let query = CommandQuery { wait: Some(wait.unwrap_or_else(|| PATIENCE.to_owned())) };
    let url = api.url(&["devices", device, "commands"])?;
    let request = api.request(Method::POST, url).query(&query).json(new);
    let result: CommandResult = api.ask(request).await?;
    let exit = exit_of(&result);
    if printer.is_json() {
        printer.json(&result)?;
    } else if let Some(output) = result.output.as_deref().filter(|output| !output.is_empty()) {
        terminal::print(&terminal::printable(output))?;
    }
    if exit == Exit::Unanswered {
        terminal::note(&format!("job {} is on its way: {}", result.job, result.why));
        return Ok(if goes { Exit::Success } else { exit });
    }
    if exit != Exit::Success {
        terminal::note(&terminal::printable(&result.why));
    }
    if let Some(url) = &result.output_url {
        terminal::note(&format!("more output: {}", terminal::printable(url)));
    }
    Ok(exit)
}

async fn many(
    api: &Api,
    query: String,
    command: NewCommand,
    wait: Option<String>,
    printer: Printer,
) -> anyhow::Result<Exit> {
    let new = NewJob {
        kind: JobKind::Command,
        description: String::new(),
        targets: Targets::Query(query),
        release: None,
        force: false,
        command: Some(command),
        document: None,
        waves: Vec::new(),
        failure_threshold: None,
        timeouts: Timeouts::default(),
        retries: 0,
        begin: Begin::Now,
        rollout: windlass_api::rollouts::Rollout::default(),
    };
    let wait = wait.map(|text| parse::seconds(&text).map_err(anyhow::Error::msg)).transpose()?;
    let made: Job = api.write(Method::POST, &["jobs"], &new).await?;
    terminal::note(&format!("job {} is on its way to {} devices", made.id, made.counts.targets));
    if let Some(wait) = wait.filter(|wait| *wait > Duration::ZERO) {
        let bar = terminal::progress(made.counts.targets, &format!("job {}", made.id));
        let followed = job::follow(api, made.id, |job| bar.set_position(job::done(&job.counts)));
        let ended = tokio::time::timeout(wait, followed).await;
        bar.finish_and_clear();
        if let Ok(ended) = ended {
            ended?;
        }
    }
    let id = made.id.to_string();
    let query = json!({ "limit": windlass_api::page::MOST });
    let page = api.all::<Execution>(&["jobs", &id, "executions"], &query, SHOWN).await?;
    let heading = ["device", "state", "exit code", "output", "why"];
    printer.rows(&page.items, &heading, |one| {
        vec![
            or_dash(one.device.as_ref()),
            one.state.to_string(),
            or_dash(one.exit_code),
            one.output.clone().unwrap_or_default(),
            if one.outcome == Outcome::Succeeded { String::new() } else { one.why.clone() },
        ]
    })?;
    let failed = page.items.iter().any(|one| one.outcome == Outcome::Failed);
    let open =
        page.items.iter().any(|one| matches!(one.state, ExecutionState::Queued | ExecutionState::InProgress));
    Ok(match (failed, open && wait.is_some()) {
        (true, _) => Exit::Failure,
        (false, true) => Exit::Unanswered,
        (false, false) => Exit::Success,
    })
}

async fn templates(api: &Api, command: Template, printer: Printer) -> anyhow::Result<Exit> {
    match command {
        Template::List => {
            let page = api.all::<CommandTemplate>(&["command-templates"], &json!({}), usize::MAX).await?;
            printer.page(&page, &["name", "command", "parameters", "types", "description"], |one| {
                vec![
                    one.name.clone(),
                    one.command.clone(),
                    words(one.parameters.iter().map(|parameter| parameter.name.as_str())),
                    words(&one.device_types),
                    one.description.clone(),
                ]
            })?;
        }
        Template::Get { name } => {
            printer.json(&api.show::<CommandTemplate>(&["command-templates", &name]).await?)?;
        }
        Template::Apply { name, file } => {
            let spec: CommandTemplateSpec = read_json(&file)?;
            let made: CommandTemplate = api.write(Method::PUT, &["command-templates", &name], &spec).await?;
            printer.pairs(&made, |made| {
                vec![("name", made.name.clone()), ("version", made.version.to_string())]
            })?;
        }
        Template::Delete { name } => {
            delete(api, &["command-templates", &name], &format!("command template {name}")).await?;
        }
    }
    Ok(Exit::Success)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    fn resolved(line: &str) -> Result<(To, NewCommand), String> {
        let words = std::iter::once("run").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|e| e.to_string())?;
        line.run.resolve().map_err(|trouble| trouble.message)
    }

    #[test]
    fn a_device_and_a_command_with_typed_arguments() {
        let (to, new) =
            resolved("pump-1 log --argument lines=5 --argument unit=app --argument all=true").unwrap();
        assert_eq!(to, To::Device("pump-1".to_owned()));
        assert_eq!(new.command.as_deref(), Some("log"));
        assert_eq!(Value::Object(new.arguments), json!({"lines": 5, "unit": "app", "all": true}));
    }

    #[test]
    fn a_query_takes_the_place_of_the_device_and_a_template_that_of_the_command() {
        let (to, new) = resolved("--query type==pump reboot").unwrap();
        assert_eq!((to, new.command.as_deref()), (To::Query("type==pump".to_owned()), Some("reboot")));
        let (to, new) = resolved("pump-1 --template restart").unwrap();
        assert_eq!((to, new.template.as_deref()), (To::Device("pump-1".to_owned()), Some("restart")));
        assert_eq!(new.command, None);
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        for (line, message) in [
            ("", "say which device, or give --query"),
            ("pump-1", "say which command, or give --template"),
            ("--query a==b", "say which command, or give --template"),
            ("pump-1 reboot --template x", "give a command or --template, not both"),
            ("--query a==b pump-1 reboot", "give a device or --query, not both"),
        ] {
            assert_eq!(resolved(line).unwrap_err(), message, "{line}");
        }
    }
}
