//! The archive: a manifest, then what was staged, as tar, compressed with zstd, sealed. Streamed; there whole or not at
//! all.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use sha2::Digest;
use windlass_domain::ids::Sha256;
use windlass_store::snapshot::{self, STATE, TELEMETRY};

use super::error::BackupError;
use super::manifest::{self, FORMAT, Manifest, Member};
use super::seal::Seal;
use super::stage::{Snapshot, entries};

/// Bytes that are read at once.
const PIECE: usize = 128 * 1024;

/// A backup that was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Of the file.
    pub bytes: u64,
    /// What it holds.
    pub members: usize,
}

/// Writes what was staged to `out`, which must not be there. Given up when `stopped` says so.
///
/// # Errors
/// See [`BackupError`]; there is no file then.
pub async fn write(
    staged: &Snapshot,
    out: &Path,
    seal: &Seal,
    stopped: impl Fn() -> bool + Send + 'static,
) -> Result<Written, BackupError> {
    let schema = |file: &'static str| {
        let path = staged.directory.join(file);
        async move { snapshot::schema_version(&path).await.map_err(|source| BackupError::Copy { file, source }) }
    };
    let (mut state_schema, mut telemetry_schema) = (None, None);
    if staged.holds_state {
        state_schema = Some(schema(STATE).await?);
        telemetry_schema = Some(schema(TELEMETRY).await?);
    }
    let about = Manifest {
        format: FORMAT,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        created_at: staged.created_at.to_string(),
        state_schema,
        telemetry_schema,
        members: Vec::new(),
    };
    let (from, out, seal) = (staged.directory.clone(), out.to_owned(), seal.clone());
    let seconds = u64::try_from(staged.created_at.seconds()).unwrap_or(0);
    tokio::task::spawn_blocking(move || archive(&from, about, &out, &seal, seconds, &stopped))
        .await
        .map_err(|_| BackupError::Thread)?
}

fn archive(
    from: &Path,
    about: Manifest,
    out: &Path,
    seal: &Seal,
    seconds: u64,
    stopped: &dyn Fn() -> bool,
) -> Result<Written, BackupError> {
    let folder = out.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let exists = || BackupError::Exists { path: out.to_owned() };
    if out.try_exists().map_err(BackupError::at(out))? {
        return Err(exists());
    }
    let members = members(from, stopped)?;
    let manifest = Manifest { members, ..about };
    let list = serde_json::to_vec(&manifest).map_err(|error| BackupError::at(out)(error.into()))?;
    if u64::try_from(list.len()).unwrap_or(u64::MAX) > manifest::BYTES {
        return Err(BackupError::TooMany);
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    // Mode 0600, and gone when it is dropped.
    let temporary = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".part")
        .tempfile_in(folder)
        .map_err(BackupError::at(folder))?;
    let written = BackupError::at(out);
    let file = temporary.as_file().try_clone().map_err(BackupError::at(out))?;
    let closing = seal.begin(BufWriter::with_capacity(PIECE, file))?;
    let mut packer = zstd::Encoder::new(closing, 1).map_err(BackupError::at(out))?;
    packer.include_checksum(true).map_err(BackupError::at(out))?;
    let mut tar = tar::Builder::new(packer);
    let size = u64::try_from(list.len()).unwrap_or(u64::MAX);
    append(&mut tar, manifest::NAME, size, seconds, &list[..]).map_err(BackupError::at(out))?;
    for Member { path, size, sha256 } in &manifest.members {
        let source = from.join(path);
        let file = File::open(&source).map_err(BackupError::at(&source))?;
        let mut reader = Hashing { file, hasher: sha2::Sha256::new(), bytes: 0, stopped };
        let appended = append(&mut tar, path, *size, seconds, &mut reader);
        if stopped() {
            return Err(BackupError::Stopped);
        }
        appended.map_err(BackupError::at(out))?;
        if reader.bytes != *size || Sha256::new(reader.hasher.finalize().into()).to_string() != *sha256 {
            return Err(BackupError::Damaged { path: path.clone() });
        }
    }
    let file = tar
        .into_inner()
        .and_then(zstd::Encoder::finish)
        .and_then(|closing| closing.finish())
        .and_then(|buffer| buffer.into_inner().map_err(io::IntoInnerError::into_error))
        .map_err(written)?;
    file.sync_all().map_err(BackupError::at(out))?;
    let bytes = file.metadata().map_err(BackupError::at(out))?.len();
    temporary.persist_noclobber(out).map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => exists(),
        _ => BackupError::at(out)(failed.error),
    })?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(BackupError::at(folder))?;
    Ok(Written { bytes, members: manifest.members.len() })
}

fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    path: &str,
    size: u64,
    seconds: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_path(path)?;
    header.set_size(size);
    header.set_mode(0o600);
    header.set_mtime(seconds);
    header.set_cksum();
    tar.append(&header, content.take(size))
}

/// Telemetry, state, blobs, keys: each with its size and digest. A blob's name is its digest.
fn members(from: &Path, stopped: &dyn Fn() -> bool) -> Result<Vec<Member>, BackupError> {
    let mut members = Vec::new();
    for name in [TELEMETRY, STATE] {
        if from.join(name).try_exists().map_err(BackupError::at(from))? {
            members.push(hashed(from, name.to_owned(), stopped)?);
        }
    }
    for shelf in entries(&from.join("blobs"))? {
        for blob in entries(&shelf)? {
            let size = blob.metadata().map_err(BackupError::at(&blob))?.len();
            let sha256 = blob.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let shelf = shelf.file_name().unwrap_or_default().to_string_lossy();
            members.push(Member { path: format!("blobs/{shelf}/{sha256}"), size, sha256 });
        }
    }
    for key in entries(&from.join("keys"))? {
        let name = key.file_name().unwrap_or_default().to_string_lossy();
        members.push(hashed(from, format!("keys/{name}"), stopped)?);
    }
    Ok(members)
}

fn hashed(from: &Path, path: String, stopped: &dyn Fn() -> bool) -> Result<Member, BackupError> {
    let source = from.join(&path);
    let file = File::open(&source).map_err(BackupError::at(&source))?;
    let mut reader = Hashing { file, hasher: sha2::Sha256::new(), bytes: 0, stopped };
    let copied = io::copy(&mut reader, &mut io::sink());
    if stopped() {
        return Err(BackupError::Stopped);
    }
    let size = copied.map_err(BackupError::at(&source))?;
    let sha256 = Sha256::new(reader.hasher.finalize().into()).to_string();
    Ok(Member { path, size, sha256 })
}

/// A file whose digest is taken while it is read.
struct Hashing<'a> {
    file: File,
    hasher: sha2::Sha256,
    bytes: u64,
    stopped: &'a dyn Fn() -> bool,
}

impl Read for Hashing<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if (self.stopped)() {
            return Err(io::ErrorKind::Other.into());
        }
        let read = self.file.read(bytes)?;
        self.hasher.update(bytes.get(..read).unwrap_or_default());
        self.bytes = self.bytes.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(read)
    }
}
