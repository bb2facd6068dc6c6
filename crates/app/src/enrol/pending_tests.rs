//! The queue and the window, through the device's own topics.

use std::time::Duration;

use rcgen::KeyPair;
use serde_json::{Value, json};
use windlass_domain::credential::{ConnectRefusal, CredentialStatus};
use windlass_domain::enrol::PendingState;
use windlass_store::testing::feed_is_whole;

use super::PendingView;
use super::bench::{Bench, Claimed, request};

/// Asks for a certificate with this key and then for this name. Whether it was let in, what was said, the certificate.
async fn ask(bench: &Bench, claim: &Claimed, key: &KeyPair, name: &str) -> (bool, Value, String) {
    let (accepted, made) = bench.csr(&claim.peer, &request(key)).await;
    assert!(accepted, "{made}");
    let (accepted, said) = bench.provision(&claim.peer, &made["certificateOwnershipToken"], name).await;
    (accepted, said, made["certificatePem"].as_str().unwrap().to_owned())
}

async fn queue(bench: &Bench, state: PendingState) -> Vec<PendingView> {
    bench.app.pending_list(&bench.admin, state, None, 100).await.unwrap()
}

#[tokio::test]
async fn an_accepted_key_is_let_in_on_its_next_attempt_and_no_other_is() {
    for bench in Bench::each("pending").await {
        let claim = bench.line().await;
        let old = bench.enrolled(&claim.peer, "pump-1").await;
        let key = KeyPair::generate().unwrap();
        let (accepted, said, _) = ask(&bench, &claim, &key, "pump-1").await;
        assert!(!accepted);
        assert!(said["errorMessage"].as_str().unwrap().contains("operator"), "{said}");
        assert!(!ask(&bench, &claim, &key, "pump-1").await.0);
        let waiting = queue(&bench, PendingState::Open).await;
        let [one] = &waiting[..] else { panic!("one entry, not {waiting:?}") };
        assert_eq!((one.entry.attempts, one.known_device), (2, true));
        assert_eq!(one.claim.as_deref(), Some("line-1"));
        assert_eq!(one.entry.wish.template.as_deref(), Some("pumps"));
        bench.app.pending_accept(&bench.admin, one.entry.id, None).await.unwrap();
        assert!(bench.device(&old).await.is_ok(), "until the new one comes, the old one stays");
        let thief = KeyPair::generate().unwrap();
        assert!(!ask(&bench, &claim, &thief, "pump-1").await.0, "another key is not let in");
        assert!(ask(&bench, &claim, &key, "pump-2").await.0, "another name is another matter");
        let other = KeyPair::generate().unwrap();
        assert!(!ask(&bench, &claim, &other, "pump-2").await.0);
    }
}

#[tokio::test]
async fn what_was_accepted_supersedes_the_old_certificate() {
    for bench in Bench::each("pending-supersede").await {
        let claim = bench.line().await;
        let old = bench.enrolled(&claim.peer, "pump-1").await;
        let key = KeyPair::generate().unwrap();
        ask(&bench, &claim, &key, "pump-1").await;
        let id = queue(&bench, PendingState::Open).await[0].entry.id;
        bench.app.pending_accept(&bench.admin, id, None).await.unwrap();
        let (accepted, said, new) = ask(&bench, &claim, &key, "pump-1").await;
        assert!(accepted, "{said}");
        assert!(bench.device(&new).await.is_ok());
        assert_eq!(bench.identify(&old).await.unwrap_err(), ConnectRefusal::Superseded);
        let all = bench.app.credential_list(&bench.admin, &"pump-1".parse().unwrap()).await.unwrap();
        let states: Vec<_> = all.iter().map(|one| one.status).collect();
        assert_eq!(states, [CredentialStatus::Active, CredentialStatus::Superseded]);
        let actions = bench.actions().await;
        let told: Vec<_> = actions.iter().filter(|action| action.starts_with("pending.")).collect();
        assert_eq!(told, ["pending.open", "pending.accept"]);
    }
}

#[tokio::test]
async fn a_rejected_key_is_refused_for_its_name_also_when_the_name_is_free() {
    for bench in Bench::each("pending-reject").await {
        let claim = bench.line().await;
        let old = bench.enrolled(&claim.peer, "pump-1").await;
        let key = KeyPair::generate().unwrap();
        ask(&bench, &claim, &key, "pump-1").await;
        let id = queue(&bench, PendingState::Open).await[0].entry.id;
        bench.app.pending_reject(&bench.admin, id, "not ours").await.unwrap();
        let peer = bench.device(&old).await.unwrap();
        bench.app.credential_revoke(&bench.admin, peer.credential, "x").await.unwrap();
        let (accepted, said, _) = ask(&bench, &claim, &key, "pump-1").await;
        assert!(!accepted);
        assert!(said["errorMessage"].as_str().unwrap().contains("refused"), "{said}");
        assert!(bench.app.pending_accept(&bench.admin, id, None).await.is_err());
        assert_eq!(queue(&bench, PendingState::Rejected).await.len(), 1);
        // Forgotten after its time.
        bench.advance(31 * 24 * 3600);
        assert_eq!(bench.app.pending_sweep().await.unwrap(), 1);
    }
}

#[tokio::test]
async fn the_queue_of_a_claim_is_bounded_and_what_is_over_it_is_told_so() {
    let bench = Bench::each("pending-bound").await.remove(0);
    let claim = bench.line().await;
    bench.enrolled(&claim.peer, "pump-1").await;
    let most = bench.app.limits.pending_per_claim;
    for _ in 0..most {
        assert!(!ask(&bench, &claim, &KeyPair::generate().unwrap(), "pump-1").await.0);
        bench.advance(10);
    }
    let (_, said, _) = ask(&bench, &claim, &KeyPair::generate().unwrap(), "pump-1").await;
    assert!(said["errorMessage"].as_str().unwrap().contains("too many"), "{said}");
    assert_eq!(queue(&bench, PendingState::Open).await.len(), 100);
}

#[tokio::test]
async fn a_window_lets_one_enrolment_replace_the_certificate_while_it_is_open() {
    for bench in Bench::each("window").await {
        let claim = bench.line().await;
        let old = bench.enrolled(&claim.peer, "pump-1").await;
        let name = "pump-1".parse().unwrap();
        feed_is_whole(&bench.app.store).await.unwrap();
        bench.app.fleet.catch_up(&bench.app.store).await.unwrap();
        bench.app.device_reprovision(&bench.admin, &name, Some(5)).await.unwrap();
        bench.advance(300);
        assert!(!ask(&bench, &claim, &KeyPair::generate().unwrap(), "pump-1").await.0, "too late");
        bench.app.device_reprovision(&bench.admin, &name, Some(5)).await.unwrap();
        let (accepted, said, new) = ask(&bench, &claim, &KeyPair::generate().unwrap(), "pump-1").await;
        assert!(accepted, "{said}");
        assert!(bench.device(&new).await.is_ok());
        assert_eq!(bench.identify(&old).await.unwrap_err(), ConnectRefusal::Superseded);
        assert!(!ask(&bench, &claim, &KeyPair::generate().unwrap(), "pump-1").await.0, "a window is for one");
    }
}

#[tokio::test]
async fn an_unknown_certificate_of_a_claim_is_not_asked_about_and_repetition_costs_no_write() {
    let bench = Bench::each("pending-known").await.remove(0);
    let app = &bench.app;
    let key = app.authority.make_key(&*app.entropy).unwrap();
    let life = Duration::from_secs(3600);
    let now = app.clock.now();
    let claim = app.authority.sign(&key.public, "Windlass claim", life, &*app.entropy, now).unwrap();
    bench.identify(&claim.certificate_pem).await.unwrap_err();
    assert_eq!(queue(&bench, PendingState::Open).await, []);
    let lost = app.authority.sign(&key.public, "pump-9", life, &*app.entropy, now).unwrap();
    for _ in 0..3 {
        bench.identify(&lost.certificate_pem).await.unwrap_err();
    }
    assert_eq!(queue(&bench, PendingState::Open).await[0].entry.attempts, 1);
    bench.advance(61);
    bench.identify(&lost.certificate_pem).await.unwrap_err();
    let waiting = queue(&bench, PendingState::Open).await;
    assert_eq!(waiting[0].entry.attempts, 2);
    assert!(!waiting[0].known_device);
    app.pending_accept(&bench.admin, waiting[0].entry.id, None).await.unwrap();
    assert_eq!(bench.device(&lost.certificate_pem).await.unwrap().name.as_str(), "pump-9");
    assert_eq!(json!(bench.actions().await), json!(["pending.open", "credential.restore", "pending.accept"]));
}
