//! Operator commands: everything goes over REST v1, with the API's own types.

mod access;
mod alert;
pub(crate) mod api;
pub(crate) mod artifact;
mod audit;
mod auto_assignment;
pub(crate) mod backup;
mod backups;
mod command;
pub(crate) mod config;
mod device;
pub(crate) mod doctor;
mod hawkbit;
pub(crate) mod job;
mod login;
mod onboard;
mod parse;
mod parts;
mod printer;
mod refusal;
mod rollout;

pub(crate) mod registry;
mod release;
pub(crate) mod terms;
mod versions;

use clap::Subcommand;

use self::config::Connection;
use self::printer::Printer;
use crate::terminal::{Exit, Output};

/// Commands that talk to a server.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign in with a password; leaves an API token behind.
    Login(login::Login),
    /// Forget the token that `login` left behind.
    Logout,
    /// Show who you are and what you may do.
    Whoami,
    /// Devices, their shadows, telemetry, events and certificates.
    #[command(subcommand)]
    Device(device::Command),
    /// Show who was refused on the device port, and why.
    Refusals(refusal::Refusals),
    /// Device types: models and their defaults.
    #[command(subcommand)]
    Type(registry::TypeCommand),
    /// Static groups of devices.
    #[command(subcommand)]
    Group(registry::GroupCommand),
    /// Claim certificates, with which devices enrol themselves.
    #[command(subcommand)]
    Claim(registry::ClaimCommand),
    /// Enrolments that wait for a decision.
    #[command(subcommand)]
    Pending(onboard::PendingCommand),
    /// Provisioning templates, which say what becomes of a device that enrols.
    #[command(subcommand)]
    Template(registry::TemplateCommand),
    /// Files that devices download.
    #[command(subcommand)]
    Artifact(artifact::ArtifactCommand),
    /// Components: what releases are made of.
    #[command(subcommand)]
    Component(release::ComponentCommand),
    /// Releases: what is rolled out.
    #[command(subcommand)]
    Release(release::ReleaseCommand),
    /// Rollouts and other jobs.
    #[command(subcommand)]
    Job(job::Command),
    /// What is wrong and open.
    #[command(subcommand)]
    Alert(alert::AlertCommand),
    /// Who is told of alerts, and how.
    #[command(subcommand)]
    Notify(alert::NotifyCommand),
    /// Tell devices to do something now.
    #[command(subcommand)]
    Command(command::Command),
    /// Settings for devices that speak hawkBit's interface.
    #[command(subcommand)]
    Settings(hawkbit::SettingsCommand),
    /// What saved queries of hawkBit's clients assign by themselves.
    #[command(subcommand)]
    AutoAssignment(auto_assignment::AutoAssignmentCommand),
    /// API tokens.
    #[command(subcommand)]
    Token(access::TokenCommand),
    /// People who sign in with a password.
    #[command(subcommand)]
    User(access::UserCommand),
    /// Who did what, and whether that record is whole.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Backups that the server keeps itself.
    #[command(subcommand)]
    Backups(backups::BackupsCommand),
}

/// Carries a command out.
pub(crate) async fn run(connection: &Connection, command: Command, output: Output) -> anyhow::Result<Exit> {
    let printer = Printer::new(output);
    let api = || connection.api();
    match command {
        Command::Login(arguments) => login::login(connection, &arguments, printer).await,
        Command::Logout => login::logout(connection),
        Command::Whoami => login::whoami(connection, printer).await,
        Command::Device(command) => device::run(&api()?, command, printer).await,
        Command::Refusals(question) => refusal::list(&api()?, question, printer).await,
        Command::Type(command) => registry::types(&api()?, command, printer).await,
        Command::Group(command) => registry::groups(&api()?, command, printer).await,
        Command::Claim(command) => registry::claims(&api()?, command, printer).await,
        Command::Pending(command) => onboard::pending(&api()?, command, printer).await,
        Command::Template(command) => registry::templates(&api()?, command, printer).await,
        Command::Artifact(command) => artifact::artifacts(&api()?, command, printer).await,
        Command::Component(command) => release::components(&api()?, command, printer).await,
        Command::Release(command) => release::releases(&api()?, command, printer).await,
        Command::Job(command) => job::run(&api()?, command, printer).await,
        Command::Alert(command) => alert::alerts(&api()?, command, printer).await,
        Command::Notify(command) => alert::channels(&api()?, command, printer).await,
        Command::Command(command) => command::run(&api()?, command, printer).await,
        Command::Settings(command) => hawkbit::settings(&api()?, command, printer).await,
        Command::AutoAssignment(command) => auto_assignment::run(&api()?, command, printer).await,
        Command::Token(command) => access::tokens(&api()?, command, printer).await,
        Command::User(command) => access::users(&api()?, command, printer).await,
        Command::Audit(command) => audit::run(connection, command, printer).await,
        Command::Backups(command) => backups::run(&api()?, command, printer).await,
    }
}
