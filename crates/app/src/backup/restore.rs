//! A data directory from a backup: made beside its place, checked to the last byte, then renamed into it.
//!
//! What the archive calls its members leads nowhere: files are made by the manifest's list, whose paths are of known
//! shapes only, and the archive must bring exactly those, in that order.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use sha2::Digest;
use windlass_domain::ids::Sha256;
use windlass_store::snapshot::{SchemaVersions, known_schemas};

use super::error::RestoreError;
use super::manifest::{self, Manifest, Member};
use super::seal::{self, Key};
use crate::telemetry::{DiskProbe, FileSystem};

/// Bytes that are moved at once.
const PIECE: usize = 128 * 1024;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, RFC 3339.
    pub created_at: String,
    /// By which version.
    pub program: String,
    /// How many files.
    pub members: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Whether the state is among them, and not on a PostgreSQL server.
    pub holds_state: bool,
}

/// Restores `backup` into `target`, which is not there or empty.
///
/// # Errors
/// See [`RestoreError`]; the target is as it was.
pub fn restore(backup: &Path, key: &Key, target: &Path) -> Result<Restored, RestoreError> {
    restore_as(backup, key, target, env!("CARGO_PKG_VERSION"), known_schemas())
}

/// As [`restore`], as another version would.
pub(super) fn restore_as(
    backup: &Path,
    key: &Key,
    target: &Path,
    program: &str,
    known: SchemaVersions,
) -> Result<Restored, RestoreError> {
    free(target)?;
    let parent =
        target.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let mut reader = zstd::Decoder::new(seal::open(backup, key)?).map_err(RestoreError::damaged)?;
    fs::create_dir_all(parent).map_err(RestoreError::at(parent))?;
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // Gone when it is dropped.
    let temporary = tempfile::Builder::new()
        .prefix(&format!(".{name}.restoring-"))
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(RestoreError::at(parent))?;
    let manifest = unpack(&mut reader, temporary.path(), program, known)?;
    end(&mut reader)?;
    sync_folders(temporary.path()).map_err(RestoreError::at(temporary.path()))?;
    // Somebody may have filled it meanwhile; a rename replaces an empty directory only.
    fs::rename(temporary.path(), target).map_err(|error| match error.kind() {
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            RestoreError::NotEmpty { path: target.to_owned() }
        }
        _ => RestoreError::at(target)(error),
    })?;
    drop(temporary.keep());
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(RestoreError::at(parent))?;
    let bytes = manifest.total();
    let Manifest { format: _, program, created_at, state_schema, telemetry_schema: _, members } = manifest;
    Ok(Restored { created_at, program, members: members.len(), bytes, holds_state: state_schema.is_some() })
}

fn free(target: &Path) -> Result<(), RestoreError> {
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(RestoreError::NotEmpty { path: target.to_owned() }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            Err(RestoreError::NotEmpty { path: target.to_owned() })
        }
        Err(error) => Err(RestoreError::at(target)(error)),
    }
}

fn unpack(
    reader: &mut impl Read,
    into: &Path,
    program: &str,
    known: SchemaVersions,
) -> Result<Manifest, RestoreError> {
    let mut archive = tar::Archive::new(reader);
    // Raw: what would be a long name or another extension is a member like any other, and refused.
    let mut entries = archive.entries().map_err(RestoreError::damaged)?.raw(true);
    let mut first =
        entries.next().ok_or_else(|| RestoreError::damaged("it is empty"))?.map_err(RestoreError::damaged)?;
    let size = expect(&first, manifest::NAME)?;
    if size > manifest::BYTES {
        return Err(RestoreError::damaged("its manifest is too large"));
    }
    let mut list = Vec::new();
    io::copy(&mut first, &mut list).map_err(RestoreError::damaged)?;
    // A newer format may look different; who made it is told all the same.
    let manifest: Manifest = serde_json::from_slice(&list).map_err(RestoreError::damaged)?;
    drop(list);
    manifest.judge(program, known)?;
    let free = FileSystem(into.to_owned()).space().map_err(RestoreError::at(into))?.free;
    if free < manifest.total() {
        return Err(RestoreError::Space { path: into.to_owned(), needed: manifest.total(), free });
    }
    for member in &manifest.members {
        let mut entry = entries
            .next()
            .ok_or_else(|| RestoreError::damaged(format!("{} is missing", member.path)))?
            .map_err(RestoreError::damaged)?;
        let size = expect(&entry, &member.path)?;
        if size != member.size {
            return Err(RestoreError::damaged(format!("{} has another size than listed", member.path)));
        }
        place(&mut entry, member, into)?;
    }
    match entries.next() {
        None => Ok(manifest),
        Some(Ok(_)) => Err(RestoreError::damaged("it holds more than it lists")),
        Some(Err(error)) => Err(RestoreError::damaged(error)),
    }
}

/// The size of an entry that must be a plain file of this name.
fn expect<R: Read>(entry: &tar::Entry<'_, R>, path: &str) -> Result<u64, RestoreError> {
    let header = entry.header();
    if header.entry_type() != tar::EntryType::Regular || entry.path_bytes().as_ref() != path.as_bytes() {
        return Err(RestoreError::damaged(format!("{path} is not where it should be")));
    }
    header.size().map_err(RestoreError::damaged)
}

fn place(from: &mut impl Read, member: &Member, into: &Path) -> Result<(), RestoreError> {
    let target = into.join(&member.path);
    let folder = target.parent().unwrap_or(into);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(RestoreError::at(folder))?;
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(&target).map_err(RestoreError::at(&target))?;
    let mut hasher = sha2::Sha256::new();
    let mut bytes = vec![0; PIECE];
    let mut written = 0_u64;
    loop {
        let read = from.read(&mut bytes).map_err(RestoreError::damaged)?;
        if read == 0 {
            break;
        }
        let piece = bytes.get(..read).unwrap_or_default();
        hasher.update(piece);
        file.write_all(piece).map_err(RestoreError::at(&target))?;
        written = written.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    file.sync_all().map_err(RestoreError::at(&target))?;
    if written != member.size {
        return Err(RestoreError::damaged(format!("{} is cut short", member.path)));
    }
    if Sha256::new(hasher.finalize().into()).to_string() != member.sha256 {
        return Err(RestoreError::damaged(format!(
            "the bytes of {} are not those that were backed up",
            member.path
        )));
    }
    Ok(())
}

/// Reads to the end, so that the seal's and the compression's own ends are checked, too. Only padding may follow.
fn end(reader: &mut impl Read) -> Result<(), RestoreError> {
    let mut bytes = vec![0; PIECE];
    loop {
        let read = reader.read(&mut bytes).map_err(RestoreError::damaged)?;
        if read == 0 {
            return Ok(());
        }
        if bytes.iter().take(read).any(|byte| *byte != 0) {
            return Err(RestoreError::damaged("something follows its end"));
        }
    }
}

fn sync_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}
