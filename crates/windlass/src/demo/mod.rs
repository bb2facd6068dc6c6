//! `windlass demo`: a server in this process, simulated devices, and one story from enrolment to a stopped rollout.

mod story;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use windlass_server::config::{Config, Overrides};
use windlass_server::node::Node;

use crate::place::{self, Place, Ready};
use crate::sim::hosted::Hosted;
use crate::terminal::{self, Exit};

/// Show what Windlass does, on a throw-away server with simulated devices.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many devices.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(10..=2_000))]
    devices: u64,
    /// Keep the data in this directory; without it, it is thrown away at the end.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// End when the story has been told instead of staying up.
    #[arg(long)]
    once: bool,
    /// Decides everything that looks like chance.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Port of the console; any free one when absent.
    #[arg(long, default_value_t = 0)]
    http_port: u16,
    /// Port of the device listener; any free one when absent.
    #[arg(long, default_value_t = 0)]
    mqtt_port: u16,
}

/// Starts the server, tells the story, and stays up until Ctrl-C.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let throw_away;
    let directory = match &arguments.keep {
        Some(directory) => {
            std::fs::create_dir_all(directory)
                .with_context(|| format!("{} cannot be made", directory.display()))?;
            directory.clone()
        }
        None => {
            throw_away = tempfile::Builder::new().prefix("windlass-demo-").tempdir()?;
            throw_away.path().to_owned()
        }
    };
    let (password_file, password) = place::password_file(&directory)?;
    let overrides = Overrides {
        data: Some(directory.join("data")),
        http: Some(([127, 0, 0, 1], arguments.http_port).into()),
        mqtt: vec![([127, 0, 0, 1], arguments.mqtt_port).into()],
        ..Overrides::default()
    };
    let mut config = Config::load(&overrides, &std::collections::BTreeMap::new())?;
    config.admin_password_file = Some(password_file);
    // A whole fleet comes in at once here, with one claim.
    config.limits.claim_certificates_per_minute = 100_000;
    config.limits.claim_certificates_open = 100_000;
    let node = Box::pin(Node::start_simulating(config, Arc::new(Hosted::default()))).await?;
    let ready = Ready {
        http: node.http_url(),
        mqtt: node.mqtt_addresses().iter().map(ToString::to_string).collect(),
    };
    let link = node.console_link("admin").await?;
    let outcome = tokio::select! {
        outcome = tell(arguments, &ready, &password, &link, &directory) => outcome,
        interrupted = tokio::signal::ctrl_c() => interrupted.map(|()| Exit::Success).map_err(Into::into),
    };
    terminal::note("Ending the server.");
    let ended = node.drain().await;
    if !ended {
        terminal::note("Not everything ended in time.");
    }
    match outcome? {
        Exit::Success if !ended => Ok(Exit::Failure),
        exit => Ok(exit),
    }
}

async fn tell(
    arguments: &Arguments,
    ready: &Ready,
    password: &str,
    link: &str,
    directory: &std::path::Path,
) -> anyhow::Result<Exit> {
    let place = Place::sign_in(ready, password).await?;
    let story = story::Story::new(place, arguments.devices, arguments.seed, directory)?;
    let told = Box::pin(story.tell()).await;
    if told.is_ok() && !arguments.once {
        story.show_the_way()?;
        terminal::note("The console, signed in; the address is good once:");
        terminal::print(&format!("  {link}"))?;
        terminal::note("Ctrl-C ends everything.");
        // Until Ctrl-C, which the caller hears, too.
        std::future::pending::<()>().await;
    }
    story.end().await;
    told.map(|()| Exit::Success)
}
