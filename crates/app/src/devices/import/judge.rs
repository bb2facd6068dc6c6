//! Judges one row: what it comes to, or everything that is wrong with it. Writes nothing until told to.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use windlass_domain::device::{Device, DeviceKind, Lifecycle};
use windlass_domain::ids::{DeviceId, DeviceName, GroupId, GroupPath};
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_domain::time::Timestamp;
use windlass_store::{Tx, devices, groups};

use super::super::input::{self, DevicePatch, DeviceSpec};
use super::super::{entry, new_device, save};
use super::{ImportAction, ImportRow, ImportSource, ImportSpec};
use crate::app::App;
use crate::error::{AppError, FieldProblem};
use crate::fleet::Entry;

/// Most rows of one import.
const MOST_ROWS: u64 = 100_000;

/// What is known of the whole file before its rows are judged.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) rows: u64,
    /// The first row of each name.
    first: HashMap<String, u64>,
    /// Names of gateways in the file.
    gateways: HashSet<String>,
}

/// What a good row comes to.
pub(super) enum Step {
    Create(devices::NewDevice, Vec<GroupId>),
    Update(Device, Vec<GroupId>),
    Unchanged,
}

impl Step {
    pub(super) const fn action(&self) -> ImportAction {
        match self {
            Self::Create(..) => ImportAction::Create,
            Self::Update(..) => ImportAction::Update,
            Self::Unchanged => ImportAction::Unchanged,
        }
    }
}

fn problem(field: &str, text: impl ToString) -> Vec<FieldProblem> {
    vec![FieldProblem::new(field, text)]
}

/// The problems of a row, or a failure of the store.
fn problems_of(error: AppError) -> Result<Vec<FieldProblem>, AppError> {
    match error {
        AppError::Invalid(problems) => Ok(problems
            .into_iter()
            .map(|mut problem| {
                if let Some(rest) = problem.field.strip_prefix("addTags") {
                    problem.field = format!("tags{rest}");
                }
                problem
            })
            .collect()),
        AppError::Conflict { detail, .. } => Ok(problem("name", detail)),
        other => Err(other),
    }
}

/// Reads the whole file once.
pub(super) fn learn(source: &dyn ImportSource) -> Result<Known, AppError> {
    let mut known = Known::default();
    for row in source.rows() {
        known.rows += 1;
        if known.rows > MOST_ROWS {
            let text = format!("has more than {MOST_ROWS} rows; import it in parts");
            return Err(AppError::invalid("body", text));
        }
        if row.spec.as_ref().is_ok_and(|spec| spec.kind == Some(DeviceKind::Gateway)) {
            known.gateways.insert(row.name.clone());
        }
        known.first.entry(row.name).or_insert(row.row);
    }
    Ok(known)
}

/// Who judges, and what is known.
pub(super) struct Judge<'a> {
    pub(super) app: &'a App,
    pub(super) by: &'a Principal,
    pub(super) known: &'a Known,
    /// Gateways of the file are not there yet.
    pub(super) ahead: bool,
}

impl Judge<'_> {
    /// What a row comes to, or everything that is wrong with it.
    pub(super) async fn row(
        &self,
        tx: &mut Tx<'_>,
        row: &ImportRow,
        now: Timestamp,
    ) -> Result<Result<Step, Vec<FieldProblem>>, AppError> {
        let mut problems = Vec::new();
        if let Some(first) = self.known.first.get(&row.name).filter(|first| **first != row.row) {
            problems.push(FieldProblem::new("name", format!("is in row {first} already")));
        }
        let name = match input::name(&row.name) {
            Ok(name) => Some(name),
            Err(bad) => {
                problems.extend(bad);
                None
            }
        };
        let spec = match &row.spec {
            Ok(spec) => spec,
            Err(bad) => {
                problems.extend(bad.iter().cloned());
                return Ok(Err(problems));
            }
        };
        let memberships = match self.groups(tx, spec).await? {
            Ok(memberships) => memberships,
            Err(bad) => {
                problems.extend(bad);
                Vec::new()
            }
        };
        let stated = match &name {
            Some(name) => self.device(tx, name, spec, memberships, now).await,
            // Everything else that is wrong is named, too.
            None => {
                input::spec(self.spec(tx, spec).await?).map(|_| Step::Unchanged).map_err(AppError::Invalid)
            }
        };
        match stated {
            Ok(step) if problems.is_empty() => Ok(Ok(step)),
            Ok(_) => Ok(Err(problems)),
            Err(error) => {
                problems.extend(problems_of(error)?);
                Ok(Err(problems))
            }
        }
    }

    /// What the row says, without a gateway that the file has yet to bring.
    async fn spec(&self, tx: &mut Tx<'_>, spec: &ImportSpec) -> Result<DeviceSpec, AppError> {
        let ImportSpec { device_type, kind, parent, attributes, tags, groups: _ } = spec.clone();
        let parent = match parent {
            Some(parent) if self.ahead && self.known.gateways.contains(&parent) => {
                let there = match parent.parse::<DeviceName>() {
                    Ok(name) => devices::device_by_name(tx, self.by.tenant, &name).await?,
                    Err(_) => None,
                };
                there.filter(|device| device.kind == DeviceKind::Gateway).map(|_| parent)
            }
            other => other,
        };
        Ok(DeviceSpec { device_type, kind, parent, attributes, tags })
    }

    async fn groups(
        &self,
        tx: &mut Tx<'_>,
        spec: &ImportSpec,
    ) -> Result<Result<Vec<GroupId>, Vec<FieldProblem>>, AppError> {
        if spec.groups.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        if !allows(self.by, Permission::GroupWrite) {
            let text = format!("need the permission {}; leave the column out", Permission::GroupWrite);
            return Ok(Err(problem("groups", text)));
        }
        let (mut ids, mut problems) = (Vec::new(), Vec::new());
        for path in &spec.groups {
            match path.parse::<GroupPath>() {
                Err(bad) => problems.push(FieldProblem::new("groups", bad)),
                Ok(path) => match groups::group_by_path(tx, self.by.tenant, &path).await? {
                    Some(group) => ids.push(group.id),
                    None => {
                        problems.push(FieldProblem::new("groups", format!("group {path} does not exist")))
                    }
                },
            }
        }
        Ok(if problems.is_empty() { Ok(ids) } else { Err(problems) })
    }

    async fn device(
        &self,
        tx: &mut Tx<'_>,
        name: &DeviceName,
        spec: &ImportSpec,
        memberships: Vec<GroupId>,
        now: Timestamp,
    ) -> Result<Step, AppError> {
        let spec = self.spec(tx, spec).await?;
        let Some(device) = devices::device_by_name(tx, self.by.tenant, name).await? else {
            let checked = input::spec(spec).map_err(AppError::Invalid)?;
            let new = new_device(self.app, tx, self.by, name, &checked).await?;
            let like = as_if_made(&new, now);
            self.in_scope(&Entry {
                device: like,
                aliases: BTreeSet::new(),
                groups: BTreeSet::new(),
                running: BTreeSet::new(),
            })?;
            return Ok(Step::Create(new, memberships));
        };
        let before = entry(tx, device).await?;
        if self.by.scope.is_some() && !self.app.fleet.would_see(self.by, &before) {
            return Err(AppError::invalid("name", "is taken by a device that you may not see"));
        }
        let device = before.device.clone();
        if device.lifecycle == Lifecycle::Decommissioned {
            return Err(AppError::invalid("name", "is the name of a decommissioned device"));
        }
        let DeviceSpec { device_type, kind, parent, attributes, tags } = spec;
        let patch = DevicePatch {
            device_type: device_type.map(Some),
            parent: parent.map(Some),
            kind,
            attributes: attributes.into_iter().map(|(key, value)| (key, Some(value))).collect(),
            add_tags: tags,
            remove_tags: BTreeSet::new(),
        };
        let patch = input::patch(patch).map_err(AppError::Invalid)?;
        let mut changed = device.clone();
        patch.apply(self.app, tx, self.by, &mut changed).await?;
        let joins: Vec<GroupId> =
            memberships.into_iter().filter(|group| !before.groups.contains(group)).collect();
        if changed == device && joins.is_empty() {
            return Ok(Step::Unchanged);
        }
        self.in_scope(&Entry { device: changed.clone(), ..before })?;
        Ok(Step::Update(changed, joins))
    }

    fn in_scope(&self, entry: &Entry) -> Result<(), AppError> {
        if self.by.scope.is_none() || self.app.fleet.would_see(self.by, entry) {
            return Ok(());
        }
        Err(AppError::invalid("name", "would be a device beyond the fleet query that your rights end at"))
    }
}

/// A device as it will be.
fn as_if_made(new: &devices::NewDevice, now: Timestamp) -> Device {
    let devices::NewDevice { tenant, name, device_type, kind, parent, attributes, tags } = new.clone();
    Device {
        id: DeviceId::new(0),
        tenant,
        name,
        device_type,
        kind,
        parent,
        lifecycle: Lifecycle::Registered,
        attributes,
        inventory: BTreeMap::new(),
        tags,
        version: 1,
        created_at: now,
        updated_at: now,
        first_seen_at: None,
        reprovision_until: None,
        leaving: None,
    }
}

/// Carries a step out. The device, if anything changed.
pub(super) async fn carry_out(
    tx: &mut Tx<'_>,
    step: Step,
    now: Timestamp,
) -> Result<Option<DeviceId>, AppError> {
    let (id, joins) = match step {
        Step::Unchanged => return Ok(None),
        Step::Create(new, joins) => {
            let made = devices::device_insert(tx, &new, now).await?;
            let exists = || AppError::Exists { what: "device", name: new.name.to_string() };
            (made.ok_or_else(exists)?.id, joins)
        }
        Step::Update(mut device, joins) => {
            save(tx, &mut device, now).await?;
            (device.id, joins)
        }
    };
    for group in joins {
        groups::member_insert(tx, group, id).await?;
    }
    Ok(Some(id))
}
