use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use windlass_domain::device::Lifecycle;
use windlass_domain::device_type::TypeSpec;
use windlass_store::devices::Alias;
use windlass_store::testing::START;

use super::*;
use crate::enrol::bench::Bench;

fn foreign(usage: ExtendedKeyUsagePurpose) -> CertificateDer<'static> {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(ca, KeyPair::generate().unwrap());
    let mut leaf = CertificateParams::default();
    leaf.extended_key_usages = vec![usage];
    leaf.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().der().clone()
}

#[tokio::test]
async fn what_is_not_ours_is_told_apart_from_what_is_unknown() {
    for bench in Bench::each("identify").await {
        let app = &bench.app;
        assert_eq!(app.identify_certificate(&[]).await.unwrap_err(), ConnectRefusal::NoCredential);
        let foreign = foreign(ExtendedKeyUsagePurpose::ClientAuth);
        let refused = app.identify_certificate(&[foreign]).await.unwrap_err();
        assert_eq!(refused, ConnectRefusal::WrongIssuer);
        let garbage = CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);
        let refused = app.identify_certificate(&[garbage]).await.unwrap_err();
        assert_eq!(refused, ConnectRefusal::Unusable("it cannot be read"));
        // Our own signature, but no row: restored from an older backup, or swept.
        let key = app.authority.make_key(&*app.entropy).unwrap();
        let lifetime = Duration::from_secs(3600);
        let issued = app.authority.sign(&key.public, "ghost", lifetime, &*app.entropy, START).unwrap();
        assert_eq!(bench.identify(&issued.certificate_pem).await.unwrap_err(), ConnectRefusal::Unknown);
        let server = app.authority.server_identity().borrow().chain.clone();
        let refused = app.identify_certificate(&server).await.unwrap_err();
        assert_eq!(refused, ConnectRefusal::Unusable("it is not made for clients"));
    }
}

#[tokio::test]
async fn every_state_of_certificate_and_device_has_its_own_refusal() {
    for bench in Bench::each("identify").await {
        let claim = bench.line().await;
        let pem = bench.enrolled(&claim.peer, "pump-1").await;
        let peer = bench.device(&pem).await.unwrap();
        let set = |lifecycle: Lifecycle| {
            let (store, id) = (bench.app.store.clone(), peer.device);
            async move {
                store
                    .write(move |tx| {
                        Box::pin(async move {
                            let mut device = devices::device_by_id(tx, id).await?.unwrap();
                            device.lifecycle = lifecycle;
                            devices::device_save(tx, &mut device, START).await
                        })
                    })
                    .await
                    .map_err(|error: StoreError| error)
                    .unwrap()
            }
        };
        for state in [Lifecycle::Suspended, Lifecycle::Decommissioned] {
            assert!(set(state).await);
            assert_eq!(bench.identify(&pem).await.unwrap_err(), ConnectRefusal::Lifecycle(state));
        }
        for state in [Lifecycle::Registered, Lifecycle::Active] {
            assert!(set(state).await);
            assert!(bench.device(&pem).await.is_ok());
        }
        bench.clock.set(START.minus(Duration::from_secs(2 * 24 * 3600)));
        assert_eq!(bench.identify(&pem).await.unwrap_err(), ConnectRefusal::NotYetValid);
        bench.clock.set(START.plus(Duration::from_secs(21 * 365 * 24 * 3600)));
        assert_eq!(bench.identify(&pem).await.unwrap_err(), ConnectRefusal::Expired);
        bench.clock.set(START);
        bench.app.credential_revoke(&bench.admin, peer.credential, "lost").await.unwrap();
        assert_eq!(bench.identify(&pem).await.unwrap_err(), ConnectRefusal::Revoked);
    }
}

#[tokio::test]
async fn a_device_brings_its_aliases_and_the_end_of_its_certificate() {
    for bench in Bench::each("identify").await {
        let claim = bench.line().await;
        let pem = bench.enrolled(&claim.peer, "pump-1").await;
        let peer = bench.device(&pem).await.unwrap();
        assert!(peer.aliases.is_empty());
        let (tenant, id) = (peer.tenant, peer.device);
        bench
            .app
            .store
            .write(move |tx| {
                let named = |protocol: &str, id: &str| Alias {
                    protocol: protocol.to_owned(),
                    external_id: id.to_owned(),
                };
                let all = [named("aws", "old-name"), named("hawkbit", "+"), named("raw", "pump-2/shadow")];
                Box::pin(async move {
                    for alias in &all {
                        devices::alias_insert(tx, tenant, id, alias).await?;
                    }
                    Ok(())
                })
            })
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        let peer = bench.device(&pem).await.unwrap();
        assert_eq!(peer.aliases, ["old-name"], "what is more than one level of a topic is no name in one");
        assert!(bench.app.peer_now(&peer).is_none_or(|now| now.aliases.len() < 2));
        assert_eq!(peer.expires_at.since(START), crate::authority::UNRENEWABLE_LIFETIME);
        assert_eq!(*peer.type_spec, TypeSpec::default());
    }
}

#[tokio::test]
async fn when_the_store_is_gone_nobody_is_let_in() {
    let bench = Bench::each("identify").await.remove(0);
    let claim = bench.line().await;
    let pem = bench.enrolled(&claim.peer, "pump-1").await;
    bench.app.store.close().await;
    assert_eq!(bench.identify(&pem).await.unwrap_err(), ConnectRefusal::Unavailable);
    let token = bench.app.identify_token("wl_x").await;
    assert_eq!(token.unwrap_err(), ConnectRefusal::Unavailable);
}
