//! Device types: made, changed and removed by operators, validated as a whole.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::json;
use windlass_domain::device_type::{Signing, TopicMapping, TypeSpec, VersionSource};
use windlass_domain::ids::{AttributeKey, TypeId, TypeName};
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_domain::topic_map::TopicMap;
use windlass_store::Tx;
use windlass_store::artifacts;
use windlass_store::management::{TargetTypeExtra, extras};
use windlass_store::types::{self, DeviceTypeRecord};

use crate::app::App;
use crate::artifacts::inspect::trust;
use crate::audit;
use crate::devices::{bytes_problem, value_problem};
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

/// Longest interval and time-out.
const YEAR: Duration = Duration::from_secs(31_536_000);
/// Most places where a version may show.
const SOURCES: usize = 10;
/// Most default attributes.
const ATTRIBUTES: usize = 100;
/// Most bytes of a description, of a version source, of an attribute's value.
const DESCRIPTION: usize = 2_000;
const SOURCE: usize = 256;

/// What a caller says of a type. Absent members take their defaults.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewTypeSpec {
    /// For people.
    pub description: String,
    /// How often such a device is expected to be in contact.
    pub contact_interval: Option<Duration>,
    /// Where component versions show, tried in order.
    pub version_sources: Option<Vec<VersionSource>>,
    /// How long to wait for the new version.
    pub verify_timeout: Option<Duration>,
    /// Topics outside the contract.
    pub topic_map: Vec<TopicMapping>,
    /// Whether the device can renew its certificate.
    pub renews_certificate: bool,
    /// Attributes that new devices start with.
    pub default_attributes: BTreeMap<String, String>,
    /// Whose software its devices take.
    pub signing: Signing,
}

/// Reads a specification; every field that cannot be taken is named. `tenant_signs`: whether signers are named for the whole
/// tenant, so that a type may demand a signature without naming any.
fn check(spec: NewTypeSpec, limits: &Limits, tenant_signs: bool) -> Result<TypeSpec, Vec<FieldProblem>> {
    let NewTypeSpec {
        description,
        contact_interval,
        version_sources,
        verify_timeout,
        topic_map,
        renews_certificate,
        default_attributes,
        signing,
    } = spec;
    let default = TypeSpec::default();
    let mut problems = Vec::new();
    if description.len() > DESCRIPTION {
        problems.push(FieldProblem::new("description", format!("must be at most {DESCRIPTION} bytes")));
    }
    let contact_interval = contact_interval.unwrap_or(default.contact_interval);
    let verify_timeout = verify_timeout.unwrap_or(default.verify_timeout);
    for (field, span) in
        [("contactIntervalSeconds", contact_interval), ("verifyTimeoutSeconds", verify_timeout)]
    {
        if span < Duration::from_secs(1) || span > YEAR {
            problems.push(FieldProblem::new(field, format!("must be from 1 to {}", YEAR.as_secs())));
        }
    }
    let version_sources = version_sources.unwrap_or(default.version_sources);
    if version_sources.is_empty() || version_sources.len() > SOURCES {
        problems.push(FieldProblem::new(
            "versionSources",
            format!("must be 1 to {SOURCES} places; say nowhere if the device never tells"),
        ));
    }
    for (position, source) in version_sources.iter().enumerate() {
        let problem = match source {
            VersionSource::Nowhere => None,
            VersionSource::Reported(path) | VersionSource::Inventory(path) if path.len() > SOURCE => {
                Some(format!("must be at most {SOURCE} bytes"))
            }
            VersionSource::Reported(path) if path.split('.').any(str::is_empty) => {
                Some("must be names joined by dots, such as firmware.version".to_owned())
            }
            VersionSource::Inventory(key) if key.is_empty() => Some("must name an inventory key".to_owned()),
            VersionSource::Reported(_) | VersionSource::Inventory(_) => None,
        };
        if let Some(problem) = problem {
            problems.push(FieldProblem::new(format!("versionSources.{position}"), problem));
        }
    }
    // The map names its first bad row only; rows are checked one by one so that every one is named.
    for (position, row) in topic_map.iter().enumerate() {
        let compiled = TopicMap::compile(std::slice::from_ref(row), limits.topic_bytes, limits.topic_levels);
        if let Err((_, problem)) = compiled {
            problems.push(FieldProblem::new(format!("topicMap.{position}.filter"), problem));
        }
    }
    if problems.iter().all(|problem| !problem.field.starts_with("topicMap"))
        && let Err((_, problem)) = TopicMap::compile(&topic_map, limits.topic_bytes, limits.topic_levels)
    {
        problems.push(FieldProblem::new("topicMap", problem));
    }
    if default_attributes.len() > ATTRIBUTES {
        problems
            .push(FieldProblem::new("defaultAttributes", format!("must be at most {ATTRIBUTES} entries")));
    }
    let mut attributes = BTreeMap::new();
    for (key, value) in default_attributes.into_iter().take(ATTRIBUTES) {
        let field = format!("defaultAttributes.{key}");
        let problem = value_problem(&key, &value);
        problems.extend(problem.map(|problem| FieldProblem::new(&field, problem)));
        match key.parse::<AttributeKey>() {
            Ok(key) => drop(attributes.insert(key, value)),
            Err(problem) => problems.push(FieldProblem::new(field, problem)),
        }
    }
    problems
        .extend(bytes_problem(&attributes).map(|problem| FieldProblem::new("defaultAttributes", problem)));
    problems.extend(trust::problems(&signing.signers));
    if signing.required && signing.signers.is_empty() && !tenant_signs {
        problems.push(FieldProblem::new(
            "requireSignature",
            "needs at least one certificate among signers, or among those of the whole tenant",
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(TypeSpec {
        description,
        contact_interval,
        version_sources,
        verify_timeout,
        topic_map,
        renews_certificate,
        default_attributes: attributes,
        signing,
    })
}

fn target(name: &TypeName) -> String {
    format!("type:{name}")
}

fn missing(name: &TypeName) -> AppError {
    AppError::not_found("device type", name)
}

/// Makes a type of a specification that was checked. The fleet has to be told once it is stored.
///
/// # Errors
/// The name is taken, or the store failed.
pub(crate) async fn make(
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &TypeName,
    spec: &TypeSpec,
    now: Timestamp,
) -> Result<DeviceTypeRecord, AppError> {
    let Some(made) = types::type_insert(tx, by.tenant, name, spec, now).await? else {
        return Err(AppError::Exists { what: "device type", name: name.to_string() });
    };
    audit::record(tx, by, "type.create", &target(name), json!({}), now).await?;
    Ok(made)
}

impl App {
    /// Whether signers are named for the whole tenant. Should they go before the type is stored, it takes no software at all.
    async fn tenant_signs(&self, by: &Principal) -> Result<bool, AppError> {
        let tenant = by.tenant;
        let record = self.store.read(move |tx| Box::pin(artifacts::terms(tx, tenant))).await?;
        Ok(!record.terms.signing.signers.is_empty())
    }

    /// Every type of the tenant, by name.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn type_list(&self, by: &Principal) -> Result<Vec<DeviceTypeRecord>, AppError> {
        demand(by, Permission::TypeRead)?;
        let tenant = by.tenant;
        Ok(self.store.read(move |tx| Box::pin(types::types(tx, tenant))).await?)
    }

    /// One type.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn type_get(&self, by: &Principal, name: &TypeName) -> Result<DeviceTypeRecord, AppError> {
        demand(by, Permission::TypeRead)?;
        let (tenant, name) = (by.tenant, name.clone());
        self.store
            .read(move |tx| {
                let name = name.clone();
                Box::pin(async move {
                    types::type_by_name(tx, tenant, &name).await?.ok_or_else(|| missing(&name))
                })
            })
            .await
    }

    /// What people call types that were given another name over hawkBit's API, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn type_labels(&self, by: &Principal) -> Result<HashMap<TypeId, String>, AppError> {
        demand(by, Permission::TypeRead)?;
        let tenant = by.tenant;
        let known = self.store.read(move |tx| Box::pin(extras::all::<TargetTypeExtra>(tx, tenant))).await?;
        let labels = known.into_iter().filter_map(|(id, extra)| Some((TypeId::new(id), extra.name?)));
        Ok(labels.collect())
    }

    /// Makes a type.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, the name is taken, or that the store failed.
    pub async fn type_create(
        &self,
        by: &Principal,
        name: &str,
        spec: NewTypeSpec,
    ) -> Result<DeviceTypeRecord, AppError> {
        demand(by, Permission::TypeWrite)?;
        let mut problems = Vec::new();
        let name = name.parse::<TypeName>().map_err(|p| problems.push(FieldProblem::new("name", p))).ok();
        let signs = self.tenant_signs(by).await?;
        let spec = check(spec, &self.limits, signs).map_err(|more| problems.extend(more)).ok();
        let (Some(name), Some(spec)) = (name, spec) else { return Err(AppError::Invalid(problems)) };
        let (who, now) = (by.clone(), self.clock.now());
        let made = self
            .store
            .write(move |tx| {
                let (by, name, spec) = (who.clone(), name.clone(), spec.clone());
                Box::pin(async move { make(tx, &by, &name, &spec, now).await })
            })
            .await?;
        self.fleet.refresh_type(&self.store, made.id).await?;
        Ok(made)
    }

    /// Creates a type under this name or replaces its specification. True if it was created. With `expected`, only
    /// that version is replaced.
    ///
    /// # Errors
    /// Forbidden, every field that cannot be taken, another version than expected, or that the store failed.
    pub async fn type_put(
        &self,
        by: &Principal,
        name: &TypeName,
        spec: NewTypeSpec,
        expected: Option<i64>,
    ) -> Result<(DeviceTypeRecord, bool), AppError> {
        demand(by, Permission::TypeWrite)?;
        let signs = self.tenant_signs(by).await?;
        let spec = check(spec, &self.limits, signs).map_err(AppError::Invalid)?;
        let (who, name, now) = (by.clone(), name.clone(), self.clock.now());
        let (record, created) = self
            .store
            .write(move |tx| {
                let (by, name, spec) = (who.clone(), name.clone(), spec.clone());
                Box::pin(async move {
                    let there = types::type_by_name(tx, by.tenant, &name).await?;
                    let current = there.as_ref().map_or(0, |record| record.version);
                    if expected.is_some_and(|expected| expected != current) {
                        return Err(AppError::VersionMismatch { current });
                    }
                    let (written, action) = match there {
                        Some(there) => {
                            (types::type_save(tx, there.id, &spec, current, now).await?, "type.replace")
                        }
                        None => (types::type_insert(tx, by.tenant, &name, &spec, now).await?, "type.create"),
                    };
                    let Some(record) = written else { return Err(AppError::VersionMismatch { current }) };
                    let details = json!({"version": record.version});
                    audit::record(tx, &by, action, &target(&name), details, now).await?;
                    Ok((record, action == "type.create"))
                })
            })
            .await?;
        self.fleet.refresh_type(&self.store, record.id).await?;
        Ok((record, created))
    }

    /// Removes a type that no device is of.
    ///
    /// # Errors
    /// Forbidden, not found, another version than expected, or a conflict while devices are of it.
    pub async fn type_delete(
        &self,
        by: &Principal,
        name: &TypeName,
        expected: Option<i64>,
    ) -> Result<(), AppError> {
        demand(by, Permission::TypeWrite)?;
        let (who, name, now) = (by.clone(), name.clone(), self.clock.now());
        let id = self
            .store
            .write(move |tx| {
                let (by, name) = (who.clone(), name.clone());
                Box::pin(async move {
                    let there =
                        types::type_by_name(tx, by.tenant, &name).await?.ok_or_else(|| missing(&name))?;
                    if expected.is_some_and(|expected| expected != there.version) {
                        return Err(AppError::VersionMismatch { current: there.version });
                    }
                    let count = types::type_device_count(tx, there.id).await?;
                    if count > 0 {
                        return Err(AppError::Conflict {
                            code: "type.in_use",
                            detail: format!(
                                "{count} devices are of type {name}; give them another type first"
                            ),
                        });
                    }
                    types::type_delete(tx, there.id).await?;
                    audit::record(tx, &by, "type.delete", &target(&name), json!({}), now).await?;
                    Ok(there.id)
                })
            })
            .await?;
        self.fleet.refresh_type(&self.store, id).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_domain::device_type::TopicTarget;

    #[test]
    fn every_bad_field_of_a_type_is_named() {
        let row = |filter: &str| TopicMapping { filter: filter.to_owned(), target: TopicTarget::Telemetry };
        let spec = NewTypeSpec {
            description: "x".repeat(DESCRIPTION + 1),
            contact_interval: Some(Duration::ZERO),
            version_sources: Some(vec![
                VersionSource::Reported("a..b".to_owned()),
                VersionSource::Nowhere,
                VersionSource::Inventory(String::new()),
            ]),
            verify_timeout: Some(YEAR * 2),
            topic_map: vec![row("ok/{name}/#"), row("a/#/b"), row("$aws/things/x")],
            renews_certificate: false,
            default_attributes: BTreeMap::from([
                ("bad key".to_owned(), "v".to_owned()),
                ("timezone".to_owned(), "Europe/Berln".to_owned()),
                ("good".to_owned(), "v".repeat(windlass_domain::device::ATTRIBUTE_CHARACTERS + 1)),
            ]),
            signing: Signing { signers: vec!["no certificate".to_owned()], required: true },
        };
        let problems = check(spec, &Limits::default(), false).unwrap_err();
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "description",
                "contactIntervalSeconds",
                "verifyTimeoutSeconds",
                "versionSources.0",
                "versionSources.2",
                "topicMap.1.filter",
                "topicMap.2.filter",
                "defaultAttributes.bad key",
                "defaultAttributes.good",
                "defaultAttributes.timezone",
                "signers.0",
            ]
        );
    }

    #[test]
    fn absent_members_take_their_defaults() {
        assert_eq!(check(NewTypeSpec::default(), &Limits::default(), false).unwrap(), TypeSpec::default());
    }
}
