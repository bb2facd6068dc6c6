//! Every route × everybody: strangers, and roles without the permission. Other tenants are in `tenancy_tests`.

use axum::body::Body;
use windlass_domain::ids::TenantId;
use windlass_domain::permission::{Principal, Role, allows};

use super::routes::Operation;
use super::table;
use crate::rest::access::Access;
use crate::rest::fixture::Fixture;

/// The path with something in every placeholder.
fn filled(operation: &Operation, id: &str) -> String {
    let parts = operation.path.split('/').map(|part| match part {
        "{id}" => id,
        part if part.starts_with('{') => "1",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[tokio::test]
async fn every_route_refuses_strangers_before_it_looks_at_anything() {
    let server = Fixture::new("hb-strangers").await;
    let strangers = [
        server.anonymous(),
        server.with_password("nobody", "nothing"),
        server.with_password("nobody", "wl_0000000000000000000000000000000000000000000"),
        server.with_authorization("Basic not-base64"),
        server.with_authorization("TargetToken abc"),
    ];
    let all = table(&server.rest);
    assert!(all.len() > 40, "only {} routes", all.len());
    for operation in &all {
        for (index, stranger) in strangers.iter().enumerate() {
            let path = filled(operation, "1");
            let body = Body::from("not json");
            let answer = stranger.hawkbit_raw(operation.method, &path, "text/plain", body).await;
            assert!(
                matches!(answer.status, 401 | 429),
                "{index} {} {path}: {}",
                operation.method,
                answer.text()
            );
            answer.hawkbit_error(answer.status);
        }
    }
}

#[tokio::test]
async fn every_route_refuses_roles_without_its_permission_before_it_looks_at_anything() {
    let server = Fixture::new("hb-roles").await;
    for role in Role::ALL {
        let somebody = server.as_role(role.as_str()).await;
        for operation in table(&server.rest) {
            let path = filled(&operation, "999");
            let body = Body::from("not json");
            let answer = somebody.hawkbit_raw(operation.method, &path, "application/json", body).await;
            let may = match operation.access {
                Access::Anyone | Access::SignedIn => true,
                Access::Needs(permission) => {
                    allows(&Principal::user(TenantId::new(1), "somebody", *role), permission)
                }
            };
            let told = format!("{role} {} {path}: {} {}", operation.method, answer.status, answer.text());
            assert!(answer.status != 401 && answer.status < 500, "{told}");
            assert!(may || answer.status == 403, "{told}");
        }
    }
}

#[tokio::test]
async fn paths_and_methods_that_there_are_not_answer_in_the_same_words() {
    let server = Fixture::new("hb-paths").await;
    server.hawkbit("GET", "/nothing", None).await.hawkbit_error(404);
    server.hawkbit("PUT", "/targets", None).await.hawkbit_error(405);
    let head = server.hawkbit("HEAD", "/targets", None).await;
    assert_eq!(head.status, 200);
}
