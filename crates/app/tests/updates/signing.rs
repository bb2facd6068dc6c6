//! Software that is signed, and devices that take no other.

use windlass_app::AppError;
use windlass_app::artifacts::inspection::{Format, Standing};
use windlass_app::artifacts::{Artifact, NewArtifact};
use windlass_app::jobs::{Begin, NewJob};
use windlass_app::releases::{NewComponent, NewRelease};
use windlass_app::types::NewTypeSpec;
use windlass_domain::device_type::Signing;
use windlass_domain::job::ExecutionState;
use windlass_domain::permission::{Principal, Role};
use windlass_domain::software::terms::ArtifactTerms;

use crate::world::{World, update_job};

const SIGNED: &[u8] = include_bytes!("../../src/artifacts/inspect/fixtures/release.swu");
const UNSIGNED: &[u8] = include_bytes!("../../src/artifacts/inspect/fixtures/unsigned.swu");
const RELEASE: &str = include_str!("../../src/artifacts/inspect/fixtures/release.pem");
const OTHER: &str = include_str!("../../src/artifacts/inspect/fixtures/curve.pem");
/// 2027-01-01: the certificates are younger than the clock of the other tests.
const LATER: u64 = 365 * 24 * 3600;

async fn world() -> World {
    let world = World::new().await;
    world.advance(LATER);
    world
}

async fn upload(world: &World, name: &str, bytes: &[u8]) -> Result<Artifact, AppError> {
    let new = NewArtifact { name: name.to_owned(), ..NewArtifact::default() };
    let mut upload = world.app().artifact_upload(&world.by, new).await?;
    upload.write(bytes).await?;
    upload.finish().await
}

async fn component(world: &World, name: &str, artifacts: &[&Artifact]) -> (String, String) {
    let component = NewComponent {
        name: name.to_owned(),
        version: "1".to_owned(),
        component_type: "os".to_owned(),
        artifacts: artifacts.iter().map(|artifact| artifact.id.get()).collect(),
    };
    world.app().component_create(&world.by, component).await.unwrap();
    (name.to_owned(), "1".to_owned())
}

async fn strict(world: &World, name: &str, signers: &[&str]) {
    let signing = Signing { signers: signers.iter().map(|pem| (*pem).to_owned()).collect(), required: true };
    let by = Principal::user(world.tenant, "adam", Role::Admin);
    world.app().type_create(&by, name, NewTypeSpec { signing, ..NewTypeSpec::default() }).await.unwrap();
}

fn release(components: &[(String, String)], device_types: &[&str]) -> NewRelease {
    NewRelease {
        name: "fw".to_owned(),
        version: "1".to_owned(),
        components: components.iter().cloned().map(Into::into).collect(),
        device_types: device_types.iter().map(|name| (*name).to_owned()).collect(),
        notes: String::new(),
        rules: windlass_app::releases::NewRules::default(),
    }
}

fn problems(error: AppError) -> Vec<(String, String)> {
    match error {
        AppError::Invalid(problems) => problems.into_iter().map(|one| (one.field, one.problem)).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_an_artifact_says_is_shown_and_its_signature_is_judged_as_signers_come() {
    let world = world().await;
    let artifact = upload(&world, "fw.swu", SIGNED).await.unwrap();
    let findings = async || {
        let mut all = world.app().artifact_findings(&world.by, vec![artifact.id]).await.unwrap();
        all.remove(&artifact.id).unwrap()
    };
    let found = findings().await;
    assert_eq!(
        (&found.inspection.format, found.inspection.version.as_deref()),
        (&Format::SwUpdate, Some("2.4.1"))
    );
    assert!(matches!(&found.standing, Standing::Untrusted { by, .. } if by == "Release signer"), "{found:?}");
    strict(&world, "pump", &[RELEASE]).await;
    assert!(matches!(&findings().await.standing, Standing::Valid { by, .. } if by == "Release signer"));
}

#[tokio::test]
async fn a_file_that_is_damaged_is_refused_and_leaves_nothing() {
    let world = world().await;
    let mut changed = SIGNED.to_vec();
    let place = changed.windows(5).position(|window| window == b"2.4.1").unwrap();
    changed[place] = b'3';
    let found = problems(upload(&world, "fw.swu", &changed).await.unwrap_err());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "content");
    let cut = problems(upload(&world, "fw.swu", &SIGNED[..SIGNED.len() - 600]).await.unwrap_err());
    assert!(cut[0].1.contains("the archive ends within"), "{cut:?}");
    assert_eq!(world.blob_count(), 0);
    assert!(world.app().artifact_list(&world.by, None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn devices_that_take_signed_software_only_get_no_other_and_each_artifact_is_named() {
    let mut world = world().await;
    strict(&world, "pump", &[RELEASE]).await;
    strict(&world, "valve", &[OTHER]).await;
    let signed = upload(&world, "fw.swu", SIGNED).await.unwrap();
    let unsigned = upload(&world, "old.swu", UNSIGNED).await.unwrap();
    let plain = upload(&world, "app.bin", b"bytes").await.unwrap();
    let good = component(&world, "good", &[&signed]).await;
    let bad = component(&world, "bad", &[&unsigned, &plain]).await;

    let new = release(&[good.clone(), bad.clone()], &["pump", "valve"]);
    let found = problems(world.app().release_create(&world.by, new).await.unwrap_err());
    let expected = [
        ("components.1", "type pump", "artifact old.swu", "it is not signed"),
        ("components.1", "type pump", "artifact app.bin", "it is not signed"),
        ("components.0", "type valve", "artifact fw.swu", "it is signed by Release signer"),
        ("components.1", "type valve", "artifact old.swu", "it is not signed"),
        ("components.1", "type valve", "artifact app.bin", "it is not signed"),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((field, text), (place, by, artifact, why)) in found.iter().zip(expected) {
        assert_eq!(field, place);
        assert!(text.contains(by) && text.contains(artifact) && text.contains(why), "{text}");
    }
    world.app().release_create(&world.by, release(&[good], &["pump"])).await.unwrap();

    // A release for any type is judged when it is known who gets it.
    let any = NewRelease { version: "2".to_owned(), ..release(&[bad], &[]) };
    world.app().release_create(&world.by, any).await.unwrap();
    let by = world.by.clone();
    let pump = world.app().type_get(&by, &"pump".parse().unwrap()).await.unwrap().id;
    world.device("pump-1", Some(pump)).await;
    world.device("other-1", None).await;
    let job = |names: &[&str], version: &str| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        update_job(version, &names)
    };
    let found = problems(world.app().job_create(&by, job(&["pump-1", "other-1"], "2")).await.unwrap_err());
    assert_eq!(found.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["release", "release"]);
    world.app().job_create(&by, job(&["other-1"], "2")).await.unwrap();
    world.app().job_create(&by, job(&["pump-1"], "1")).await.unwrap();
}

#[tokio::test]
async fn a_device_that_joins_later_or_whose_type_grows_strict_gets_no_unsigned_software() {
    let mut world = world().await;
    let signed = upload(&world, "fw.swu", SIGNED).await.unwrap();
    let plain = upload(&world, "app.bin", b"bytes").await.unwrap();
    let (good, bad) =
        (component(&world, "good", &[&signed]).await, component(&world, "bad", &[&plain]).await);
    world.app().release_create(&world.by, release(&[bad], &[])).await.unwrap();
    let second = NewRelease { version: "2".to_owned(), ..release(&[good], &[]) };
    world.app().release_create(&world.by, second).await.unwrap();
    let pump = world.device_type("pump", vec![]).await;
    world.device("pump-1", Some(pump)).await;
    let job =
        |version: &str| NewJob { begin: Begin::Manually, ..update_job(version, &["pump-1".to_owned()]) };
    let unsigned = world.create(job("1")).await;
    let by_another = world.create(job("2")).await;

    // The type demands a signature, of somebody else, once the jobs are made.
    let admin = Principal::user(world.tenant, "adam", Role::Admin);
    let name = "pump".parse().unwrap();
    let version = world.app().type_get(&admin, &name).await.unwrap().version;
    let signing = Signing { signers: vec![OTHER.to_owned()], required: true };
    let spec = NewTypeSpec { signing, ..NewTypeSpec::default() };
    world.app().type_put(&admin, &name, spec, Some(version)).await.unwrap();
    for (id, why) in [(unsigned, "it is not signed"), (by_another, "it is signed by Release signer")] {
        world.app().job_start(&world.by, id, None).await.unwrap();
        world.settle().await;
        let execution = world.executions(id).await[0].clone();
        assert_eq!(execution.state, ExecutionState::Removed);
        let said = &execution.reason;
        assert!(said.starts_with("the release is not signed as it must be: devices of type pump"), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn the_tenants_signers_hold_for_every_device_whose_type_names_none_of_its_own() {
    let mut world = world().await;
    strict(&world, "valve", &[OTHER]).await;
    let pump = world.device_type("pump", vec![]).await;
    world.device("pump-1", Some(pump)).await;
    world.device("other-1", None).await;
    let signed = upload(&world, "fw.swu", SIGNED).await.unwrap();
    let unsigned = upload(&world, "old.swu", UNSIGNED).await.unwrap();
    let good = component(&world, "good", &[&signed]).await;
    let bad = component(&world, "bad", &[&unsigned]).await;
    let admin = Principal::user(world.tenant, "adam", Role::Admin);
    let by = world.by.clone();
    let terms = |required| ArtifactTerms {
        signing: Signing { signers: vec![RELEASE.to_owned()], required },
        quota: None,
    };
    let make = async |version: &str, part: &(String, String), types: &[&str]| {
        let new = release(std::slice::from_ref(part), types);
        world.app().release_create(&by, NewRelease { version: version.to_owned(), ..new }).await
    };
    world.app().artifact_terms_put(&admin, terms(false), None).await.unwrap();
    make("1", &bad, &["pump"]).await.unwrap();

    world.app().artifact_terms_put(&admin, terms(true), Some(1)).await.unwrap();
    let found = problems(make("2", &bad, &["pump", "valve"]).await.unwrap_err());
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].1.contains("type pump take software of the tenant's signers only"), "{found:?}");
    assert!(found[1].1.contains("type valve take signed software only"), "{found:?}");
    let found = problems(make("2", &good, &["pump", "valve"]).await.unwrap_err());
    assert_eq!(found.len(), 1, "a type that names signers is judged by those: {found:?}");
    assert!(found[0].1.contains("type valve"), "{found:?}");

    make("3", &bad, &[]).await.unwrap();
    make("4", &good, &[]).await.unwrap();
    let job = |names: &[&str], version: &str| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        update_job(version, &names)
    };
    let found = problems(world.app().job_create(&by, job(&["other-1"], "3")).await.unwrap_err());
    assert!(found[0].1.contains("devices without a type take software of the tenant's"), "{found:?}");
    let found = problems(world.app().job_create(&by, job(&["pump-1"], "1")).await.unwrap_err());
    assert!(found[0].1.contains("devices of type pump"), "{found:?}");
    let offered = world.create(job(&["pump-1", "other-1"], "4")).await;
    world.settle().await;
    assert_eq!(world.executions(offered).await.len(), 2);

    // Whoever is trusted no more when the work is offered gets none of it done.
    let another =
        ArtifactTerms { signing: Signing { signers: vec![OTHER.to_owned()], required: true }, quota: None };
    let late = NewJob { begin: Begin::Manually, ..job(&["other-1"], "4") };
    let late = world.create(late).await;
    world.app().artifact_terms_put(&admin, another, Some(2)).await.unwrap();
    world.app().job_start(&by, late, None).await.unwrap();
    world.settle().await;
    let execution = world.executions(late).await[0].clone();
    assert_eq!(execution.state, ExecutionState::Removed);
    assert!(execution.reason.contains("devices without a type"), "{}", execution.reason);
}
