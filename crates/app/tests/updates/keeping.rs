//! Whatever operators delete in whatever order: what an open job needs stays.

use proptest::prelude::*;
use windlass_app::artifacts::NewArtifact;
use windlass_app::releases::{NewComponent, NewRelease};
use windlass_domain::ids::{ArtifactId, JobId};

use crate::world::{World, update_job};

/// Something that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Upload(u8),
    Component(u8),
    Release(u8),
    Job(u8),
    DeleteArtifact(u8),
    DeleteComponent(u8),
    DeleteRelease(u8),
    Fail,
    Cancel(u8),
    HalfUpload,
    Day,
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<u8>().prop_map(Step::Upload),
        3 => any::<u8>().prop_map(Step::Component),
        3 => any::<u8>().prop_map(Step::Release),
        3 => any::<u8>().prop_map(Step::Job),
        3 => any::<u8>().prop_map(Step::DeleteArtifact),
        2 => any::<u8>().prop_map(Step::DeleteComponent),
        2 => any::<u8>().prop_map(Step::DeleteRelease),
        1 => Just(Step::Fail),
        1 => any::<u8>().prop_map(Step::Cancel),
        1 => Just(Step::HalfUpload),
        1 => Just(Step::Day),
        1 => Just(Step::Sweep),
    ]
}

#[derive(Default)]
struct Made {
    artifacts: Vec<ArtifactId>,
    components: Vec<String>,
    releases: Vec<String>,
    jobs: Vec<JobId>,
}

fn pick<T: Clone>(of: &[T], number: u8) -> Option<T> {
    of.get(usize::from(number).checked_rem(of.len())?).cloned()
}

async fn carry_out(world: &World, made: &mut Made, step: Step, serial: usize) {
    let app = world.app();
    let by = &world.by;
    match step {
        Step::Upload(content) => {
            // Few contents, so that blobs are shared.
            let new = NewArtifact { name: format!("{serial}.bin"), ..NewArtifact::default() };
            let mut upload = app.artifact_upload(by, new).await.unwrap();
            upload.write(&[content % 3; 10]).await.unwrap();
            made.artifacts.push(upload.finish().await.unwrap().id);
        }
        Step::Component(number) => {
            let Some(artifact) = pick(&made.artifacts, number) else { return };
            let new = NewComponent {
                name: "app".to_owned(),
                version: serial.to_string(),
                component_type: "os".to_owned(),
                artifacts: vec![artifact.get()],
            };
            if app.component_create(by, new).await.is_ok() {
                made.components.push(serial.to_string());
            }
        }
        Step::Release(number) => {
            let Some(component) = pick(&made.components, number) else { return };
            let new = NewRelease {
                name: "fw".to_owned(),
                version: serial.to_string(),
                components: vec![("app".to_owned(), component).into()],
                device_types: vec![],
                notes: String::new(),
                rules: windlass_app::releases::NewRules::default(),
            };
            if app.release_create(by, new).await.is_ok() {
                made.releases.push(serial.to_string());
            }
        }
        Step::Job(number) => {
            let Some(release) = pick(&made.releases, number) else { return };
            if let Ok(job) = app.job_create(by, update_job(&release, &["d000".to_owned()])).await {
                made.jobs.push(job.job.id);
                world.settle().await;
            }
        }
        // Refusals are part of the game: only what they protect matters.
        Step::DeleteArtifact(number) => {
            if let Some(id) = pick(&made.artifacts, number) {
                drop(app.artifact_delete(by, id).await);
            }
        }
        Step::DeleteComponent(number) => {
            if let Some(version) = pick(&made.components, number) {
                drop(app.component_delete(by, &("app", version.as_str()).into()).await);
            }
        }
        Step::DeleteRelease(number) => {
            if let Some(version) = pick(&made.releases, number) {
                drop(app.release_delete(by, "fw", &version, false).await);
            }
        }
        Step::Fail => {
            if !world.start_next("d000").await.is_null() {
                world.work("d000", "FAILED", "no space").await;
                world.settle().await;
            }
        }
        Step::Cancel(number) => {
            if let Some(job) = pick(&made.jobs, number) {
                drop(app.job_cancel(by, job, windlass_domain::job::Begun::Ask, None).await);
                world.settle().await;
            }
        }
        Step::HalfUpload => {
            let new = windlass_app::uploads::NewUpload {
                name: format!("{serial}.part"),
                size: 10,
                sha256: None,
                signature: None,
            };
            if let Ok(upload) = app.upload_create(by, new).await {
                let mut append = app.upload_append(by, upload.id, 0).await.unwrap();
                append.write(b"half").await.unwrap();
                append.end().await.unwrap();
            }
        }
        Step::Day => world.advance(24 * 3600),
        Step::Sweep => {
            app.uploads_expire().await.unwrap();
            app.parts_sweep().await.unwrap();
            app.blobs_sweep().await.unwrap();
        }
    }
}

/// Every file that the device's next job names can be read.
async fn open_jobs_have_their_bytes(world: &World) -> Result<(), String> {
    let next = world.accepted("d000", "$next/get", serde_json::json!({})).await;
    let document = &next["execution"]["jobDocument"];
    if next["execution"].is_null() {
        return Ok(());
    }
    let components = document["components"].as_array().ok_or_else(|| format!("no components: {document}"))?;
    for artifact in components.iter().flat_map(|component| component["artifacts"].as_array().unwrap()) {
        let digest = artifact["sha256"].as_str().unwrap().parse().unwrap();
        let there = world.app().blobs.size(&digest).await.unwrap();
        if there != artifact["size"].as_u64() {
            return Err(format!("{artifact} has {there:?} bytes"));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_that_an_open_job_needs_is_ever_removed(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let kept = runtime.block_on(async {
            let mut world = World::new().await;
            world.devices(1).await;
            let mut made = Made::default();
            for (serial, step) in steps.into_iter().enumerate() {
                carry_out(&world, &mut made, step, serial).await;
                open_jobs_have_their_bytes(&world).await?;
            }
            Ok::<_, String>(())
        });
        prop_assert!(kept.is_ok(), "{kept:?}");
    }
}

#[tokio::test]
async fn who_needs_an_artifact_is_told_up_to_the_job() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    world.release("1", &[]).await;
    let artifact = world.app().artifact_list(&world.by, None, 1).await.unwrap()[0].id;
    let told = async || world.app().artifact_delete(&world.by, artifact).await.unwrap_err().to_string();
    let text = told().await;
    assert!(text.contains("component app 1") && text.contains("release fw 1"), "{text}");
    let job = world.rollout("1", &names).await;
    let text = told().await;
    assert!(text.contains(&format!("which job {job} installs")), "{text}");
}
