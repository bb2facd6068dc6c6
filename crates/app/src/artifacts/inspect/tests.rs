//! Whole files with signatures that OpenSSL made, and what must not get in.

use std::io::Cursor;

use windlass_domain::ids::Sha256;
use windlass_domain::software::inspection::{Format, Inspection, Part, Seal, Standing};
use windlass_domain::time::Timestamp;

use super::cpio::tests::archive;
use super::trust::{Signer, judge};

const DESCRIPTION: &[u8] = include_bytes!("fixtures/sw-description");
const ROOTFS: &[u8] = b"the root file system";
const CA: &str = include_str!("fixtures/ca.pem");
const RELEASE: &str = include_str!("fixtures/release.pem");
const SERVER: &str = include_str!("fixtures/server.pem");
const VERITY: &[u8] = include_bytes!("fixtures/verity.raucb");
const CURVE: &str = include_str!("fixtures/curve.pem");
const LARGE: &str = include_str!("fixtures/large.pem");
/// 2027-01-01, within the validity of every certificate here.
const NOW: Timestamp = Timestamp::from_seconds(1_798_761_600);

macro_rules! signature {
    ($name:literal) => {
        include_bytes!(concat!("fixtures/", $name, ".sig"))
    };
}

fn look(name: &str, bytes: &[u8]) -> Result<Inspection, String> {
    super::inspect(name, &mut Cursor::new(bytes)).map_err(|fault| fault.to_string())
}

fn swu(signature: &[u8]) -> Vec<u8> {
    archive(&[("sw-description", DESCRIPTION), ("sw-description.sig", signature), ("rootfs.img", ROOTFS)])
}

fn standing(signature: &[u8], trusted: &[&str]) -> Standing {
    let found = look("a.swu", &swu(signature)).unwrap();
    let trusted: Vec<Signer> = trusted.iter().map(|pem| Signer::read(pem).unwrap()).collect();
    judge(&found.seal, &trusted, NOW)
}

fn valid_by(standing: Standing) -> String {
    match standing {
        Standing::Valid { by, until } if until > NOW => by,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_image_of_swupdate_says_what_it_installs() {
    let found = look("a.swu", &archive(&[("sw-description", DESCRIPTION), ("rootfs.img", ROOTFS)])).unwrap();
    let Inspection { format, version, compatible, components, listed, seal } = found;
    assert_eq!((format, version.as_deref()), (Format::SwUpdate, Some("2.4.1")));
    assert_eq!(compatible, ["1.0", "1.2"]);
    assert_eq!(components, [Part { name: "rootfs".to_owned(), version: "2.4.1".to_owned() }]);
    assert_eq!((listed, seal), (vec![Sha256::of(ROOTFS)], Seal::None));
}

#[test]
fn signatures_hold_by_their_signer_and_by_who_certified_it() {
    assert_eq!(valid_by(standing(signature!("release"), &[CURVE, RELEASE])), "Release signer");
    assert_eq!(valid_by(standing(signature!("curve"), &[CURVE])), "Curve signer");
    assert_eq!(valid_by(standing(signature!("large"), &[LARGE])), "Large curve signer");
    assert_eq!(valid_by(standing(signature!("pss"), &[RELEASE])), "Release signer");
    assert_eq!(valid_by(standing(signature!("noattr"), &[RELEASE])), "Release signer");
    assert_eq!(valid_by(standing(signature!("salt"), &[RELEASE])), "Release signer");
    assert_eq!(valid_by(standing(signature!("certified"), &[CA])), "Build server");
}

#[test]
fn signatures_without_a_certificate_are_tried_with_the_trusted_keys() {
    for bytes in [&signature!("raw")[..], signature!("rawpss"), signature!("nocerts"), signature!("keyid")] {
        assert_eq!(valid_by(standing(bytes, &[CA, RELEASE])), "Release signer");
        assert_eq!(standing(bytes, &[CA, CURVE]), Standing::UnknownSigner);
        assert_eq!(standing(bytes, &[]), Standing::UnknownSigner);
    }
}

#[test]
fn a_signature_that_holds_is_worth_nothing_without_trust() {
    for (bytes, trusted, expected) in [
        (&signature!("release")[..], &[CA][..], "among the trusted signers"),
        (signature!("certified"), &[RELEASE], "among the trusted signers"),
        (signature!("server"), &[SERVER], "for neither e-mail nor code"),
    ] {
        let Standing::Untrusted { why, .. } = standing(bytes, trusted) else { panic!("{expected}") };
        assert!(why.contains(expected), "{why}");
    }
    let seal = look("a.swu", &swu(signature!("release"))).unwrap().seal;
    let trusted = [Signer::read(RELEASE).unwrap()];
    for (at, expected) in [(0, "not valid yet"), (4_000_000_000, "has ended")] {
        let fault = judge(&seal, &trusted, Timestamp::from_seconds(at)).fault().unwrap();
        assert!(fault.contains(expected), "{fault}");
    }
    let Standing::Unreadable(why) = standing(signature!("sha1"), &[RELEASE]) else {
        panic!("SHA-1 was taken")
    };
    assert!(why.contains("digest"), "{why}");
}

#[test]
fn a_signature_by_a_kind_of_key_that_is_not_checked_is_kept_and_trusted_by_nobody() {
    let Standing::Unreadable(why) = standing(signature!("foreign"), &[RELEASE]) else {
        panic!("brainpool's curve was taken")
    };
    assert!(why.contains("CN=Foreign curve signer has a kind of key that is not checked"), "{why}");
    let mut forged = signature!("large").to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(look("a.swu", &swu(&forged)).unwrap_err().contains("does not hold"));
}

#[test]
fn a_broken_signature_is_refused_whoever_is_trusted() {
    let changed = archive(&[
        ("sw-description", &[DESCRIPTION, b" "].concat()),
        ("sw-description.sig", signature!("release")),
        ("rootfs.img", ROOTFS),
    ]);
    assert!(look("a.swu", &changed).unwrap_err().contains("what it signs was changed"));
    let changed = archive(&[
        ("sw-description", &[DESCRIPTION, b" "].concat()),
        ("sw-description.sig", signature!("noattr")),
        ("rootfs.img", ROOTFS),
    ]);
    assert!(
        look("a.swu", &changed).unwrap_err().contains("the signature by CN=Release signer does not hold")
    );
    let mut forged = signature!("release").to_vec();
    *forged.last_mut().unwrap() ^= 1;
    assert!(look("a.swu", &swu(&forged)).unwrap_err().contains("does not hold"));
    assert!(look("a.swu", &swu(signature!("attached"))).unwrap_err().contains("a detached one is expected"));
    let cut = &signature!("release")[..1000];
    let found = look("a.swu", &swu(cut)).unwrap();
    assert_eq!(judge(&found.seal, &[Signer::read(RELEASE).unwrap()], NOW), Standing::UnknownSigner);
}

#[test]
fn no_change_within_what_is_signed_makes_a_signature_hold() {
    let trusted = [Signer::read(RELEASE).unwrap()];
    for place in 0..DESCRIPTION.len() {
        let mut changed = DESCRIPTION.to_vec();
        changed[place] ^= 1;
        for signature in
            [&signature!("release")[..], signature!("noattr"), signature!("raw"), signature!("keyid")]
        {
            let members =
                [("sw-description", &changed[..]), ("sw-description.sig", signature), ("rootfs.img", ROOTFS)];
            if let Ok(found) = look("a.swu", &archive(&members)) {
                let standing = judge(&found.seal, &trusted, NOW);
                // A change of a file's name leaves a member uncovered.
                assert!(matches!(standing, Standing::UnknownSigner | Standing::Unreadable(_)), "{place}");
            }
        }
    }
}

#[test]
fn no_change_of_a_signature_makes_anything_fall() {
    let good = signature!("certified");
    let trusted = [Signer::read(CA).unwrap()];
    for place in 0..good.len() {
        let mut bytes = good.to_vec();
        bytes[place] = bytes[place].wrapping_add(0x81);
        if let Ok(found) = look("a.swu", &swu(&bytes)) {
            drop(judge(&found.seal, &trusted, NOW));
        }
    }
}

#[test]
fn images_that_are_not_what_the_description_says_are_refused() {
    let other = archive(&[("sw-description", DESCRIPTION), ("rootfs.img", b"another file system.")]);
    let problem = look("a.swu", &other).unwrap_err();
    assert!(problem.contains("member rootfs.img has SHA-256"), "{problem}");
    assert!(problem.contains(&Sha256::of(ROOTFS).to_string()), "{problem}");
}

#[test]
fn a_signature_that_does_not_cover_every_member_is_trusted_by_nobody() {
    let signature = &signature!("release")[..];
    let more = [
        ("sw-description", DESCRIPTION),
        ("sw-description.sig", signature),
        ("rootfs.img", ROOTFS),
        ("hook.sh", &b"rm"[..]),
    ];
    let found = look("a.swu", &archive(&more)).unwrap();
    let fault = judge(&found.seal, &[Signer::read(RELEASE).unwrap()], NOW).fault().unwrap();
    assert!(fault.contains("does not cover member hook.sh"), "{fault}");
    let twice = [more[0], more[1], more[2], ("sw-description.sig", signature)];
    assert!(look("a.swu", &archive(&twice)).unwrap_err().contains("two members named sw-description.sig"));
    let unsigned = [more[0], more[2], more[3]];
    assert_eq!(look("a.swu", &archive(&unsigned)).unwrap().seal, Seal::None);
}

proptest::proptest! {
    #[test]
    fn no_change_of_an_archive_makes_the_reader_fall(place in 0_usize..2_000, byte: u8, cut in 0_usize..6_000) {
        let mut bytes = swu(signature!("release"));
        let place = place % bytes.len();
        bytes[place] = byte;
        bytes.truncate(cut.max(place));
        drop(look("a.swu", &bytes));
    }
}

#[test]
fn a_description_that_is_a_bomb_is_refused_by_what_it_claims_and_by_what_it_is() {
    let large = vec![b' '; 2 * 1024 * 1024];
    let problem = look("a.swu", &archive(&[("sw-description", &large)])).unwrap_err();
    assert!(problem.contains("2097152 bytes; at most 1048576"), "{problem}");
    let mut claims = archive(&[("sw-description", DESCRIPTION)]);
    claims[54..62].copy_from_slice(b"000FFFFF");
    let problem = look("a.swu", &claims).unwrap_err();
    assert!(problem.contains("the archive ends within member sw-description"), "{problem}");
}

#[test]
fn an_encrypted_description_is_taken_and_trusted_by_nobody() {
    let members = [("sw-description", &b"\xff\x00\xfe"[..]), ("sw-description.sig", signature!("release"))];
    let found = look("a.swu", &archive(&members)).unwrap();
    assert_eq!((&found.format, found.version), (&Format::SwUpdate, None));
    let fault = judge(&found.seal, &[Signer::read(RELEASE).unwrap()], NOW).fault().unwrap();
    assert!(fault.contains("encrypted"), "{fault}");
}

#[test]
fn an_archive_that_is_cut_is_refused_and_one_of_something_else_is_plain() {
    let good = swu(signature!("release"));
    let problem = look("a.swu", &good[..good.len() / 2]).unwrap_err();
    assert!(problem.contains("the archive ends within"), "{problem}");
    let other = archive(&[("init", b"#!/bin/sh")]);
    assert_eq!(look("initramfs.cpio", &other).unwrap().format, Format::Plain);
    assert!(look("a.swu", &other).unwrap_err().contains("its first member must be sw-description"));
    for first in [".", "kernel/x86/microcode/GenuineIntel.bin", &"n".repeat(300)] {
        let other = archive(&[(first, b""), ("init", b"#!/bin/sh")]);
        assert_eq!(look("initramfs.cpio", &other).unwrap().format, Format::Plain, "{first}");
        assert!(
            look("a.swu", &other).unwrap_err().contains("its first member must be sw-description"),
            "{first}"
        );
    }
    for name in ["a.swu", "a.raucb", "a.zck"] {
        assert_eq!(look(name, b"text").unwrap().format, Format::Plain, "{name} is what it is");
    }
    assert_eq!(look("a.bin", b"").unwrap().format, Format::Plain);
}

fn bundle(content: &[u8], signature: &[u8]) -> Vec<u8> {
    let length = u64::try_from(signature.len()).unwrap();
    [content, signature, &length.to_be_bytes()].concat()
}

#[test]
fn a_bundle_of_rauc_says_what_its_manifest_says() {
    for (name, bytes) in [("verity", VERITY), ("crypt", include_bytes!("fixtures/crypt.raucb"))] {
        let found = look("a.raucb", bytes).unwrap();
        assert_eq!((&found.format, found.version.as_deref()), (&Format::Rauc, Some("2026.12-1")), "{name}");
        assert_eq!(found.compatible, ["Pump Controller"]);
        assert_eq!(found.components, [Part { name: "rootfs".to_owned(), version: "2026.12-1".to_owned() }]);
        assert_eq!(found.listed.len(), 1);
        let trusted = [Signer::read(include_str!("fixtures/bundle.pem")).unwrap()];
        assert_eq!(valid_by(judge(&found.seal, &trusted, NOW)), "Bundle signer");
    }
}

#[test]
fn a_payload_that_is_not_what_the_signed_manifest_says_is_refused_wherever_it_was_changed() {
    let signature = VERITY.len() - 8 - 1093;
    for place in (5..signature).step_by(97) {
        let mut changed = VERITY.to_vec();
        changed[place] ^= 1;
        let problem = look("a.raucb", &changed).unwrap_err();
        assert!(
            problem.contains("the payload is not what the bundle's hash tree says"),
            "{place}: {problem}"
        );
    }
    // Payload and tree of one bundle, signature of another: both are well made.
    let other = bundle(&VERITY[..signature], signature!("manifest"));
    let problem = look("a.raucb", &other).unwrap_err();
    assert!(problem.contains("verity-hash must be 64 hex characters"), "{problem}");
    let crypt: &[u8] = include_bytes!("fixtures/crypt.raucb");
    let swapped = [&crypt[..signature], &VERITY[signature..]].concat();
    let problem = look("a.raucb", &swapped).unwrap_err();
    assert!(problem.contains("the payload is not what"), "{problem}");
    let short = [&VERITY[..signature - 4096], &VERITY[signature..]].concat();
    assert!(look("a.raucb", &short).unwrap_err().contains("the payload is not what"));
    let odd = [&VERITY[..signature - 1], &VERITY[signature..]].concat();
    assert!(look("a.raucb", &odd).unwrap_err().contains("it is cut or was changed"));
}

#[test]
fn a_bundle_that_is_encrypted_for_its_recipients_is_taken_and_trusted_by_nobody() {
    let found = look("a.raucb", include_bytes!("fixtures/encrypted.raucb")).unwrap();
    assert_eq!((&found.format, found.version), (&Format::Rauc, None));
    let fault = judge(&found.seal, &[Signer::read(RELEASE).unwrap()], NOW).fault().unwrap();
    assert!(fault.contains("encrypted"), "{fault}");
}

#[test]
fn a_plain_bundle_is_signed_as_a_whole_and_a_cut_one_is_refused() {
    const CONTENT: &[u8] = b"hsqs a bundle in the format plain";
    let found = look("a.raucb", &bundle(CONTENT, signature!("plain"))).unwrap();
    let trusted = [Signer::read(RELEASE).unwrap()];
    assert_eq!(valid_by(judge(&found.seal, &trusted, NOW)), "Release signer");
    let mut changed = bundle(CONTENT, signature!("plain"));
    changed[10] ^= 1;
    assert!(look("a.raucb", &changed).unwrap_err().contains("what it signs was changed"));
    let whole = bundle(CONTENT, signature!("plain"));
    assert!(look("a.raucb", &whole[..whole.len() - 1]).unwrap_err().contains("bundle"));
    assert!(look("a.raucb", b"hsqs").unwrap_err().contains("is cut"));
    assert_eq!(look("rootfs.squashfs", &whole[..whole.len() - 9]).unwrap().format, Format::Plain);
}

#[test]
fn signers_are_single_certificates_of_a_sane_size() {
    assert!(Signer::read("nothing").unwrap_err().contains("not a certificate"));
    assert!(Signer::read(&[CA, RELEASE].concat()).unwrap_err().contains("one certificate each"));
    assert!(Signer::read(&"x".repeat(20_000)).unwrap_err().contains("at most 16384 bytes"));
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(Signer::read(bad).unwrap_err().contains("not an X.509 certificate"));
}
