use windlass_domain::audit::{Bad, Problem};
use windlass_domain::permission::{ActorKind, Role};
use windlass_store::testing::START;

use super::*;
use crate::enrol::bench::Bench;

async fn write(bench: &Bench, by: &Principal, count: usize) {
    let (by, now) = (by.clone(), bench.app.clock.now());
    let written: Result<(), StoreError> = bench
        .app
        .store
        .write(move |tx| {
            let by = by.clone();
            Box::pin(async move {
                for number in 0..count {
                    record(tx, &by, "device.create", &format!("device:{number}"), json!({"n": number}), now)
                        .await?;
                }
                Ok(())
            })
        })
        .await;
    written.unwrap();
}

async fn export(bench: &Bench, by: &Principal) -> String {
    let mut export = bench.app.audit_export(by).unwrap();
    let mut text = String::new();
    while let Some(page) = export.next_page().await.unwrap() {
        text.push_str(&page);
    }
    text
}

fn check(bench: &Bench, text: &str) -> Report {
    verify(text.as_bytes(), &bench.app.audit_public_key()).unwrap()
}

/// Two seals over three and two records, one record waiting.
async fn sealed(name: &str) -> Vec<Bench> {
    let benches = Bench::each(name).await;
    for bench in &benches {
        write(bench, &bench.admin, 3).await;
        assert_eq!(bench.app.audit_seal().await.unwrap(), 3);
        write(bench, &bench.admin, 2).await;
        assert_eq!(bench.app.audit_seal().await.unwrap(), 2);
        assert_eq!(bench.app.audit_seal().await.unwrap(), 0);
        write(bench, &bench.admin, 1).await;
    }
    benches
}

#[tokio::test]
async fn a_record_says_who_did_what_to_what() {
    for bench in Bench::each("audit").await {
        let token = Principal {
            actor: Actor { kind: ActorKind::Token, name: "ci#3".to_owned() },
            scope: Some("tag==a".to_owned()),
            ..bench.admin.clone()
        };
        write(&bench, &token, 1).await;
        let found = bench.app.audit_list(&bench.admin, Filter::default(), 10).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].actor.as_str(), found[0].action.as_str()), ("token:ci#3", "device.create"));
        assert_eq!((found[0].target.as_str(), &found[0].details), ("device:0", &json!({"n": 0})));
        assert_eq!((found[0].at, found[0].hash), (START, None));
        bench.app.audit_seal().await.unwrap();
        let found = bench.app.audit_list(&bench.admin, Filter::default(), 10).await.unwrap();
        assert!(found[0].hash.is_some());
    }
}

#[tokio::test]
async fn the_live_chain_and_its_export_verify() {
    for bench in sealed("audit").await {
        let live = bench.app.audit_verify(&bench.admin).await.unwrap();
        assert_eq!(
            live,
            Report { records: 6, erased: 0, unsealed: 1, seals: 2, sealed_to: 5, first_bad: None }
        );
        assert_eq!(check(&bench, &export(&bench, &bench.admin).await), live);
    }
}

#[tokio::test]
async fn a_chain_of_several_pages_verifies() {
    let bench = Bench::each("audit").await.remove(0);
    write(&bench, &bench.admin, 1_234).await;
    assert_eq!(bench.app.audit_seal().await.unwrap(), 1_234);
    let report = check(&bench, &export(&bench, &bench.admin).await);
    assert_eq!((report.records, report.seals, report.first_bad), (1_234, 3, None));
}

#[tokio::test]
async fn every_tampered_line_of_an_export_is_found_and_named() {
    for bench in sealed("audit").await {
        let good = export(&bench, &bench.admin).await;
        let lines: Vec<&str> = good.lines().collect();
        let bad = |text: String| check(&bench, &text).first_bad.map(|bad| (bad.position, bad.problem));
        let joined = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let replace = |index: usize, from: &str, to: &str| {
            assert!(lines[index].contains(from), "{}", lines[index]);
            let changed = lines
                .iter()
                .enumerate()
                .map(|(at, line)| if at == index { line.replacen(from, to, 1) } else { (*line).to_owned() });
            joined(changed.collect())
        };
        let without = |index: usize| {
            let kept = lines.iter().enumerate().filter(|(at, _)| *at != index);
            joined(kept.map(|(_, line)| (*line).to_owned()).collect())
        };
        // header, 1, 2, 3, seal, 4, 5, seal, waiting
        assert_eq!(bad(replace(2, "device:1", "device:9")), Some((2, Problem::BrokenLink)));
        assert_eq!(bad(replace(2, "device.create", "device.delete")), Some((2, Problem::BrokenLink)));
        assert_eq!(bad(replace(3, "\\\"n\\\":2", "\\\"n\\\":3")), Some((3, Problem::BrokenLink)));
        assert_eq!(bad(replace(5, "2026-01-01", "2026-01-02")), Some((4, Problem::BrokenLink)));
        assert_eq!(bad(replace(1, "anna", "bert")), Some((1, Problem::PersonalChanged)));
        assert_eq!(bad(replace(8, "anna", "bert")), Some((5, Problem::PersonalChanged)));
        assert_eq!(bad(without(1)), Some((2, Problem::MissingRecord)));
        assert_eq!(bad(without(6)), Some((5, Problem::SealMismatch)));
        assert_eq!(bad(without(4)), Some((5, Problem::SealMismatch)));
        assert_eq!(bad(without(7)), Some((4, Problem::NotCovered)));
        let signature = lines[4].split("\"signature\":\"").nth(1).unwrap().split('"').next().unwrap();
        let other = lines[7].split("\"signature\":\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(bad(replace(4, signature, other)), Some((3, Problem::BadSignature)));
    }
}

#[tokio::test]
async fn a_row_placed_into_the_live_chain_without_the_key_is_found() {
    for bench in sealed("audit").await {
        // The waiting record is given a place with a right link, but nobody signed it.
        let placed: Result<(), StoreError> = bench
            .app
            .store
            .write(|tx| {
                Box::pin(async move {
                    let waiting = table::unsealed(tx, 0, 1).await?.remove(0);
                    let last = table::last_seal(tx).await?.unwrap();
                    let hash = link(&last.hash, 6, &waiting.record.digest());
                    table::place(tx, waiting.record.seq, 6, &hash).await
                })
            })
            .await;
        placed.unwrap();
        let bad = bench.app.audit_verify(&bench.admin).await.unwrap().first_bad.unwrap();
        assert_eq!((bad.position, bad.problem), (6, Problem::NotCovered));
    }
}

#[tokio::test]
async fn another_key_verifies_nothing() {
    let bench = sealed("audit").await.remove(0);
    let directory = tempfile::tempdir().unwrap();
    let other = AuditKey::open(directory.path(), &SystemEntropy).unwrap();
    let text = export(&bench, &bench.admin).await;
    let report = verify(text.as_bytes(), &other.public_pem()).unwrap();
    let bad = Bad { position: 3, seq: Some(3), problem: Problem::BadSignature };
    assert_eq!(report.first_bad, Some(bad));
    assert!(matches!(verify(text.as_bytes(), "nonsense"), Err(ExportError::Key)));
}

#[tokio::test]
async fn an_export_that_was_cut_or_mangled_names_its_line() {
    let bench = sealed("audit").await.remove(0);
    let text = export(&bench, &bench.admin).await;
    let key = bench.app.audit_public_key();
    let line = |text: &str| match verify(text.as_bytes(), &key) {
        Err(ExportError::Line { number, .. }) => number,
        other => panic!("a bad line, not {other:?}"),
    };
    assert_eq!(line(&text[..text.len() - 5]), 9);
    assert_eq!(line(&text.replacen("\"record\"", "\"other thing\"", 1)), 2);
    assert_eq!(line(text.split_once('\n').unwrap().1), 1);
    assert_eq!(line("nonsense\n"), 1);
}

#[tokio::test]
async fn erasing_a_person_keeps_the_chain_and_forgets_the_name() {
    for bench in sealed("audit").await {
        let bert = Principal::user(bench.admin.tenant, "bert", Role::Admin);
        write(&bench, &bert, 2).await;
        bench.app.audit_seal().await.unwrap();
        assert_eq!(bench.app.audit_erase(&bert, "anna").await.unwrap(), 6);
        bench.app.audit_seal().await.unwrap();
        let report = bench.app.audit_verify(&bert).await.unwrap();
        assert_eq!((report.erased, report.unsealed, report.first_bad), (6, 0, None));
        let text = export(&bench, &bert).await;
        assert!(!text.contains("anna") && text.contains("bert"));
        assert_eq!(check(&bench, &text), report);
        let found = bench.app.audit_list(&bert, Filter::default(), 100).await.unwrap();
        assert_eq!((found[0].action.as_str(), &found[0].details), ("audit.erase", &json!({"records": 6})));
        assert_eq!(found.last().unwrap().actor, "user:(erased)");
    }
}

#[tokio::test]
async fn other_tenants_see_digests_only_and_still_verify() {
    for bench in sealed("audit").await {
        let stranger =
            Principal { tenant: TenantId::new(99), ..Principal::user(TenantId::new(99), "eve", Role::Admin) };
        let text = export(&bench, &stranger).await;
        assert!(!text.contains("device:") && !text.contains("anna"), "{text}");
        let report = check(&bench, &text);
        assert_eq!((report.records, report.seals, report.first_bad), (5, 2, None));
        assert!(bench.app.audit_list(&stranger, Filter::default(), 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn two_sealers_at_once_give_each_record_one_place() {
    for bench in Bench::each("audit").await {
        write(&bench, &bench.admin, 20).await;
        let (one, other) = tokio::join!(bench.app.audit_seal(), bench.app.audit_seal());
        assert_eq!(one.unwrap() + other.unwrap(), 20);
        let report = bench.app.audit_verify(&bench.admin).await.unwrap();
        assert_eq!((report.records, report.unsealed, report.first_bad), (20, 0, None));
    }
}

#[tokio::test]
async fn only_those_with_the_right_read_or_erase() {
    let bench = sealed("audit").await.remove(0);
    let viewer = Principal::user(bench.admin.tenant, "vera", Role::Viewer);
    let app = &bench.app;
    assert_eq!(app.audit_list(&viewer, Filter::default(), 1).await.unwrap_err().code(), "forbidden");
    assert_eq!(app.audit_export(&viewer).unwrap_err().code(), "forbidden");
    assert_eq!(app.audit_verify(&viewer).await.unwrap_err().code(), "forbidden");
    let operator = Principal::user(bench.admin.tenant, "otto", Role::Operator);
    assert_eq!(app.audit_erase(&operator, "anna").await.unwrap_err().code(), "forbidden");
}

#[test]
fn the_key_is_made_once_and_kept_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let key = AuditKey::open(directory.path(), &SystemEntropy).unwrap();
    assert_eq!(AuditKey::open(directory.path(), &SystemEntropy).unwrap().public_pem(), key.public_pem());
    let path = directory.path().join("audit.pem");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::write(&path, "nonsense").unwrap();
    let error = AuditKey::open(directory.path(), &SystemEntropy).unwrap_err().to_string();
    assert!(error.contains("audit.pem"), "{error}");
    assert!(!format!("{key:?}").contains("PRIVATE"));
}
