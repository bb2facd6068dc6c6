//! Devices that poll hawkBit's device interface over plain sockets, several of them on each of a few connections.
//!
//! Knows neither whose server it is nor how an operator gives it something to do.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// Connections that are kept open, as a proxy in front would.
const CONNECTIONS: u64 = 32;
/// Most bytes of an answer's head and body.
const ANSWER: usize = 16 * 1024;
/// The gateway token that lets every device in.
pub(super) const TOKEN: &str = "bench-gateway-token";

/// How long a connection goes on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// Until each of its devices had its turn.
    EachOnce,
    /// For this long, or until there is nothing left to do.
    Over(Duration),
}

impl Until {
    fn is_over(self, began: Instant) -> bool {
        matches!(self, Self::Over(span) if began.elapsed() >= span)
    }
}

/// What a device was told to carry out.
#[derive(Debug, Clone)]
pub(super) struct Action {
    /// The number of the device.
    device: u64,
    id: String,
    /// What comes after `deploymentBase/`, as the server wrote it.
    link: String,
}

/// The name of polling device `number`.
pub(super) fn name(number: u64) -> String {
    format!("bench-{number}")
}

/// Polls with all devices in turn; gives how many answers came. Each must hold `expected`.
pub(super) async fn polls(
    address: &str,
    devices: u64,
    until: Until,
    expected: &'static str,
) -> anyhow::Result<u64> {
    let connections = (0..CONNECTIONS).map(|share| async move {
        let mut connection = Connection::open(address).await?;
        let requests: Vec<String> =
            numbers(share, devices).map(|number| connection.poll_request(number)).collect();
        let (mut count, began) = (0, Instant::now());
        while !requests.is_empty() {
            for request in &requests {
                if until.is_over(began) {
                    return Ok(count);
                }
                let answer = connection.exchange(request).await?;
                ensure!(answer.contains(expected), "a device was not told of its {expected}: {answer}");
                count += 1;
            }
            if matches!(until, Until::EachOnce) {
                break;
            }
        }
        Ok::<_, anyhow::Error>(count)
    });
    let counts = futures_util::future::try_join_all(connections).await?;
    Ok(counts.into_iter().sum())
}

/// Each device polls once, and reads the document of what it is told to do.
pub(super) async fn take_up(address: &str, devices: u64) -> anyhow::Result<Vec<Action>> {
    let connections = (0..CONNECTIONS).map(|share| async move {
        let mut connection = Connection::open(address).await?;
        let mut actions = Vec::new();
        for number in numbers(share, devices) {
            let action = connection.open_action(number).await?;
            connection.document(&action).await?;
            actions.push(action);
        }
        Ok::<_, anyhow::Error>(actions)
    });
    Ok(futures_util::future::try_join_all(connections).await?.concat())
}

/// Each device says that its action went well, over all connections.
pub(super) async fn conclude(address: &str, actions: &[Action]) -> anyhow::Result<()> {
    let each = actions.len().div_ceil(usize::try_from(CONNECTIONS)?).max(1);
    let connections = actions.chunks(each).map(|own| async move {
        let mut connection = Connection::open(address).await?;
        for action in own {
            connection.feedback(action, &closed()).await?;
        }
        Ok::<_, anyhow::Error>(())
    });
    futures_util::future::try_join_all(connections).await?;
    Ok(())
}

/// Each device in turn reports `reports` times on its open action, the last time that it is done; gives how many reports
/// were taken.
pub(super) async fn install(address: &str, devices: u64, reports: u64, until: Until) -> anyhow::Result<u64> {
    let connections = (0..CONNECTIONS).map(|share| async move {
        let mut connection = Connection::open(address).await?;
        let mut actions = Vec::new();
        for number in numbers(share, devices) {
            actions.push(connection.open_action(number).await?);
        }
        Ok::<_, anyhow::Error>((connection, actions))
    });
    let connections = futures_util::future::try_join_all(connections).await?;
    let began = Instant::now();
    let reporting = connections.into_iter().map(|(mut connection, actions)| async move {
        let mut count = 0;
        for action in actions {
            for step in 1..=reports {
                if until.is_over(began) {
                    return Ok(count);
                }
                let status = if step == reports { closed() } else { proceeding(step, reports) };
                connection.feedback(&action, &status).await?;
                count += 1;
            }
        }
        Ok::<_, anyhow::Error>(count)
    });
    let counts = futures_util::future::try_join_all(reporting).await?;
    Ok(counts.into_iter().sum())
}

fn numbers(share: u64, devices: u64) -> impl Iterator<Item = u64> {
    (0..devices).filter(move |number| number % CONNECTIONS == share)
}

fn closed() -> Value {
    json!({"execution": "closed", "result": {"finished": "success"}, "details": []})
}

fn proceeding(step: u64, of: u64) -> Value {
    json!({
        "execution": "proceeding",
        "result": {"finished": "none", "progress": {"cnt": step, "of": of}},
        "details": [format!("step {step} of {of} is done")],
    })
}

/// One connection.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Lines of every request's head.
    head: String,
}

impl Connection {
    async fn open(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head =
            format!("Host: {address}\r\nAuthorization: GatewayToken {TOKEN}\r\nAccept: application/json\r\n");
        Ok(Self { stream, buffer: vec![0; ANSWER], head })
    }

    fn poll_request(&self, number: u64) -> String {
        format!("GET /DEFAULT/controller/v1/{} HTTP/1.1\r\n{}\r\n", name(number), self.head)
    }

    /// Polls, and finds what there is to do.
    async fn open_action(&mut self, number: u64) -> anyhow::Result<Action> {
        let request = self.poll_request(number);
        let polled = self.exchange(&request).await?;
        let (_, link) = polled.split_once("deploymentBase/").context("nothing to do for a device")?;
        let link = link.split_once('"').context("the link has no end")?.0.to_owned();
        let id = link.split_once('?').context("the link has no query")?.0.to_owned();
        Ok(Action { device: number, id, link })
    }

    async fn document(&mut self, action: &Action) -> anyhow::Result<()> {
        let (name, link, head) = (name(action.device), &action.link, &self.head);
        let request =
            format!("GET /DEFAULT/controller/v1/{name}/deploymentBase/{link} HTTP/1.1\r\n{head}\r\n");
        let answer = self.exchange(&request).await?;
        ensure!(answer.contains("\"chunks\""), "a document without chunks: {answer}");
        Ok(())
    }

    async fn feedback(&mut self, action: &Action, status: &Value) -> anyhow::Result<()> {
        let body = json!({"id": action.id, "status": status}).to_string();
        let (name, id, head, length) = (name(action.device), &action.id, &self.head, body.len());
        let request = format!(
            "POST /DEFAULT/controller/v1/{name}/deploymentBase/{id}/feedback HTTP/1.1\r\n\
             {head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.exchange(&request).await?;
        Ok(())
    }

    /// One request and its answer, which must be 200.
    async fn exchange(&mut self, request: &str) -> anyhow::Result<&str> {
        self.stream.write_all(request.as_bytes()).await?;
        let mut filled = 0;
        loop {
            let room = self.buffer.get_mut(filled..).filter(|room| !room.is_empty());
            let read = self.stream.read(room.context("the answer is too long")?).await?;
            ensure!(read > 0, "the server ended the connection");
            filled += read;
            if is_whole(self.buffer.get(..filled).unwrap_or_default())? {
                break;
            }
        }
        let text = std::str::from_utf8(self.buffer.get(..filled).unwrap_or_default())?;
        ensure!(text.starts_with("HTTP/1.1 200 "), "{text}");
        Ok(text)
    }
}

/// Whether an answer with a length is all there.
fn is_whole(answer: &[u8]) -> anyhow::Result<bool> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
    let (head, body) = answer.split_at(end + 4);
    let Ok(head) = std::str::from_utf8(head) else { bail!("the answer's head is no text") };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse::<usize>().ok())
        .context("the answer has no length")?;
    Ok(body.len() >= length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_as_many_bytes_came_as_it_says() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
        assert!(is_whole(answer).unwrap());
        assert!(!is_whole(&answer[..answer.len() - 1]).unwrap());
        assert!(!is_whole(&answer[..20]).unwrap());
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap());
        assert!(is_whole(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }

    #[test]
    fn every_device_belongs_to_one_connection() {
        let mut all: Vec<u64> = (0..CONNECTIONS).flat_map(|share| numbers(share, 100)).collect();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }
}
