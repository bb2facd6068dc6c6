//! Immutable bytes by their SHA-256, in a directory.
//!
//! Written to a temporary file, synced, renamed, directory synced: a blob is there whole or not at all. Knows
//! nothing of who refers to a blob.

mod parts;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::Digest;
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use windlass_domain::ids::{Md5, Sha1, Sha256};
use windlass_domain::software::Sums;

pub use parts::PartWriter;

/// Bytes read at once.
const READ: usize = 256 * 1024;

/// A directory of blobs. Clones share it.
#[derive(Debug, Clone)]
pub struct Blobs {
    root: Arc<Path>,
}

/// A blob on its way in. Dropping it discards what was written.
#[derive(Debug)]
pub struct BlobWriter {
    root: Arc<Path>,
    file: File,
    path: TempPath,
    hashers: Hashers,
    length: u64,
}

/// A blob that is there for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub sha256: Sha256,
    /// Its other digests.
    pub sums: Sums,
    /// Its bytes.
    pub size: u64,
}

#[derive(Debug, Default)]
struct Hashers {
    sha256: sha2::Sha256,
    sha1: sha1::Sha1,
    md5: md5::Md5,
}

impl Hashers {
    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        sha1::Digest::update(&mut self.sha1, bytes);
        md5::Digest::update(&mut self.md5, bytes);
    }

    fn kept(self, size: u64) -> Kept {
        let sha1 = Sha1::new(sha1::Digest::finalize(self.sha1).into());
        let md5 = Md5::new(md5::Digest::finalize(self.md5).into());
        Kept { sha256: Sha256::new(self.sha256.finalize().into()), sums: Sums { sha1, md5 }, size }
    }
}

impl Blobs {
    /// Opens the directory, made if it is not there, and removes what unfinished writes left.
    ///
    /// # Errors
    /// When the directory cannot be used.
    pub fn open(directory: &Path) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let unfinished = directory.join("unfinished");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&unfinished)?;
        for entry in std::fs::read_dir(&unfinished)? {
            std::fs::remove_file(entry?.path())?;
        }
        Ok(Self { root: directory.into() })
    }

    /// Starts a new blob.
    ///
    /// # Errors
    /// When no file can be made.
    pub async fn begin(&self) -> io::Result<BlobWriter> {
        let directory = self.root.join("unfinished");
        let (file, path) =
            blocking(move || Ok(tempfile::NamedTempFile::new_in(directory)?.into_parts())).await?;
        Ok(BlobWriter {
            root: Arc::clone(&self.root),
            file: File::from_std(file),
            path,
            hashers: Hashers::default(),
            length: 0,
        })
    }

    /// Up to `length` bytes from `offset` on; fewer where the blob ends.
    ///
    /// # Errors
    /// `NotFound` when there is no such blob, or what the disk says.
    pub async fn open_range(
        &self,
        digest: &Sha256,
        offset: u64,
        length: u64,
    ) -> io::Result<impl AsyncRead + Send + Unpin + std::fmt::Debug + use<>> {
        let mut file = File::open(place(&self.root, digest)).await?;
        file.seek(io::SeekFrom::Start(offset)).await?;
        Ok(file.take(length))
    }

    /// How many bytes a blob has, if it is there.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn size(&self, digest: &Sha256) -> io::Result<Option<u64>> {
        match tokio::fs::metadata(place(&self.root, digest)).await {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The other digests of a blob, by reading all of it.
    ///
    /// # Errors
    /// `NotFound` when there is no such blob, or what the disk says.
    pub async fn sums(&self, digest: &Sha256) -> io::Result<Sums> {
        let path = place(&self.root, digest);
        blocking(move || {
            let mut file = std::fs::File::open(path)?;
            let (mut hashers, mut buffer) = (Hashers::default(), vec![0; READ]);
            loop {
                match file.read(&mut buffer)? {
                    0 => return Ok(hashers.kept(0).sums),
                    read => hashers.update(buffer.get(..read).unwrap_or_default()),
                }
            }
        })
        .await
    }

    /// Every blob that is there, shelf by shelf: those whose name begins with this byte.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn shelf(&self, first: u8) -> io::Result<Vec<Sha256>> {
        let directory = self.root.join(format!("{first:02x}"));
        blocking(move || {
            let entries = match std::fs::read_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut found = Vec::new();
            for entry in entries {
                found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Sha256>().ok()));
            }
            Ok(found)
        })
        .await
    }

    /// Removes a blob. True if it was there.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn remove(&self, digest: &Sha256) -> io::Result<bool> {
        match tokio::fs::remove_file(place(&self.root, digest)).await {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl BlobWriter {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// What the disk says; `StorageFull` when it is full.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.hashers.update(bytes);
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// How many bytes were written.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Ends the writing: all bytes are there, under no name yet.
    ///
    /// # Errors
    /// What the disk says; nothing is left then.
    pub async fn close(self) -> io::Result<Written> {
        let Self { root, mut file, path, hashers, length } = self;
        file.flush().await?;
        file.sync_all().await?;
        drop(file.into_std().await);
        Ok(Written { root, path, kept: hashers.kept(length) })
    }
}

/// All bytes of a blob that has no name yet. Dropping it discards them.
#[derive(Debug)]
pub struct Written {
    root: Arc<Path>,
    path: TempPath,
    kept: Kept,
}

impl Written {
    /// What it will be.
    pub const fn kept(&self) -> Kept {
        self.kept
    }

    /// Lets somebody read the bytes, on a thread that may block.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn look<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut std::fs::File) -> T + Send + 'static,
    ) -> io::Result<T> {
        let path = self.path.to_path_buf();
        blocking(move || Ok(read(&mut std::fs::File::open(path)?))).await
    }

    /// Makes the blob durable under its digest, in place of one that is there: its bytes may have gone bad.
    ///
    /// # Errors
    /// What the disk says; nothing is there then that was not before.
    pub async fn keep(self) -> io::Result<()> {
        let Self { root, path, kept } = self;
        let target = place(&root, &kept.sha256);
        blocking(move || keep(&root, path, &target)).await
    }
}

fn keep(root: &Path, path: TempPath, target: &Path) -> io::Result<()> {
    let directory = target.parent().unwrap_or(root);
    if !directory.try_exists()? {
        std::fs::create_dir_all(directory)?;
        std::fs::File::open(root)?.sync_all()?;
    }
    path.persist(target).map_err(|failed| failed.error)?;
    std::fs::File::open(directory)?.sync_all()
}

fn place(root: &Path, digest: &Sha256) -> PathBuf {
    let name = digest.to_string();
    let (shelf, _) = name.split_at(2);
    root.join(shelf).join(&name)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
