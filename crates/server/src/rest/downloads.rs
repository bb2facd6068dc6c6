//! `/downloads/v1/…`: signed links, answered as on the device port. The link itself is the credential.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use windlass_app::links::PATH;

use super::Rest;
use super::browser::Browser;

pub(super) fn routes(router: Router<Rest>) -> Router<Rest> {
    router.route(&format!("{PATH}{{*link}}"), any(answer))
}

async fn answer(State(rest): State<Rest>, request: Request) -> Response {
    let from = Browser::of(&rest, &request).address;
    let (head, _) = request.into_parts();
    rest.links.answer(&head, from).await.map(Body::new)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use windlass_domain::limits::Limits;

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

    #[tokio::test]
    async fn a_lasting_link_is_used_so_often_from_one_address_and_as_often_from_another() {
        // A bucket that does not refill while the test runs.
        let few = Limits { file_requests_per_second: 0, file_request_burst: 4, ..Limits::default() };
        let server = Fixture::limited("downloads-rate", few).await;
        let made = server.upload("image.zck", b"chunks").await.expect(201);
        let place = format!("/artifacts/{}/link", made["id"]);
        let link = server.put(&place, json!({})).await.expect(200)["path"].as_str().unwrap().to_owned();
        let stranger = server.anonymous();
        for _ in 0..3 {
            assert_eq!(stranger.outside("GET", &link).await.status, 200);
        }
        let refused = stranger.outside("GET", &link).await;
        assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
        assert!(refused.text().contains("url.rate"), "{}", refused.text());
        assert_eq!(stranger.outside("HEAD", &link).await.status, 429, "whatever is asked of it");
        assert_eq!(stranger.from("10.0.0.9").outside("GET", &link).await.status, 200);
        let forged = link.replace("/link/", "/link/0");
        assert_eq!(
            stranger.outside("GET", &forged).await.status,
            403,
            "what opens nothing counts for nobody"
        );
    }
}
