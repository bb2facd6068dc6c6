//! The REST client: one request, one answer, errors that say what to do.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use windlass_api::page::Page;
use windlass_api::problem::{Problem, code};

use crate::terminal::{Exit, Trouble};

/// How one proves who one is.
#[derive(Clone)]
pub(crate) enum Proof {
    /// An API token.
    Token(String),
    /// A user and a password, for the sign-in that makes a token.
    Password {
        /// Who.
        user: String,
        /// The secret.
        password: String,
    },
    /// Nothing.
    Nobody,
}

/// A server to talk to.
#[derive(Clone)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: Url,
    proof: Proof,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Api").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

/// What the server's certificate must lead to.
#[derive(Debug, Clone)]
pub(crate) enum Trust {
    /// This authority, in PEM.
    Authority(String),
    /// Anything: only to fetch the authority itself, whose fingerprint is then compared.
    Anything,
    /// No TLS.
    Plain,
}

impl Api {
    /// A client for the server at `url`, such as `https://host:8080`.
    pub(crate) fn new(url: &str, trust: &Trust, proof: Proof) -> anyhow::Result<Self> {
        let base = Url::parse(url)
            .with_context(|| format!("{url:?} is not a URL such as https://localhost:8080"))?;
        let builder = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).no_proxy();
        let builder = match trust {
            Trust::Authority(pem) => {
                builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(pem.as_bytes())?)
            }
            Trust::Anything => builder.tls_danger_accept_invalid_certs(true),
            Trust::Plain => builder,
        };
        Ok(Self { http: builder.build()?, base, proof })
    }

    /// The URL of a resource; every part becomes one segment, whatever characters it has.
    pub(crate) fn url(&self, parts: &[&str]) -> anyhow::Result<Url> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("{} cannot have a path", self.base))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(parts);
        Ok(url)
    }

    /// A request with the credential.
    pub(crate) fn request(&self, method: Method, url: Url) -> reqwest::RequestBuilder {
        let request = self.http.request(method, url);
        match &self.proof {
            Proof::Token(token) => request.bearer_auth(token),
            Proof::Password { user, password } => request.basic_auth(user, Some(password)),
            Proof::Nobody => request,
        }
    }

    /// Sends and reads any answer that is not a problem.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> anyhow::Result<reqwest::Response> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.bytes().await.unwrap_or_default();
        Err(refused(status, serde_json::from_slice(&body).ok()).into())
    }

    /// Sends and reads the JSON of the answer.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let body = self.send(request).await?.bytes().await.context("the answer broke off")?;
        serde_json::from_slice(&body).context("the server's answer is not what this version expects")
    }

    /// GET with query parameters.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        query: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.ask(self.request(Method::GET, self.url(parts)?).query(query)).await
    }

    /// GET without parameters.
    pub(crate) async fn show<T: DeserializeOwned>(&self, parts: &[&str]) -> anyhow::Result<T> {
        self.ask(self.request(Method::GET, self.url(parts)?)).await
    }

    /// A request with a JSON body, for its answer.
    pub(crate) async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        parts: &[&str],
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.ask(self.request(method, self.url(parts)?).json(body)).await
    }

    /// A request whose answer does not matter.
    pub(crate) async fn act(&self, method: Method, parts: &[&str]) -> anyhow::Result<()> {
        self.send(self.request(method, self.url(parts)?)).await.map(drop)
    }

    /// An action without a body, for its answer.
    pub(crate) async fn invoke<T: DeserializeOwned>(&self, parts: &[&str]) -> anyhow::Result<T> {
        self.ask(self.request(Method::POST, self.url(parts)?)).await
    }

    /// Every item of a list, page after page, no more than `most`.
    pub(crate) async fn all<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        query: &impl Serialize,
        most: usize,
    ) -> anyhow::Result<Page<T>> {
        let url = self.url(parts)?;
        self.pages(|| self.request(Method::GET, url.clone()).query(query), most).await
    }

    /// The same of a list that is asked for with a body.
    pub(crate) async fn all_of<T: DeserializeOwned>(
        &self,
        parts: &[&str],
        query: &impl Serialize,
        body: &impl Serialize,
        most: usize,
    ) -> anyhow::Result<Page<T>> {
        let url = self.url(parts)?;
        self.pages(|| self.request(Method::POST, url.clone()).query(query).json(body), most).await
    }

    async fn pages<T: DeserializeOwned>(
        &self,
        request: impl Fn() -> reqwest::RequestBuilder,
        most: usize,
    ) -> anyhow::Result<Page<T>> {
        let mut whole = Page { items: Vec::new(), total: None, cursor: None, facets: None };
        loop {
            let request = match &whole.cursor {
                Some(cursor) => request().query(&[("cursor", cursor)]),
                None => request(),
            };
            let page: Page<T> = self.ask(request).await?;
            whole.items.extend(page.items);
            whole.total = whole.total.or(page.total);
            whole.facets = whole.facets.or(page.facets);
            whole.cursor = page.cursor;
            if whole.cursor.is_none() || whole.items.len() >= most {
                whole.items.truncate(most);
                return Ok(whole);
            }
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Trouble {
        let mut causes = String::new();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            causes = inner.to_string();
            cause = inner.source();
        }
        let hint = if causes.contains("UnknownIssuer") || causes.contains("certificate") {
            "the server's certificate is not the one you signed in to; run `windlass login` again"
        } else if error.is_timeout() {
            "is the server busy, or a firewall in between?"
        } else {
            "is the server running, and is this its console port? `windlass serve` prints it"
        };
        Trouble {
            exit: Exit::Unreachable,
            message: format!("{} does not answer: {causes}", self.base),
            hint: Some(hint.to_owned()),
        }
    }
}

/// Turns a refusal into an error with a hint.
fn refused(status: StatusCode, problem: Option<Problem>) -> Trouble {
    let exit = match status {
        StatusCode::NOT_FOUND => Exit::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => Exit::NotAllowed,
        status if status.is_client_error() => Exit::Refused,
        _ => Exit::Failure,
    };
    let Some(problem) = problem else {
        let message = format!("the server answered {status} and did not say why");
        return Trouble {
            exit,
            message,
            hint: Some("is this the console port of a Windlass server?".to_owned()),
        };
    };
    let mut message = problem.detail.clone();
    for field in &problem.errors {
        let said = field.sentence();
        // The detail may be about the only field there is.
        if !problem.detail.contains(&said) {
            message.push_str(&format!("\n  {said}"));
        }
    }
    let hint = match problem.code.as_str() {
        code::UNAUTHENTICATED => Some("run `windlass login`, or pass a token with WINDLASS_TOKEN".to_owned()),
        code::FORBIDDEN => Some("`windlass whoami` shows what this token may do".to_owned()),
        code::VERSION_MISMATCH => Some("somebody else changed it; look again and repeat".to_owned()),
        _ if problem.errors.iter().any(|error| error.field == "currentPassword") => Some(
            "it is your own password: pass --current-password-file with the one that you have now".to_owned(),
        ),
        _ if is_about_query(&problem) => Some("for example: --query 'type==pump;tag==outdoor'".to_owned()),
        _ if status.is_server_error() => {
            Some(format!("the server's log has more under request id {}", problem.request_id))
        }
        _ => None,
    };
    Trouble { exit, message, hint }
}

/// Whether the fleet query is what is wrong.
fn is_about_query(problem: &Problem) -> bool {
    problem.code == code::BAD_QUERY
        || problem
            .errors
            .iter()
            .any(|error| matches!(error.field.as_str(), "q" | "query.q" | "targets.query"))
}

#[cfg(test)]
mod tests {
    use windlass_api::problem::FieldProblem;

    use super::*;

    fn api() -> Api {
        Api::new("http://localhost:1/base/", &Trust::Plain, Proof::Nobody).unwrap()
    }

    #[test]
    fn every_part_of_a_path_stays_one_segment() {
        let url = api().url(&["groups", "eu/berlin plant", "members"]).unwrap();
        assert_eq!(url.as_str(), "http://localhost:1/base/api/v1/groups/eu%2Fberlin%20plant/members");
    }

    #[test]
    fn a_refusal_names_every_field_and_its_exit_code_says_what_kind_it_is() {
        let mut problem = Problem::new(400, code::INVALID, "Invalid", "The body has 2 problems.");
        problem.errors = vec![
            FieldProblem { field: "name".into(), problem: "is too long".into() },
            FieldProblem { field: "tags[0]".into(), problem: "has a space".into() },
        ];
        let trouble = refused(StatusCode::BAD_REQUEST, Some(problem));
        assert_eq!(trouble.exit, Exit::Refused);
        assert_eq!(trouble.message, "The body has 2 problems.\n  name is too long\n  tags[0] has a space");
        let mut one = Problem::new(400, code::INVALID, "Invalid", "name is too long.");
        one.errors = vec![FieldProblem { field: "name".into(), problem: "is too long".into() }];
        assert_eq!(refused(StatusCode::BAD_REQUEST, Some(one)).message, "name is too long.", "said once");
        assert_eq!(refused(StatusCode::NOT_FOUND, None).exit, Exit::NotFound);
        assert_eq!(refused(StatusCode::FORBIDDEN, None).exit, Exit::NotAllowed);
        assert_eq!(refused(StatusCode::BAD_GATEWAY, None).exit, Exit::Failure);
    }

    #[test]
    fn a_missing_sign_in_comes_with_the_command_that_helps() {
        let problem = Problem::new(401, code::UNAUTHENTICATED, "Sign in", "No credential was given.");
        let trouble = refused(StatusCode::UNAUTHORIZED, Some(problem));
        assert!(trouble.hint.unwrap().contains("windlass login"));
        assert_eq!(trouble.exit, Exit::NotAllowed);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_apart_from_a_refusal() {
        let error = api().show::<serde_json::Value>(&["server"]).await.unwrap_err();
        let trouble = error.downcast_ref::<Trouble>().unwrap();
        assert_eq!(trouble.exit, Exit::Unreachable);
        assert!(trouble.hint.is_some());
    }
}
