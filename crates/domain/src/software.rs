//! What can be installed: artifacts, components, releases. None changes once made.
//!
//! Knows neither where bytes lie nor who gets them.

pub mod inspection;
pub mod terms;

use crate::ids::{
    ArtifactId, ComponentId, ComponentType, FileName, ItemName, Md5, ReleaseId, Sha1, Sha256, TypeName,
    VersionText,
};
use crate::time::Timestamp;

/// Digests that some clients ask for besides the SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// SHA-1 of the bytes.
    pub sha1: Sha1,
    /// MD5 of the bytes.
    pub md5: Md5,
}

/// An immutable file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Public number.
    pub id: ArtifactId,
    /// The file's name as devices see it.
    pub name: FileName,
    /// Digest of the bytes.
    pub sha256: Sha256,
    /// Its other digests; none if it is from before they were kept and nobody asked for them yet.
    pub sums: Option<Sums>,
    /// Bytes.
    pub size: u64,
    /// Handed to devices as uploaded.
    pub signature: Option<String>,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

/// One version of one piece of software.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Component {
    /// Row id.
    pub id: ComponentId,
    /// Its name.
    pub name: ItemName,
    /// Its version.
    pub version: VersionText,
    /// `application`, `os`, `firmware`, or any word.
    pub component_type: ComponentType,
    /// Its files, in order.
    pub artifacts: Vec<Artifact>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Component {
    /// Whether no release can have both. What devices report is by name: one name, one version.
    pub fn excludes(&self, other: &Self) -> bool {
        self.name == other.name
            && (self.version != other.version || self.component_type == other.component_type)
    }
}

/// What a device must be before it may get a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReleaseRules {
    /// Hardware it is for, as devices say it under [`crate::job::eligible::HARDWARE_KEY`]; empty: any.
    pub hardware: Vec<String>,
    /// The oldest version that it may replace.
    pub minimum_source: Option<VersionText>,
    /// The newest version that it may replace.
    pub maximum_source: Option<VersionText>,
    /// The version that must have been installed before: a required step.
    pub step: Option<VersionText>,
}

/// A set of components for some device types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Row id.
    pub id: ReleaseId,
    /// Its name.
    pub name: ItemName,
    /// Its version.
    pub version: VersionText,
    /// The types it is for; empty means any device.
    pub device_types: Vec<TypeName>,
    /// Its components, in order.
    pub components: Vec<Component>,
    /// For people.
    pub notes: String,
    /// What devices must be before they may get it.
    pub rules: ReleaseRules,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
}

impl Release {
    /// Whether a device of this type may get it.
    pub fn fits(&self, device_type: Option<&TypeName>) -> bool {
        self.device_types.is_empty() || device_type.is_some_and(|name| self.device_types.contains(name))
    }
}
