//! Components and releases: what an update installs. Named, immutable, deleted only while nothing open needs them.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::str::FromStr;

use serde_json::json;
use windlass_domain::ids::{
    ArtifactId, ComponentId, ComponentType, ItemName, ReleaseId, TenantId, TypeName, VersionText,
};
use windlass_domain::permission::{Permission, Principal, allows};
pub use windlass_domain::software::{Component, Release, ReleaseRules};
use windlass_domain::time::Timestamp;
use windlass_domain::version::compare;
use windlass_store::{Tx, artifacts, releases, types};

use crate::artifacts::signing;
use crate::error::{AppError, FieldProblem};
use crate::jobs::verify::FETCHED;
use crate::permit::demand;
use crate::{App, audit};

/// Most artifacts of a component and components of a release.
pub const PARTS: usize = 50;
/// Most device types of a release.
pub const DEVICE_TYPES: usize = 100;
/// Most releases of a component that are told.
const RELEASES: u32 = 20;
/// Most bytes of a release's notes.
pub const NOTES_BYTES: usize = 16 * 1024;

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

/// Which component is meant. Its type may be left out while no other one has that name and version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentKey {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its type.
    pub component_type: Option<String>,
}

impl<T: Into<String>> From<(T, T)> for ComponentKey {
    fn from((name, version): (T, T)) -> Self {
        Self { name: name.into(), version: version.into(), component_type: None }
    }
}

impl fmt::Display for ComponentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, component_type } = self;
        write!(f, "{name} {version}")?;
        component_type.as_ref().map_or(Ok(()), |one| write!(f, " of type {one}"))
    }
}

/// The one component that a key names.
async fn meant(tx: &mut Tx<'_>, tenant: TenantId, key: &ComponentKey) -> Result<Component, AppError> {
    let mut fitting = releases::components_named(tx, tenant, &key.name, &key.version).await?;
    if let Some(wanted) = &key.component_type {
        fitting.retain(|one| one.component_type.as_str() == wanted);
    }
    let Some(found) = fitting.pop() else { return Err(AppError::not_found("component", key)) };
    if fitting.is_empty() {
        return Ok(found);
    }
    fitting.push(found);
    let types: Vec<&str> = fitting.iter().map(|one| one.component_type.as_str()).collect();
    let detail = format!("there are components {key} of the types {}; say which with type", types.join(", "));
    Err(AppError::Conflict { code: "component.ambiguous", detail })
}

/// A release to make.
#[derive(Debug, Clone)]
pub struct NewRelease {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its components, in order.
    pub components: Vec<ComponentKey>,
    /// Device types it is for; empty means any.
    pub device_types: Vec<String>,
    /// For people.
    pub notes: String,
    /// What devices must be before they may get it.
    pub rules: NewRules,
}

/// A release with what is known of it beside.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseView {
    /// What it is.
    pub release: Release,
    /// The jobs that tell of it; none for whoever may not see every job.
    pub jobs: Option<ReleaseJobs>,
}

/// The jobs that install or installed a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseJobs {
    /// How many there are.
    pub count: u64,
    /// One that is under way, if any is.
    pub open: Option<i64>,
}

/// A component with what is known of it beside.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentView {
    /// What it is.
    pub component: Component,
    /// Names and versions of the first releases that it is part of.
    pub releases: Vec<(String, String)>,
}

/// Rules of a release to make; see [`ReleaseRules`].
#[derive(Debug, Clone, Default)]
pub struct NewRules {
    /// Hardware it is for; empty: any.
    pub hardware: Vec<String>,
    /// The oldest version that it may replace.
    pub minimum_source: Option<String>,
    /// The newest version that it may replace.
    pub maximum_source: Option<String>,
    /// The version that must have been installed before.
    pub step: Option<String>,
}

#[derive(Default)]
struct Problems(Vec<FieldProblem>);

impl Problems {
    fn add(&mut self, field: impl Into<String>, problem: impl ToString) {
        self.0.push(FieldProblem::new(field, problem));
    }

    fn parse<T: FromStr<Err: Display>>(&mut self, field: &str, text: &str) -> Option<T> {
        text.parse().map_err(|e: T::Err| self.add(field, e)).ok()
    }
}

async fn build_component(
    tx: &mut Tx<'_>,
    by: &Principal,
    new: &NewComponent,
    now: Timestamp,
) -> Result<Component, AppError> {
    let NewComponent { name, version, component_type, artifacts: numbers } = new;
    let mut problems = Problems::default();
    let name: Option<ItemName> = problems.parse("name", name);
    let version: Option<VersionText> = problems.parse("version", version);
    let component_type: Option<ComponentType> = problems.parse("type", component_type);
    if numbers.len() > PARTS {
        problems.add("artifacts", format!("at most {PARTS}"));
    }
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    for (index, number) in numbers.iter().take(PARTS).enumerate() {
        match artifacts::get(tx, by.tenant, ArtifactId::new(*number)).await? {
            None => problems.add(format!("artifacts.{index}"), format!("artifact {number} does not exist")),
            Some(artifact) if !names.insert(artifact.name.clone()) => problems.add(
                format!("artifacts.{index}"),
                format!("another artifact of this component is named {} too", artifact.name),
            ),
            Some(artifact) => found.push(artifact),
        }
    }
    match (name, version, component_type) {
        (Some(name), Some(version), Some(component_type)) if problems.0.is_empty() => Ok(Component {
            id: ComponentId::new(0),
            name,
            version,
            component_type,
            artifacts: found,
            created_at: now,
        }),
        _ => Err(AppError::Invalid(problems.0)),
    }
}

fn build_rules(rules: &NewRules, problems: &mut Problems) -> ReleaseRules {
    let NewRules { hardware, minimum_source, maximum_source, step } = rules;
    if hardware.len() > PARTS {
        problems.add("rules.hardware", format!("at most {PARTS}"));
    }
    for (index, one) in hardware.iter().take(PARTS).enumerate() {
        if one.is_empty() || one.len() > 128 {
            problems.add(format!("rules.hardware.{index}"), "1 to 128 bytes");
        }
    }
    let mut version = |field: &str, text: &Option<String>| {
        text.as_ref().and_then(|text| problems.parse::<VersionText>(&format!("rules.{field}"), text))
    };
    let rules = ReleaseRules {
        hardware: hardware.clone(),
        minimum_source: version("minimumSource", minimum_source),
        maximum_source: version("maximumSource", maximum_source),
        step: version("step", step),
    };
    if let (Some(minimum), Some(maximum)) = (&rules.minimum_source, &rules.maximum_source)
        && compare(minimum.as_str(), maximum.as_str()).is_gt()
    {
        problems.add("rules.maximumSource", format!("{maximum} is older than the minimum {minimum}"));
    }
    rules
}

async fn build_release(
    tx: &mut Tx<'_>,
    by: &Principal,
    new: &NewRelease,
    now: Timestamp,
) -> Result<Release, AppError> {
    let NewRelease { name, version, components, device_types, notes, rules } = new;
    let mut problems = Problems::default();
    let rules = build_rules(rules, &mut problems);
    let name: Option<ItemName> = problems.parse("name", name);
    let version: Option<VersionText> = problems.parse("version", version);
    if notes.len() > NOTES_BYTES {
        problems.add("notes", format!("at most {NOTES_BYTES} bytes"));
    }
    if components.is_empty() || components.len() > PARTS {
        problems.add("components", format!("1 to {PARTS} components"));
    }
    let mut found: Vec<Component> = Vec::new();
    for (index, key) in components.iter().take(PARTS).enumerate() {
        let field = format!("components.{index}");
        match meant(tx, by.tenant, key).await {
            Err(error @ (AppError::NotFound { .. } | AppError::Conflict { .. })) => {
                problems.add(field, error)
            }
            Err(error) => return Err(error),
            Ok(component) if found.iter().any(|other| other.excludes(&component)) => {
                problems.add(field, format!("the release has a version of {} already", component.name));
            }
            Ok(component) => found.push(component),
        }
    }
    let terms = artifacts::terms(tx, by.tenant).await?.terms;
    if device_types.len() > DEVICE_TYPES {
        problems.add("deviceTypes", format!("at most {DEVICE_TYPES} device types"));
    }
    let mut fits: Vec<TypeName> = Vec::new();
    for (index, text) in device_types.iter().take(DEVICE_TYPES).enumerate() {
        let field = format!("deviceTypes.{index}");
        let Some(name) = problems.parse::<TypeName>(&field, text) else { continue };
        if fits.contains(&name) {
            continue;
        }
        let Some(record) = types::type_by_name(tx, by.tenant, &name).await? else {
            problems.add(field, format!("device type {name} does not exist"));
            continue;
        };
        fits.push(name);
        for (place, fault) in signing::faults(tx, by.tenant, &terms, &found, Some(&record), now).await? {
            problems.add(format!("components.{place}"), fault);
        }
    }
    match (name, version) {
        (Some(name), Some(version)) if problems.0.is_empty() => Ok(Release {
            id: ReleaseId::new(0),
            name,
            version,
            device_types: fits,
            components: found,
            notes: notes.clone(),
            rules,
            created_at: now,
            created_by: by.actor.to_string(),
        }),
        _ => Err(AppError::Invalid(problems.0)),
    }
}

/// Deletes a component that no release has.
async fn drop_component(
    tx: &mut Tx<'_>,
    by: &Principal,
    component: &Component,
    now: Timestamp,
) -> Result<(), AppError> {
    releases::delete_component(tx, component.id).await?;
    let target = format!("component/{}/{}", component.name, component.version);
    let details = json!({ "type": component.component_type.as_str() });
    audit::record(tx, by, "component.delete", &target, details, now).await?;
    Ok(())
}

fn named(name: &str, version: &str) -> String {
    format!("{name} {version}")
}

impl App {
    /// Makes a component.
    ///
    /// # Errors
    /// `Invalid` naming every field, `Exists`.
    pub async fn component_create(&self, by: &Principal, new: NewComponent) -> Result<Component, AppError> {
        demand(by, Permission::ReleaseWrite)?;
        let (by, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, new) = (by.clone(), new.clone());
                Box::pin(async move {
                    let component = build_component(tx, &by, &new, now).await?;
                    let name = format!("{} {} of type {}", new.name, new.version, new.component_type);
                    let Some(id) = releases::insert_component(tx, by.tenant, &component).await? else {
                        return Err(AppError::Exists { what: "component", name });
                    };
                    let details = json!({ "type": new.component_type, "artifacts": new.artifacts });
                    let target = format!("component/{}/{}", component.name, component.version);
                    audit::record(tx, &by, "component.create", &target, details, now).await?;
                    Ok(Component { id, ..component })
                })
            })
            .await
    }

    /// One component and the releases that it is part of.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn component_get(&self, by: &Principal, key: &ComponentKey) -> Result<ComponentView, AppError> {
        demand(by, Permission::ReleaseRead)?;
        let (tenant, key) = (by.tenant, key.clone());
        self.store
            .read(move |tx| {
                let key = key.clone();
                Box::pin(async move {
                    let component = meant(tx, tenant, &key).await?;
                    let releases = releases::component_releases(tx, component.id, RELEASES).await?;
                    Ok(ComponentView { component, releases })
                })
            })
            .await
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
        demand(by, Permission::ReleaseRead)?;
        let (tenant, after) = (by.tenant, after.unwrap_or(0));
        Ok(self.store.read(move |tx| Box::pin(releases::components(tx, tenant, after, limit))).await?)
    }

    /// Deletes a component.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `component.ambiguous`, or `component.in_use` while a release has it.
    pub async fn component_delete(&self, by: &Principal, key: &ComponentKey) -> Result<(), AppError> {
        demand(by, Permission::ReleaseWrite)?;
        let (by, key, now) = (by.clone(), key.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, key) = (by.clone(), key.clone());
                Box::pin(async move {
                    let component = meant(tx, by.tenant, &key).await?;
                    if let Some((release, of)) = releases::component_used_by(tx, component.id).await? {
                        return Err(AppError::Conflict {
                            code: "component.in_use",
                            detail: format!("release {release} {of} has component {key}; delete that first"),
                        });
                    }
                    drop_component(tx, &by, &component, now).await
                })
            })
            .await
    }

    /// Makes a release.
    ///
    /// # Errors
    /// `Invalid` naming every field, `Exists`.
    pub async fn release_create(&self, by: &Principal, new: NewRelease) -> Result<Release, AppError> {
        demand(by, Permission::ReleaseWrite)?;
        let (by, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, new) = (by.clone(), new.clone());
                Box::pin(async move {
                    let release = build_release(tx, &by, &new, now).await?;
                    let name = named(&new.name, &new.version);
                    let Some(id) = releases::insert_release(tx, by.tenant, &release).await? else {
                        return Err(AppError::Exists { what: "release", name });
                    };
                    let components: Vec<String> = new.components.iter().map(ToString::to_string).collect();
                    let details = json!({ "components": components, "deviceTypes": new.device_types });
                    let target = format!("release/{}/{}", release.name, release.version);
                    audit::record(tx, &by, "release.create", &target, details, now).await?;
                    Ok(Release { id, ..release })
                })
            })
            .await
    }

    /// One release with its components, and how many jobs tell of it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn release_get(
        &self,
        by: &Principal,
        name: &str,
        version: &str,
    ) -> Result<ReleaseView, AppError> {
        demand(by, Permission::ReleaseRead)?;
        let (tenant, key) = (by.tenant, (name.to_owned(), version.to_owned()));
        let sees_jobs = by.scope.is_none() && allows(by, Permission::JobRead);
        self.store
            .read(move |tx| {
                let (name, version) = key.clone();
                Box::pin(async move {
                    let Some(release) = releases::release(tx, tenant, &name, &version).await? else {
                        return Err(AppError::not_found("release", named(&name, &version)));
                    };
                    let jobs = if sees_jobs {
                        let count = releases::release_jobs(tx, release.id).await?;
                        Some(ReleaseJobs { count, open: releases::release_used_by(tx, release.id).await? })
                    } else {
                        None
                    };
                    Ok(ReleaseView { release, jobs })
                })
            })
            .await
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
        demand(by, Permission::ReleaseRead)?;
        let (tenant, after) = (by.tenant, after.unwrap_or(0));
        Ok(self.store.read(move |tx| Box::pin(releases::releases(tx, tenant, after, limit))).await?)
    }

    /// Deletes a release; jobs that installed it go on saying so. `components_too`: also those of its components that no
    /// other release has.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` `release.in_use` while an open job installs it.
    pub async fn release_delete(
        &self,
        by: &Principal,
        name: &str,
        version: &str,
        components_too: bool,
    ) -> Result<(), AppError> {
        demand(by, Permission::ReleaseWrite)?;
        let (by, key, now) = (by.clone(), (name.to_owned(), version.to_owned()), self.clock.now());
        self.store
            .write(move |tx| {
                let (by, (name, version)) = (by.clone(), key.clone());
                Box::pin(async move {
                    let release = releases::release(tx, by.tenant, &name, &version)
                        .await?
                        .ok_or_else(|| AppError::not_found("release", named(&name, &version)))?;
                    if let Some(job) = releases::release_used_by(tx, release.id).await? {
                        return Err(AppError::Conflict {
                            code: "release.in_use",
                            detail: format!(
                                "job {job} installs release {name} {version}; cancel it or let it end"
                            ),
                        });
                    }
                    let details = json!({ "jobs": releases::release_jobs(tx, release.id).await? });
                    releases::delete_release(tx, release.id, FETCHED).await?;
                    let target = format!("release/{}/{}", release.name, release.version);
                    audit::record(tx, &by, "release.delete", &target, details, now).await?;
                    for component in release.components.iter().filter(|_| components_too) {
                        if releases::component_used_by(tx, component.id).await?.is_none() {
                            drop_component(tx, &by, component, now).await?;
                        }
                    }
                    Ok(())
                })
            })
            .await
    }
}
