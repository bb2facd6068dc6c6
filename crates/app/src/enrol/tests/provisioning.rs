//! From a claim to a certificate of its own: who gets one under which name, and who does not.

use serde_json::json;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::ids::AttributeKey;
use windlass_wire::topic::Format;

use super::*;
use crate::enrol::bench::{request, topic_of};

#[tokio::test]
async fn a_claim_takes_a_device_from_request_to_a_certificate_that_signs_in() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let (accepted, made) = bench.csr(&claim.peer, &request(&key())).await;
        assert!(accepted, "{made}");
        assert!(made.get("privateKey").is_none());
        let pem = made["certificatePem"].as_str().unwrap();
        assert_eq!(bench.identify(pem).await.unwrap_err(), ConnectRefusal::Pending);
        let (accepted, said) =
            bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-1").await;
        assert!(accepted, "{said}");
        assert_eq!(said, json!({"deviceConfiguration": {"hello": "pump-1"}, "thingName": "pump-1"}));
        let peer = bench.device(pem).await.unwrap();
        assert_eq!(peer.name.as_str(), "pump-1");
        assert_eq!(made["certificateId"].as_str().unwrap().len(), 64);
        let device = lifecycle(&bench, "pump-1", None).await.unwrap();
        assert_eq!(device.lifecycle, Lifecycle::Registered);
        assert_eq!(device.attributes[&"line".parse::<AttributeKey>().unwrap()], "1");
        let actions = bench.actions().await;
        assert_eq!(actions, ["template.put", "claim.create", "credential.create", "device.enrol"]);
    }
}

#[tokio::test]
async fn a_key_made_by_the_server_is_given_once_audited_and_can_be_forbidden() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let topic = "$aws/certificates/create/json";
        let (accepted, made) = bench.publish(&claim.peer, topic, &json!({})).await;
        assert!(accepted, "{made}");
        let private = KeyPair::from_pem(made["privateKey"].as_str().unwrap()).unwrap();
        let read = csr::read(&request(&private)).unwrap();
        let (_, said) = bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-1").await;
        assert_eq!(said["thingName"], "pump-1");
        let peer = bench.device(made["certificatePem"].as_str().unwrap()).await.unwrap();
        let stored = bench.app.credential_get(&bench.admin, peer.credential).await.unwrap();
        assert!(!stored.certificate_pem.contains("PRIVATE"));
        let again = bench.csr(&claim.peer, &request(&private)).await;
        assert_eq!(code(&again.1), (400, "InvalidCsr"), "its key is used: {}", read.digest());
        let records = bench.app.audit_list(&bench.admin, crate::audit::Filter::default(), 100).await.unwrap();
        let created = records.iter().find(|each| each.action == "credential.create").unwrap();
        assert_eq!(
            (created.details["serverKey"].clone(), created.actor.as_str()),
            (json!(true), "device:claim:line-1")
        );
    }
}

#[tokio::test]
async fn cbor_is_answered_in_cbor() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let topic = topic_of("$aws/certificates/create/cbor");
        assert_eq!(topic.format, Format::Cbor);
        let replies = handle(&bench.app, &claim.peer, &topic, &[0xa0], bench.app.clock.now()).await;
        assert_eq!(replies[0].topic, "$aws/certificates/create/cbor/accepted");
        assert_eq!(replies[0].payload[0] >> 5, 5, "a CBOR map");
        let replies = handle(&bench.app, &claim.peer, &topic, b"{}", bench.app.clock.now()).await;
        assert_eq!(replies[0].topic, "$aws/certificates/create/cbor/rejected");
        assert_eq!(replies[0].payload[0] >> 5, 5, "a CBOR map");
    }
}

#[tokio::test]
async fn a_name_that_lives_is_never_taken_over_and_nothing_is_left_behind() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let first = bench.enrolled(&claim.peer, "pump-1").await;
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let (accepted, said) =
            bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-1").await;
        assert!(!accepted);
        assert_eq!(code(&said), (403, "AccessDenied"));
        let thief = made["certificatePem"].as_str().unwrap();
        assert_eq!(bench.identify(thief).await.unwrap_err(), ConnectRefusal::Pending);
        let listed = bench.app.credential_list(&bench.admin, &"pump-1".parse().unwrap()).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert!(bench.device(&first).await.is_ok());
        // The token was not used up by the refusal.
        assert!(bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-2").await.0);
    }
}

#[tokio::test]
async fn a_registered_name_without_a_live_credential_is_attached_and_keeps_what_operators_set() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let id = registered(&bench, "pump-1").await;
        let pem = bench.enrolled(&claim.peer, "pump-1").await;
        let peer = bench.device(&pem).await.unwrap();
        assert_eq!(peer.device, id);
        assert!(lifecycle(&bench, "pump-1", None).await.unwrap().attributes.is_empty());
        // Once its certificate is revoked, new hardware may have the name.
        bench.app.credential_revoke(&bench.admin, peer.credential, "broken").await.unwrap();
        let pem = bench.enrolled(&claim.peer, "pump-1").await;
        assert_eq!(bench.device(&pem).await.unwrap().device, id);
    }
}

#[tokio::test]
async fn suspended_and_decommissioned_names_are_refused() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        registered(&bench, "pump-1").await;
        for state in [Lifecycle::Suspended, Lifecycle::Decommissioned] {
            lifecycle(&bench, "pump-1", Some(state)).await;
            let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
            let (_, said) = bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-1").await;
            assert_eq!(code(&said), (403, "AccessDenied"));
            assert!(said["errorMessage"].as_str().unwrap().contains(state.as_str()), "{said}");
        }
    }
}

#[tokio::test]
async fn of_many_provisions_of_one_name_exactly_one_wins() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let mut tokens = Vec::new();
        for _ in 0..6 {
            tokens
                .push(bench.csr(&claim.peer, &request(&key())).await.1["certificateOwnershipToken"].clone());
        }
        let tries = tokens.iter().map(|token| bench.provision(&claim.peer, token, "pump-1"));
        let results = futures_util::future::join_all(tries).await;
        assert_eq!(results.iter().filter(|(accepted, _)| *accepted).count(), 1, "{results:?}");
        for (_, said) in results.iter().filter(|(accepted, _)| !accepted) {
            assert_eq!(code(said), (403, "AccessDenied"));
        }
        let listed = bench.app.credential_list(&bench.admin, &"pump-1".parse().unwrap()).await.unwrap();
        assert_eq!(listed.len(), 1);
    }
}

#[tokio::test]
async fn unknown_reused_and_expired_ownership_tokens_are_refused() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let bad = (400, "InvalidCertificateOwnershipToken");
        assert_eq!(code(&bench.provision(&claim.peer, &json!("nonsense"), "a").await.1), bad);
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let token = &made["certificateOwnershipToken"];
        assert!(bench.provision(&claim.peer, token, "pump-1").await.0);
        assert_eq!(code(&bench.provision(&claim.peer, token, "pump-2").await.1), bad, "reused");
        assert!(lifecycle(&bench, "pump-2", None).await.is_none());
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        bench.advance(3600);
        let late = bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-3").await;
        assert_eq!(code(&late.1), bad, "expired");
        assert_eq!(code(&bench.provision(&claim.peer, token, "pump-1").await.1), bad, "reused and expired");
        assert!(lifecycle(&bench, "pump-3", None).await.is_none());
    }
}

#[tokio::test]
async fn a_lost_reply_does_not_lock_a_device_out() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let csr = request(&key());
        let (_, lost) = bench.csr(&claim.peer, &csr).await;
        let (accepted, made) = bench.csr(&claim.peer, &csr).await;
        assert!(accepted, "{made}");
        assert_eq!(made["certificatePem"], lost["certificatePem"]);
        let old = bench.provision(&claim.peer, &lost["certificateOwnershipToken"], "pump-1").await;
        assert_eq!(code(&old.1), (400, "InvalidCertificateOwnershipToken"), "the older token is void");
        let token = &made["certificateOwnershipToken"];
        let first = bench.provision(&claim.peer, token, "pump-1").await;
        assert_eq!(bench.provision(&claim.peer, token, "pump-1").await, first);
        let peer = bench.device(made["certificatePem"].as_str().unwrap()).await.unwrap();
        bench.app.credential_revoke(&bench.admin, peer.credential, "x").await.unwrap();
        let revoked = bench.provision(&claim.peer, token, "pump-1").await;
        assert_eq!(code(&revoked.1), (400, "InvalidCertificateOwnershipToken"));
    }
}

#[tokio::test]
async fn malformed_requests_and_keys_used_before_are_refused() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        for bad in
            ["", "nonsense", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"]
        {
            assert_eq!(code(&bench.csr(&claim.peer, bad).await.1), (400, "InvalidCsr"));
        }
        let used = key();
        let (_, made) = bench.csr(&claim.peer, &request(&used)).await;
        bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-1").await;
        let again = bench.csr(&claim.peer, &request(&used)).await.1;
        assert_eq!(code(&again), (400, "InvalidCsr"));
        let peer = bench.device(made["certificatePem"].as_str().unwrap()).await.unwrap();
        bench.app.credential_revoke(&bench.admin, peer.credential, "x").await.unwrap();
        assert_eq!(bench.csr(&claim.peer, &request(&used)).await.1, again, "revoked keys stay used");
        let topic = "$aws/certificates/create-from-csr/json";
        let said = bench.publish(&claim.peer, topic, &json!({"certificateSigningRequest": 7})).await.1;
        assert_eq!(code(&said), (400, "InvalidPayload"));
    }
}
