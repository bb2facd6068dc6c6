//! What is told of: devices that fall silent or wait, certificates near their end, backups that fail.

use windlass_domain::alert::AlertKind;

use super::*;

#[tokio::test]
async fn a_device_that_falls_silent_is_told_of_once_and_again_when_it_is_heard() {
    let mut bench = Bench::new().await;
    bench.webhook("hook").await;
    let ids = bench.devices(2).await;
    bench.look().await;
    assert!(bench.alerts(None).await.is_empty());
    bench.advance(SILENCE);
    bench.app.live.seen(ids[1], bench.app.clock.now());
    for _ in 0..3 {
        bench.look().await;
        bench.send().await;
    }
    let open = bench.alerts(Some(true)).await;
    assert_eq!(open.iter().map(|alert| alert.about.device()).collect::<Vec<_>>(), [Some(ids[0])]);
    assert_eq!(open[0].subject, "pump-0 is overdue");
    let told = bench.receiver.events();
    assert_eq!(told.iter().map(|(_, event)| event.as_str()).collect::<Vec<_>>(), ["alert.opened"]);
    bench.crash().await;
    bench.look().await;
    bench.send().await;
    assert!(bench.receiver.events().is_empty(), "a restart tells nobody again");
    bench.app.live.seen(ids[0], bench.app.clock.now());
    bench.look().await;
    bench.send().await;
    assert_eq!(bench.receiver.events()[0].1, "alert.closed");
    let closed = bench.alerts(Some(false)).await;
    assert_eq!(closed[0].closed.as_ref().unwrap().1, "the device was heard again");
    assert!(bench.alerts(Some(true)).await.is_empty());
}

#[tokio::test]
async fn a_server_that_was_down_for_a_day_blames_no_device_until_it_has_listened() {
    let mut bench = Bench::new().await;
    bench.devices(3).await;
    bench.advance(24 * 3_600);
    bench.crash().await;
    bench.look().await;
    assert!(bench.alerts(None).await.is_empty());
    bench.advance(SILENCE);
    bench.look().await;
    assert_eq!(bench.alerts(Some(true)).await.len(), 3);
}

#[tokio::test]
async fn a_device_out_of_service_is_watched_no_longer() {
    let bench = Bench::new().await;
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    assert_eq!(bench.alerts(Some(true)).await.len(), 1);
    let name = "pump-0".parse().unwrap();
    bench
        .app
        .device_lifecycle(&bench.by, &name, crate::devices::LifecycleChange::Suspend, None)
        .await
        .unwrap();
    bench.look().await;
    let closed = bench.alerts(None).await;
    assert_eq!(closed[0].closed.as_ref().unwrap().1, "the device is out of service");
}

#[tokio::test]
async fn a_certificate_is_told_of_near_its_end_and_again_past_it_to_those_who_hear_of_the_worst_only() {
    let bench = Bench::new().await;
    let mail = TargetInput::Email { to: vec!["ops@example.com".to_owned()] };
    bench.channel("worst", mail, Severity::Error).await;
    let claim =
        crate::enrol::NewClaim { name: "line-1".to_owned(), templates: vec![], expires_at: None, csr: None };
    bench.app.claim_create(&bench.by, claim).await.unwrap();
    bench.look().await;
    assert!(bench.alerts(None).await.is_empty());
    bench.advance(340 * 24 * 3_600);
    bench.look().await;
    bench.send().await;
    let kinds: Vec<_> =
        bench.alerts(Some(true)).await.iter().map(|one| (one.kind, one.subject.clone())).collect();
    let wanted =
        (AlertKind::CertificateExpiring, "The certificate of claim line-1 is near its end".to_owned());
    assert!(kinds.contains(&wanted), "{kinds:?}");
    let told: Vec<String> = bench.receiver.events().into_iter().map(|(_, subject)| subject).collect();
    assert!(told.is_empty(), "{told:?}");
    bench.advance(60 * 24 * 3_600);
    bench.look().await;
    bench.send().await;
    let told: Vec<String> = bench.receiver.events().into_iter().map(|(_, subject)| subject).collect();
    assert!(told.contains(&"[error] The certificate of claim line-1 has ended".to_owned()), "{told:?}");
    bench.app.claim_revoke(&bench.by, "line-1").await.unwrap();
    bench.advance(3_600);
    bench.look().await;
    let left = bench.alerts(Some(true)).await;
    assert!(left.iter().all(|one| !one.subject.contains("claim")), "{left:?}");
}

#[tokio::test]
async fn of_two_short_certificates_of_a_device_the_one_that_lasts_longer_counts() {
    use windlass_domain::credential::{CredentialPurpose, CredentialStatus};
    use windlass_domain::ids::Sha256;
    use windlass_store::credentials::{self, NewCredential};
    const DAY: u64 = 24 * 3_600;
    let bench = Bench::new().await;
    let (tenant, device) = (bench.by.tenant, bench.devices(1).await[0]);
    // The later one was made first: the order of their numbers says nothing.
    for (serial, from, to) in [("b", 8 * DAY, 20 * DAY), ("a", 0, 12 * DAY)] {
        let new = NewCredential {
            tenant,
            device: Some(device),
            claim: None,
            purpose: CredentialPurpose::Device,
            status: CredentialStatus::Active,
            fingerprint: Sha256::of(serial.as_bytes()),
            public_key: Sha256::of(serial.as_bytes()),
            serial: serial.to_owned(),
            certificate_pem: String::new(),
            not_before: START.plus(Duration::from_secs(from)),
            not_after: START.plus(Duration::from_secs(to)),
            ownership: None,
        };
        bench
            .app
            .store
            .write::<_, StoreError, _>(move |tx| {
                let new = new.clone();
                Box::pin(async move { credentials::insert(tx, &new, START).await })
            })
            .await
            .unwrap();
    }
    let ending = async || {
        let open = bench.alerts(Some(true)).await;
        open.into_iter().filter(|one| one.kind == AlertKind::CertificateExpiring).collect::<Vec<_>>()
    };
    bench.advance(11 * DAY);
    bench.look().await;
    assert_eq!(ending().await, [], "the device has renewed its certificate");
    bench.advance(8 * DAY);
    bench.look().await;
    let found = ending().await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].detail.contains("2026-01-21"), "{found:?}");
}

#[tokio::test]
async fn a_failed_backup_is_told_of_until_one_succeeds() {
    use windlass_store::backups::{BackupOutcome, outcome_save};
    let bench = Bench::new().await;
    bench.webhook("hook").await;
    let save = async |outcome: BackupOutcome| {
        bench
            .app
            .store
            .write::<_, StoreError, _>(move |tx| {
                let outcome = outcome.clone();
                Box::pin(async move { outcome_save(tx, "local", &outcome).await })
            })
            .await
            .unwrap();
        bench.look().await;
        bench.send().await;
    };
    let failed = BackupOutcome {
        attempted_at: START,
        succeeded_at: None,
        name: None,
        problem: Some("no space".to_owned()),
    };
    save(failed.clone()).await;
    save(BackupOutcome { attempted_at: START.plus(Duration::from_secs(60)), ..failed.clone() }).await;
    let open = bench.alerts(Some(true)).await;
    assert_eq!((open[0].kind, open[0].count), (AlertKind::BackupFailed, 2));
    assert!(open[0].detail.contains("no space"), "{}", open[0].detail);
    save(BackupOutcome { succeeded_at: Some(START), problem: None, ..failed }).await;
    assert!(bench.alerts(Some(true)).await.is_empty());
    let told: Vec<String> = bench.receiver.events().into_iter().map(|(_, event)| event).collect();
    assert_eq!(told, ["alert.opened", "alert.closed"], "and not again for each attempt");
}

#[tokio::test]
async fn a_device_that_waits_is_told_of_until_somebody_decides() {
    use windlass_domain::enrol::{PendingSource, PendingState};
    use windlass_domain::ids::Sha256;
    use windlass_store::pending::{self, Wish};
    let bench = Bench::new().await;
    let wish = Wish {
        name: Some("pump-7".to_owned()),
        source: PendingSource::Claim,
        claim: None,
        template: None,
        device_type: None,
        fingerprint: Sha256::of(b"certificate"),
        public_key: Sha256::of(b"key"),
        certificate_pem: None,
        reason: "a device of this name is enrolled already".to_owned(),
    };
    let tenant = bench.by.tenant;
    let id = bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            let wish = wish.clone();
            Box::pin(async move { pending::note(tx, tenant, &wish, START).await })
        })
        .await
        .unwrap();
    bench.look().await;
    bench.look().await;
    let open = bench.alerts(Some(true)).await;
    assert_eq!((open.len(), open[0].kind), (1, AlertKind::DevicePending));
    assert_eq!(open[0].subject, "pump-7 waits to be let in");
    bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { pending::decide(tx, id, PendingState::Rejected, "ann", None, START).await })
        })
        .await
        .unwrap();
    bench.look().await;
    assert!(bench.alerts(Some(true)).await.is_empty());
}
