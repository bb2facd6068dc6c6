//! The dry run of a job: in clusters, and device by device.

use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use windlass_api::jobs::NewJob;
use windlass_api::page::Page;
use windlass_api::rollouts::{JobPreview, PreviewCluster, PreviewDevice, PreviewDeviceQuery};
use windlass_app::jobs::preview as app;
use windlass_domain::ids::{DeviceId, Sha256, TenantId};
use windlass_domain::job::Outcome;
use windlass_domain::time::Timestamp;

use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;
use crate::rest::io::{Body, Query};
use crate::rest::jobs;
use crate::rest::page::{bad_cursor, limit};
use crate::rest::view::{outcome, outcome_in, time};

fn plural(count: u64, one: &str) -> String {
    format!("{count} {one}{}", if count == 1 { "" } else { "s" })
}

/// What an expected end counts and leaves out, or why there is none.
fn note(preview: &app::Preview) -> String {
    let mut left_out = Vec::new();
    if preview.silent > 0 {
        left_out.push(format!("{} not heard for long", plural(preview.silent, "device")));
    }
    if preview.behind > 0 {
        left_out.push(format!(
            "the time that {} for another update",
            match preview.behind {
                1 => "1 device waits".to_owned(),
                more => format!("{more} devices wait"),
            }
        ));
    }
    if preview.waits_for_people {
        left_out.push("the time until somebody starts it, approves it or has it go on".to_owned());
    }
    let left_out = match left_out.is_empty() {
        true => {
            "Counts contacts, waves, windows and the policy's limits; not the time to install.".to_owned()
        }
        false => format!("Leaves out {}, and the time to install.", left_out.join(", ")),
    };
    match preview.expected {
        app::Expected::At(_) => left_out,
        app::Expected::EndsFirst(_) => {
            format!(
                "The job ends before everybody is reached: what was not begun then is withdrawn. {left_out}"
            )
        }
        app::Expected::NoWork => "No device would get work.".to_owned(),
        app::Expected::NobodyHeard => {
            "None of the devices with work was heard lately; nobody can tell when they come.".to_owned()
        }
        app::Expected::NoWindowLeft => {
            "The maintenance window does not open often enough any more for everybody to be reached."
                .to_owned()
        }
    }
}

fn show(preview: app::Preview) -> JobPreview {
    let (expected_end, expected_end_note) = (preview.expected_end().map(time), note(&preview));
    let app::Preview { targets, looked_at, waves, clusters, bytes_per_device, bytes, .. } = preview;
    let of = |wanted: Outcome| -> u64 {
        clusters.iter().filter(|cluster| cluster.outcome == wanted).map(|cluster| cluster.count).sum()
    };
    let (work, running) = (of(Outcome::Open), of(Outcome::Succeeded));
    let left_out = of(Outcome::Skipped) + of(Outcome::Canceled);
    let sample =
        if looked_at < targets { format!(" (of {looked_at} that were looked at)") } else { String::new() };
    let summary = format!(
        "{} in {}: {work} would get work, {running} run it already, {left_out} would be left out{sample}.",
        plural(targets, "device"),
        plural(u64::try_from(waves.len()).unwrap_or(u64::MAX), "wave"),
    );
    JobPreview {
        summary,
        targets,
        looked_at,
        waves,
        clusters: clusters
            .into_iter()
            .map(|app::Cluster { outcome: counts_as, reason, action, count, devices }| PreviewCluster {
                outcome: outcome(counts_as),
                reason,
                action: action.to_owned(),
                count,
                devices,
            })
            .collect(),
        bytes_per_device,
        bytes,
        expected_end,
        expected_end_note,
    }
}

fn show_device(device: app::PreviewDevice) -> PreviewDevice {
    let app::PreviewDevice { device, wave, outcome: counts_as, reason, action, begins, bytes } = device;
    PreviewDevice {
        device,
        wave: wave.saturating_add(1),
        outcome: outcome(counts_as),
        reason,
        action: action.to_owned(),
        begins: begins.map(time),
        bytes,
    }
}

/// A place in the list of one job, written opaquely. Whoever makes one up sees no more than with any other.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    /// What list it is of.
    of: String,
    wave: u32,
    device: i64,
    /// When waves begin, each in seconds after the one before.
    begins: Vec<i64>,
    known: usize,
}

impl Cursor {
    fn write(of: &str, place: app::PreviewPlace) -> String {
        let app::PreviewPlace { wave, device, begins, known } = place;
        let mut before = 0;
        let begins = begins
            .into_iter()
            .map(|at| {
                let after = at.seconds().saturating_sub(before);
                before = at.seconds();
                after
            })
            .collect();
        let cursor = Self { of: of.to_owned(), wave, device: device.get(), begins, known };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&cursor).unwrap_or_default())
    }

    fn read(of: &str, text: &str) -> Option<app::PreviewPlace> {
        let cursor: Self = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let Self { of: made_for, wave, device, begins, known } = cursor;
        if made_for != of || device < 1 {
            return None;
        }
        let mut at = 0_i64;
        let begins = begins
            .into_iter()
            .map(|after| {
                at = at.saturating_add(after);
                Timestamp::from_seconds(at)
            })
            .collect();
        Some(app::PreviewPlace { wave, device: DeviceId::new(device), begins, known })
    }
}

/// What tells the list of one job from that of another.
fn list_of(tenant: TenantId, new: &NewJob, query: &PreviewDeviceQuery) -> String {
    let PreviewDeviceQuery { outcome, reason, limit: _, cursor: _ } = query;
    let words = serde_json::to_vec(&(tenant.get(), new, outcome, reason)).unwrap_or_default();
    Sha256::of(&words).to_string().chars().take(16).collect()
}

pub(super) async fn preview(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Body(new): Body<NewJob>,
) -> Result<Json<JobPreview>, Refusal> {
    Ok(Json(show(rest.app.job_preview(&by, jobs::wanted(new)?).await?)))
}

pub(super) async fn devices(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PreviewDeviceQuery>,
    Body(new): Body<NewJob>,
) -> Result<Json<Page<PreviewDevice>>, Refusal> {
    let of = list_of(by.tenant, &new, &query);
    let PreviewDeviceQuery { outcome, reason, limit: asked, cursor } = query;
    let after = match cursor {
        Some(text) => Some(Cursor::read(&of, &text).ok_or_else(bad_cursor)?),
        None => None,
    };
    let pick = app::PreviewPick {
        outcome: outcome.map(outcome_in),
        reason,
        after,
        limit: usize::try_from(limit(asked)).unwrap_or(usize::MAX),
    };
    let page = rest.app.job_preview_devices(&by, jobs::wanted(new)?, pick).await?;
    let app::PreviewPage { devices, total, next } = page;
    let cursor = next.map(|place| Cursor::write(&of, place));
    let items = devices.into_iter().map(show_device).collect();
    Ok(Json(Page { items, total, cursor, facets: None }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::super::tests::{update, with_release};
    use super::*;
    use crate::rest::fixture::Fixture;

    const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 3600);

    async fn with_one_fit(name: &str) -> Fixture {
        let server = with_release(name).await;
        let set = json!({ "attributes": { "hardware": "r1" } });
        server.patch("/devices/pump-1", set).await.expect(200);
        server
    }

    fn named(page: &Value) -> Vec<&str> {
        page["items"].as_array().unwrap().iter().map(|item| item["device"].as_str().unwrap()).collect()
    }

    #[tokio::test]
    async fn a_dry_run_clusters_devices_by_reason_and_makes_nothing() {
        let server = with_one_fit("rollouts-dry").await;
        let preview = server.post("/jobs/preview", update(json!({}))).await.expect(200);
        assert_eq!((&preview["targets"], &preview["waves"]), (&json!(3), &json!([1, 2])));
        let reasons: Vec<&str> =
            preview["clusters"].as_array().unwrap().iter().map(|c| c["reason"].as_str().unwrap()).collect();
        assert_eq!(reasons.len(), 2, "{preview}");
        assert!(reasons[0].contains("hardware r1"), "{preview}");
        assert!(reasons[1].contains("none was seen running"), "{preview}");
        assert!(preview["summary"].as_str().unwrap().starts_with("3 devices in 2 waves: 0 would get work"));
        assert_eq!(preview["expectedEndNote"], "No device would get work.");
        assert_eq!(server.get("/jobs").await.expect(200)["items"], json!([]));
    }

    #[tokio::test]
    async fn a_dry_run_lists_each_device_page_by_page_and_by_reason() {
        let server = with_one_fit("rollouts-dry-list").await;
        let path = "/jobs/preview/devices";
        let whole = server.post(path, update(json!({}))).await.expect(200);
        assert_eq!(named(&whole), ["pump-1", "pump-2", "pump-3"]);
        assert_eq!((&whole["total"], whole.get("cursor")), (&json!(3), None));
        let one = &whole["items"][1];
        assert_eq!((&one["wave"], &one["outcome"], &one["bytes"]), (&json!(2), &json!("skipped"), &json!(0)));
        assert_eq!((one.get("begins"), one["action"] == ""), (Some(&Value::Null), false));
        let reason = one["reason"].as_str().unwrap();
        let first = server.post(&format!("{path}?limit=2"), update(json!({}))).await.expect(200);
        assert_eq!(named(&first), ["pump-1", "pump-2"]);
        let cursor = first["cursor"].as_str().unwrap();
        let next = format!("{path}?limit=2&cursor={cursor}");
        let rest = server.post(&next, update(json!({}))).await.expect(200);
        assert_eq!((named(&rest), rest.get("cursor")), (vec!["pump-3"], None));
        let query = format!("{path}?outcome=skipped&reason={}", reason.replace(' ', "%20"));
        let of_one = server.post(&query, update(json!({}))).await.expect(200);
        assert_eq!((named(&of_one), of_one.get("total")), (vec!["pump-2", "pump-3"], None));
        let open = server.post(&format!("{path}?outcome=open"), update(json!({}))).await.expect(200);
        assert!(named(&open).is_empty());
        assert_eq!(server.get("/jobs").await.expect(200)["items"], json!([]), "nothing was made");
    }

    #[tokio::test]
    async fn a_dry_run_says_when_each_device_with_work_may_begin() {
        let server = with_one_fit("rollouts-dry-begins").await;
        let plain = json!({
            "name": "plain", "version": "1", "components": [{ "name": "pump", "version": "2.0" }],
        });
        server.post("/releases", plain).await.expect(201);
        let mut job = update(json!({}));
        job["release"] = json!({ "name": "plain", "version": "1" });
        job["timeouts"] = json!({ "queuedSeconds": 3600 });
        let list = server.post("/jobs/preview/devices", job).await.expect(200);
        let items = list["items"].as_array().unwrap();
        let begins: Vec<_> = items.iter().map(|one| one["begins"].as_str()).collect();
        // The second wave waits until the first, which was never heard, has had its time.
        let (first, second) = (Some("2026-01-01T00:00:00Z"), Some("2026-01-01T01:00:00Z"));
        assert_eq!(begins, [first, second, second], "{list}");
    }

    #[tokio::test]
    async fn a_cursor_goes_with_the_job_and_the_words_that_it_was_made_for() {
        let server = with_one_fit("rollouts-dry-cursor").await;
        let path = "/jobs/preview/devices";
        let first = server.post(&format!("{path}?limit=1"), update(json!({}))).await.expect(200);
        let cursor = first["cursor"].as_str().unwrap();
        let with = |more: &str| format!("{path}?limit=1&cursor={cursor}{more}");
        server.post(&with(""), update(json!({}))).await.expect(200);
        let other = update(json!({ "priority": 7 }));
        server.post(&with(""), other).await.problem(400, "cursor.invalid");
        server.post(&with("&outcome=skipped"), update(json!({}))).await.problem(400, "cursor.invalid");
        for bad in ["n1", "zzz", ""] {
            let path = format!("{path}?cursor={bad}");
            server.post(&path, update(json!({}))).await.problem(400, "cursor.invalid");
        }
        for limit in ["0", "1001", "many"] {
            let path = format!("{path}?limit={limit}");
            server.post(&path, update(json!({}))).await.problem(400, "request.invalid");
        }
        server.post(&format!("{path}?outcome=lost"), update(json!({}))).await.problem(400, "request.invalid");
    }

    #[tokio::test]
    async fn the_list_asks_for_the_same_rights_as_the_dry_run_and_refuses_the_same() {
        let server = with_one_fit("rollouts-dry-rights").await;
        let path = "/jobs/preview/devices";
        let viewer = server.as_role("viewer").await;
        viewer.post(path, update(json!({}))).await.problem(403, "auth.forbidden");
        server.anonymous().post(path, update(json!({}))).await.problem(401, "auth.required");
        let mut nothing = update(json!({}));
        nothing["release"]["version"] = json!("9.9");
        nothing["targets"] = json!({ "query": "name==ghost" });
        let list = server.post(path, nothing.clone()).await.problem(400, "request.invalid").fields();
        let whole = server.post("/jobs/preview", nothing).await.problem(400, "request.invalid").fields();
        assert_eq!(list, ["release", "targets"]);
        assert_eq!(list, whole);
        server.patch("/devices/pump-2", json!({ "addTags": ["lab"] })).await.expect(200);
        let token = json!({ "name": "lab", "role": "operator", "scope": "tag==lab" });
        let made = server.post("/tokens", token).await.expect(201);
        let scoped = server.with_token(made["secret"].as_str().unwrap());
        let seen = scoped.post(path, update(json!({}))).await.expect(200);
        assert_eq!((named(&seen), &seen["total"]), (vec!["pump-2"], &json!(1)));
    }

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        let at = |seconds| Timestamp::from_seconds(seconds);
        let begins = vec![at(1_767_225_600), at(1_767_225_600), at(1_767_232_800)];
        let place = app::PreviewPlace { wave: 1, device: DeviceId::new(7), begins, known: 2 };
        let text = Cursor::write("a list", place.clone());
        assert_eq!(Cursor::read("a list", &text), Some(place.clone()));
        assert_eq!(Cursor::read("another", &text), None);
        // As many waves as a job has, each after the two weeks that silent devices of the one before have.
        let weeks = |wave: u32| Timestamp::from_seconds(1_767_225_600).plus(TWO_WEEKS * wave);
        let long = app::PreviewPlace { begins: (0..500).map(weeks).collect(), known: 500, ..place };
        let text = Cursor::write("a list", long.clone());
        assert_eq!(Cursor::read("a list", &text), Some(long));
        assert!(text.len() < 6_000, "with a reason beside it, proxies take a URL of 8 KiB: {}", text.len());
    }
}
