//! Images of SWUpdate: a cpio archive whose first member describes the others and whose second may sign the description.

use std::collections::BTreeMap;
use std::io::{BufReader, Read};

use aws_lc_rs::digest::{Context, SHA256};
use windlass_domain::ids::Sha256;
use windlass_domain::software::inspection::{DigestKind, Format, Inspection, Seal, Unnamed};

use super::cpio::{Archive, HEADER};
use super::description::{self, Description};
use super::{Fault, READ, cms, digest};

const DESCRIPTION: &str = "sw-description";
const SIGNATURE: &str = "sw-description.sig";
/// Most bytes of a signature with its certificates.
const SIGNATURE_BYTES: u64 = 256 * 1024;

/// Bytes of a file that tell whether it is an image.
pub(super) const START: u64 = 128;

/// Whether an archive's first member is a description of software; if not, it is some other archive.
pub(super) fn begins(start: &[u8]) -> bool {
    let name = start.get(HEADER..).and_then(|rest| rest.split(|byte| *byte == 0).next());
    name == Some(DESCRIPTION.as_bytes())
}

/// Reads an archive that begins with a description to its end.
pub(super) fn inspect(file: &mut impl Read) -> Result<Inspection, Fault> {
    let mut archive = Archive::new(BufReader::with_capacity(READ, file));
    let Some(first) = archive.next()? else { return Err(Fault::file("the archive is empty")) };
    let bytes = archive.small(&first, description::BYTES)?;
    // What is encrypted says nothing here, and nothing about it can be judged.
    let encrypted = std::str::from_utf8(&bytes).is_err();
    let found = if encrypted { Description::default() } else { Description::read(&bytes)? };
    let expected: BTreeMap<&str, Vec<Sha256>> = {
        let mut expected = BTreeMap::<&str, Vec<Sha256>>::new();
        for (name, digest) in &found.images {
            expected.entry(name).or_default().push(*digest);
        }
        expected
    };
    let (mut seal, mut buffer) = (None, vec![0; READ]);
    let mut uncovered = None;
    while let Some(member) = archive.next()? {
        if member.name == SIGNATURE {
            let signature = archive.small(&member, SIGNATURE_BYTES)?;
            seal = Some(if encrypted {
                Seal::Unreadable("the description is encrypted".to_owned())
            } else {
                sealed(&bytes, &signature)?
            });
            continue;
        }
        let mut context = Context::new(&SHA256);
        let digests = expected.get(member.name.as_str());
        archive.stream(&member, &mut buffer, |part| {
            if digests.is_some() {
                context.update(part);
            }
        })?;
        let Some(digests) = digests else {
            uncovered.get_or_insert(member.name);
            continue;
        };
        let came = context.finish();
        if let Some(wrong) = digests.iter().find(|digest| digest.as_bytes() != came.as_ref()) {
            let (name, came) = (member.name, hex::encode(came));
            return Err(Fault::File(format!(
                "member {name} has SHA-256 {came}; sw-description says {wrong}"
            )));
        }
    }
    let seal = match (seal, uncovered) {
        (None, _) => Seal::None,
        // SWUpdate installs nothing of a signed image that has no digest in the description.
        (Some(Seal::Certified { .. } | Seal::Unnamed(_)), Some(name)) => Seal::Unreadable(format!(
            "it does not cover member {}, of which sw-description says no sha256",
            super::text(&name)
        )),
        (Some(seal), _) => seal,
    };
    let Description { version, compatible, components, images } = found;
    let mut listed: Vec<Sha256> = images.into_iter().map(|(_, digest)| digest).collect();
    listed.sort_unstable();
    listed.dedup();
    Ok(Inspection { format: Format::SwUpdate, version, compatible, components, listed, seal })
}

/// CMS, or what RSA makes of the description's SHA-256 and nothing else.
fn sealed(description: &[u8], signature: &[u8]) -> Result<Seal, Fault> {
    if cms::is_one(signature) {
        return cms::detached(signature, |kind| Ok(digest::of(kind, description)));
    }
    let digest = DigestKind::Sha256;
    let value = digest::of(digest, description);
    Ok(Seal::Unnamed(vec![Unnamed { digest, value, signature: signature.to_vec() }]))
}
