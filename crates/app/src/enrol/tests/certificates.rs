//! Certificates in the hands of operators: signed, activated, revoked.

use serde_json::json;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::permission::{Principal, Role};

use super::*;
use crate::enrol::bench::{pumps, request};

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
