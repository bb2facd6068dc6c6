//! Files that only their owner may read.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::Context;

/// Writes a file with mode 0600, replacing one that was there in one step.
pub(crate) fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let directory =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let name = path.file_name().with_context(|| format!("{} is not a file name", path.display()))?;
    let temporary = directory.join(format!(".{}.new", name.to_string_lossy()));
    let problem = || format!("{} cannot be written", path.display());
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(&temporary).with_context(problem)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600)).with_context(problem)?;
    file.write_all(content).with_context(problem)?;
    file.sync_all().with_context(problem)?;
    std::fs::rename(&temporary, path).with_context(problem)
}

/// Makes a folder and finds out whether files can be kept there: before a key is asked for that is shown only once.
pub(crate) fn folder(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
    let trial = directory.join(".windlass.new");
    write(&trial, b"")?;
    std::fs::remove_file(&trial).with_context(|| format!("{} cannot be written", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_open_to_all_becomes_private_when_it_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "no temporary file stays behind");
    }
}
