//! `/auto-assignments`: what saved queries of hawkBit's clients assign by themselves, and a second person's word on it.
//! They are made, started and held with hawkBit's Management API.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::auto_assignments::{
    AutoAssignment, AutoAssignmentDecision, AutoAssignmentQuery, AutoAssignmentState,
};
use windlass_api::page::{Page, PageQuery};
use windlass_api::releases::NameVersion;
use windlass_api::rollouts::{Handling, Remark};
use windlass_app::hawkbit::stored::items::Item;
use windlass_app::hawkbit::stored::{AutoAssign, AutoState, Filter};
use windlass_app::hawkbit::{AutoAct, Seen};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{At, Body, IfMatch, Query, Versioned};
use super::page::by_number;
use super::rollouts::approval_out;
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::{DeviceRead, JobApprove};
    routes
        .tag("hawkBit")
        .get(
            "/api/v1/auto-assignments",
            DeviceRead,
            "listAutoAssignments",
            "List what saved queries of hawkBit's clients assign by themselves",
            list,
        )
        .post(
            "/api/v1/auto-assignments/{id}/approve",
            JobApprove,
            "approveAutoAssignment",
            "Agree to an auto assignment as a second person",
            decide::<true>,
        )
        .post(
            "/api/v1/auto-assignments/{id}/deny",
            JobApprove,
            "denyAutoAssignment",
            "Deny an auto assignment as a second person",
            decide::<false>,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct AutoAssignmentPath {
    /// Number of the auto assignment.
    id: i64,
}

const fn state(state: AutoState) -> AutoAssignmentState {
    match state {
        AutoState::WaitingForApproval => AutoAssignmentState::WaitingForApproval,
        AutoState::Denied => AutoAssignmentState::Denied,
        AutoState::Ready => AutoAssignmentState::Ready,
        AutoState::Running => AutoAssignmentState::Running,
        AutoState::Paused => AutoAssignmentState::Paused,
    }
}

/// What devices are told, by hawkBit's word for it.
fn handling(action_type: &str) -> Handling {
    match action_type.to_ascii_lowercase().as_str() {
        "soft" => Handling::Soft,
        "downloadonly" => Handling::DownloadOnly,
        _ => Handling::Forced,
    }
}

/// Those of some saved queries that assign something, as shown.
async fn shown(
    rest: &Rest,
    by: &Principal,
    items: Vec<Item<Filter>>,
) -> Result<Vec<AutoAssignment>, Refusal> {
    let sets = rest.app.hawkbit_assigned_names(by, &items).await?;
    let mut approvals = rest.app.hawkbit_auto_approvals(by, &items).await?;
    let one = |item: Item<Filter>| {
        let Item { id, name, body, created_at, created_by: _, updated_at, updated_by: _ } = item;
        let Filter { query, description, auto_assign, asked: _ } = body;
        let AutoAssign {
            set,
            action_type,
            weight: _,
            confirmation_required,
            by: asked,
            asked_by,
            state: at,
            start_at,
            decision,
            owns_filter: _,
        } = auto_assign?;
        Some(AutoAssignment {
            id,
            name,
            description: description.filter(|text| !text.is_empty()),
            query,
            release: sets
                .get(&set)
                .map(|(name, version)| NameVersion { name: name.clone(), version: version.clone() }),
            handling: handling(&action_type),
            consent: confirmation_required,
            state: state(at),
            starts_at: start_at.map(|at| time(Timestamp::from_micros(at))),
            // Those that were made before it was kept who asked, as an actor.
            asked_by: if asked_by.is_empty() { asked } else { asked_by },
            decision: decision.map(|decision| AutoAssignmentDecision {
                by: decision.by,
                remark: decision.remark.unwrap_or_default(),
            }),
            approval: approvals.remove(&id).map(approval_out),
            version: updated_at.micros(),
            created_at: time(created_at),
            changed_at: time(updated_at),
        })
    };
    Ok(items.into_iter().filter_map(one).collect())
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(AutoAssignmentQuery { state: wanted, limit, cursor }): Query<AutoAssignmentQuery>,
) -> Result<Json<Page<AutoAssignment>>, Refusal> {
    let mut all = rest.app.hawkbit_filters(&by).await?;
    all.retain(|item| {
        let at = item.body.auto_assign.as_ref().map(|auto| state(auto.state));
        at.is_some_and(|at| wanted.is_none_or(|wanted| wanted == at))
    });
    let page = by_number(all, &PageQuery { limit, cursor }, |item| item.id, |item| item)?;
    let Page { items, total, cursor, facets } = page;
    Ok(Json(Page { items: shown(&rest, &by, items).await?, total, cursor, facets }))
}

/// A second person's word: yes, or no.
async fn decide<const APPROVED: bool>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(AutoAssignmentPath { id }): At<AutoAssignmentPath>,
    IfMatch(version): IfMatch,
    Body(Remark { remark }): Body<Remark>,
) -> Result<Versioned<AutoAssignment>, Refusal> {
    let act = AutoAct::Decide { approved: APPROVED, remark, seen: version.map(Seen::Version) };
    rest.app.hawkbit_auto_act(&by, id, act).await?;
    let item = rest.app.hawkbit_auto_assignment(&by, id).await?;
    let one = shown(&rest, &by, vec![item]).await?.pop();
    let body = one.ok_or_else(|| Refusal::not_found("auto assignment", id))?;
    Ok(Versioned { version: body.version, body })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::hawkbit::fixture::{software, targets};
    use crate::rest::fixture::Fixture;

    /// A server on which an auto assignment waits for a second person, and its number.
    async fn waiting(name: &str) -> (Fixture, i64) {
        let server = Fixture::new(name).await;
        let (_, set) = software(&server, "fw", "1").await;
        targets(&server, &["pump-1", "valve-1"]).await;
        let on = json!({"values": {"auto.assignment.approval.enabled": true}});
        server.put("/settings/hawkbit", on).await.expect(200);
        let new =
            json!({"name": "pumps", "targetFilterQuery": "controllerId==pump-*", "distributionSetId": set});
        let made = server.hawkbit("POST", "/autoassignments", Some(new)).await.expect(201);
        (server, made["id"].as_i64().unwrap())
    }

    async fn listed(server: &Fixture, query: &str) -> Vec<Value> {
        let page = server.get(&format!("/auto-assignments{query}")).await.expect(200);
        page["items"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn a_decision_that_cannot_be_taken_changes_nothing() {
        let (server, id) = waiting("auto-rest-bad").await;
        let other = server.as_role("operator").await;
        let place = |act: &str| format!("/auto-assignments/{id}/{act}");
        let own = listed(&server, "").await[0]["approval"].clone();
        assert_eq!(own["may"], "neither");
        assert!(
            own["why"].as_str().unwrap().contains("another user with the permission job.approve"),
            "{own}"
        );
        assert_eq!(listed(&other, "").await[0]["approval"], json!({"may": "both"}));
        assert_eq!(listed(&server.as_role("viewer").await, "").await[0]["approval"]["may"], "neither");
        for act in ["approve", "deny"] {
            let own = server.post(&place(act), json!({})).await;
            own.problem(409, "hawkbit.auto_assign_state");
            server.as_role("viewer").await.post(&place(act), json!({})).await.problem(403, "auth.forbidden");
            let nobody = format!("/auto-assignments/999/{act}");
            other.post(&nobody, json!({})).await.problem(404, "auto_assignment.not_found");
            for (body, field) in [
                (json!({"remark": "r".repeat(513)}), "remark"),
                (json!({"remark": 1}), "remark"),
                (json!({"colour": "red"}), "colour"),
            ] {
                let refused = other.post(&place(act), body).await;
                assert_eq!(refused.problem(400, "request.invalid").fields(), [field]);
            }
            let stale = [("content-type", "application/json"), ("if-match", "\"1\"")];
            other.send("POST", &place(act), &stale, "{}").await.problem(412, "version.mismatch");
        }
        server.get("/auto-assignments?state=soon").await.problem(400, "request.invalid");
        server.get("/auto-assignments?limit=0").await.problem(400, "request.invalid");
        server.get("/auto-assignments?cursor=t61").await.problem(400, "cursor.invalid");
        let elsewhere = server.in_another_tenant("acme").await;
        assert!(listed(&elsewhere, "").await.is_empty());
        elsewhere.post(&place("deny"), json!({})).await.problem(404, "auto_assignment.not_found");
        let token = json!({"name": "eu", "role": "operator", "scope": "tag==eu"});
        let token = server.post("/tokens", token).await.expect(201);
        let scoped = server.with_token(token["secret"].as_str().unwrap());
        scoped.post(&place("approve"), json!({})).await.problem(403, "auth.forbidden");
        let told = listed(&scoped, "").await[0]["approval"].clone();
        assert_eq!(told["may"], "neither");
        assert!(
            told["why"].as_str().unwrap().starts_with("The scope of your token does not allow it"),
            "{told}"
        );
        assert_eq!(listed(&server, "").await[0]["state"], "waitingForApproval");
        assert!(!server.get("/audit").await.expect(200).to_string().contains("remark"));
    }

    #[tokio::test]
    async fn what_waits_is_listed_and_approved_as_it_was_looked_at() {
        let (server, id) = waiting("auto-rest-approve").await;
        let one = listed(&server, "?state=waitingForApproval").await.remove(0);
        assert_eq!(
            (&one["id"], &one["name"], &one["query"], &one["release"], &one["handling"], &one["state"]),
            (
                &json!(id),
                &json!("pumps"),
                &json!("controllerId==pump-*"),
                &json!({"name": "fw", "version": "1"}),
                &json!("forced"),
                &json!("waitingForApproval")
            )
        );
        let me = server.get("/me").await.expect(200);
        assert_eq!(
            one["askedBy"],
            format!("{} {}", me["kind"].as_str().unwrap(), me["name"].as_str().unwrap())
        );
        assert!(listed(&server, "?state=ready").await.is_empty());
        server.clock.advance(std::time::Duration::from_secs(1));
        let wider = json!({"query": "controllerId==*"});
        server.hawkbit("PUT", &format!("/targetfilters/{id}"), Some(wider)).await.expect(200);
        let other = server.as_role("operator").await;
        let approve = async |version: &Value| {
            let version = format!("\"{version}\"");
            let headers = [("content-type", "application/json"), ("if-match", version.as_str())];
            let body = json!({"remark": "all of them"}).to_string();
            other.send("POST", &format!("/auto-assignments/{id}/approve"), &headers, body).await
        };
        approve(&one["version"]).await.problem(412, "version.mismatch");
        let now = listed(&server, "").await.remove(0);
        let done = approve(&now["version"]).await;
        assert_eq!(done.header("etag").unwrap(), format!("\"{}\"", done.expect(200)["version"]));
        let done = done.expect(200);
        assert_eq!((&done["state"], &done["decision"]["remark"]), (&json!("ready"), &json!("all of them")));
        let shown = server.hawkbit("GET", &format!("/autoassignments/{id}"), None).await.expect(200);
        assert_eq!((&shown["status"], &shown["approvalRemark"]), (&json!("ready"), &json!("all of them")));
        other
            .post(&format!("/auto-assignments/{id}/deny"), json!({}))
            .await
            .problem(409, "hawkbit.auto_assign_state");
        let audit = server.get("/audit").await.expect(200).to_string();
        assert!(audit.contains("all of them") && audit.contains("controllerId==*"), "{audit}");
    }

    #[tokio::test]
    async fn what_was_denied_assigns_nothing() {
        let (server, id) = waiting("auto-rest-deny").await;
        let other = server.as_role("operator").await;
        let denied = other.post(&format!("/auto-assignments/{id}/deny"), json!({"remark": "no"})).await;
        let denied = denied.expect(200);
        assert_eq!((&denied["state"], denied.get("approval")), (&json!("denied"), None));
        assert_eq!(server.rest.app.hawkbit_auto_assign().await.unwrap(), 0);
        assert_eq!(listed(&server, "?state=denied").await[0]["decision"]["remark"], "no");
    }
}
