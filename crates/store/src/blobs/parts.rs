//! Blobs that come in parts, over several requests and restarts: one growing file each, by number.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};
use windlass_domain::ids::UploadId;

use super::{Blobs, Hashers, READ, Written, blocking};

const DIRECTORY: &str = "uploads";

/// A growing file. What was written is durable after [`PartWriter::sync`].
#[derive(Debug)]
pub struct PartWriter {
    file: File,
    length: u64,
}

impl PartWriter {
    /// Adds bytes at the end.
    ///
    /// # Errors
    /// What the disk says; `StorageFull` when it is full.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes).await?;
        self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    /// How many bytes the file has.
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn sync(&mut self) -> io::Result<u64> {
        self.file.flush().await?;
        self.file.sync_data().await?;
        Ok(self.length)
    }
}

impl Blobs {
    fn part_path(&self, id: UploadId) -> PathBuf {
        self.root.join(DIRECTORY).join(id.to_string())
    }

    /// Opens the file of an upload to go on at `offset`; what is behind it was never acknowledged and goes.
    ///
    /// # Errors
    /// `NotFound` when the file has fewer bytes, or what the disk says.
    pub async fn part(&self, id: UploadId, offset: u64) -> io::Result<PartWriter> {
        let path = self.part_path(id);
        let directory = self.root.join(DIRECTORY);
        tokio::fs::create_dir_all(&directory).await?;
        let mut options = OpenOptions::new();
        options.write(true).create(offset == 0).mode(0o600);
        let mut file = options.open(&path).await?;
        if file.metadata().await?.len() < offset {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        file.set_len(offset).await?;
        file.seek(io::SeekFrom::Start(offset)).await?;
        if offset == 0 {
            blocking(move || std::fs::File::open(directory)?.sync_all()).await?;
        }
        Ok(PartWriter { file, length: offset })
    }

    /// The whole of an upload, digested. The upload's own file stays until [`Blobs::part_remove`].
    ///
    /// # Errors
    /// `NotFound` when it is not there, or what the disk says.
    pub async fn part_written(&self, id: UploadId) -> io::Result<Written> {
        use std::io::Read;
        let (from, root) = (self.part_path(id), Arc::clone(&self.root));
        blocking(move || {
            let mut file = std::fs::File::open(&from)?;
            let (mut hashers, mut buffer, mut size) = (Hashers::default(), vec![0; READ], 0_u64);
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                hashers.update(buffer.get(..read).unwrap_or_default());
                size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            }
            // A second name for the same bytes: whatever happens to the blob, the upload can be tried again.
            let place = tempfile::Builder::new()
                .make_in(root.join("unfinished"), |path| std::fs::hard_link(&from, path))?;
            Ok(Written { root, path: place.into_temp_path(), kept: hashers.kept(size) })
        })
        .await
    }

    /// Removes the file of an upload, if it is there.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn part_remove(&self, id: UploadId) -> io::Result<()> {
        match tokio::fs::remove_file(self.part_path(id)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Uploads that have a file.
    ///
    /// # Errors
    /// What the disk says.
    pub async fn parts(&self) -> io::Result<Vec<UploadId>> {
        let directory = self.root.join(DIRECTORY);
        blocking(move || {
            let entries = match std::fs::read_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let mut found = Vec::new();
            for entry in entries {
                found.extend(entry?.file_name().to_str().and_then(|name| name.parse::<UploadId>().ok()));
            }
            Ok(found)
        })
        .await
    }
}
