//! `/downloads/v1/…`: signed links, answered as on the device port. The link itself is the credential.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use windlass_app::links::PATH;
use windlass_gateway::download;

use super::Rest;

pub(super) fn routes(router: Router<Rest>) -> Router<Rest> {
    router.route(&format!("{PATH}{{*link}}"), any(answer))
}

async fn answer(State(rest): State<Rest>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    download::answer(&rest.app, &head).await.map(Body::new)
}

#[cfg(test)]
mod tests {
    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_link_that_nobody_signed_is_refused_even_to_an_administrator() {
        let server = Fixture::new("downloads").await;
        server.upload("app.bin", b"firmware").await.expect(201);
        let link = "/downloads/v1/1/app.bin?execution=1&expires=9999999999&signature=AAAA";
        for somebody in [server.clone(), server.anonymous()] {
            let answer = somebody.outside("GET", link).await;
            assert_eq!(answer.status, 403, "{}", answer.text());
            assert!(answer.text().contains("url.invalid"), "{}", answer.text());
        }
        assert_eq!(server.outside("DELETE", link).await.status, 405);
    }
}
