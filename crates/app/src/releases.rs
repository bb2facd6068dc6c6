//! Components and releases: what an update installs. Named, immutable, deleted only while nothing open needs them.

use windlass_domain::permission::Principal;
pub use windlass_domain::software::{Component, Release};

use crate::App;
use crate::error::AppError;

/// A component to make.
#[derive(Debug, Clone)]
pub struct NewComponent {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `application`, `os`, `firmware`, or any word.
    pub component_type: String,
    /// Numbers of its artifacts, in order.
    pub artifacts: Vec<i64>,
}

/// A release to make.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Name and version of its components, in order.
    pub components: Vec<(String, String)>,
    /// Device types it is for; empty means any.
    pub device_types: Vec<String>,
    /// For people.
    pub notes: String,
}

impl App {
    /// Makes a component.
    ///
    /// # Errors
    /// `Invalid` naming every field, `Exists`.
    pub async fn component_create(&self, by: &Principal, new: NewComponent) -> Result<Component, AppError> {
        unimplemented!("component_create")
    }

    /// One component.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn component_get(
        &self,
        by: &Principal,
        name: &str,
        version: &str,
    ) -> Result<Component, AppError> {
        unimplemented!("component_get")
    }

    /// Components in the order they were made, from the one after `after` (a row id) on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn component_list(
        &self,
        by: &Principal,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Component>, AppError> {
        unimplemented!("component_list")
    }

    /// Deletes a component.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `component.in_use` while a release has it.
    pub async fn component_delete(&self, by: &Principal, name: &str, version: &str) -> Result<(), AppError> {
        unimplemented!("component_delete")
    }

    /// Makes a release.
    ///
    /// # Errors
    /// `Invalid` naming every field, `Exists`.
    pub async fn release_create(&self, by: &Principal, new: NewRelease) -> Result<Release, AppError> {
        unimplemented!("release_create")
    }

    /// One release with its components.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn release_get(&self, by: &Principal, name: &str, version: &str) -> Result<Release, AppError> {
        unimplemented!("release_get")
    }

    /// Releases in the order they were made, from the one after `after` (a row id) on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release_list(
        &self,
        by: &Principal,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Release>, AppError> {
        unimplemented!("release_list")
    }

    /// Deletes a release.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `release.in_use` while an open job installs it.
    pub async fn release_delete(&self, by: &Principal, name: &str, version: &str) -> Result<(), AppError> {
        unimplemented!("release_delete")
    }
}
