use std::os::unix::fs::PermissionsExt;

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;

use super::make::CA_LIFETIME;
use super::server::alternatives_of;
use super::*;
use crate::clock::SystemEntropy;

const NOW: Timestamp = Timestamp::from_seconds(1_767_225_600);

fn keys() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let keys = directory.path().join("keys");
    (directory, keys)
}

fn names() -> ServerNames {
    ServerNames::only(&["fleet.example", "10.0.0.1"])
}

fn open(keys: &Path, now: Timestamp) -> Authority {
    Authority::open(keys, &names(), &SystemEntropy, now).unwrap()
}

fn request(key: &KeyPair) -> String {
    let mut params = CertificateParams::new(["pretender.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.serialize_request(key).unwrap().pem().unwrap()
}

fn der(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn device(authority: &Authority, now: Timestamp) -> (Issued, CertificateDer<'static>) {
    let key = csr::read(&request(&KeyPair::generate().unwrap())).unwrap();
    let issued = authority.sign(&key, "pump-1", UNRENEWABLE_LIFETIME, &SystemEntropy, now).unwrap();
    let leaf = der(&issued.certificate_pem);
    (issued, leaf)
}

#[test]
fn a_first_start_makes_a_chain_of_two_below_a_root_and_keeps_it() {
    let (_guard, keys) = keys();
    let authority = open(&keys, NOW);
    let identity = Arc::clone(&authority.server_identity().borrow());
    assert_eq!(identity.chain.len(), 2);
    let ca_pem = authority.ca_pem();
    let authorities: Vec<_> =
        CertificateDer::pem_slice_iter(ca_pem.as_bytes()).collect::<Result<_, _>>().unwrap();
    let [root, issuing] = &authorities[..] else { panic!("root and issuing CA") };
    assert!(signed_by(root, root) && signed_by(issuing, root));
    assert_eq!(identity.chain[1], *issuing);
    assert!(signed_by(&identity.chain[0], issuing));
    assert!(!ca_pem.contains("PRIVATE"));

    let again = open(&keys, NOW);
    assert_eq!(again.ca_pem(), ca_pem);
    assert_eq!(again.server_identity().borrow().chain, identity.chain);
}

#[test]
fn the_server_certificate_carries_the_names_and_is_for_servers_only() {
    let (_guard, keys) = keys();
    let authority = open(&keys, NOW);
    let leaf = authority.server_identity().borrow().chain[0].clone();
    let (_, certificate) = X509Certificate::from_der(&leaf).unwrap();
    assert_eq!(alternatives_of(&certificate), names().alternatives().unwrap());
    let usage = certificate.extended_key_usage().unwrap().unwrap();
    assert!(usage.value.server_auth && !usage.value.client_auth);
    assert_eq!(
        authority.judge(std::slice::from_ref(&leaf)),
        Err(ConnectRefusal::Unusable("it is not made for clients"))
    );
}

#[test]
fn it_is_renewed_at_two_thirds_of_its_life_or_when_names_change_and_listeners_hear_of_it() {
    let (_guard, keys) = keys();
    let authority = open(&keys, NOW);
    let mut identity = authority.server_identity();
    let renew_at = identity.borrow_and_update().renew_at;
    let renew =
        |names: &ServerNames, now| authority.renew_server_certificate(names, &SystemEntropy, now).unwrap();
    let just_before = renew_at.minus(Duration::from_secs(1));
    assert!(!renew(&names(), just_before));
    assert!(!identity.has_changed().unwrap());
    assert!(renew(&ServerNames::only(&["other.example"]), just_before));
    assert!(identity.has_changed().unwrap());
    assert!(renew(&names(), just_before));
    identity.borrow_and_update();
    let renew_at = identity.borrow().renew_at;
    assert!(renew(&names(), renew_at));
    assert!(identity.has_changed().unwrap());
    assert!(identity.borrow().not_after > renew_at.plus(Duration::from_secs(364 * 24 * 3600)));
}

#[test]
fn key_files_are_private_and_looser_ones_are_refused_with_the_cure() {
    let (_guard, keys) = keys();
    drop(open(&keys, NOW));
    for file in ["root-ca.pem", "issuing-ca.pem", "server.pem"] {
        let path = keys.join(file);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = Authority::open(&keys, &names(), &SystemEntropy, NOW).unwrap_err().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600") && error.contains(file), "{error}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    std::fs::set_permissions(&keys, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = Authority::open(&keys, &names(), &SystemEntropy, NOW).unwrap_err().to_string();
    assert!(error.contains("chmod 700"), "{error}");
}

#[test]
fn a_start_that_was_cut_short_is_finished_and_a_lost_file_is_not_papered_over() {
    let (_guard, keys) = keys();
    let root = open(&keys, NOW).root_fingerprint();
    for file in ["issuing-ca.pem", "server.pem"] {
        std::fs::remove_file(keys.join(file)).unwrap();
    }
    std::fs::write(keys.join("issuing-ca.new"), "half a fi").unwrap();
    assert_eq!(open(&keys, NOW).root_fingerprint(), root);
    std::fs::remove_file(keys.join("root-ca.pem")).unwrap();
    let error = Authority::open(&keys, &names(), &SystemEntropy, NOW).unwrap_err();
    assert!(error.to_string().contains("restore it from a backup"), "{error}");
}

#[test]
fn the_roots_key_may_be_elsewhere_once_the_issuing_ca_exists() {
    let (_guard, keys) = keys();
    let root = open(&keys, NOW).root_fingerprint();
    let path = keys.join("root-ca.pem");
    let certificate = files::certificate_block(&std::fs::read_to_string(&path).unwrap()).unwrap();
    std::fs::write(&path, certificate).unwrap();
    assert_eq!(open(&keys, NOW).root_fingerprint(), root);
    std::fs::remove_file(keys.join("issuing-ca.pem")).unwrap();
    let error = Authority::open(&keys, &names(), &SystemEntropy, NOW).unwrap_err();
    assert!(matches!(error, AuthorityError::NoRootKey { .. }), "{error}");
}

#[test]
fn a_damaged_file_is_named() {
    let (_guard, keys) = keys();
    drop(open(&keys, NOW));
    for file in ["root-ca.pem", "issuing-ca.pem"] {
        let path = keys.join(file);
        let good = std::fs::read(&path).unwrap();
        std::fs::write(&path, "nonsense").unwrap();
        let error = Authority::open(&keys, &names(), &SystemEntropy, NOW).unwrap_err().to_string();
        assert!(error.contains(file), "{error}");
        std::fs::write(&path, good).unwrap();
    }
}

#[test]
fn a_device_certificate_carries_our_name_only_and_is_for_clients() {
    let (_guard, keys) = keys();
    let authority = open(&keys, NOW);
    let (issued, leaf) = device(&authority, NOW);
    let (_, certificate) = X509Certificate::from_der(&leaf).unwrap();
    assert_eq!(certificate.subject().to_string(), "CN=pump-1");
    assert!(!certificate.is_ca());
    assert!(certificate.subject_alternative_name().unwrap().is_none());
    assert_eq!(issued.fingerprint, Sha256::of(&leaf));
    assert_eq!(issued.public_key, Sha256::of(certificate.public_key().raw));
    assert_eq!(issued.serial.len(), 32);
    assert_eq!(issued.not_after.since(NOW), UNRENEWABLE_LIFETIME);
    assert!(issued.not_before < NOW);
    assert_eq!(
        authority.judge(&[leaf]).unwrap(),
        Leaf { fingerprint: issued.fingerprint, not_before: issued.not_before, not_after: issued.not_after }
    );
    assert_ne!(device(&authority, NOW).0.serial, issued.serial);
}

#[test]
fn no_certificate_outlives_the_issuing_ca() {
    let (_guard, keys) = keys();
    let authority = open(&keys, NOW);
    let late = NOW.plus(CA_LIFETIME).minus(Duration::from_secs(3600));
    assert_eq!(device(&authority, late).0.not_after.since(NOW), CA_LIFETIME);
    let key = csr::read(&request(&KeyPair::generate().unwrap())).unwrap();
    let ended = authority.sign(&key, "x", YEAR, &SystemEntropy, NOW.plus(CA_LIFETIME));
    assert!(matches!(ended, Err(AuthorityError::Ended)));
}

#[test]
fn every_allowed_kind_of_key_is_signed_and_judged() {
    let (_guard, keys) = keys();
    let authority = open(&keys, NOW);
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let key = csr::read(&request(&KeyPair::generate_for(algorithm).unwrap())).unwrap();
        let issued = authority.sign(&key, "x", YEAR, &SystemEntropy, NOW).unwrap();
        let leaf = der(&issued.certificate_pem);
        assert_eq!(authority.judge(std::slice::from_ref(&leaf)).unwrap().fingerprint, issued.fingerprint);
        assert_eq!(public_key_of(&leaf), key.digest());
    }
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
    let key = csr::read(&request(&rsa)).unwrap();
    assert!(authority.sign(&key, "x", YEAR, &SystemEntropy, NOW).is_ok());
}

#[test]
fn bad_requests_are_refused_each_for_its_reason() {
    let good = request(&KeyPair::generate().unwrap());
    let der = CertificateSigningRequestDer::from_pem_slice(good.as_bytes()).unwrap();
    let mut forged = der.to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(csr::read(&encode(&forged)), Err(csr::CsrError::BadSignature));
    assert_eq!(csr::read(&encode(&der[..der.len() - 9])), Err(csr::CsrError::Malformed));
    assert_eq!(csr::read(""), Err(csr::CsrError::Malformed));
    assert_eq!(csr::read("-----BEGIN CERTIFICATE REQUEST-----\nAAAA"), Err(csr::CsrError::Malformed));
    assert_eq!(csr::read(&"x".repeat(csr::LONGEST + 1)), Err(csr::CsrError::TooLong));
    let p521 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap();
    assert_eq!(csr::read(&request(&p521)), Err(csr::CsrError::Key));
}

#[test]
fn a_request_with_anothers_key_is_refused() {
    // The victim's public key in a request that the thief signed: the key's bytes are swapped in the thief's request.
    let (thief, victim) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let der = CertificateSigningRequestDer::from_pem_slice(request(&thief).as_bytes()).unwrap().to_vec();
    let raw = thief.public_key_raw();
    let at = der.windows(raw.len()).position(|window| window == raw).unwrap();
    let mut swapped = der;
    swapped[at..at + raw.len()].copy_from_slice(victim.public_key_raw());
    assert_eq!(csr::read(&encode(&swapped)), Err(csr::CsrError::BadSignature));
}

fn encode(der: &[u8]) -> String {
    use base64::Engine;
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<_> = body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{}\n-----END CERTIFICATE REQUEST-----\n", lines.join("\n"))
}

#[test]
fn foreign_and_unfit_certificates_are_told_apart() {
    let (_guard, ours) = keys();
    let authority = open(&ours, NOW);
    let (_other_guard, theirs) = keys();
    let foreign = open(&theirs, NOW);
    assert_eq!(authority.judge(&[]), Err(ConnectRefusal::NoCredential));
    assert_eq!(
        authority.judge(&[CertificateDer::from(vec![1, 2, 3])]),
        Err(ConnectRefusal::Unusable("it cannot be read"))
    );
    assert_eq!(authority.judge(&[device(&foreign, NOW).1]), Err(ConnectRefusal::WrongIssuer));
    assert_eq!(
        authority.judge(std::slice::from_ref(&authority.0.issuing.der)),
        Err(ConnectRefusal::WrongIssuer)
    );
    assert_eq!(
        authority.judge(std::slice::from_ref(&authority.0.root.der)),
        Err(ConnectRefusal::WrongIssuer)
    );

    // An authority that took our name but has another key.
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let name = X509Certificate::from_der(&authority.0.issuing.der).unwrap().1.subject().to_string();
    params.distinguished_name.push(DnType::CommonName, name.strip_prefix("CN=").unwrap());
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pretender = Issuer::new(params, KeyPair::generate().unwrap());
    let mut leaf = CertificateParams::default();
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &pretender).unwrap();
    assert_eq!(authority.judge(&[leaf.der().clone()]), Err(ConnectRefusal::WrongIssuer));
}

#[test]
fn a_certificate_changed_in_one_bit_is_refused() {
    let (_guard, keys) = keys();
    let authority = open(&keys, NOW);
    let leaf = device(&authority, NOW).1;
    let mut bytes = leaf.to_vec();
    let name = bytes.windows(6).position(|window| window == b"pump-1").unwrap();
    bytes[name + 5] = b'2';
    assert_eq!(authority.judge(&[CertificateDer::from(bytes)]), Err(ConnectRefusal::WrongIssuer));
    let mut longer = leaf.to_vec();
    longer.push(0);
    assert_eq!(
        authority.judge(&[CertificateDer::from(longer)]),
        Err(ConnectRefusal::Unusable("something follows it"))
    );
}
