//! The groups of checks, in the order in which they find mistakes soonest, and the summary of a run.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Context;
use clap::ValueEnum;

use crate::postgres::Postgres;
use crate::tally::Tally;
use crate::{say, setup, shell, web};

/// A group of checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// Source is formatted.
    Format,
    /// Clippy finds nothing.
    Lint,
    /// The console's types, lint, unit tests and size; its client is the one of the OpenAPI document.
    Web,
    /// Unit, property, protocol and end-to-end tests written in Rust.
    Unit,
    /// The store's and the use cases' tests on PostgreSQL too.
    Postgres,
    /// Real clients that others wrote, against the real binary.
    Clients,
    /// Journeys through the console in Chromium, against the real binary.
    Console,
}

/// How a group came out.
enum Outcome {
    Passed,
    Failed,
    /// Could not run; the sentence says what is missing.
    Missing(String),
}

/// A test program that cargo built.
struct TestProgram {
    executable: PathBuf,
    package: String,
    directory: PathBuf,
}

impl Group {
    /// Every group in running order.
    pub(crate) const ALL: [Self; 7] =
        [Self::Format, Self::Lint, Self::Web, Self::Unit, Self::Postgres, Self::Clients, Self::Console];

    /// What to type.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::Web => "web",
            Self::Unit => "unit",
            Self::Postgres => "postgres",
            Self::Clients => "clients",
            Self::Console => "console",
        }
    }

    /// What it shows.
    pub(crate) const fn purpose(self) -> &'static str {
        match self {
            Self::Format => "the source is formatted (cargo fmt --check)",
            Self::Lint => "clippy finds nothing in any crate",
            Self::Web => {
                "the console's types, lint, unit tests and size, and its client against the OpenAPI document"
            }
            Self::Unit => "unit, property, protocol and end-to-end tests (cargo test --workspace)",
            Self::Postgres => "the store's and the use cases' tests on a private PostgreSQL too",
            Self::Clients => "the AWS device SDK, mosquitto's clients and curl against the real binary",
            Self::Console => "journeys through the console in Chromium, on a desktop and on a phone",
        }
    }

    fn run(self, install: bool, tally: &mut Tally) -> anyhow::Result<Outcome> {
        let needs: &[setup::Need] = match self {
            Self::Format | Self::Lint | Self::Web | Self::Unit => &[],
            Self::Postgres => &[setup::POSTGRES],
            Self::Clients => &[
                setup::MOSQUITTO,
                setup::CURL,
                setup::OPENSSL,
                setup::PYTHON,
                setup::SWUPDATE,
                setup::RAUC,
                setup::NGINX,
                setup::JAVA,
            ],
            Self::Console => &[setup::CHROMIUM, setup::MOSQUITTO],
        };
        if let Some(missing) = setup::ensure(needs, install)? {
            return Ok(Outcome::Missing(missing));
        }
        if self.builds_the_binary() {
            web::build_if_possible(install);
        }
        let passed = match self {
            Self::Format => shell::succeeds(shell::cargo().args(["fmt", "--all", "--check"]))?,
            Self::Lint => shell::succeeds(shell::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))?,
            Self::Web => {
                web::build(install)?
                    & web::scripts(&["types", "lint", "test", "size", "client:check"], &[], install, tally)?
            }
            Self::Unit => shell::succeeds_counting(
                shell::cargo()
                    .args(["test", "--workspace", "--no-fail-fast"])
                    .env_remove("WINDLASS_TEST_POSTGRES"),
                tally,
            )?,
            Self::Postgres => postgres(tally)?,
            Self::Clients => clients(tally)?,
            Self::Console => console(install, tally)?,
        };
        Ok(if passed { Outcome::Passed } else { Outcome::Failed })
    }

    /// Whether the console has to be there before, so that the binary has it in it.
    const fn builds_the_binary(self) -> bool {
        match self {
            Self::Lint | Self::Unit | Self::Postgres | Self::Clients => true,
            Self::Format | Self::Web | Self::Console => false,
        }
    }
}

/// Runs the groups and says how each came out; true if all of them passed.
pub(crate) fn run(asked: &[Group], install: bool) -> anyhow::Result<bool> {
    let groups: Vec<Group> =
        Group::ALL.into_iter().filter(|group| asked.is_empty() || asked.contains(group)).collect();
    let mut tally = Tally::default();
    let mut lines = Vec::new();
    let mut all_passed = true;
    for group in groups {
        say::heading(&format!("{}: {}", group.name(), group.purpose()));
        let outcome =
            group.run(install, &mut tally).unwrap_or_else(|error| Outcome::Missing(format!("{error:#}")));
        let (word, detail) = match outcome {
            Outcome::Passed => ("passed", String::new()),
            Outcome::Failed => ("FAILED", String::new()),
            Outcome::Missing(why) => ("MISSING", why),
        };
        all_passed &= word == "passed";
        lines.push(format!("{:10} {word}  {detail}", group.name()).trim_end().to_owned());
    }
    say::heading("summary");
    lines.iter().for_each(|line| say::line(line));
    if tally != Tally::default() {
        say::line(&format!("{} passed, {} failed", tally.passed, tally.failed));
    }
    Ok(all_passed)
}

/// The same test programs as the unit group's, with a PostgreSQL server at hand.
fn postgres(tally: &mut Tally) -> anyhow::Result<bool> {
    let programs = build()?;
    let server = Postgres::start()?;
    let mut passed = true;
    let chosen = programs
        .iter()
        .filter(|program| matches!(program.package.as_str(), "windlass-store" | "windlass-app"));
    for program in chosen {
        say::line(&format!("     Running {}", program.executable.display()));
        passed &= shell::succeeds_counting(
            Command::new(&program.executable)
                .current_dir(&program.directory)
                .env("CARGO_MANIFEST_DIR", &program.directory)
                .env("WINDLASS_TEST_POSTGRES", server.url()),
            tally,
        )?;
    }
    Ok(passed)
}

/// Python's test runner over `tests/clients`, which starts the real binary itself.
fn clients(tally: &mut Tally) -> anyhow::Result<bool> {
    build()?;
    let binary = shell::target()?.join("debug/windlass");
    let python = setup::python()?;
    shell::succeeds_counting(
        Command::new(python)
            .current_dir(shell::root().join("tests/clients"))
            .args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no"])
            .env("WINDLASS_BINARY", binary)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1"),
        tally,
    )
}

/// The journeys in `web/e2e`, which start the real binary themselves.
fn console(install: bool, tally: &mut Tally) -> anyhow::Result<bool> {
    anyhow::ensure!(web::build(install)?, "the console could not be built");
    build()?;
    let binary = shell::target()?.join("debug/windlass");
    web::scripts(&["e2e"], &[("WINDLASS_BINARY", binary)], install, tally)
}

/// Pictures of every screen into `docs/screenshots`.
///
/// # Errors
/// Something it needs cannot be had.
pub(crate) fn screenshots(install: bool) -> anyhow::Result<bool> {
    if let Some(missing) = setup::ensure(&[setup::CHROMIUM, setup::PNGQUANT], install)? {
        anyhow::bail!("{missing}");
    }
    anyhow::ensure!(web::build(install)?, "the console could not be built");
    shell::succeeds(shell::cargo().args(["build", "--package", "windlass"]))?;
    let binary = shell::target()?.join("debug/windlass");
    web::scripts(&["screenshots"], &[("WINDLASS_BINARY", binary)], install, &mut Tally::default())
}

/// Builds everything exactly as `cargo test --workspace` does, so that nothing is compiled twice for other features.
fn build() -> anyhow::Result<Vec<TestProgram>> {
    let output = shell::cargo()
        .args(["test", "--workspace", "--no-run", "--message-format", "json-render-diagnostics"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not start")?;
    anyhow::ensure!(output.status.success(), "the tests do not compile (cargo: {})", output.status);
    let text = String::from_utf8(output.stdout).context("cargo did not answer in UTF-8")?;
    Ok(text.lines().filter_map(test_program).collect())
}

/// Reads one of cargo's messages; other messages than "built this test program" are `None`.
fn test_program(message: &str) -> Option<TestProgram> {
    let message: serde_json::Value = serde_json::from_str(message).ok()?;
    let text = |pointer: &str| message.pointer(pointer).and_then(serde_json::Value::as_str);
    let is_test = message.pointer("/profile/test").and_then(serde_json::Value::as_bool)?;
    let manifest = PathBuf::from(text("/manifest_path")?);
    let directory = manifest.parent()?.to_owned();
    let package = package_name(text("/package_id")?)?;
    is_test.then_some(())?;
    Some(TestProgram { executable: PathBuf::from(text("/executable")?), package, directory })
}

/// The name in a package id such as `path+file:///x/crates/store#windlass-store@0.1.0`.
fn package_name(id: &str) -> Option<String> {
    let (place, rest) = id.rsplit_once('#')?;
    let name = match rest.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next()?,
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_package_ids_are_read() {
        let named = "path+file:///x/crates/store#windlass-store@0.1.0";
        assert_eq!(package_name(named).as_deref(), Some("windlass-store"));
        assert_eq!(package_name("path+file:///x/xtask#0.1.0").as_deref(), Some("xtask"));
        assert_eq!(package_name("nonsense"), None);
    }

    #[test]
    fn only_test_programs_are_taken_from_cargo_messages() {
        let built = r#"{"reason":"compiler-artifact","package_id":"path+file:///x/crates/store#windlass-store@0.1.0",
            "manifest_path":"/x/crates/store/Cargo.toml","profile":{"test":true},"executable":"/x/target/debug/deps/a"}"#;
        let program = test_program(built).unwrap();
        assert_eq!(program.package, "windlass-store");
        assert_eq!(program.directory, PathBuf::from("/x/crates/store"));
        assert!(test_program(&built.replace("true", "false")).is_none());
        assert!(test_program(r#"{"reason":"build-finished","success":true}"#).is_none());
    }
}
