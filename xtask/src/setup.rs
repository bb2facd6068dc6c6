//! What the checks need beyond Rust: Debian packages and a Python environment.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::{say, shell};

/// A thing that must be on the machine, and the Debian packages that bring it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    what: &'static str,
    /// Programs that show that it is there.
    programs: &'static [&'static str],
    /// Files of which one must exist, where a program on the path is not enough.
    files: &'static [&'static str],
    packages: &'static [&'static str],
}

/// The yardstick, and a client that others wrote.
pub(crate) const MOSQUITTO: Need = Need {
    what: "mosquitto",
    programs: &["mosquitto", "mosquitto_pub", "mosquitto_sub"],
    files: &[],
    packages: &["mosquitto", "mosquitto-clients"],
};

/// A server for the store's tests.
pub(crate) const POSTGRES: Need =
    Need { what: "PostgreSQL", programs: &[], files: &["/usr/lib/postgresql"], packages: &["postgresql"] };

/// A client for REST, the HTTPS twin and downloads.
pub(crate) const CURL: Need =
    Need { what: "curl", programs: &["curl"], files: &[], packages: &["curl", "ca-certificates"] };

/// hawkBit's most used client, with what makes its updates and fetches parts of them.
pub(crate) const SWUPDATE: Need = Need {
    what: "SWUpdate",
    programs: &["swupdate", "zck", "cpio"],
    files: &[],
    packages: &["swupdate", "zchunk", "cpio"],
};

/// Makes bundles and signs them.
pub(crate) const RAUC: Need = Need {
    what: "RAUC",
    programs: &["rauc", "mksquashfs"],
    files: &[],
    packages: &["rauc", "squashfs-tools"],
};

/// Stands in front of the server as a proxy that ends TLS.
pub(crate) const NGINX: Need = Need { what: "nginx", programs: &["nginx"], files: &[], packages: &["nginx"] };

/// Makes keys and signing requests in the clients' tests.
pub(crate) const OPENSSL: Need =
    Need { what: "openssl", programs: &["openssl"], files: &[], packages: &["openssl"] };

/// Builds and runs hawkBit's own clients.
pub(crate) const JAVA: Need = Need {
    what: "Java 17 with Maven",
    programs: &["java", "javac", "mvn"],
    files: &[],
    packages: &["default-jdk-headless", "maven"],
};

/// Runs the clients' tests and the device SDK.
pub(crate) const PYTHON: Need = Need {
    what: "Python 3 with venv",
    programs: &["python3"],
    files: &[],
    packages: &["python3", "python3-venv"],
};

/// Shows the console in its tests.
pub(crate) const CHROMIUM: Need = Need {
    what: "Chromium",
    programs: &["chromium"],
    files: &[],
    packages: &["chromium", "fonts-dejavu-core"],
};

/// Makes screenshots small.
pub(crate) const PNGQUANT: Need =
    Need { what: "pngquant", programs: &["pngquant"], files: &[], packages: &["pngquant"] };

impl Need {
    fn is_met(&self) -> bool {
        let files = self.files.is_empty() || self.files.iter().any(|file| Path::new(file).exists());
        let venv = self.what != PYTHON.what || python_has_venv();
        files && venv && self.programs.iter().all(|program| shell::has(program))
    }
}

/// Python without `ensurepip` cannot make an environment; Debian ships that separately.
fn python_has_venv() -> bool {
    Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Installs what is missing when root; otherwise returns one sentence that says what to do.
///
/// # Errors
/// The installation fails.
pub(crate) fn ensure(needs: &[Need], install: bool) -> anyhow::Result<Option<String>> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !need.is_met()).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let what = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    let command =
        format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "));
    if !install || !is_root() {
        return Ok(Some(format!("{what} is missing; install it with: sudo sh -c '{command}'.")));
    }
    say::heading(&format!("installing {}", packages.join(" ")));
    let installed =
        shell::succeeds(Command::new("sh").args(["-c", &command]).env("DEBIAN_FRONTEND", "noninteractive"))?;
    let still_missing = missing.iter().any(|need| !need.is_met());
    if !installed || still_missing {
        return Ok(Some(format!("{what} could not be installed; this failed: {command}.")));
    }
    Ok(None)
}

/// Whether we may install packages and change users.
pub(crate) fn is_root() -> bool {
    shell::answer(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

/// The Python of a virtual environment with exactly what `tests/clients/requirements.txt` pins.
///
/// # Errors
/// The environment cannot be made, or the packages cannot be had.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let requirements = shell::root().join("tests/clients/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .with_context(|| format!("{} cannot be read", requirements.display()))?;
    environment("clients-venv", &wanted, "the device SDK")
}

/// The Python of a virtual environment under the target directory with exactly the named requirements.
/// Made again only when they change.
///
/// # Errors
/// The environment cannot be made, or the packages cannot be had.
pub(crate) fn environment(name: &str, requirements: &str, purpose: &str) -> anyhow::Result<PathBuf> {
    let directory = shell::target()?.join(name);
    let python = directory.join("bin/python");
    let stamp = directory.join("installed-requirements.txt");
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|have| have == requirements) {
        return Ok(python);
    }
    say::heading(&format!("making a Python environment for {purpose}"));
    let made = shell::succeeds(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&directory))?;
    anyhow::ensure!(made, "python3 -m venv {} failed", directory.display());
    let wanted = directory.join("requirements.txt");
    std::fs::write(&wanted, requirements)?;
    let filled = shell::succeeds(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
            .arg(&wanted),
    )?;
    anyhow::ensure!(filled, "pip could not install what {purpose} needs");
    std::fs::write(&stamp, requirements)?;
    Ok(python)
}
