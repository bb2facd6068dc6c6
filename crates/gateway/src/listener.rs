//! Listening sockets: accept, shake hands, tell the protocols apart.
//!
//! Before sign-in a peer passes two stages. At the first it has to say hello, which costs the server nothing; at
//! the second it shakes hands and sends CONNECT, which costs CPU, so few are let in at once. Both together may take
//! no longer than the limit for handshakes. Who speaks HTTP is at a stage of its own, where it makes way until it has
//! asked for something.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use windlass_app::refusals::Cause;

use crate::core::{Core, chain, unknown};
use crate::door::{Door, Ticket};
use crate::http;
use crate::mqtt::connection::Connection;
use crate::mqtt::engine;
use crate::mqtt::welcome::{Arrival, Over, welcome};
use crate::prefixed::Prefixed;
use crate::tls::{self, Acceptor, Handshake, Spoken, Stream};

/// Peers that have not said hello yet; the oldest makes way.
const SILENT_PEERS: usize = 4_096;
/// Whoever takes more than this part of a handshake's time, for it or then to ask for something, makes way for others
/// when there are many.
const HANDSHAKE_PATIENCE: u32 = 5;
/// First byte of every TLS handshake record.
const TLS_HANDSHAKE: u8 = 22;
/// Largest TLS record (RFC 8446, section 5.1), with its header.
const LARGEST_RECORD: usize = 5 + 16_384;
/// Connections that the kernel may hold until they are accepted.
const BACKLOG: u32 = 4_096;
/// Data that nobody acknowledged for this long ends the connection.
const UNACKNOWLEDGED: Duration = Duration::from_secs(120);

/// What all listeners share.
#[derive(Debug)]
pub(crate) struct Entrance {
    pub(crate) core: Arc<Core>,
    pub(crate) tls: Acceptor,
    silent: Arc<Door>,
    working: Arc<Door>,
    http: Arc<Door>,
}

impl Entrance {
    /// The stages, empty.
    pub(crate) fn new(core: Arc<Core>, tls: Acceptor) -> Arc<Self> {
        let patience = core.limits.handshake / HANDSHAKE_PATIENCE;
        let working = Door::new(core.limits.handshakes_in_flight, patience);
        let http = Door::new(core.limits.http_connections, patience);
        Arc::new(Self { core, tls, silent: Door::new(SILENT_PEERS, Duration::ZERO), working, http })
    }

    fn link_base(&self, server_name: Option<&str>, local: SocketAddr) -> Arc<str> {
        match (&self.core.app.config.public_url, server_name) {
            (Some(url), _) => url.as_str().into(),
            (None, Some(name)) => format!("https://{name}:{}", local.port()).into(),
            (None, None) => format!("https://{local}").into(),
        }
    }
}

/// Listens.
pub(crate) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts until the gateway ends.
pub(crate) async fn accept(entrance: Arc<Entrance>, listener: TcpListener, plain: bool) {
    let stop = entrance.core.stop().clone();
    while let Some((stream, address, ticket)) = stop.run_until_cancelled(next(&entrance, &listener)).await {
        let serving = Arc::clone(&entrance);
        entrance.core.tasks.spawn(async move {
            if plain {
                serve_plain(serving, stream, address, ticket).await;
            } else {
                serve_tls(serving, stream, address, ticket).await;
            }
        });
    }
}

async fn next(entrance: &Entrance, listener: &TcpListener) -> (TcpStream, SocketAddr, Ticket) {
    loop {
        let ticket = entrance.silent.enter().await;
        match listener.accept().await {
            Ok((stream, address)) => {
                tune(&stream);
                return (stream, address, ticket);
            }
            Err(error) => {
                // Most likely out of file descriptors: nothing helps but that others leave.
                tracing::warn!(error = %chain(&error), "a connection could not be accepted");
                drop(ticket);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

fn tune(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(300)).with_interval(Duration::from_secs(30));
    // A socket without one of these still works.
    let tuned = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
        .and_then(|()| socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)));
    if let Err(error) = tuned {
        tracing::debug!(error = %chain(&error), "a socket option could not be set");
    }
}

/// What became of a peer after its handshake.
enum Entered<S> {
    Mqtt(Box<Connection<S>>),
    Http(S, Arrival, Vec<u8>),
}

async fn serve_tls(entrance: Arc<Entrance>, stream: TcpStream, address: SocketAddr, ticket: Ticket) {
    // Boxed, so that the space for the handshake is given back before the connection begins.
    let known = OnceLock::new();
    let enter = enter_tls(&entrance, stream, address, ticket, &known);
    let entered = Box::pin(within_time(&entrance.core, address, &known, enter));
    match entered.await.flatten() {
        Some(Entered::Mqtt(connection)) => connection.run().await,
        Some(Entered::Http(io, arrival, input)) => {
            let core = &entrance.core;
            let turned_out = || {
                core.metrics.refused.busy.one();
                core.refuse_now(unknown(address, Cause::Busy));
            };
            let Some(place) = entrance.http.try_enter().map(Arc::new) else { return turned_out() };
            let io = Prefixed::new(input, io);
            let serve = Box::pin(http::serve(Arc::clone(core), io, arrival, Arc::clone(&place)));
            if place.out().run_until_cancelled(serve).await.is_none() {
                turned_out();
            }
        }
        None => {}
    }
}

async fn serve_plain(entrance: Arc<Entrance>, stream: TcpStream, address: SocketAddr, ticket: Ticket) {
    let arrive = async {
        ticket.settle();
        let base = entrance.link_base(None, stream.local_addr().unwrap_or(address));
        let arrival =
            Arrival { address, chain: Arc::new([]), link_base: base, server_name: None, over: Over::Plain };
        welcome(&entrance.core, stream, &arrival, Vec::new()).await.map(Box::new)
    };
    let known = OnceLock::new();
    let entered = Box::pin(within_time(&entrance.core, address, &known, arrive)).await.flatten();
    // The place is for those who have not signed in yet.
    drop(ticket);
    if let Some(connection) = entered {
        connection.run().await;
    }
}

// What is known of the peer when time is up says where it stopped.
async fn within_time<T>(
    core: &Core,
    address: SocketAddr,
    known: &OnceLock<Arrival>,
    stage: impl Future<Output = T>,
) -> Option<T> {
    core.metrics.handshakes.rise(1);
    let outcome = core.stop().run_until_cancelled(tokio::time::timeout(core.limits.handshake, stage)).await;
    core.metrics.handshakes.fall(1);
    match outcome {
        Some(Ok(done)) => Some(done),
        Some(Err(_)) => {
            core.metrics.refused.slow.one();
            let cause = Cause::TooSlow(core.limits.handshake.as_secs());
            match known.get() {
                Some(arrival) => core.refuse(arrival.refused(cause)).await,
                None => core.refuse_now(unknown(address, cause)),
            }
            None
        }
        None => None,
    }
}

async fn enter_tls(
    entrance: &Entrance,
    mut stream: TcpStream,
    address: SocketAddr,
    silent: Ticket,
    known: &OnceLock<Arrival>,
) -> Option<Entered<Stream<Prefixed<TcpStream>>>> {
    let core = &entrance.core;
    let local = stream.local_addr().unwrap_or(address);
    let turned_out = || {
        core.metrics.refused.busy.one();
        core.refuse_now(unknown(address, Cause::Busy));
    };
    let Some(hello) = silent.out().run_until_cancelled(hello(&mut stream)).await else {
        turned_out();
        return None;
    };
    let hello = match hello {
        Ok(hello) => hello,
        Err(why) => {
            core.metrics.refused.tls.one();
            // Whoever leaves without a word looked whether the port is open.
            if let Some(cause) = why {
                core.refuse_now(unknown(address, cause));
            }
            return None;
        }
    };
    silent.settle();
    let working = entrance.working.enter().await;
    drop(silent);
    let shake = async {
        let first = hello.clone();
        let (stream, handshake) = match entrance.tls.accept(Prefixed::new(hello, stream)).await {
            Ok(done) => done,
            Err(error) => {
                core.metrics.refused.tls.one();
                let mut refused = unknown(address, tls::why(&error));
                refused.claimed.server_name = tls::server_name(&first);
                core.refuse_now(refused);
                return None;
            }
        };
        drop(first);
        let Handshake { chain, server_name, spoken, resumed } = handshake;
        core.metrics.tls_accepted.one();
        if resumed {
            core.metrics.tls_resumed.one();
        }
        let link_base = entrance.link_base(server_name.as_deref(), local);
        let server_name = server_name.map(Into::into);
        let arrival = Arrival { address, chain: chain.into(), link_base, server_name, over: Over::Tls };
        drop(known.set(arrival.clone()));
        greet(core, stream, arrival, spoken).await
    };
    let Some(entered) = working.out().run_until_cancelled(Box::pin(shake)).await else {
        turned_out();
        return None;
    };
    entered
}

// Waits for the whole of the first record, so that a peer that dribbles takes no place where work is done.
// What comes instead tells why not; nothing at all tells nothing.
async fn hello(stream: &mut TcpStream) -> Result<Vec<u8>, Option<Cause>> {
    let mut hello = Vec::with_capacity(512);
    loop {
        match hello.as_slice() {
            [] => {}
            [engine::FIRST_BYTE, ..] => return Err(Some(Cause::PlainMqtt)),
            [first, ..] if first.is_ascii_uppercase() => return Err(Some(Cause::PlainHttp)),
            [first, ..] if *first != TLS_HANDSHAKE => return Err(Some(Cause::NotTls)),
            [_, _, _, high, low, ..] => {
                let whole = 5 + usize::from(u16::from_be_bytes([*high, *low]));
                if whole > LARGEST_RECORD {
                    return Err(Some(Cause::NotTls));
                }
                if hello.len() >= whole {
                    return Ok(hello);
                }
            }
            _ => {}
        }
        match stream.read_buf(&mut hello).await {
            Ok(0) | Err(_) => return Err((!hello.is_empty()).then_some(Cause::BrokenOff)),
            Ok(_) => {}
        }
    }
}

// Tells MQTT and HTTP apart and serves MQTT up to CONNACK.
async fn greet<S>(core: &Arc<Core>, mut io: S, arrival: Arrival, spoken: Spoken) -> Option<Entered<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut input = Vec::new();
    let http = match spoken {
        Spoken::Mqtt => false,
        Spoken::Http => true,
        Spoken::Unsaid => {
            let mut first = [0; 512];
            let many = io.read(&mut first).await.unwrap_or(0);
            input.extend_from_slice(first.get(..many).unwrap_or_default());
            match input.first() {
                Some(byte) if byte.is_ascii_uppercase() => true,
                Some(&engine::FIRST_BYTE) => false,
                Some(_) | None => {
                    core.metrics.refused.protocol.one();
                    core.refuse(arrival.refused(Cause::UnknownProtocol)).await;
                    return None;
                }
            }
        }
    };
    if http {
        return Some(Entered::Http(io, arrival, input));
    }
    welcome(core, io, &arrival, input).await.map(|connection| Entered::Mqtt(Box::new(connection)))
}
