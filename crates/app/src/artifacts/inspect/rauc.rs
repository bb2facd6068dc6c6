//! Bundles of RAUC: squashfs, then a CMS signature, then its size. In the formats `verity` and `crypt` the signature holds the
//! manifest, whose root hash covers the rest by a hash tree; in the format `plain` it is over everything before it. What is
//! encrypted for its recipients says nothing here.

use std::io::{Read, Seek, SeekFrom};

use windlass_domain::software::inspection::{Format, Inspection, Part, Seal};

use super::cms::{self, Opened};
use super::verity::{self, Tree};
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
    if cms::is_enveloped(&signature) {
        let why = "the bundle is encrypted: only its recipients can tell who signed it".to_owned();
        return Ok(Some(Inspection { format: Format::Rauc, seal: Seal::Unreadable(why), ..super::plain() }));
    }
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
        let tree = read(manifest, &mut found).tree()?;
        verity::check(file, content, &tree)?;
    }
    Ok(Some(found))
}

/// What the section `[bundle]` of a manifest says, as it stands there.
#[derive(Debug, Default)]
struct Bundle<'a> {
    format: &'a str,
    hash: &'a str,
    salt: &'a str,
    size: &'a str,
}

impl Bundle<'_> {
    /// The tree by which the signature covers the payload.
    fn tree(&self) -> Result<Tree, Fault> {
        let Self { format, hash, salt, size } = self;
        if !matches!(*format, "verity" | "crypt") {
            let said = if format.is_empty() { "none".to_owned() } else { text(format) };
            return Err(Fault::File(format!(
                "a manifest within the signature must say format=verity or format=crypt under [bundle], by which the \
                 signature covers the payload; it says {said}"
            )));
        }
        let bytes = |key: &str, value: &str| {
            let read = hex::decode(value).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
            read.ok_or_else(|| Fault::File(format!("the manifest's {key} must be 64 hex characters")))
        };
        let size = size
            .parse::<u64>()
            .map_err(|_| Fault::file("the manifest's verity-size must be a number of bytes"));
        Ok(Tree { root: bytes("verity-hash", hash)?, salt: bytes("verity-salt", salt)?, size: size? })
    }
}

/// A manifest: `[update]` with `compatible` and `version`, `[bundle]`, and a section for each image.
fn read<'a>(manifest: &'a str, found: &mut Inspection) -> Bundle<'a> {
    let (mut section, mut bundle) = ("", Bundle::default());
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
            ("bundle", "format") => bundle.format = value,
            ("bundle", "verity-hash") => bundle.hash = value,
            ("bundle", "verity-salt") => bundle.salt = value,
            ("bundle", "verity-size") => bundle.size = value,
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
    bundle
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn manifest(text: &str) -> (Inspection, Result<Tree, String>) {
        let mut found = super::super::plain();
        let tree = read(text, &mut found).tree().map_err(|fault| fault.to_string());
        (found, tree)
    }

    #[test]
    fn a_manifest_that_names_no_tree_is_refused_with_what_is_missing() {
        let (hash, salt) = ("ab".repeat(32), "cd".repeat(32));
        let good =
            format!("[bundle]\nformat=verity\nverity-hash={hash}\nverity-salt={salt}\nverity-size=4096\n");
        let tree = Tree { root: [0xab; 32], salt: [0xcd; 32], size: 4096 };
        assert_eq!(manifest(&good).1, Ok(tree.clone()));
        assert_eq!(manifest(&good.replace("format=verity", "format=crypt")).1, Ok(tree));
        for (bad, expected) in [
            (String::new(), "it says none"),
            ("[update]\nformat=verity\n".to_owned(), "it says none"),
            (good.replace("format=verity", "format=plain"), "it says plain"),
            (good.replace(&hash, "ab"), "verity-hash must be 64 hex"),
            (good.replace(&hash, &"zz".repeat(32)), "verity-hash must be 64 hex"),
            (good.replace(&salt, ""), "verity-salt must be 64 hex"),
            (good.replace("4096", "-1"), "verity-size must be a number"),
            (good.replace("4096", "99999999999999999999"), "verity-size must be a number"),
        ] {
            let problem = manifest(&bad).1.unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn a_manifest_of_endless_sections_is_read_within_bounds() {
        let text = "[image.a]\nversion=1\nsha256=".to_owned() + &"ab".repeat(32) + "\n";
        let (found, _) = manifest(&text.repeat(1_000));
        assert_eq!((found.components.len(), found.listed.len()), (IMAGES, IMAGES));
    }

    proptest! {
        #[test]
        fn no_manifest_makes_the_reader_fall(text in "(\\[(update|bundle|image\\.\\PC{0,9})\\]\n|(version|sha256|format|verity-size|\\PC{0,9})=\\PC{0,70}\n|\\PC{0,30}\n){0,40}") {
            let (found, _) = manifest(&text);
            prop_assert!(found.components.len() <= IMAGES && found.listed.len() <= IMAGES);
        }

        #[test]
        fn no_tail_of_a_bundle_makes_the_reader_fall(tail in prop::collection::vec(any::<u8>(), 0..300), named: bool) {
            let length = u64::try_from(tail.len()).unwrap_or_default();
            let bytes = [&b"hsqs"[..], &tail, &length.to_be_bytes()].concat();
            let size = u64::try_from(bytes.len()).unwrap_or_default();
            drop(inspect(&mut std::io::Cursor::new(bytes), size, named));
        }
    }
}
