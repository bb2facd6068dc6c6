//! The yardstick: mosquitto with TLS and client certificates, in its own process.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair,
};

use crate::sim::identity::Identity;

/// A running broker; dropping it kills it.
pub(crate) struct Mosquitto {
    child: Child,
    port: u16,
    /// What clients trust, PEM.
    pub(crate) ca_pem: String,
    /// What every client signs in with.
    pub(crate) client: Identity,
}

impl Mosquitto {
    /// Starts it with keys of its own; `None` where mosquitto is not installed.
    pub(crate) async fn start(directory: &Path) -> anyhow::Result<Option<Self>> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name = named("yardstick authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_certificate = ca.self_signed(&ca_key)?;
        let issuer = Issuer::new(ca, ca_key);
        let signed = |name: &str, purpose: ExtendedKeyUsagePurpose| -> anyhow::Result<Identity> {
            let key = KeyPair::generate()?;
            let mut parameters = CertificateParams::new(vec![name.to_owned()])?;
            // Other than the authority's: OpenSSL takes a certificate that names itself as issuer for a root.
            parameters.distinguished_name = named(name);
            parameters.extended_key_usages = vec![purpose];
            let certificate = parameters.signed_by(&key, &issuer)?;
            Ok(Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
        };
        let server = signed("localhost", ExtendedKeyUsagePurpose::ServerAuth)?;
        let client = signed("client", ExtendedKeyUsagePurpose::ClientAuth)?;
        let ca_pem = ca_certificate.pem();
        std::fs::write(directory.join("ca.pem"), &ca_pem)?;
        server.save(directory, "server")?;

        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let at = |file: &str| directory.join(file).display().to_string();
        let configuration = format!(
            "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\nrequire_certificate true\n\
             allow_anonymous true\npersistence false\nlog_type error\nuser root\nmax_inflight_messages 100\n",
            at("ca.pem"),
            at("server.pem"),
            at("server.key"),
        );
        let file = directory.join("mosquitto.conf");
        std::fs::write(&file, configuration)?;
        let program = ["mosquitto", "/usr/sbin/mosquitto"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok()
        });
        let Some(child) = program else { return Ok(None) };
        let mut broker = Self { child, port, ca_pem, client };
        broker.wait().await?;
        Ok(Some(broker))
    }

    /// Host and port to connect to.
    pub(crate) fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        for _ in 0..200 {
            if let Some(status) = self.child.try_wait().context("mosquitto is gone")? {
                bail!("mosquitto ended at once ({status})");
            }
            if tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        bail!("mosquitto does not listen")
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
