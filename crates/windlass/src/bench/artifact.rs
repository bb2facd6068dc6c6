//! Downloads beside nginx with the same file, and memory while a large file comes and goes.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rcgen::KeyPair;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::Instant;
use windlass_api::artifacts::ArtifactLink;

use super::figures::{Figures, number};
use crate::cli::software;
use crate::place::{Place, Process};
use crate::terminal;

/// Bytes of the file that is downloaded over and over.
const FILE: u64 = 32 * 1024 * 1024;
/// Bytes of the file that memory is watched with.
const LARGE: u64 = 2 * 1024 * 1024 * 1024;
/// Clients at once.
const CLIENTS: [u64; 2] = [1, 200];
const MIB: f64 = 1_048_576.0;

/// Measures all of it.
pub(crate) async fn artifact(
    directory: &Path,
    seconds: Duration,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    terminal::note("artifacts");
    let file = directory.join("file.bin");
    write(&file, FILE).await?;
    let server = Process::start(directory, &[]).await?;
    let place = server.place().await?;
    let path = link(&place, &file).await?;
    let plain = reqwest::Client::builder().no_proxy().build()?;
    let trusted = |pem: &str| -> anyhow::Result<reqwest::Client> {
        let roots = reqwest::Certificate::from_pem_bundle(pem.as_bytes())?;
        Ok(reqwest::Client::builder().no_proxy().tls_certs_only(roots).build()?)
    };
    let devices = format!("localhost:{}", place.devices.address.port());
    let mut rivals = vec![
        ("windlass, console port".to_owned(), plain.clone(), format!("{}{path}", place.url)),
        (
            "windlass, device port (TLS)".to_owned(),
            trusted(&place.ca_pem)?,
            format!("https://{devices}{path}"),
        ),
    ];
    let nginx = Nginx::start(directory).await?;
    match &nginx {
        None => terminal::note("  nginx is not installed: nothing to compare with"),
        Some(nginx) => {
            rivals.push(("nginx".to_owned(), plain, format!("http://localhost:{}/file.bin", nginx.plain)));
            let url = format!("https://localhost:{}/file.bin", nginx.tls);
            rivals.push(("nginx (TLS)".to_owned(), trusted(&nginx.certificate)?, url));
        }
    }
    for clients in CLIENTS {
        for (name, client, url) in &rivals {
            let rate = throughput(client, url, clients, seconds).await?;
            figures.add(format!("download, {clients} clients: {name}"), rate, "MiB/s");
        }
        figures.add(
            format!("resident memory after {clients} clients"),
            number(server.resident_kib()?) / 1024.0,
            "MiB",
        );
    }
    drop(nginx);
    memory(directory, &server, &place, figures).await?;
    ensure!(server.stop().await?, "the server did not end well");
    Ok(())
}

/// A file of so many bytes that do not repeat in a way that anything could make use of.
async fn write(file: &Path, bytes: u64) -> anyhow::Result<()> {
    let mut content = tokio::io::BufWriter::new(tokio::fs::File::create(file).await?);
    let (mut state, mut left) = (0x9e37_79b9_7f4a_7c15_u64, bytes / 8);
    while left > 0 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        content.write_all(&state.to_le_bytes()).await?;
        left -= 1;
    }
    content.flush().await?;
    Ok(())
}

/// Uploads a file and gives it a lasting link.
async fn link(place: &Place, file: &Path) -> anyhow::Result<String> {
    let artifact = software::upload(&place.api, file, None, None).await?;
    let id = artifact.id.to_string();
    let link: ArtifactLink = place.api.write(Method::PUT, &["artifacts", &id, "link"], &json!({})).await?;
    Ok(link.path)
}

/// MiB a second of so many clients that download one after the other.
async fn throughput(
    client: &reqwest::Client,
    url: &str,
    clients: u64,
    seconds: Duration,
) -> anyhow::Result<f64> {
    let came = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..clients {
        let (client, url, came) = (client.clone(), url.to_owned(), Arc::clone(&came));
        all.spawn(async move {
            while began.elapsed() < seconds {
                let mut answer = client.get(&url).send().await?.error_for_status()?;
                while let Some(chunk) = answer.chunk().await? {
                    came.fetch_add(u64::try_from(chunk.len()).unwrap_or_default(), Ordering::Relaxed);
                }
            }
            Ok::<_, reqwest::Error>(())
        });
    }
    while let Some(ended) = all.join_next().await {
        ended?.with_context(|| format!("a download of {url} failed"))?;
    }
    Ok(number(came.load(Ordering::Relaxed)) / MIB / began.elapsed().as_secs_f64())
}

/// The most resident memory while something goes on.
async fn watched<T>(
    server: &Process,
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(T, u64)> {
    let mut most = server.resident_kib()?;
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Ok((done?, most.max(server.resident_kib()?))),
            () = tokio::time::sleep(Duration::from_millis(50)) => most = most.max(server.resident_kib()?),
        }
    }
}

async fn memory(
    directory: &Path,
    server: &Process,
    place: &Place,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let file = directory.join("large.bin");
    // Holes cost no disk here, and are bytes as any others to the server.
    tokio::fs::File::create(&file).await?.set_len(LARGE).await?;
    figures.add("resident memory before 2 GiB", number(server.resident_kib()?) / 1024.0, "MiB");
    let began = Instant::now();
    let (path, most) = watched(server, link(place, &file)).await?;
    figures.add("upload of 2 GiB in parts", number(LARGE) / MIB / began.elapsed().as_secs_f64(), "MiB/s");
    figures.add("most resident memory during it", number(most) / 1024.0, "MiB");
    let client = reqwest::Client::builder().no_proxy().build()?;
    let began = Instant::now();
    let url = format!("{}{path}", place.url);
    let download = throughput(&client, &url, 1, Duration::from_millis(1));
    let (_, most) = watched(server, download).await?;
    figures.add("download of 2 GiB", number(LARGE) / MIB / began.elapsed().as_secs_f64(), "MiB/s");
    figures.add("most resident memory during it", number(most) / 1024.0, "MiB");
    Ok(())
}

/// The yardstick; dropping it kills it.
struct Nginx {
    child: Child,
    plain: u16,
    tls: u16,
    certificate: String,
}

impl Nginx {
    /// Serves a directory with and without TLS; `None` where nginx is not installed.
    async fn start(directory: &Path) -> anyhow::Result<Option<Self>> {
        let key = KeyPair::generate()?;
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?.pem();
        std::fs::write(directory.join("nginx.pem"), &certificate)?;
        crate::private_file::write(&directory.join("nginx.key"), key.serialize_pem().as_bytes())?;
        let free = || Ok::<_, std::io::Error>(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port());
        let (plain, tls) = (free()?, free()?);
        let root = directory.display();
        let configuration = format!(
            "daemon off; master_process on; worker_processes auto; pid {root}/nginx.pid; error_log {root}/nginx.log;
             events {{ worker_connections 1024; }}
             http {{ access_log off; sendfile on; tcp_nopush on;
               client_body_temp_path {root}/nginx-body; proxy_temp_path {root}/nginx-proxy;
               fastcgi_temp_path {root}/nginx-fastcgi; uwsgi_temp_path {root}/nginx-uwsgi;
               scgi_temp_path {root}/nginx-scgi;
               server {{ listen 127.0.0.1:{plain}; listen 127.0.0.1:{tls} ssl; root {root};
                 ssl_certificate {root}/nginx.pem; ssl_certificate_key {root}/nginx.key; }} }}\n"
        );
        let file = directory.join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let child = ["nginx", "/usr/sbin/nginx"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        });
        let Some(child) = child else { return Ok(None) };
        let mut nginx = Self { child, plain, tls, certificate };
        for _ in 0..200 {
            if let Some(status) = nginx.child.try_wait()? {
                bail!("nginx ended at once ({status})");
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", tls)).await.is_ok() {
                return Ok(Some(nginx));
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        bail!("nginx does not listen")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its master takes the workers with it only when it is asked, not when it is killed.
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        if asked.is_err() {
            drop(self.child.kill());
        }
        drop(self.child.wait());
    }
}
