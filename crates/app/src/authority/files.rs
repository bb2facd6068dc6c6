//! Key files: 0600 in a directory of 0700, written whole or not at all. Knows nothing of what they hold.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Why a key file cannot be used. Every sentence says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Others may read it.
    #[error("{} may be used by others (mode {mode:03o}); run: chmod {} {}", path.display(), if *directory { "700" } else { "600" }, path.display())]
    Loose {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Whether it is a directory.
        directory: bool,
    },
    /// The file system refused.
    #[error("{} cannot be read or written: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError + '_ {
    move |source| KeyFileError::Io { path: path.to_owned(), source }
}

fn refuse_loose(path: &Path, directory: bool) -> Result<(), KeyFileError> {
    let mode = fs::metadata(path).map_err(at(path))?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        Ok(())
    } else {
        Err(KeyFileError::Loose { path: path.to_owned(), mode, directory })
    }
}

/// Makes the directory if it is not there; refuses one that others may use.
pub(super) fn private_directory(path: &Path) -> Result<(), KeyFileError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))?;
    refuse_loose(path, true)
}

/// The text of a key file; none if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, KeyFileError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            refuse_loose(path, false)?;
            Ok(Some(text))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path)(error)),
    }
}

/// Writes a key file so that after a crash there is the old one or the new one.
pub(super) fn write(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&temporary)(error)),
        Ok(()) | Err(_) => {}
    }
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(at(&temporary))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(at(&temporary))?;
    fs::rename(&temporary, path).map_err(at(path))?;
    let parent = path.parent().unwrap_or(path);
    fs::File::open(parent).and_then(|directory| directory.sync_all()).map_err(at(parent))
}

/// The text of a key file, made if there is none.
pub(crate) fn read_or_make<E: From<KeyFileError>>(
    path: &Path,
    make: impl FnOnce() -> Result<String, E>,
) -> Result<String, E> {
    if let Some(text) = read(path)? {
        return Ok(text);
    }
    let text = make()?;
    write(path, &text)?;
    Ok(text)
}

/// The first certificate of a PEM text, with its lines as they are.
pub(super) fn certificate_block(text: &str) -> Option<String> {
    const END: &str = "-----END CERTIFICATE-----";
    let start = text.find("-----BEGIN CERTIFICATE-----")?;
    let end = text.get(start..)?.find(END)?;
    Some(format!("{}\n", text.get(start..start + end + END.len())?))
}
