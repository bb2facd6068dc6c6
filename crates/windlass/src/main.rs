//! Windlass: one binary that manages fleets of devices.
//!
//! `serve` runs a node; the other commands talk to one over its API or stand in for devices.

mod bench;
mod cli;
mod demo;
#[cfg(test)]
mod documented;
mod place;
mod private_file;
mod serve;
mod sim;
mod terminal;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::terminal::{Exit, Output};

/// Device management in one binary.
#[derive(Debug, Parser)]
#[command(name = "windlass", version, arg_required_else_help = true)]
struct Arguments {
    /// Tables for people or JSON for programs.
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Output,
    #[command(flatten)]
    connection: cli::config::Connection,
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node.
    Serve(Box<serve::Arguments>),
    /// Show what Windlass does, on a throw-away server with simulated devices.
    Demo(demo::Arguments),
    /// Measure this build on this machine.
    Bench(bench::Arguments),
    /// Commands for whoever holds the data directory.
    #[command(subcommand)]
    Admin(serve::Admin),
    Backup(cli::backup::Backup),
    Restore(cli::backup::Restore),
    Doctor(cli::doctor::Doctor),
    /// Simulate devices over real MQTT and TLS.
    Sim(Box<sim::options::Arguments>),
    #[command(flatten)]
    Cli(Box<cli::Command>),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = runtime().and_then(|runtime| runtime.block_on(run(arguments)));
    match outcome {
        Ok(exit) => exit.into(),
        Err(error) => terminal::fail(&error).into(),
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    match arguments.command {
        Command::Serve(serve) => Box::pin(serve::run(*serve)).await,
        Command::Demo(demo) => Box::pin(demo::run(&demo)).await,
        Command::Bench(bench) => Box::pin(bench::run(&bench, arguments.output)).await,
        Command::Admin(command) => Box::pin(serve::administer(command)).await,
        Command::Backup(backup) => Box::pin(cli::backup::make(backup, arguments.output)).await,
        Command::Restore(restore) => Box::pin(cli::backup::restore(restore, arguments.output)).await,
        Command::Doctor(doctor) => Box::pin(cli::doctor::run(doctor, arguments.output)).await,
        Command::Sim(sim) => Box::pin(sim::options::run(&sim, arguments.output)).await,
        Command::Cli(command) => Box::pin(cli::run(&arguments.connection, *command, arguments.output)).await,
    }
}
