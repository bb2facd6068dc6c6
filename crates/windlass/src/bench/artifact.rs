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
use crate::cli::artifact as files;
use crate::place::{Place, Process};
use crate::terminal;

/// Bytes of the file that is downloaded over and over.
const FILE: u64 = 32 * 1024 * 1024;
/// Clients at once, each with a connection of its own.
const CLIENTS: [u64; 2] = [1, 200];
/// Every rate is the median of so many, taken in turn with the others'.
const RUNS: u32 = 3;
const MIB: f64 = 1_048_576.0;

/// Measures all of it.
pub(crate) async fn artifact(
    directory: &Path,
    seconds: Duration,
    large: u64,
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
        let mut rates = vec![Vec::new(); rivals.len()];
        for _ in 0..RUNS {
            for (rates, (_, client, url)) in rates.iter_mut().zip(&rivals) {
                rates.push(throughput(client, url, clients, seconds / RUNS).await?);
            }
        }
        for (rates, (name, _, _)) in rates.into_iter().zip(&rivals) {
            let named = format!("download, {clients} clients: {name}, median of {RUNS}");
            figures.add(named, median(rates), "MiB/s");
        }
        figures.add(
            format!("resident memory after {clients} clients"),
            number(server.resident_kib()?) / 1024.0,
            "MiB",
        );
    }
    drop(nginx);
    memory(directory, &server, &place, large, figures).await?;
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
    let artifact = files::upload(&place.api, file, None, None).await?;
    let id = artifact.id.to_string();
    let link: ArtifactLink = place.api.write(Method::PUT, &["artifacts", &id, "link"], &json!({})).await?;
    Ok(link.path)
}

/// The one in the middle.
fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// MiB a second of so many clients that download one time after the other. What is under way at the end is cut off, and
/// counts as far as it came.
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
            loop {
                if let Err(error) = download(&client, &url, &came).await {
                    return error;
                }
            }
        });
    }
    tokio::select! {
        () = tokio::time::sleep_until(began + seconds) => {}
        failed = all.join_next() => {
            let error = failed.context("there are no clients")??;
            return Err(error).with_context(|| format!("a download of {url} failed"));
        }
    }
    let rate = number(came.load(Ordering::Relaxed)) / MIB / began.elapsed().as_secs_f64();
    all.shutdown().await;
    Ok(rate)
}

/// One download, counted as it comes.
async fn download(client: &reqwest::Client, url: &str, came: &AtomicU64) -> Result<(), reqwest::Error> {
    let mut answer = client.get(url).send().await?.error_for_status()?;
    while let Some(chunk) = answer.chunk().await? {
        came.fetch_add(u64::try_from(chunk.len()).unwrap_or_default(), Ordering::Relaxed);
    }
    Ok(())
}

/// Memory while a large file comes, and while another one comes and the first goes at the same time.
async fn memory(
    directory: &Path,
    server: &Process,
    place: &Place,
    mebibytes: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let size = mebibytes.checked_mul(1024 * 1024).context("--large is too large")?;
    let (one, other) = (directory.join("large-1.bin"), directory.join("large-2.bin"));
    for (file, first) in [(&one, 1), (&other, 2)] {
        // Holes cost no disk here, and are bytes as any others to the server; the first byte makes two files of them.
        let mut made = tokio::fs::File::create(file).await?;
        made.write_all(&[first]).await?;
        made.flush().await?;
        made.set_len(size).await?;
    }
    let mib = |kib: u64| number(kib) / 1024.0;
    let rate = |began: Instant| number(mebibytes) / began.elapsed().as_secs_f64();
    figures.add("resident memory before the large files", mib(server.resident_kib()?), "MiB");
    server.forget_peak()?;
    let began = Instant::now();
    let path = link(place, &one).await?;
    figures.add(format!("upload of {mebibytes} MiB in parts"), rate(began), "MiB/s");
    figures.add("most resident memory during it", mib(server.peak_kib()?), "MiB");

    server.forget_peak()?;
    let client = reqwest::Client::builder().no_proxy().build()?;
    let (url, came) = (format!("{}{path}", place.url), AtomicU64::new(0));
    let began = Instant::now();
    let upload = async { link(place, &other).await.map(|_| rate(began)) };
    let download = async {
        download(&client, &url, &came).await?;
        let came = came.load(Ordering::Relaxed);
        ensure!(came == size, "{came} bytes of {size} came down");
        anyhow::Ok(rate(began))
    };
    let (upload, download) = tokio::try_join!(upload, download)?;
    figures.add(format!("upload of {mebibytes} MiB, a download of as much beside it"), upload, "MiB/s");
    figures.add("that download", download, "MiB/s");
    figures.add("most resident memory during both", mib(server.peak_kib()?), "MiB");
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
