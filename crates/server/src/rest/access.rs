//! Sign-in and permission, decided before body and query are looked at.
//!
//! Every route names its [`Access`]; [`super::routes`] builds none without.

use aide::OperationInput;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, StatusCode, header};
use windlass_api::problem::code;
use windlass_app::AppError;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::ids::ConsoleSessionId;
use windlass_domain::permission::{Permission, Principal, allows};

use super::Rest;
use super::browser::{Browser, Site};
use super::error::Refusal;

/// Who may use an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody, without signing in.
    Anyone,
    /// Everybody who signed in.
    SignedIn,
    /// Those whose role has this permission.
    Needs(Permission),
}

impl From<Permission> for Access {
    fn from(permission: Permission) -> Self {
        Self::Needs(permission)
    }
}

/// Who signed in; an argument of handlers.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Principal);

impl OperationInput for Caller {}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        // Only a route for anyone that asks for a caller gets here without one.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Refusal::unauthenticated(HOW))
    }
}

const HOW: &str = "Send an API token as Authorization: Bearer, or user and password as Authorization: Basic.";

/// Whether a page of another site could have made a browser send a change just like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// As far as can be seen.
    Plain,
    /// Not without asking before, which this server allows nobody.
    Asked,
}

/// The layer around one operation.
pub(crate) async fn decide(
    State((rest, access)): State<(Rest, Access)>,
    request: Request,
    next: Next,
) -> Response {
    decide_by(&rest, access, Way::Plain, request, next).await
}

/// As [`decide`], knowing how the request came.
pub(crate) async fn decide_by(
    rest: &Rest,
    access: Access,
    way: Way,
    mut request: Request,
    next: Next,
) -> Response {
    let browser = Browser::of(rest, &request);
    let changes = !request.method().is_safe();
    if access == Access::Anyone {
        if changes && browser.site == Site::Other {
            return forged().into_response();
        }
        request.extensions_mut().insert(browser);
        return next.run(request).await;
    }
    let signed_in = match sign_in(rest, request.headers(), &browser).await {
        Ok(signed_in) => signed_in,
        Err(refusal) => return refusal.into_response(),
    };
    let SignedIn { principal, session } = signed_in;
    if let Access::Needs(permission) = access
        && !allows(&principal, permission)
    {
        return Refusal::from(AppError::Forbidden(permission.as_str())).into_response();
    }
    // A browser sends the cookie, and a password that it remembers, along with what other sites ask of it.
    let forgeable = match browser.site {
        Site::Own => false,
        Site::Other => session.is_some() || way == Way::Plain,
        Site::Unknown => session.is_some(),
    };
    if changes && forgeable {
        return forged().into_response();
    }
    request.extensions_mut().insert(Browser { session, ..browser });
    request.extensions_mut().insert(Caller(principal));
    next.run(request).await
}

fn forged() -> Refusal {
    const DETAIL: &str = "A page of another site may not change anything here. Where the page is yours, set public_url to \
        its address, or have a trusted_proxy pass its Host or X-Forwarded-Host on.";
    Refusal::new(StatusCode::FORBIDDEN, code::FORBIDDEN, "Not allowed", DETAIL)
}

/// What an `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
enum Presented {
    Bearer(String),
    Basic { user: String, password: String },
}

fn read(header: &[u8]) -> Option<Presented> {
    let text = std::str::from_utf8(header).ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        Some(Presented::Bearer(rest.to_owned()))
    } else if scheme.eq_ignore_ascii_case("basic") {
        let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(Presented::Basic { user: user.to_owned(), password: password.to_owned() })
    } else {
        None
    }
}

/// Who signed in, and with which session if with one.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) principal: Principal,
    pub(crate) session: Option<ConsoleSessionId>,
}

impl From<Principal> for SignedIn {
    fn from(principal: Principal) -> Self {
        Self { principal, session: None }
    }
}

pub(crate) async fn sign_in(
    rest: &Rest,
    headers: &HeaderMap,
    browser: &Browser,
) -> Result<SignedIn, Refusal> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let header = match (given.next(), given.next(), browser.cookie(headers)) {
        (Some(header), None, _) => header,
        (None, _, Some(secret)) => {
            let (principal, session) = rest.app.identify_session(&secret, browser.address).await?;
            return Ok(SignedIn { principal, session: Some(session) });
        }
        _ => return Err(Refusal::unauthenticated(HOW)),
    };
    let presented = read(header.as_bytes()).ok_or_else(|| {
        Refusal::unauthenticated(&format!("The Authorization header cannot be read. {HOW}"))
    })?;
    match presented {
        Presented::Bearer(secret) => match rest.app.identify_token(&secret).await {
            Ok(principal) => Ok(principal.into()),
            Err(ConnectRefusal::Unavailable) => {
                Err(AppError::Unavailable("the token could not be checked; try again".to_owned()).into())
            }
            Err(_) => Err(Refusal::unauthenticated(
                "The token is not good: unknown, expired or revoked. Make another one.",
            )),
        },
        Presented::Basic { user, password } => {
            let (tenant, user) = rest.tenant_of(&user).await?;
            Ok(rest.app.identify_password(tenant, &user, &password, browser.address).await?.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authorization_headers_are_read_or_refused() {
        let bearer = |text: &str| Some(Presented::Bearer(text.to_owned()));
        assert_eq!(read(b"Bearer wl_abc"), bearer("wl_abc"));
        assert_eq!(read(b"bearer wl_abc "), bearer("wl_abc"));
        let basic = Presented::Basic { user: "anna".to_owned(), password: "a:b".to_owned() };
        assert_eq!(read(format!("Basic {}", STANDARD.encode("anna:a:b")).as_bytes()), Some(basic));
        for garbage in [
            &b""[..],
            b"Bearer",
            b"Bearer ",
            b"Basic ???",
            b"Digest x",
            b"Basic YQ==",
            b"\xff\xfe x",
            b"Basic //8=",
        ] {
            assert_eq!(read(garbage), None, "{garbage:?}");
        }
    }
}
