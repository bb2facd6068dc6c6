//! The other server: Eclipse hawkBit in its own process, as `tests/peers/hawkbit` builds it.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::poller::TOKEN;
use crate::place;

/// How long a Java program of its size may take to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running hawkBit; dropping it kills it.
pub(super) struct Hawkbit {
    child: Child,
    /// Where it listens.
    pub(super) address: String,
    password: String,
    http: reqwest::Client,
}

impl Hawkbit {
    /// Starts what `mvn package` made in `peer`.
    pub(super) async fn start(peer: &Path, directory: &Path) -> anyhow::Result<Self> {
        let target = peer.join("target");
        ensure!(
            target.join("classes/peer/Start.class").exists() && target.join("lib").is_dir(),
            "{} is not built; run: mvn -B -q -f {} package",
            peer.display(),
            peer.display()
        );
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let password = place::password();
        let log = std::fs::File::create(directory.join("hawkbit.log"))?;
        let child = Command::new("java")
            .args(["-Xmx1g", "--add-opens", "java.base/java.lang=ALL-UNNAMED", "-cp"])
            .arg(format!("{0}/classes:{0}/lib/*", target.display()))
            .arg("peer.Start")
            .arg(format!("--server.port={port}"))
            .arg(format!("--hawkbit.server.ddi.security.authentication.gatewaytoken.key={TOKEN}"))
            .env("SPRING_SECURITY_USER_PASSWORD", format!("{{noop}}{password}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("java does not start")?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        let mut hawkbit = Self { child, address: format!("127.0.0.1:{port}"), password, http };
        let began = Instant::now();
        while hawkbit.ask(reqwest::Method::GET, "targets", &Value::Null).await.is_err() {
            if let Some(status) = hawkbit.child.try_wait()? {
                bail!("hawkBit ended at once ({status}): see {}/hawkbit.log", directory.display());
            }
            ensure!(began.elapsed() < PATIENCE, "hawkBit does not answer");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Ok(hawkbit)
    }

    /// Its process.
    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Gives every device the same distribution set to install.
    pub(super) async fn assign(&self, names: impl Iterator<Item = String>) -> anyhow::Result<()> {
        let post = reqwest::Method::POST;
        let module = json!([{"name": "app", "version": "1", "type": "os"}]);
        let module = self.ask(post.clone(), "softwaremodules", &module).await?;
        let module = module.pointer("/0/id").context("the software module has no id")?;
        let set = json!([{"name": "app", "version": "1", "type": "os", "modules": [{"id": module}]}]);
        let set = self.ask(post.clone(), "distributionsets", &set).await?;
        let set = set.pointer("/0/id").context("the distribution set has no id")?;
        let targets: Vec<Value> = names.map(|name| json!({"id": name, "type": "forced"})).collect();
        let assigned =
            self.ask(post, &format!("distributionsets/{set}/assignedTargets"), &json!(targets)).await?;
        let count = assigned.get("assigned").and_then(Value::as_u64);
        ensure!(count == Some(u64::try_from(targets.len())?), "not every target was assigned: {assigned}");
        Ok(())
    }

    async fn ask(&self, method: reqwest::Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let url = format!("http://{}/rest/v1/{path}", self.address);
        let mut request = self.http.request(method, url).basic_auth("admin", Some(&self.password));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{path} was answered with {status}: {text}");
        Ok(serde_json::from_str(&text)?)
    }
}

impl Drop for Hawkbit {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
