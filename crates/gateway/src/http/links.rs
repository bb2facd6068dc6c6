//! Downloads by link, on either port: the link is the credential, and is used no more often than a device may ask for files over
//! hawkBit's interface. A signed link counts for its execution, on whatever artifact; a lasting one for the address that uses it.
//!
//! Whether a link is good is asked of the application for every request; what is not good counts for nobody.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode, request};
use tokio::time::Instant;
use windlass_app::App;
use windlass_app::downloads::Whose;
use windlass_app::links::DownloadGrant;

use super::Known;
use super::download::{self, Body};
use super::problem;
use crate::rate::{Pace, Rates, Sender};

/// How often full buckets are forgotten, in requests.
const TIDY: u64 = 4_096;

/// The links of one port.
#[derive(Debug)]
pub struct Links {
    app: App,
    files: Rates,
    started: Instant,
    served: AtomicU64,
}

impl Links {
    /// Serves this application.
    pub fn new(app: App) -> Self {
        Self { files: Rates::files(&app.limits), app, started: Instant::now(), served: AtomicU64::new(0) }
    }

    /// Answers GET and HEAD of a link, asked from an address. `head` is the request's, of which the path and query are used
    /// as given.
    pub async fn answer(&self, head: &request::Parts, from: IpAddr) -> Response<Body> {
        if head.method != Method::GET && head.method != Method::HEAD {
            let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "method", "downloads take GET and HEAD");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let path_and_query = head.uri.path_and_query().map_or("", |whole| whole.as_str());
        match self.app.download_open(path_and_query).await {
            Ok(grant) if !self.may(&grant, from) => {
                let said = "the link is used too often; ask again in a second, for larger parts";
                let mut answer = problem(StatusCode::TOO_MANY_REQUESTS, "url.rate", said);
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
            Ok(grant) => {
                let mut answer = download::send(&self.app, head, &grant).await;
                // A good link is a credential: its many small ranges go over one connection.
                answer.extensions_mut().insert(Known);
                answer
            }
            Err(refusal) => download::refuse(&refusal),
        }
    }

    /// Counts a request; false where there were too many.
    fn may(&self, grant: &DownloadGrant, from: IpAddr) -> bool {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        if self.served.fetch_add(1, Ordering::Relaxed) % TIDY == TIDY - 1 {
            self.files.tidy(now);
        }
        let sender = match grant.account.whose {
            Whose::Execution { id, device: _ } => Sender::Execution(id),
            Whose::Linked | Whose::Nobody => Sender::Linked(grant.artifact, from),
        };
        self.files.take(sender, 1, now) == Pace::Free
    }
}
