//! A server to tell a story to or to measure: where it is, how an operator gets in, what devices trust.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::Instant;
use windlass_api::claims::{Claim, CreatedClaim, NewClaim};
use windlass_api::templates::Template;
use windlass_api::tokens::{CreatedToken, NewToken, Role};
use windlass_app::clock::{SystemEntropy, random};

use crate::cli::api::{Api, Proof, Trust};
use crate::private_file;
use crate::sim::Target;
use crate::sim::identity::Identity;
use crate::sim::options::target;

/// What `windlass serve --ready-file` writes once devices and people can connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// The console port: `http://127.0.0.1:8080`.
    pub(crate) http: String,
    /// The device listeners: `127.0.0.1:8883`.
    pub(crate) mqtt: Vec<String>,
}

/// A reachable server.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Console URL.
    pub(crate) url: String,
    /// An administrator's token.
    pub(crate) token: String,
    /// With that token.
    pub(crate) api: Api,
    /// The device listener.
    pub(crate) devices: Target,
    /// What devices trust, PEM.
    pub(crate) ca_pem: String,
}

/// The template that simulated devices enrol with: the serial number becomes the name.
pub(crate) fn template(device_type: &str) -> serde_json::Value {
    json!({ "body": {
        "Parameters": { "SerialNumber": { "Type": "String" } },
        "Resources": {
            "thing": { "Type": "AWS::IoT::Thing", "Properties": {
                "ThingName": { "Ref": "SerialNumber" },
                "ThingTypeName": device_type,
            }},
            "certificate": { "Type": "AWS::IoT::Certificate", "Properties": {
                "CertificateId": { "Ref": "AWS::IoT::Certificate::Id" },
                "Status": "ACTIVE",
            }},
        },
    }})
}

impl Place {
    /// Signs in as `admin` with a password and keeps a token.
    pub(crate) async fn sign_in(ready: &Ready, password: &str) -> anyhow::Result<Self> {
        let proof = Proof::Password { user: "admin".to_owned(), password: password.to_owned() };
        let api = Api::new(&ready.http, &Trust::Plain, proof)?;
        let new = NewToken { name: "windlass".to_owned(), role: Role::Admin, scope: None, expires_at: None };
        let made: CreatedToken =
            api.write(Method::POST, &["tokens"], &new).await.context("no token could be made")?;
        let api = Api::new(&ready.http, &Trust::Plain, Proof::Token(made.secret.clone()))?;
        let ca = api.send(api.request(Method::GET, api.url(&["ca.pem"])?)).await?;
        let ca_pem = ca.text().await.context("the authority could not be fetched")?;
        let port = ready.mqtt.first().and_then(|address| address.rsplit_once(':')).map(|(_, port)| port);
        let devices = target(&format!("localhost:{}", port.context("the server has no device listener")?))?;
        Ok(Self { url: ready.http.clone(), token: made.secret, api, devices, ca_pem })
    }

    /// Makes the template `name` and the claim `claim` that may use it.
    pub(crate) async fn open_enrolment(
        &self,
        name: &str,
        claim: &str,
        device_type: &str,
    ) -> anyhow::Result<CreatedClaim> {
        let _template: Template =
            self.api.write(Method::PUT, &["templates", name], &template(device_type)).await?;
        let templates = vec![name.to_owned()];
        let new = NewClaim { name: claim.to_owned(), templates, csr: None, expires_at: None };
        self.api.write(Method::POST, &["claims"], &new).await
    }
}

/// The claim as devices use it.
pub(crate) fn identity(claim: &CreatedClaim) -> anyhow::Result<Identity> {
    let key_pem = claim.private_key_pem.clone().context("the server made no key for the claim")?;
    Ok(Identity { certificate_pem: claim.certificate_pem.clone(), key_pem })
}

/// A fresh password, fit for the first administrator.
pub(crate) fn password() -> String {
    let bytes: [u8; 18] = random(&SystemEntropy);
    hex::encode(bytes)
}

/// The password file beside the data directory, written if it is not there, and the password in it.
pub(crate) fn password_file(directory: &Path) -> anyhow::Result<(PathBuf, String)> {
    let file = directory.join("password");
    // A directory that was used before keeps its administrator.
    if let Ok(known) = std::fs::read_to_string(&file) {
        return Ok((file, known));
    }
    let password = password();
    private_file::write(&file, password.as_bytes())?;
    Ok((file, password))
}

/// The real binary as its own process; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    directory: PathBuf,
    password: String,
    /// What it wrote when it was ready.
    pub(crate) ready: Ready,
    /// From the start of the process until it was ready.
    pub(crate) started_in: Duration,
}

impl Process {
    /// Starts `windlass serve` on a data directory inside `directory`, with more settings as variables.
    pub(crate) async fn start(directory: &Path, settings: &[(&str, String)]) -> anyhow::Result<Self> {
        let (password_file, password) = password_file(directory)?;
        let ready_file = directory.join("ready.json");
        drop(std::fs::remove_file(&ready_file));
        let log = std::fs::File::create(directory.join("server.log"))?;
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data"])
            .arg(directory.join("data"))
            .arg("--ready-file")
            .arg(&ready_file)
            .env("WINDLASS_ADMIN_PASSWORD_FILE", password_file)
            .env("WINDLASS_LOG", "warn")
            .envs(settings.iter().map(|(name, value)| (*name, value.as_str())))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let began = Instant::now();
        let mut child = command.spawn().context("windlass serve does not start")?;
        loop {
            if let Some(status) = child.try_wait()? {
                let log = std::fs::read_to_string(directory.join("server.log")).unwrap_or_default();
                bail!("windlass serve ended at once ({status}):\n{log}");
            }
            if let Ok(text) = std::fs::read(&ready_file) {
                let ready =
                    serde_json::from_slice(&text).context("the ready file is not what is expected")?;
                let started_in = began.elapsed();
                return Ok(Self { child, directory: directory.to_owned(), password, ready, started_in });
            }
            if began.elapsed() > Duration::from_secs(120) {
                drop(child.kill());
                drop(child.wait());
                bail!("windlass serve was not ready within two minutes");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Signs in.
    pub(crate) async fn place(&self) -> anyhow::Result<Place> {
        Place::sign_in(&self.ready, &self.password).await
    }

    /// Its number.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in KiB, as the kernel counts it.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<u64> {
        resident_kib(self.child.id())
    }

    /// Forgets the most memory that was resident so far.
    pub(crate) fn forget_peak(&self) -> anyhow::Result<()> {
        let file = format!("/proc/{}/clear_refs", self.child.id());
        // 5 is the kernel's number for just that.
        std::fs::write(&file, "5").with_context(|| format!("{file} cannot be written"))
    }

    /// The most memory in KiB that was resident since it was forgotten.
    pub(crate) fn peak_kib(&self) -> anyhow::Result<u64> {
        memory(self.child.id(), "VmHWM:")
    }

    /// Where its data directory is.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Asks it to end and waits; true if it ended well.
    pub(crate) async fn stop(mut self) -> anyhow::Result<bool> {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        anyhow::ensure!(asked.success(), "the server is gone already");
        for _ in 0..600 {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        bail!("the server did not end within 30 s")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that ended already is what we want.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Resident memory of a process in KiB, as the kernel counts it.
pub(crate) fn resident_kib(process: u32) -> anyhow::Result<u64> {
    memory(process, "VmRSS:")
}

fn memory(process: u32, field: &str) -> anyhow::Result<u64> {
    let file = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let line = line.with_context(|| format!("{file} has no {field}"))?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// Processor time that a process used so far, of all its threads.
pub(crate) fn processor_time(process: u32) -> anyhow::Result<Duration> {
    // The kernel counts in hundredths of a second on every architecture that Linux runs on here.
    const TICK: Duration = Duration::from_millis(10);
    let file = format!("/proc/{process}/stat");
    let stat = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    // The name of the program, in parentheses, may hold anything: what comes after it is numbers.
    let after = stat.rsplit_once(") ").context("no numbers in stat")?.1;
    let ticks: u32 = after.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok()).sum();
    Ok(TICK * ticks)
}

/// A claim's name and end, for people.
pub(crate) fn describe(claim: &Claim) -> String {
    format!("{} (good until {})", claim.name, claim.not_after.strftime("%Y-%m-%d"))
}
