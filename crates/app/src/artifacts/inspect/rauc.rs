//! Bundles of RAUC: squashfs, then a CMS signature, then its size. In the format `verity` the signature holds the manifest
//! and the hash tree covers the rest; in the format `plain` it is over everything before it.

use std::io::{Read, Seek, SeekFrom};

use windlass_domain::software::inspection::{Format, Inspection, Part};

use super::cms::{self, Opened};
use super::{Fault, digest, text};

/// Most bytes of a signature with its certificates and its manifest.
const SIGNATURE_BYTES: u64 = 1024 * 1024;
/// Most images of a manifest.
const IMAGES: usize = 256;

/// Reads the tail of a squashfs. None if it is no bundle, unless its name says that it is one.
pub(super) fn inspect(
    file: &mut (impl Read + Seek),
    size: u64,
    named: bool,
) -> Result<Option<Inspection>, Fault> {
    let other = |problem: &str| if named { Err(Fault::file(problem)) } else { Ok(None) };
    let Some(tail) = size.checked_sub(8) else { return other("the bundle is cut") };
    file.seek(SeekFrom::Start(tail))?;
    let mut length = [0; 8];
    file.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length == 0 || length > SIGNATURE_BYTES || length >= tail {
        return other("the bundle has no signature at its end, or is cut");
    }
    file.seek(SeekFrom::Start(tail - length))?;
    let mut signature = vec![0; usize::try_from(length).unwrap_or_default()];
    file.read_exact(&mut signature)?;
    if !cms::is_one(&signature) {
        return other("what the bundle has at its end is no signature");
    }
    let content = tail - length;
    let Opened { seal, content: manifest } = cms::open(&signature, |kind| {
        file.seek(SeekFrom::Start(0))?;
        Ok(digest::read(kind, &mut file.by_ref().take(content))?)
    })?;
    let mut found = Inspection { format: Format::Rauc, seal, ..super::plain() };
    if let Some(manifest) = manifest {
        let manifest =
            std::str::from_utf8(&manifest).map_err(|_| Fault::file("the bundle's manifest is no text"))?;
        read(manifest, &mut found);
    }
    Ok(Some(found))
}

/// A manifest: `[update]` with `compatible` and `version`, and a section for each image.
fn read(manifest: &str, found: &mut Inspection) {
    let mut section = "";
    for line in manifest.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name;
            if let Some(slot) = name.strip_prefix("image.").filter(|_| found.components.len() < IMAGES) {
                found.components.push(Part { name: text(slot), version: String::new() });
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=').map(|(key, value)| (key.trim(), value.trim())) else {
            continue;
        };
        match (section, key) {
            ("update", "compatible") => found.compatible = vec![text(value)],
            ("update", "version") => found.version = Some(text(value)).filter(|version| !version.is_empty()),
            (section, "version") if section.starts_with("image.") => {
                if let Some(last) = found.components.last_mut() {
                    last.version = text(value);
                }
            }
            (section, "sha256") if section.starts_with("image.") => {
                found.listed.extend(value.parse::<windlass_domain::ids::Sha256>())
            }
            _ => {}
        }
    }
    // An image without a version of its own has the bundle's.
    let version = found.version.clone().unwrap_or_default();
    for part in &mut found.components {
        if part.version.is_empty() {
            part.version.clone_from(&version);
        }
    }
    found.listed.truncate(IMAGES);
}
