use rustls_pki_types::CertificateDer;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::device_type::{TopicMapping, TopicTarget};
use windlass_domain::ids::TypeName;
use windlass_domain::permission::{Principal, Role};

use super::*;
use crate::devices::DevicePatch;
use crate::enrol::bench::Bench;
use crate::types::NewTypeSpec;

fn refused(cause: Cause, claimed: Claimed) -> Refused {
    let address = "192.0.2.1:5000".parse().unwrap();
    Refused { stage: Stage::Connect, cause, address, protocol: None, claimed, owner: None, count: 1 }
}

fn every(app: &App, by: &Principal) -> Vec<RefusalView> {
    app.refusal_list(by, &RefusalFilter::default(), None, 100).unwrap().items
}

#[test]
fn what_strangers_say_is_cut_and_cannot_hide_or_move_text() {
    for (said, wanted) in [
        ("pump-1", "pump-1"),
        ("a\nb\u{1b}[31mc\0", "a\u{fffd}b\u{fffd}[31mc\u{fffd}"),
        ("\u{202e}gnp.exe\u{200b}\u{feff}\u{2066}", "\u{fffd}gnp.exe\u{fffd}\u{fffd}\u{fffd}"),
        ("<b>ü</b>", "<b>ü</b>"),
    ] {
        assert_eq!(clean(said, 64), wanted);
    }
    assert_eq!(clean(&"ü".repeat(1_000), 5), "üü");
    assert!(clean(&"\u{202e}".repeat(1_000), SHORT).len() <= SHORT);
}

#[tokio::test]
async fn everything_that_is_kept_of_a_stranger_is_bounded() {
    let bench = Bench::each("refusals-bounded").await.remove(0);
    let long = || "\u{7}x".repeat(100_000);
    let certificate = Certificate {
        subject: long(),
        common_name: Some(long()),
        issuer: long(),
        fingerprint: long(),
        not_before: Timestamp::from_micros(i64::MIN),
        not_after: Timestamp::from_micros(i64::MAX),
    };
    for cause in [
        Cause::ServerNotTrusted(long()),
        Cause::ClientAlert(long()),
        Cause::NothingInCommon(long()),
        Cause::BadHandshake(long()),
        Cause::Request("connect.request", long()),
        Cause::Filter(long()),
        Cause::BadFilter(long()),
        Cause::TooManySubscriptions(long()),
        Cause::BadTopic(long()),
        Cause::Credential(ConnectRefusal::WrongIssuer),
        Cause::Credential(ConnectRefusal::Expired),
    ] {
        let claimed = Claimed {
            certificate: Some(certificate.clone()),
            client_id: Some(long()),
            user_name: Some(long()),
            server_name: Some(long()),
        };
        bench.app.refused_stranger(refused(cause, claimed)).await;
    }
    let seen = every(&bench.app, &bench.admin);
    assert_eq!(seen.len(), 11);
    for view in seen {
        let said = format!("{view:?}");
        assert!(said.len() < 5_000, "{} bytes: {}", said.len(), view.code);
        assert!(!view.explained.detail.chars().any(char::is_control), "{}", view.explained.detail);
    }
}

#[tokio::test]
async fn a_refusal_belongs_to_the_device_of_the_certificate_else_to_the_one_that_is_named() {
    for bench in Bench::each("refusals-owner").await {
        let app = &bench.app;
        let claim = bench.line().await;
        let pem = bench.enrolled(&claim.peer, "pump-1").await;
        bench.enrolled(&claim.peer, "pump-2").await;
        let chain: Vec<CertificateDer<'static>> = {
            use rustls_pki_types::pem::PemObject;
            CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap()
        };
        let revoked = Cause::Credential(ConnectRefusal::Revoked);
        // The certificate counts more than what the client calls itself.
        let own = Claimed { client_id: Some("pump-2".to_owned()), ..Claimed::of_chain(&chain) };
        app.refused_stranger(refused(revoked.clone(), own)).await;
        let foreign = rcgen::generate_simple_self_signed(Vec::new()).unwrap().cert;
        let named =
            Claimed { client_id: Some("pump-2".to_owned()), ..Claimed::of_chain(&[foreign.der().clone()]) };
        let wrong = Cause::Credential(ConnectRefusal::WrongIssuer);
        app.refused_stranger(refused(wrong, named)).await;
        app.refused_stranger(refused(revoked, Claimed::default())).await;
        let devices: Vec<_> = every(app, &bench.admin)
            .into_iter()
            .map(|view| view.device.map(DeviceName::into_string))
            .collect();
        assert_eq!(devices, [None, Some("pump-2".to_owned()), Some("pump-1".to_owned())]);
        let wrong = &every(app, &bench.admin)[1].explained.detail;
        assert!(wrong.contains("rcgen self signed cert") && wrong.contains("Windlass Issuing CA"), "{wrong}");
        let outsider = Principal::user(TenantId::new(999), "eve", Role::Admin);
        assert!(every(app, &outsider).is_empty());
        let mut changed = app.refusals.changed();
        changed.mark_unchanged();
        app.refused(refused(Cause::Busy, Claimed::default()));
        assert!(changed.has_changed().unwrap());
    }
}

#[tokio::test]
async fn an_unknown_certificate_that_waits_for_a_decision_is_explained_by_the_queue() {
    use rustls_pki_types::pem::PemObject;
    let bench = Bench::each("refusals-waiting").await.remove(0);
    let (app, by) = (&bench.app, &bench.admin);
    let key = app.authority.make_key(&*app.entropy).unwrap();
    let life = std::time::Duration::from_secs(3600);
    let lost = app.authority.sign(&key.public, "pump-9", life, &*app.entropy, app.clock.now()).unwrap();
    let chain = CertificateDer::from_pem_slice(lost.certificate_pem.as_bytes()).unwrap();
    let unknown = Cause::Credential(bench.identify(&lost.certificate_pem).await.unwrap_err());
    app.refused_stranger(refused(unknown, Claimed::of_chain(&[chain]))).await;
    let explained = |by: &Principal| {
        let page = app.refusal_list(by, &RefusalFilter::default(), None, 100).unwrap();
        let by = by.clone();
        async move { app.refusals_waiting(&by, page).await.unwrap().items.remove(0).explained.action }
    };
    let waits = explained(by).await;
    assert!(waits.contains("pending"), "{waits}");
    let queue = app.pending_list(by, windlass_domain::enrol::PendingState::Open, None, 10).await.unwrap();
    app.pending_reject(by, queue[0].entry.id, "not ours").await.unwrap();
    let decided = explained(by).await;
    assert!(!decided.contains("pending"), "{decided}");
}

#[tokio::test]
async fn an_unmapped_topic_is_shown_until_it_is_mapped() {
    let bench = Bench::each("refusals-unmapped").await.remove(0);
    let (app, by) = (&bench.app, &bench.admin);
    let claim = bench.line().await;
    let pump = bench.device(&bench.enrolled(&claim.peer, "pump-1").await).await.unwrap();
    app.unmapped(&pump, "c-1", "dt/pump-1/temp", 20);
    app.unmapped(&pump, "c-1", "dt/c-1/\u{202e}odd", 9);
    let topics = app.unmapped_topics(by, &pump.name).unwrap();
    let shown: Vec<_> =
        topics.iter().map(|known| (known.suggested_filter.as_str(), known.sample_bytes)).collect();
    assert_eq!(shown, [("dt/{clientId}/\u{fffd}odd", 9), ("dt/{name}/temp", 20)]);
    let kind: TypeName = "pumps".parse().unwrap();
    let row = TopicMapping { filter: "dt/{name}/temp".to_owned(), target: TopicTarget::Telemetry };
    app.type_create(by, kind.as_str(), NewTypeSpec { topic_map: vec![row], ..NewTypeSpec::default() })
        .await
        .unwrap();
    let patch = DevicePatch { device_type: Some(Some("pumps".to_owned())), ..DevicePatch::default() };
    app.device_patch(by, &pump.name, patch, None).await.unwrap();
    let left = app.unmapped_topics(by, &pump.name).unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    let outsider = Principal::user(TenantId::new(999), "eve", Role::Admin);
    assert!(app.unmapped_topics(&outsider, &pump.name).is_err());
}
