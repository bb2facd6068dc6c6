//! A private PostgreSQL server for one run of the tests: own directory, own port, gone afterwards.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

use crate::{setup, shell};

/// A running server; dropping it ends it and removes its directory.
#[derive(Debug)]
pub(crate) struct Postgres {
    child: Child,
    directory: PathBuf,
    port: u16,
}

impl Postgres {
    /// Makes a cluster in a temporary directory and starts it on a free loopback port.
    ///
    /// # Errors
    /// PostgreSQL is not installed or does not start; its own words are part of the error.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let binaries = binaries()?;
        let directory = std::env::temp_dir().join(format!("windlass-postgres-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let account = if setup::is_root() { Some(account()?) } else { None };
        if let Some((user, group)) = account {
            chown(&directory, Some(user), Some(group))?;
        }
        let data = directory.join("data");
        let program = |name: &str| {
            let mut command = Command::new(binaries.join(name));
            command.current_dir(&directory);
            if let Some((user, group)) = account {
                command.uid(user).gid(group);
            }
            command
        };
        shell::answer(
            program("initdb")
                .args([
                    "--auth=trust",
                    "--username=windlass",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                    "-D",
                ])
                .arg(&data),
        )?;
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = fs::File::create(directory.join("log"))?;
        let child = program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string(), "-k", ""])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=300"])
            .args(["-c", "synchronous_commit=off", "-c", "full_page_writes=off"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("postgres does not start")?;
        let mut server = Self { child, directory, port };
        server.wait(&binaries)?;
        Ok(server)
    }

    /// Where tests connect to.
    pub(crate) fn url(&self) -> String {
        format!("postgres://windlass@127.0.0.1:{}/postgres", self.port)
    }

    fn wait(&mut self, binaries: &Path) -> anyhow::Result<()> {
        for _ in 0..300 {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                anyhow::bail!("postgres ended at once ({status}): {log}");
            }
            let mut probe = Command::new(binaries.join("pg_isready"));
            probe.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
            if probe.status()?.success() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        anyhow::bail!("postgres did not answer within 30 s")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGINT is PostgreSQL's fast shutdown; SIGKILL would leave its children behind.
        let asked = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if !asked.is_ok_and(|status| status.success()) {
            drop(self.child.kill());
        }
        drop(self.child.wait());
        drop(fs::remove_dir_all(&self.directory));
    }
}

/// The directory with the newest server's programs.
fn binaries() -> anyhow::Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .context("PostgreSQL is not installed under /usr/lib/postgresql")?
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let directory = entry.path().join("bin");
            directory.join("postgres").exists().then_some((version, directory))
        })
        .collect();
    versions.sort();
    versions.pop().map(|(_, directory)| directory).context("no PostgreSQL server under /usr/lib/postgresql")
}

/// User and group to run as; PostgreSQL refuses to run as root.
fn account() -> anyhow::Result<(u32, u32)> {
    let number = |option: &str| -> anyhow::Result<u32> {
        Ok(shell::answer(Command::new("id").args([option, "postgres"]))?.parse()?)
    };
    Ok((number("-u")?, number("-g")?))
}
