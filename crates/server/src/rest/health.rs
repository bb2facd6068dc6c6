//! `/healthz`: the process is alive. `/readyz`: it wants requests. For machines that watch, without signing in.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;

use super::{Phase, Rest};

pub(super) fn routes(router: Router<Rest>) -> Router<Rest> {
    router.route("/healthz", get(|| async { "alive\n" })).route("/readyz", get(ready))
}

async fn ready(State(rest): State<Rest>) -> Response {
    match rest.readiness.phase() {
        Phase::Ready => "ready\n".into_response(),
        Phase::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting\n").into_response(),
        Phase::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_node_is_ready_between_its_start_and_its_drain_and_alive_always() {
        let server = Fixture::new("health").await;
        let nobody = server.anonymous();
        assert_eq!(nobody.outside("GET", "/readyz").await.status, 503);
        server.rest.readiness.set_ready();
        assert_eq!(nobody.outside("GET", "/readyz").await.status, 200);
        server.rest.readiness.set_draining();
        let draining = nobody.outside("GET", "/readyz").await;
        assert_eq!((draining.status, draining.text().as_str()), (503, "draining\n"));
        assert_eq!(nobody.outside("GET", "/healthz").await.status, 200);
    }
}
