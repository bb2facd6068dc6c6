//! Client certificates of a fleet's own authorities: whom they bring in, and whom not.

use std::collections::BTreeMap;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, SanType,
};
use rustls_pki_types::CertificateDer;
use windlass_domain::credential::ConnectRefusal;
use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_store::testing::{START, feed_is_whole};
use windlass_store::{StoreError, tenants};

use super::{DdiPeer, Proof, Shown, Turned};
use crate::authority::{name_vouched_for, read_authorities};
use crate::devices::{DeviceSpec, NewDevice};
use crate::enrol::bench::Bench;
use crate::error::AppError;

type Chain = Arc<[CertificateDer<'static>]>;

struct Ca {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

fn at(seconds: i64) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(START.seconds() + seconds).unwrap()
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (at(-3_600), at(3_600));
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// An authority of its own, or one that another vouches for.
fn ca(params: CertificateParams, above: Option<&Ca>) -> Ca {
    let key = KeyPair::generate().unwrap();
    let certificate = match above {
        Some(above) => params.signed_by(&key, &above.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    let (der, pem) = (certificate.der().clone(), certificate.pem());
    Ca { issuer: Issuer::new(params, key), der, pem }
}

fn chain(ca: &Ca, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Chain {
    let mut params = named(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    Arc::from(vec![params.signed_by(&key, &ca.issuer).unwrap().der().clone()])
}

fn good(ca: &Ca, name: &str) -> Chain {
    chain(ca, name, |_| {})
}

async fn trust(bench: &Bench, pem: &str) -> Result<(), AppError> {
    let value = Some(SettingValue::Text(pem.to_owned()));
    let values = BTreeMap::from([(SettingKey::CertificateAuthorities, value)]);
    bench.app.settings_set(&bench.admin, values).await.map(drop)
}

async fn come(bench: &Bench, tenant: &str, controller: &str, chain: &Chain) -> Result<DdiPeer, Turned> {
    come_with(bench, tenant, controller, chain, None).await
}

async fn come_with(
    bench: &Bench,
    tenant: &str,
    controller: &str,
    chain: &Chain,
    authorization: Option<&str>,
) -> Result<DdiPeer, Turned> {
    // As the follower of the change feed does all the time.
    feed_is_whole(&bench.app.store).await.unwrap();
    bench.app.fleet.catch_up(&bench.app.store).await.unwrap();
    let shown = Shown {
        tenant: tenant.to_owned(),
        controller: controller.to_owned(),
        authorization: authorization.map(ToOwned::to_owned),
        certificate: None,
        chain: Some(Arc::clone(chain)),
        proxy: None,
        address: "192.0.2.1:1".parse().unwrap(),
        agent: String::new(),
        is_poll: true,
    };
    bench.app.ddi_identify(shown).await
}

#[tokio::test]
async fn a_certificate_of_a_trusted_authority_brings_in_the_device_that_it_names_and_nobody_else() {
    for bench in Bench::each("ddi-foreign").await {
        let app = &bench.app;
        let (fleet, other) = (ca(ca_params("Fleet CA"), None), ca(ca_params("Fleet CA"), None));
        let own = good(&fleet, "pump-1");
        assert!(!app.ddi_is_foreign("DEFAULT", &own).await.unwrap(), "nobody is trusted by default");
        assert!(matches!(come(&bench, "DEFAULT", "pump-1", &own).await, Err(Turned::Denied)));
        trust(&bench, &fleet.pem).await.unwrap();
        assert!(app.ddi_is_foreign("default", &own).await.unwrap());
        let wrong = [good(&fleet, "pump-2"), good(&other, "pump-1"), Arc::from(vec![fleet.der.clone()])];
        for wrong in &wrong {
            assert!(matches!(come(&bench, "DEFAULT", "pump-1", wrong).await, Err(Turned::Denied)));
        }
        let made = come(&bench, "DEFAULT", "pump-1", &own).await.unwrap();
        assert_eq!((made.name.as_str(), made.proof), ("pump-1", Proof::Authority), "it is made");
        assert_eq!(come(&bench, "DEFAULT", "pump-1", &own).await.unwrap().device, made.device);
        assert_eq!(app.identify_certificate(&own).await.unwrap_err(), ConnectRefusal::WrongIssuer);
        app.store
            .write::<_, StoreError, _>(move |tx| {
                Box::pin(async move { tenants::tenant_ensure(tx, &"acme".parse().unwrap(), START).await })
            })
            .await
            .unwrap();
        assert!(!app.ddi_is_foreign("acme", &own).await.unwrap(), "another tenant trusts nobody");
        assert!(matches!(come(&bench, "acme", "pump-1", &own).await, Err(Turned::Denied)));
        bench.advance(3_601);
        assert!(matches!(come(&bench, "DEFAULT", "pump-1", &own).await, Err(Turned::Denied)), "expired");
    }
}

#[tokio::test]
async fn a_device_with_a_credential_of_its_own_does_not_come_in_by_a_certificate_of_the_fleets_authority() {
    for bench in Bench::each("ddi-foreign-own").await {
        let (app, by) = (&bench.app, &bench.admin);
        let fleet = ca(ca_params("Fleet CA"), None);
        trust(&bench, &fleet.pem).await.unwrap();
        let new = NewDevice { name: "pump-1".to_owned(), spec: DeviceSpec::default() };
        let device = app.device_create(by, new).await.unwrap().device;
        let chain = good(&fleet, "pump-1");
        assert_eq!(come(&bench, "DEFAULT", "pump-1", &chain).await.unwrap().device, device.id);
        app.device_token_set(by, &device.name, Some("mine")).await.unwrap();
        assert!(matches!(come(&bench, "DEFAULT", "pump-1", &chain).await, Err(Turned::Denied)));
        let on = BTreeMap::from([(SettingKey::TargetTokenEnabled, Some(SettingValue::Flag(true)))]);
        app.settings_set(by, on).await.unwrap();
        let both = come_with(&bench, "DEFAULT", "pump-1", &chain, Some("TargetToken mine")).await.unwrap();
        assert_eq!(both.proof, Proof::Token, "it goes over to certificates and shows both");
        let wrong = come_with(&bench, "DEFAULT", "pump-1", &chain, Some("TargetToken other")).await;
        assert!(matches!(wrong, Err(Turned::Denied)));
        let line = bench.line().await;
        bench.enrolled(&line.peer, "pump-2").await;
        let chain = good(&fleet, "pump-2");
        assert!(matches!(come(&bench, "DEFAULT", "pump-2", &chain).await, Err(Turned::Denied)));
    }
}

#[test]
fn a_chain_proves_nothing_unless_all_of_it_is_right() {
    let fleet = ca(ca_params("Fleet CA"), None);
    let judge = |chain: &Chain| name_vouched_for(chain, &fleet.pem, START);
    assert_eq!(judge(&good(&fleet, "pump-1")).unwrap(), "pump-1");
    let says = |chain: Chain, what: &str| {
        let why = judge(&chain).unwrap_err();
        assert!(why.contains(what), "{what}: {why}");
    };
    says(chain(&fleet, "pump-1", |leaf| leaf.not_after = at(-1)), "has expired");
    says(chain(&fleet, "pump-1", |leaf| leaf.not_before = at(60)), "not valid yet");
    says(chain(&fleet, "pump-1", |leaf| leaf.extended_key_usages.clear()), "not made for clients");
    let server = vec![ExtendedKeyUsagePurpose::ServerAuth];
    says(chain(&fleet, "pump-1", |leaf| leaf.extended_key_usages = server), "not made for clients");
    let mut long = good(&fleet, "pump-1").to_vec();
    long.extend(std::iter::repeat_n(fleet.der.clone(), 4));
    says(Arc::from(long), "more than 3 certificates");
    let is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    says(chain(&fleet, "pump-1", |leaf| leaf.is_ca = is_ca), "cannot be used");
    says(good(&ca(ca_params("Other CA"), None), "pump-1"), "vouches");
    let issuing = ca(ca_params("Issuing CA"), Some(&fleet));
    let leaf = good(&issuing, "pump-1");
    says(Arc::clone(&leaf), "vouches");
    let whole: Chain = Arc::from(vec![leaf[0].clone(), issuing.der.clone()]);
    assert_eq!(judge(&whole).unwrap(), "pump-1", "the chain leads to the authority");
    let device = ca(named("pump-2"), Some(&fleet));
    let leaf = good(&device, "pump-1");
    let whole: Chain = Arc::from(vec![leaf[0].clone(), device.der.clone()]);
    assert!(judge(&whole).is_err(), "a device is no authority");
    let mut params = ca_params("Old CA");
    params.not_after = at(-1);
    let old = ca(params, None);
    assert!(name_vouched_for(&good(&old, "pump-1"), &old.pem, START).unwrap_err().contains("valid now"));
}

#[test]
fn a_certificate_names_its_device_by_its_common_name_or_else_by_the_one_name_that_it_has() {
    let fleet = ca(ca_params("Fleet CA"), None);
    let dns = |name: &str| SanType::DnsName(name.to_owned().try_into().unwrap());
    let of = |common: bool, names: Vec<SanType>| {
        let chain = chain(&fleet, "pump-1", |leaf| {
            if !common {
                leaf.distinguished_name = DistinguishedName::new();
            }
            leaf.subject_alt_names = names;
        });
        name_vouched_for(&chain, &fleet.pem, START).ok()
    };
    assert_eq!(of(true, vec![dns("pump-2")]).as_deref(), Some("pump-1"));
    assert_eq!(of(false, vec![dns("pump-2")]).as_deref(), Some("pump-2"));
    assert_eq!(of(false, vec![dns("pump-2"), dns("pump-3")]), None);
    assert_eq!(of(false, Vec::new()), None);
}

#[tokio::test]
async fn only_ca_certificates_can_be_trusted() {
    let fleet = ca(ca_params("Fleet CA"), None);
    assert_eq!(read_authorities(&fleet.pem.repeat(16)).unwrap().len(), 16);
    assert!(read_authorities("").unwrap().is_empty());
    let says = |pem: &str, what: &str| {
        let problem = read_authorities(pem).unwrap_err();
        assert!(problem.contains(what), "{what}: {problem}");
    };
    says("Fleet CA", "PEM");
    says(&fleet.pem.repeat(17), "at most 16");
    says(&ca(named("pump-1"), None).pem, "certificate 1 of it, CN=pump-1, is not a CA's");
    let key = KeyPair::generate().unwrap().serialize_pem();
    says(&format!("{}{key}", fleet.pem), "no key");
    for bench in Bench::each("ddi-foreign-setting").await {
        let refused = trust(&bench, &ca(named("pump-1"), None).pem).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "{refused:?}");
        trust(&bench, &fleet.pem).await.unwrap();
    }
}
