//! What an uploaded file is and says: formats are told by their bytes, read in a stream, and a file that is damaged or whose
//! signature is broken is refused with the reason.
//!
//! Knows neither who uploads nor whom anybody trusts; see [`trust`].

mod cms;
mod cpio;
mod der;
mod description;
mod digest;
mod libconfig;
mod pss;
mod rauc;
mod swu;
#[cfg(test)]
mod tests;
pub(crate) mod trust;
mod verity;
mod zchunk;

use std::io::{self, Read, Seek, SeekFrom};

use windlass_domain::software::inspection::{Format, Inspection, Seal};

/// Bytes read at once.
const READ: usize = 256 * 1024;
/// Most letters of a text that is taken from a file.
const TEXT: usize = 256;

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The file is at fault; the sentence is for whoever uploads it.
    #[error("{0}")]
    File(String),
    /// The disk is.
    #[error("the file could not be read")]
    Disk(#[from] io::Error),
}

impl Fault {
    fn file(problem: impl Into<String>) -> Self {
        Self::File(problem.into())
    }
}

fn plain() -> Inspection {
    Inspection {
        format: Format::Plain,
        version: None,
        compatible: Vec::new(),
        components: Vec::new(),
        listed: Vec::new(),
        seal: Seal::None,
    }
}

/// Looks at a file from its begin to its end.
///
/// # Errors
/// It is damaged, its signature is broken, or it cannot be read.
pub(crate) fn inspect(name: &str, file: &mut (impl Read + Seek)) -> Result<Inspection, Fault> {
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let start = up_to(file, swu::START)?;
    file.seek(SeekFrom::Start(0))?;
    let named = |suffix: &str| name.to_ascii_lowercase().ends_with(suffix);
    if start.starts_with(b"070701") || start.starts_with(b"070702") {
        if swu::begins(&start) {
            return swu::inspect(file);
        }
        if named(".swu") {
            return Err(Fault::file(
                "the archive is no image of SWUpdate: its first member must be sw-description",
            ));
        }
    } else if start.starts_with(zchunk::WHOLE) || start.starts_with(zchunk::DETACHED) {
        return zchunk::inspect(file);
    } else if start.starts_with(b"hsqs") {
        if let Some(found) = rauc::inspect(file, size, named(".raucb"))? {
            return Ok(found);
        }
    } else if named(".raucb")
        // The payload of the format crypt is encrypted: only its end tells what it is.
        && let Some(found) = rauc::inspect(file, size, false)?
    {
        return Ok(found);
    }
    Ok(plain())
}

/// As many bytes as there are, and no more than so many.
#[expect(clippy::disallowed_methods, reason = "it has a bound")]
fn up_to(reader: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A text of a file as it is kept: no control characters, not too long.
fn text(found: &str) -> String {
    found.chars().filter(|letter| !letter.is_control()).take(TEXT).collect()
}
