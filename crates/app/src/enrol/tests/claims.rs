//! Claims: how much one may ask for, and what is left of it when it is revoked.

use std::time::Duration;

use windlass_domain::credential::{ConnectRefusal, CredentialStatus};
use windlass_domain::permission::{Principal, Role};

use super::*;
use crate::enrol::bench::{pumps, request};
use crate::message::Peer;

#[tokio::test]
async fn a_claim_makes_ten_certificates_a_minute_and_no_more() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        for _ in 0..10 {
            assert!(bench.csr(&claim.peer, &request(&key())).await.0);
        }
        assert_eq!(code(&bench.csr(&claim.peer, &request(&key())).await.1), (429, "Throttling"));
        let other = bench.claim("line-2", &[]).await;
        assert!(bench.csr(&other.peer, &request(&key())).await.0, "each claim has its own share");
        bench.advance(60);
        assert!(bench.csr(&claim.peer, &request(&key())).await.0);
    }
}

#[tokio::test]
async fn a_claim_has_a_thousand_open_certificates_at_most_and_unused_ones_go_after_an_hour() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let (tenant, id) = (bench.admin.tenant, claim.peer.claim);
        let until = bench.app.clock.now().plus(Duration::from_secs(600));
        bench
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    for number in 0..1_000_u32 {
                        let mark = number.to_be_bytes();
                        let new = credentials::NewCredential {
                            tenant,
                            device: None,
                            claim: Some(id),
                            purpose: CredentialPurpose::Device,
                            status: CredentialStatus::Pending,
                            fingerprint: Sha256::of(&mark),
                            public_key: Sha256::of(&mark),
                            serial: String::new(),
                            certificate_pem: String::new(),
                            not_before: until,
                            not_after: until,
                            ownership: Some((Sha256::of(&mark), until)),
                        };
                        let an_hour_ago = until.minus(Duration::from_secs(4_000));
                        credentials::insert(tx, &new, an_hour_ago).await?;
                    }
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
        let refused = bench.csr(&claim.peer, &request(&key())).await.1;
        assert_eq!(code(&refused), (429, "Throttling"));
        assert!(refused["errorMessage"].as_str().unwrap().contains("1000"), "{refused}");
        assert_eq!(bench.app.enrolment_sweep().await.unwrap(), 0);
        bench.advance(600);
        assert_eq!(bench.app.enrolment_sweep().await.unwrap(), 1_000);
        assert!(bench.csr(&claim.peer, &request(&key())).await.0);
    }
}

#[tokio::test]
async fn a_revoked_claim_can_do_nothing_even_on_a_live_connection_and_its_devices_go_on() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let device = bench.enrolled(&claim.peer, "pump-1").await;
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let revoked = bench.app.claim_revoke(&bench.admin, "line-1").await.unwrap();
        assert_eq!(revoked.credentials[0].status, CredentialStatus::Revoked);
        assert_eq!(code(&bench.csr(&claim.peer, &request(&key())).await.1), (403, "AccessDenied"));
        let late = bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-2").await;
        assert_eq!(code(&late.1), (403, "AccessDenied"));
        let pem = &claim.made.certificate_pem;
        assert_eq!(bench.identify(pem).await.unwrap_err(), ConnectRefusal::Revoked);
        let unused = bench.identify(made["certificatePem"].as_str().unwrap()).await;
        assert_eq!(unused.unwrap_err(), ConnectRefusal::Unknown, "what nobody provisioned is gone");
        assert!(bench.device(&device).await.is_ok());
        bench.app.claim_revoke(&bench.admin, "line-1").await.unwrap();
    }
}

#[tokio::test]
async fn a_claim_is_made_once_under_its_name_with_a_key_that_is_shown_once() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        assert!(KeyPair::from_pem(claim.made.private_key_pem.as_deref().unwrap()).is_ok());
        assert!(!format!("{:?}", claim.made).contains("PRIVATE"));
        let new =
            |name: &str| NewClaim { name: name.to_owned(), templates: vec![], expires_at: None, csr: None };
        let create = |new| bench.app.claim_create(&bench.admin, new);
        assert_eq!(create(new("line-1")).await.unwrap_err().code(), "exists");
        for bad in ["", "a b", "..", &"x".repeat(65)] {
            assert_eq!(create(new(bad)).await.unwrap_err().code(), "invalid");
        }
        let missing = NewClaim { templates: vec!["nope".parse().unwrap()], ..new("x") };
        let AppError::Invalid(problems) = create(missing).await.unwrap_err() else { panic!("invalid") };
        assert_eq!(problems[0].field, "templates.0");
        let past = NewClaim { expires_at: Some(windlass_store::testing::START), ..new("x") };
        assert_eq!(create(past).await.unwrap_err().code(), "invalid");
        let own = key();
        let with_csr = NewClaim { csr: Some(request(&own)), ..new("line-2") };
        assert_eq!(create(with_csr.clone()).await.unwrap().private_key_pem, None);
        let again = NewClaim { name: "line-3".to_owned(), ..with_csr };
        assert_eq!(create(again).await.unwrap_err().code(), "invalid", "a key used before");
        let names: Vec<_> =
            bench.app.claim_list(&bench.admin).await.unwrap().into_iter().map(|claim| claim.name).collect();
        assert_eq!(names, ["line-1", "line-2"]);
        let operator = Principal::user(bench.admin.tenant, "otto", Role::Operator);
        assert_eq!(bench.app.claim_create(&operator, new("x")).await.unwrap_err().code(), "forbidden");
    }
}

#[tokio::test]
async fn a_claim_signs_in_as_a_claim_and_never_as_a_device() {
    for bench in Bench::each("enrol").await {
        bench.template("pumps", pumps()).await;
        let claim = bench.claim("line-1", &["pumps"]).await;
        assert_eq!(claim.peer.templates, ["pumps".parse().unwrap()]);
        let Peer::Claim(peer) = bench.identify(&claim.made.certificate_pem).await.unwrap() else {
            panic!("a claim")
        };
        assert_eq!((peer.name.as_str(), peer.tenant), ("line-1", bench.admin.tenant));
        bench.advance(366 * 24 * 3600);
        let pem = &claim.made.certificate_pem;
        assert_eq!(bench.identify(pem).await.unwrap_err(), ConnectRefusal::Expired);
    }
}

#[tokio::test]
async fn a_claim_at_its_limit_is_told_to_operators_once_a_minute() {
    for bench in Bench::each("enrol-limited").await {
        let claim = bench.line().await;
        let most = bench.app.limits.claim_certificates_per_minute;
        for _ in 0..most {
            assert!(bench.csr(&claim.peer, &request(&key())).await.0);
        }
        for _ in 0..5 {
            assert!(!bench.csr(&claim.peer, &request(&key())).await.0);
        }
        let told = |actions: Vec<String>| actions.iter().filter(|one| *one == "claim.limitReached").count();
        assert_eq!(told(bench.actions().await), 1);
    }
}
