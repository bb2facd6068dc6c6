//! The first member of a backup: what made it and what is in it. Decides what may be in one at all. Does no I/O.

use serde::{Deserialize, Serialize};
use windlass_domain::ids::Sha256;
use windlass_store::snapshot::{STATE, SchemaVersions, TELEMETRY};

use super::error::RestoreError;

/// The format that this program writes, and the newest that it reads.
pub(super) const FORMAT: u32 = 1;
/// The manifest's name in the archive.
pub(super) const NAME: &str = "manifest.json";
/// Most bytes of a manifest: some 300,000 members.
pub(super) const BYTES: u64 = 64 << 20;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    /// Of the archive.
    pub(super) format: u32,
    /// Version of the program that made it.
    pub(super) program: String,
    /// RFC 3339.
    pub(super) created_at: String,
    /// Schema of the state; absent when that is on a PostgreSQL server.
    pub(super) state_schema: Option<i64>,
    /// Schema of the telemetry file; absent as well.
    pub(super) telemetry_schema: Option<i64>,
    /// In the order of the archive.
    pub(super) members: Vec<Member>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Member {
    /// Where it belongs in the data directory.
    pub(super) path: String,
    /// Bytes.
    pub(super) size: u64,
    /// Of its bytes, hex.
    pub(super) sha256: String,
}

impl Manifest {
    /// Refuses what this program cannot restore, before any member is looked at.
    pub(super) fn judge(&self, program: &str, known: SchemaVersions) -> Result<(), RestoreError> {
        let newer = |what: String| RestoreError::Newer { made_by: self.program.clone(), what };
        if self.format > FORMAT {
            return Err(newer(format!("archive format {}, this one reads {FORMAT}", self.format)));
        }
        for (what, found, known) in
            [("state", self.state_schema, known.state), ("telemetry", self.telemetry_schema, known.telemetry)]
        {
            if let Some(found) = found.filter(|found| *found > known) {
                return Err(newer(format!("schema {found} of the {what}, this one knows {known}")));
            }
        }
        if version(&self.program) > version(program) {
            return Err(newer(format!("this is {program}")));
        }
        let mut seen = std::collections::HashSet::new();
        for member in &self.members {
            if !may_be_in_a_backup(&member.path) || !seen.insert(member.path.as_str()) {
                return Err(RestoreError::damaged(format!(
                    "{:?} does not belong into a data directory",
                    member.path
                )));
            }
        }
        Ok(())
    }

    /// Bytes of all members.
    pub(super) fn total(&self) -> u64 {
        self.members.iter().fold(0, |sum, member| sum.saturating_add(member.size))
    }
}

/// Numbers of a version; what is no number counts as none.
fn version(text: &str) -> Vec<u64> {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    core.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}

/// The database files, blobs under their digest, and key files; nothing else, and no path that leads elsewhere.
pub(super) fn may_be_in_a_backup(path: &str) -> bool {
    if path == STATE || path == TELEMETRY {
        return true;
    }
    if let Some(name) = path.strip_prefix("keys/") {
        return is_key_file(name);
    }
    let Some((shelf, name)) = path.strip_prefix("blobs/").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    name.parse::<Sha256>().is_ok_and(|digest| digest.to_string() == name)
        && name.starts_with(shelf)
        && shelf.len() == 2
}

/// The name of a key file; unfinished ones (`.new`) are none.
pub(super) fn is_key_file(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with('.')
        && name.len() <= 64
        && !name.ends_with(".new")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: SchemaVersions = SchemaVersions { state: 6, telemetry: 1 };

    fn manifest() -> Manifest {
        Manifest {
            format: 1,
            program: "0.1.0".to_owned(),
            created_at: "2026-01-01T00:00:00Z".to_owned(),
            state_schema: Some(6),
            telemetry_schema: Some(1),
            members: Vec::new(),
        }
    }

    #[test]
    fn nothing_newer_than_this_program_is_restored() {
        manifest().judge("0.1.0", KNOWN).unwrap();
        manifest().judge("0.2.0", KNOWN).unwrap();
        Manifest { state_schema: None, telemetry_schema: None, ..manifest() }.judge("0.1.0", KNOWN).unwrap();
        for newer in [
            Manifest { format: 2, ..manifest() },
            Manifest { state_schema: Some(7), ..manifest() },
            Manifest { telemetry_schema: Some(2), ..manifest() },
            Manifest { program: "0.1.1".to_owned(), ..manifest() },
            Manifest { program: "0.10.0".to_owned(), ..manifest() },
            Manifest { program: "1.0.0-rc.1".to_owned(), ..manifest() },
        ] {
            let error = newer.judge("0.1.0", KNOWN).unwrap_err();
            assert!(matches!(error, RestoreError::Newer { .. }), "{newer:?}: {error}");
        }
    }

    #[test]
    fn only_what_a_data_directory_holds_may_be_in_a_backup() {
        let digest = "ab".repeat(32);
        for good in
            ["state.db", "telemetry.db", "keys/root-ca.pem", "keys/audit.pem", &format!("blobs/ab/{digest}")]
        {
            assert!(may_be_in_a_backup(good), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "../state.db",
            "./state.db",
            "state.db/",
            "keys/",
            "keys/../state.db",
            "keys/..",
            "keys/.hidden",
            "keys/root-ca.new",
            "keys/a/b",
            "lock",
            "admin.sock",
            "blobs/",
            "blobs/ab/../../x",
            &format!("blobs/cd/{digest}"),
            &format!("blobs//{digest}"),
            &format!("blobs/ab/{}", digest.to_uppercase()),
            &format!("blobs/ab/{digest}/x"),
            "keys/a\0b",
        ] {
            assert!(!may_be_in_a_backup(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_member_is_listed_once() {
        let member = Member { path: "state.db".to_owned(), size: 1, sha256: String::new() };
        let twice = Manifest { members: vec![member.clone(), member], ..manifest() };
        assert!(matches!(twice.judge("0.1.0", KNOWN), Err(RestoreError::Damaged { .. })));
    }
}
