use std::time::Duration;

use rcgen::KeyPair;
use serde_json::{Value, json};
use windlass_domain::credential::{ConnectRefusal, CredentialStatus};
use windlass_domain::device::Lifecycle;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::AttributeKey;
use windlass_domain::permission::{Principal, Role};
use windlass_store::devices::NewDevice;
use windlass_store::{StoreError, devices, groups, types};
use windlass_wire::topic::Format;

use super::bench::{Bench, pumps, request, topic_of};
use super::*;
use crate::message::Peer;

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn code(said: &Value) -> (i64, &str) {
    (said["statusCode"].as_i64().unwrap(), said["errorCode"].as_str().unwrap())
}

async fn lifecycle(
    bench: &Bench,
    name: &str,
    to: Option<Lifecycle>,
) -> Option<windlass_domain::device::Device> {
    let (tenant, name) = (bench.admin.tenant, name.parse::<DeviceName>().unwrap());
    bench
        .app
        .store
        .write(move |tx| {
            let name = name.clone();
            Box::pin(async move {
                let mut device = devices::device_by_name(tx, tenant, &name).await?;
                if let (Some(device), Some(to)) = (&mut device, to) {
                    device.lifecycle = to;
                    assert!(devices::device_save(tx, device, windlass_store::testing::START).await?);
                }
                Ok::<_, StoreError>(device)
            })
        })
        .await
        .unwrap()
}

async fn registered(bench: &Bench, name: &str) -> DeviceId {
    let (tenant, name) = (bench.admin.tenant, name.parse::<DeviceName>().unwrap());
    let made = bench
        .app
        .store
        .write(move |tx| {
            let new = NewDevice::named(tenant, name.clone());
            Box::pin(async move { devices::device_insert(tx, &new, windlass_store::testing::START).await })
        })
        .await;
    let made: Option<windlass_domain::device::Device> = made.map_err(|error: StoreError| error).unwrap();
    made.unwrap().id
}

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

#[tokio::test]
async fn templates_that_are_unknown_disabled_or_not_the_claims_are_refused() {
    for bench in Bench::each("enrol").await {
        let line = bench.line().await;
        bench.template("valves", pumps()).await;
        let valves = bench.claim("valves-only", &["valves"]).await;
        let (_, made) = bench.csr(&line.peer, &request(&key())).await;
        let token = &made["certificateOwnershipToken"];
        let body = json!({"certificateOwnershipToken": token, "parameters": {"SerialNumber": "a"}});
        let unknown =
            bench.publish(&line.peer, "$aws/provisioning-templates/nope/provision/json", &body).await;
        assert_eq!(code(&unknown.1), (404, "ResourceNotFound"));
        assert_eq!(code(&bench.provision(&valves.peer, token, "a").await.1), (403, "AccessDenied"));
        bench.app.template_put(&bench.admin, &"pumps".parse().unwrap(), &pumps(), false, None).await.unwrap();
        assert_eq!(code(&bench.provision(&line.peer, token, "a").await.1), (403, "AccessDenied"));
        assert!(lifecycle(&bench, "a", None).await.is_none());
    }
}

#[tokio::test]
async fn parameters_that_do_not_fit_the_template_are_refused() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let token = &made["certificateOwnershipToken"];
        let topic = "$aws/provisioning-templates/pumps/provision/json";
        for parameters in [json!({}), json!({"SerialNumber": "a/b"}), json!({"SerialNumber": 7})] {
            let body = json!({"certificateOwnershipToken": token, "parameters": parameters});
            assert_eq!(code(&bench.publish(&claim.peer, topic, &body).await.1), (400, "InvalidPayload"));
        }
        assert!(bench.provision(&claim.peer, token, "pump-1").await.0, "the token is still good");
    }
}

#[tokio::test]
async fn a_template_gives_type_groups_and_overrides_and_names_what_is_missing() {
    for bench in Bench::each("enrol").await {
        let claim = bench.claim("line-1", &[]).await;
        let mut body = pumps();
        let thing = &mut body["Resources"]["thing"];
        thing["Properties"]["ThingTypeName"] = json!("pump");
        thing["Properties"]["ThingGroups"] = json!(["eu/berlin"]);
        thing["OverrideSettings"] =
            json!({"AttributePayload": "MERGE", "ThingTypeName": "REPLACE", "ThingGroups": "REPLACE"});
        bench.template("pumps", body).await;
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let token = &made["certificateOwnershipToken"];
        assert_eq!(code(&bench.provision(&claim.peer, token, "pump-1").await.1), (404, "ResourceNotFound"));
        let tenant = bench.admin.tenant;
        bench
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let now = windlass_store::testing::START;
                    let spec = TypeSpec {
                        default_attributes: [("colour".parse().unwrap(), "red".to_owned())].into(),
                        ..TypeSpec::default()
                    };
                    types::type_insert(tx, tenant, &"pump".parse().unwrap(), &spec, now).await?;
                    groups::group_insert(tx, tenant, &"eu/berlin".parse().unwrap(), "", now).await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
        assert!(bench.provision(&claim.peer, token, "pump-1").await.0);
        let made = lifecycle(&bench, "pump-1", None).await.unwrap();
        assert!(made.device_type.is_some());
        assert_eq!(made.attributes.len(), 2, "the type's and the template's");
        registered(&bench, "pump-2").await;
        bench.enrolled(&claim.peer, "pump-2").await;
        let attached = lifecycle(&bench, "pump-2", None).await.unwrap();
        assert_eq!((attached.device_type, attached.attributes.len()), (made.device_type, 1));
        let id = attached.id;
        let groups: std::collections::BTreeSet<GroupId> = bench
            .app
            .store
            .read(move |tx| Box::pin(async move { groups::groups_of(tx, id).await }))
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        assert_eq!(groups.len(), 1);
    }
}

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
async fn an_operator_signs_a_request_and_the_device_signs_in_until_it_is_revoked() {
    for bench in Bench::each("enrol").await {
        let name: DeviceName = "pump-1".parse().unwrap();
        let issue = |csr: String| {
            let (app, by, name) = (bench.app.clone(), bench.admin.clone(), name.clone());
            async move { app.credential_issue(&by, &name, &csr).await }
        };
        assert_eq!(issue(request(&key())).await.unwrap_err().code(), "not_found");
        registered(&bench, "pump-1").await;
        let used = key();
        let signed = issue(request(&used)).await.unwrap();
        assert_eq!(signed.chain_pem.matches("BEGIN CERTIFICATE").count(), 2);
        assert_eq!(bench.device(&signed.chain_pem).await.unwrap().name, name);
        assert_eq!(issue(request(&used)).await.unwrap_err().code(), "invalid");
        assert_eq!(issue("nonsense".to_owned()).await.unwrap_err().code(), "invalid");
        let second = issue(request(&key())).await.unwrap();
        assert!(bench.device(&second.chain_pem).await.is_ok(), "an operator may overlap certificates");
        let id = signed.credential.id;
        let revoked = bench.app.credential_revoke(&bench.admin, id, "lost").await.unwrap();
        assert_eq!(revoked.ended.as_ref().unwrap().1, "lost");
        bench.app.credential_revoke(&bench.admin, id, "again").await.unwrap();
        assert_eq!(bench.identify(&signed.chain_pem).await.unwrap_err(), ConnectRefusal::Revoked);
        assert!(bench.device(&second.chain_pem).await.is_ok());
        let revocations = bench.actions().await.iter().filter(|each| *each == "credential.revoke").count();
        assert_eq!(revocations, 1);
        lifecycle(&bench, "pump-1", Some(Lifecycle::Decommissioned)).await;
        assert_eq!(issue(request(&key())).await.unwrap_err().code(), "device.decommissioned");
        let viewer = Principal::user(bench.admin.tenant, "vera", Role::Viewer);
        let denied = bench.app.credential_revoke(&viewer, second.credential.id, "x").await;
        assert_eq!(denied.unwrap_err().code(), "forbidden");
    }
}

#[tokio::test]
async fn revoking_closes_the_connections_of_that_certificate_only() {
    use std::sync::{Arc, Mutex};

    use crate::hub::{CloseReason, Link, Registration};
    use crate::message::Outbound;

    #[derive(Debug, Default)]
    struct Probe(Mutex<Vec<CloseReason>>);
    impl Link for Probe {
        fn wake(&self) {}
        fn deliver(&self, _: &Arc<Outbound>) {}
        fn close(&self, reason: CloseReason) {
            self.0.lock().unwrap().push(reason);
        }
    }

    let bench = Bench::each("enrol").await.remove(0);
    registered(&bench, "pump-1").await;
    let name: DeviceName = "pump-1".parse().unwrap();
    let mut probes = Vec::new();
    for client in ["one", "two"] {
        let signed = bench.app.credential_issue(&bench.admin, &name, &request(&key())).await.unwrap();
        let peer = bench.device(&signed.chain_pem).await.unwrap();
        let probe = Arc::new(Probe::default());
        let link: Arc<dyn Link> = Arc::<Probe>::clone(&probe);
        let registration = Registration {
            device: peer.device,
            client_id: client.into(),
            credential: peer.credential,
            expires_at: peer.expires_at,
            link,
        };
        bench.app.hub.register(registration, 8);
        probes.push((peer.credential, probe));
    }
    bench.app.credential_revoke(&bench.admin, probes[0].0, "lost").await.unwrap();
    assert_eq!(*probes[0].1.0.lock().unwrap(), [CloseReason::NotAuthorized]);
    assert!(probes[1].1.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_inactive_template_leaves_the_certificate_for_an_operator_to_activate() {
    for bench in Bench::each("enrol").await {
        let claim = bench.claim("line-1", &[]).await;
        let mut body = pumps();
        body["Resources"]["certificate"]["Properties"]["Status"] = json!("INACTIVE");
        bench.template("pumps", body).await;
        let pem = bench.enrolled(&claim.peer, "pump-1").await;
        assert_eq!(bench.identify(&pem).await.unwrap_err(), ConnectRefusal::Pending);
        bench.advance(7_200);
        assert_eq!(bench.app.enrolment_sweep().await.unwrap(), 0, "it belongs to a device");
        let name = "pump-1".parse().unwrap();
        let id = bench.app.credential_list(&bench.admin, &name).await.unwrap()[0].id;
        bench.app.credential_activate(&bench.admin, id).await.unwrap();
        assert!(bench.device(&pem).await.is_ok());
        let again = bench.app.credential_activate(&bench.admin, id).await.unwrap_err();
        assert_eq!(again.code(), "credential.not_pending");
    }
}

#[tokio::test]
async fn decommission_revokes_every_credential_in_its_own_transaction() {
    for bench in Bench::each("enrol").await {
        registered(&bench, "pump-1").await;
        let name: DeviceName = "pump-1".parse().unwrap();
        let mut chains = Vec::new();
        for _ in 0..2 {
            let signed = bench.app.credential_issue(&bench.admin, &name, &request(&key())).await.unwrap();
            chains.push(signed.chain_pem);
        }
        let (by, device) = (bench.admin.clone(), bench.device(&chains[0]).await.unwrap().device);
        let now = bench.app.clock.now();
        let revoked: Result<usize, AppError> = bench
            .app
            .store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move { revoke_all_in(tx, &by, device, "decommissioned", now).await })
            })
            .await;
        assert_eq!(revoked.unwrap(), 2);
        for chain in &chains {
            assert_eq!(bench.identify(chain).await.unwrap_err(), ConnectRefusal::Revoked);
        }
    }
}

#[tokio::test]
async fn templates_are_checked_versioned_and_kept_from_those_without_rights() {
    for bench in Bench::each("enrol").await {
        let name: TemplateName = "pumps".parse().unwrap();
        let put = |body: Value, version| {
            let (app, by, name) = (bench.app.clone(), bench.admin.clone(), name.clone());
            async move { app.template_put(&by, &name, &body, true, version).await }
        };
        let AppError::Invalid(problems) = put(json!({"Resources": {}}), None).await.unwrap_err() else {
            panic!("invalid")
        };
        assert_eq!(problems[0].field, "body.Resources");
        assert_eq!(put(pumps(), Some(0)).await.unwrap().version, 1);
        assert_eq!(put(pumps(), Some(0)).await.unwrap_err().code(), "version_mismatch");
        assert_eq!(put(pumps(), Some(1)).await.unwrap().version, 2);
        let huge = json!({"Description": "x".repeat(20_000)});
        assert_eq!(put(huge, None).await.unwrap_err().code(), "invalid");
        assert_eq!(bench.app.template_list(&bench.admin).await.unwrap().len(), 1);
        assert_eq!(bench.app.template_get(&bench.admin, &name).await.unwrap().body, pumps());
        let viewer = Principal::user(bench.admin.tenant, "vera", Role::Viewer);
        assert_eq!(bench.app.template_delete(&viewer, &name).await.unwrap_err().code(), "forbidden");
        bench.app.template_delete(&bench.admin, &name).await.unwrap();
        assert_eq!(bench.app.template_get(&bench.admin, &name).await.unwrap_err().code(), "not_found");
        assert_eq!(bench.app.template_delete(&bench.admin, &name).await.unwrap_err().code(), "not_found");
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
