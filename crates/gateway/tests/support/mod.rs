//! A gateway with a real application on a temporary store, and an MQTT client made of bytes.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use windlass_app::clock::{Clock, SystemClock, SystemEntropy};
use windlass_app::devices::NewDevice;
use windlass_app::enrol::NewClaim;
use windlass_app::refusals::{RefusalFilter, RefusalView};
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppConfig};
use windlass_domain::ids::{CredentialId, DeviceName};
use windlass_domain::limits::Limits;
use windlass_domain::permission::Principal;
use windlass_gateway::tls::TlsIdentity;
use windlass_gateway::{Gateway, GatewayConfig};
use windlass_store::{Location, tenants};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) gateway: Gateway,
    pub(crate) by: Principal,
    tasks: Tasks,
    _directory: TempDir,
}

/// A device's certificate chain and key.
pub(crate) struct Identity {
    pub(crate) credential: CredentialId,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

async fn gateway(app: &App, tasks: &Tasks) -> Gateway {
    let identity = app.authority.server_identity().borrow().clone();
    let config = GatewayConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        plain: None,
        identity: TlsIdentity { chain: identity.chain.clone(), key: identity.key.clone_key() },
        max_fragment_size: None,
    };
    Gateway::start(app.clone(), config, tasks).await.unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let world = Self::deaf(limits, Arc::new(SystemClock::default())).await;
        world.tasks.spawn_until_stopped(world.app.clone().follow_changes());
        world
    }

    /// One that does not follow the change feed, and reads this clock.
    pub(crate) async fn deaf(limits: Limits, clock: Arc<dyn Clock>) -> Self {
        let directory = TempDir::new().unwrap();
        let config = AppConfig {
            directory: directory.path().join("data"),
            location: Location::Sqlite { directory: directory.path().join("data") },
            limits,
            hostnames: Vec::new(),
            public_url: None,
            server_side_keys: false,
        };
        let tasks = Tasks::new("test");
        let app = App::start(config, clock, Arc::new(SystemEntropy), tasks.clone()).await.unwrap();
        let tenant = app.store.read(|tx| Box::pin(tenants::tenant_default(tx))).await.unwrap();
        let gateway = gateway(&app, &tasks).await;
        Self { app, gateway, by: Principal::system(tenant.id, "test"), tasks, _directory: directory }
    }

    /// Ends the gateway in order and starts another on the same state.
    pub(crate) async fn restart(self) -> Self {
        let Self { app, gateway: old, by, tasks, _directory } = self;
        assert!(old.drain(PATIENCE).await);
        let gateway = gateway(&app, &tasks).await;
        Self { app, gateway, by, tasks, _directory }
    }

    pub(crate) async fn device(&self, name: &str) -> Identity {
        let name: DeviceName = name.parse().unwrap();
        let new = NewDevice { name: name.to_string(), ..NewDevice::default() };
        self.app.device_create(&self.by, new).await.unwrap();
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
        let signed = self.app.credential_issue(&self.by, &name, &request).await.unwrap();
        let chain = CertificateDer::pem_slice_iter(signed.chain_pem.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Identity { credential: signed.credential.id, chain, key }
    }

    /// A claim's certificate and key.
    pub(crate) async fn claim(&self, name: &str) -> Identity {
        let new = NewClaim { name: name.to_owned(), templates: Vec::new(), expires_at: None, csr: None };
        let made = self.app.claim_create(&self.by, new).await.unwrap();
        let chain =
            CertificateDer::pem_slice_iter(made.certificate_pem.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(made.private_key_pem.unwrap().as_bytes()).unwrap();
        Identity { credential: made.claim.credentials[0].id, chain, key }
    }

    /// What was refused, newest first, once there is something that `wanted` picks.
    pub(crate) async fn refused(&self, wanted: impl Fn(&RefusalView) -> bool) -> RefusalView {
        eventually("a refusal", || {
            let page = self.app.refusal_list(&self.by, &RefusalFilter::default(), None, 100).unwrap();
            page.items.into_iter().find(&wanted)
        })
        .await
    }

    pub(crate) fn trust(
        &self,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.app.authority.ca_pem().as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            Some(own) => builder.with_client_auth_cert(own.chain.clone(), own.key.clone_key()).unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(8);
        Arc::new(config)
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.gateway.addresses()[0]).await.unwrap()
    }

    pub(crate) async fn tls(&self, config: &Arc<ClientConfig>) -> TlsStream<TcpStream> {
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::clone(config)).connect(name, self.tcp().await).await.unwrap()
    }

    pub(crate) async fn open(&self, config: &Arc<ClientConfig>) -> Client {
        Client { io: self.tls(config).await, input: Vec::new() }
    }

    /// A client of the device that has not sent CONNECT yet.
    pub(crate) async fn client(&self, identity: &Identity) -> Client {
        self.open(&self.trust(Some(identity), rustls::ALL_VERSIONS)).await
    }

    /// Connects and expects to get in. Returns whether a session was present.
    pub(crate) async fn enter(&self, identity: &Identity, connect: &Connect<'_>) -> (Client, bool) {
        let mut client = self.client(identity).await;
        client.send(&connect.bytes()).await;
        let (header, body) = client.next().await.unwrap();
        assert_eq!((header, body[1]), (0x20, 0), "CONNACK says {body:02x?}");
        (client, body[0] == 1)
    }
}

/// Looks again and again until there is something.
pub(crate) async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("{what} never came"))
}

pub(crate) struct Connect<'a> {
    pub(crate) v5: bool,
    pub(crate) client_id: &'a str,
    pub(crate) clean: bool,
    pub(crate) keep_alive: u16,
    /// Of MQTT 5, in seconds.
    pub(crate) expiry: u32,
    pub(crate) password: Option<&'a str>,
    pub(crate) will: Option<(&'a str, &'a str)>,
}

impl Default for Connect<'_> {
    fn default() -> Self {
        Self {
            v5: true,
            client_id: "client",
            clean: true,
            keep_alive: 60,
            expiry: 0,
            password: None,
            will: None,
        }
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = u16::try_from(text.len()).unwrap().to_be_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

pub(crate) fn packet(header: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![header];
    let mut length = body.len();
    loop {
        let low = u8::try_from(length % 128).unwrap();
        length /= 128;
        bytes.push(if length > 0 { low | 0x80 } else { low });
        if length == 0 {
            break;
        }
    }
    bytes.extend(body);
    bytes
}

impl Connect<'_> {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut body = text("MQTT");
        let mut flags = u8::from(self.clean) << 1;
        if self.will.is_some() {
            flags |= 0b100;
        }
        if self.password.is_some() {
            flags |= 0b1100_0000;
        }
        body.extend([if self.v5 { 5 } else { 4 }, flags]);
        body.extend(self.keep_alive.to_be_bytes());
        if self.v5 {
            body.extend([5, 0x11]);
            body.extend(self.expiry.to_be_bytes());
        }
        body.extend(text(self.client_id));
        if let Some((topic, payload)) = self.will {
            if self.v5 {
                body.push(0);
            }
            body.extend(text(topic));
            body.extend(text(payload));
        }
        if let Some(password) = self.password {
            body.extend(text("?SDK=Test&Version=1"));
            body.extend(text(password));
        }
        packet(0x10, &body)
    }
}

pub(crate) fn publish(v5: bool, qos: u8, id: u16, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = text(topic);
    if qos > 0 {
        body.extend(id.to_be_bytes());
    }
    if v5 {
        body.push(0);
    }
    body.extend(payload);
    packet(0x30 | (qos << 1), &body)
}

pub(crate) fn subscribe(v5: bool, id: u16, filter: &str, qos: u8) -> Vec<u8> {
    let mut body = id.to_be_bytes().to_vec();
    if v5 {
        body.push(0);
    }
    body.extend(text(filter));
    body.push(qos);
    packet(0x82, &body)
}

pub(crate) struct Client {
    pub(crate) io: TlsStream<TcpStream>,
    input: Vec<u8>,
}

impl Client {
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
        self.io.flush().await.unwrap();
    }

    /// The next packet's first byte and body; none at the end of the connection.
    pub(crate) async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some(packet) = self.take() {
                return Some(packet);
            }
            let mut chunk = [0; 4_096];
            match tokio::time::timeout(PATIENCE, self.io.read(&mut chunk))
                .await
                .expect("the server is silent")
            {
                Ok(0) | Err(_) => return None,
                Ok(many) => self.input.extend(&chunk[..many]),
            }
        }
    }

    fn take(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut length = 0;
        for index in 0..4 {
            let byte = *self.input.get(1 + index)?;
            length |= usize::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                let start = 2 + index;
                let body = self.input.get(start..start + length)?.to_vec();
                let header = self.input[0];
                self.input.drain(..start + length);
                return Some((header, body));
            }
        }
        panic!("no length")
    }

    /// Expects exactly this packet.
    pub(crate) async fn expect(&mut self, header: u8, body: &[u8]) {
        let next = self.next().await;
        assert_eq!(next.as_ref().map(|(header, body)| (*header, body.as_slice())), Some((header, body)));
    }

    /// Expects a PUBLISH; returns its packet id (none for at most once) and payload.
    pub(crate) async fn message(&mut self, v5: bool, topic: &str) -> (Option<u16>, Vec<u8>) {
        let (header, body) = self.next().await.expect("a PUBLISH");
        assert_eq!(header & 0xf0, 0x30, "{body:?}");
        let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
        assert_eq!(String::from_utf8_lossy(&body[2..end]), topic);
        let qos = header & 0b110;
        let id = (qos > 0).then(|| u16::from_be_bytes([body[end], body[end + 1]]));
        let start = end + if qos > 0 { 2 } else { 0 } + usize::from(v5);
        (id, body[start..].to_vec())
    }

    /// Expects the connection to end after an optional DISCONNECT of MQTT 5.
    pub(crate) async fn expect_end(&mut self, code: Option<u8>) {
        if let Some(code) = code {
            self.expect(0xe0, &[code]).await;
        }
        assert_eq!(self.next().await, None);
    }
}
