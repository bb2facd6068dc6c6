//! `/backups`: what there is, one more, one less. They are not downloaded here: they hold the server's keys.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api as api;
use windlass_app::backup::{Listed, Schedule, Sealed, Shown, ShownState};
use windlass_domain::permission::Permission;

use super::Rest;
use super::access::Caller;
use super::error::Refusal;
use super::io::{Accepted, At, Done};
use super::routes::Routes;
use super::view::time;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("server")
        .get("/api/v1/backups", Permission::ServerRead, "listBackups", "List backups of the server", list)
        .post(
            "/api/v1/backups",
            Permission::ServerManage,
            "createBackup",
            "Start a backup of the server",
            create,
        )
        .delete(
            "/api/v1/backups/{name}",
            Permission::ServerManage,
            "deleteBackup",
            "Delete a backup, unless it is the only one",
            delete,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct BackupPath {
    /// The file's name.
    name: String,
}

fn show(shown: Shown) -> api::backups::Backup {
    let Shown { name, created_at, bytes, sealed, version, state } = shown;
    let (state, detail) = match state {
        ShownState::Running => (api::backups::BackupState::Running, None),
        ShownState::Complete { warning } => (api::backups::BackupState::Complete, warning),
        ShownState::Failed { detail } => (api::backups::BackupState::Failed, Some(detail)),
    };
    let sealed = match sealed {
        Sealed::Plain => api::backups::Sealed::Plain,
        Sealed::Passphrase => api::backups::Sealed::Passphrase,
        Sealed::Recipient => api::backups::Sealed::Recipient,
    };
    api::backups::Backup { name, created_at: time(created_at), bytes, sealed, version, state, detail }
}

async fn list(State(rest): State<Rest>, Caller(by): Caller) -> Result<Json<api::backups::Backups>, Refusal> {
    let Listed { items, schedule } = rest.config.backups.list(&by).await?;
    let schedule =
        schedule.map(|Schedule { directory, every, keep, next_at }| api::backups::BackupSchedule {
            every_seconds: every.map(|every| every.as_secs()),
            keep: u64::try_from(keep).unwrap_or(u64::MAX),
            directory: directory.display().to_string(),
            next_at: next_at.map(time),
        });
    Ok(Json(api::backups::Backups { items: items.into_iter().map(show).collect(), schedule }))
}

async fn create(
    State(rest): State<Rest>,
    Caller(by): Caller,
) -> Result<Accepted<api::backups::Backup>, Refusal> {
    Ok(Accepted(show(rest.config.backups.start(&by).await?)))
}

async fn delete(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(BackupPath { name }): At<BackupPath>,
) -> Result<Done, Refusal> {
    rest.config.backups.delete(&by, &name).await?;
    Ok(Done)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::rest::fixture::Fixture;

    #[tokio::test]
    async fn a_backup_is_made_listed_and_deleted_but_the_last_one_stays() {
        let server = Fixture::new("backups").await;
        assert_eq!(server.get("/backups").await.expect(200)["items"], json!([]));
        let mut names = Vec::new();
        for _ in 0..2 {
            let begun = server.act("/backups").await.expect(202);
            assert_eq!(begun["state"], "running");
            let name = begun["name"].as_str().unwrap().to_owned();
            let made = loop {
                let listed = server.get("/backups").await.expect(200);
                if listed["items"][0]["state"] != "running" {
                    break listed;
                }
                tokio::task::yield_now().await;
            };
            assert_eq!(made["items"][0]["state"], "complete", "{made}");
            assert_eq!(made["items"][0]["name"], name);
            assert_eq!(made["schedule"]["keep"], 3);
            names.push(name);
            server.clock.advance(std::time::Duration::from_secs(60));
        }
        server.delete("/backups/..%2Fdata%2Fstate.db").await.problem(404, "backup.not_found");
        server
            .delete("/backups/windlass-0.1.0-20000101T000000Z.backup")
            .await
            .problem(404, "backup.not_found");
        server.delete(&format!("/backups/{}", names[0])).await.expect(204);
        server.delete(&format!("/backups/{}", names[1])).await.problem(409, "backup.last");
        let audit = server.get("/audit").await.expect(200).to_string();
        assert!(audit.contains("backup.create") && audit.contains("backup.delete"), "{audit}");
    }

    #[tokio::test]
    async fn another_tenant_neither_sees_nor_makes_backups_and_a_viewer_only_looks() {
        let server = Fixture::new("backups-others").await;
        let other = server.in_another_tenant("acme").await;
        let listed = other.get("/backups").await.expect(200);
        assert_eq!(listed, json!({"items": []}));
        other.act("/backups").await.problem(403, "auth.forbidden");
        let viewer = server.as_role("viewer").await;
        viewer.get("/backups").await.expect(200);
        viewer.act("/backups").await.problem(403, "auth.forbidden");
        server.as_role("operator").await.act("/backups").await.problem(403, "auth.forbidden");
    }
}
