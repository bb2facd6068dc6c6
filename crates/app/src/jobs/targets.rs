//! Which devices a job is for: read once, frozen, and read again as they were.

use roaring::RoaringTreemap;
use windlass_domain::ids::{DeviceId, DeviceName, GroupPath, JobId, Tag, TypeName};
use windlass_domain::job::{FrozenWave, Job};
use windlass_domain::permission::Principal;
use windlass_store::jobs::targets as sets;
use windlass_store::{StoreError, Tx, devices, jobs, types};

use super::create::NewTargets;
use super::waves::Targets;
use crate::error::FieldProblem;
use crate::fleet::parse_query;
use crate::{App, AppError};

/// Most names in a list of targets.
const NAMES: usize = 10_000;
/// Most names that a problem repeats.
const SHOWN: usize = 20;

/// The targets of a job, as they were frozen.
pub(super) async fn frozen(tx: &mut Tx<'_>, job: JobId) -> Result<Targets, StoreError> {
    Ok(Targets { whole: jobs::frozen_targets(tx, job).await?, waves: jobs::waves::of_job(tx, job).await? })
}

/// The targets of a job, and the waves that it had when they were read.
#[derive(Debug, Default)]
pub(super) struct AsRead {
    pub(super) targets: Targets,
    count: u64,
    waves: Vec<FrozenWave>,
}

impl AsRead {
    /// Whether the job still has these targets in these waves: nobody joined since, or came into another wave.
    pub(super) fn are_of(&self, job: &Job) -> bool {
        (self.count, &self.waves) == (job.target_count, &job.frozen_waves)
    }
}

/// The targets of a job as of this transaction; none of one that is gone.
pub(super) async fn as_read(tx: &mut Tx<'_>, id: JobId) -> Result<AsRead, StoreError> {
    let Some(job) = jobs::get_any(tx, id).await? else { return Ok(AsRead::default()) };
    Ok(AsRead { targets: frozen(tx, id).await?, count: job.target_count, waves: job.frozen_waves })
}

fn shown(names: &[String]) -> String {
    let mut text = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// Which types something is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fit<'a> {
    /// What it is: "release" or "command".
    pub(super) what: &'static str,
    /// Those types; empty: all.
    pub(super) types: &'a [TypeName],
}

impl Fit<'_> {
    fn allows(self, device_type: Option<&TypeName>) -> bool {
        self.types.is_empty() || device_type.is_some_and(|name| self.types.contains(name))
    }
}

/// How the targets were chosen, for people.
pub(super) fn in_words(targets: &NewTargets) -> String {
    match targets {
        NewTargets::Devices(names) if names.len() == 1 => format!("device {}", shown(names)),
        NewTargets::Devices(names) => format!("{} devices by name", names.len()),
        NewTargets::Tag(tag) => format!("tag {tag}"),
        NewTargets::Type(name) => format!("type {name}"),
        NewTargets::Group(path) => format!("group {path}"),
        NewTargets::Query(query) => format!("query {query}"),
        NewTargets::Found { words, .. } => words.clone(),
    }
}

/// Reads the targets; they may be none. Problems go to `problems`; the set is empty then.
pub(super) async fn read(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    targets: &NewTargets,
    fit: Option<Fit<'_>>,
    problems: &mut Vec<FieldProblem>,
) -> Result<RoaringTreemap, AppError> {
    let found = match targets {
        NewTargets::Devices(names) => by_name(tx, app, by, names, fit, problems).await?,
        NewTargets::Tag(tag) => match tag.parse::<Tag>() {
            Ok(tag) => sets::of_tag(tx, by.tenant, &tag).await?,
            Err(error) => problem(problems, "targets.tag", error),
        },
        NewTargets::Type(name) => by_type(tx, by, name, fit, problems).await?,
        NewTargets::Group(path) => match path.parse::<GroupPath>() {
            Ok(path) => match sets::of_group(tx, by.tenant, &path).await? {
                Some(set) => set,
                None => problem(problems, "targets.group", format!("group {path} does not exist")),
            },
            Err(error) => problem(problems, "targets.group", error),
        },
        NewTargets::Found { devices, .. } => {
            devices.iter().filter_map(|id| u64::try_from(id.get()).ok()).collect()
        }
        NewTargets::Query(text) => match parse_query("targets.query", text) {
            Ok(query) => app.fleet.select(by.tenant, &query, app, app.clock.now()).devices,
            Err(AppError::Invalid(more)) => {
                problems.extend(more);
                RoaringTreemap::new()
            }
            Err(other) => return Err(other),
        },
    };
    Ok(match by.scope {
        None => found,
        Some(_) => found.into_iter().filter(|id| visible(app, by, *id)).collect(),
    })
}

fn problem(problems: &mut Vec<FieldProblem>, field: &str, text: impl ToString) -> RoaringTreemap {
    problems.push(FieldProblem::new(field, text));
    RoaringTreemap::new()
}

fn visible(app: &App, by: &Principal, id: u64) -> bool {
    i64::try_from(id).is_ok_and(|id| app.fleet.is_visible(by, DeviceId::new(id)))
}

async fn by_type(
    tx: &mut Tx<'_>,
    by: &Principal,
    name: &str,
    fit: Option<Fit<'_>>,
    problems: &mut Vec<FieldProblem>,
) -> Result<RoaringTreemap, AppError> {
    let name = match name.parse::<TypeName>() {
        Ok(name) => name,
        Err(error) => return Ok(problem(problems, "targets.type", error)),
    };
    let Some(record) = types::type_by_name(tx, by.tenant, &name).await? else {
        return Ok(problem(problems, "targets.type", format!("device type {name} does not exist")));
    };
    if let Some(fit) = fit.filter(|fit| !fit.allows(Some(&name))) {
        let text = format!("the {} is not for devices of type {name}", fit.what);
        return Ok(problem(problems, "targets.type", text));
    }
    Ok(sets::of_type(tx, by.tenant, record.id).await?)
}

async fn by_name(
    tx: &mut Tx<'_>,
    app: &App,
    by: &Principal,
    names: &[String],
    fit: Option<Fit<'_>>,
    problems: &mut Vec<FieldProblem>,
) -> Result<RoaringTreemap, AppError> {
    if names.len() > NAMES {
        let text = format!("at most {NAMES} names; use a tag, a group or a query for more");
        return Ok(problem(problems, "targets.devices", text));
    }
    let mut known = std::collections::HashMap::new();
    for record in types::types(tx, by.tenant).await? {
        known.insert(record.id, record.name);
    }
    let (mut unknown, mut unfit) = (Vec::new(), Vec::new());
    let mut set = RoaringTreemap::new();
    for name in names {
        let device = match name.parse::<DeviceName>() {
            Ok(parsed) => devices::device_by_name(tx, by.tenant, &parsed).await?,
            Err(_) => None,
        };
        let Some(device) = device.filter(|device| by.scope.is_none() || app.fleet.is_visible(by, device.id))
        else {
            unknown.push(name.clone());
            continue;
        };
        let device_type = device.device_type.and_then(|id| known.get(&id));
        if fit.is_some_and(|fit| !fit.allows(device_type)) {
            unfit.push(name.clone());
        }
        if let Ok(id) = u64::try_from(device.id.get()) {
            set.insert(id);
        }
    }
    if !unknown.is_empty() {
        problems.push(FieldProblem::new("targets.devices", format!("unknown devices: {}", shown(&unknown))));
    }
    if !unfit.is_empty() {
        let what = fit.map_or("job", |fit| fit.what);
        let text = format!("the {what} is not for the type of: {}", shown(&unfit));
        problems.push(FieldProblem::new("targets.devices", text));
    }
    Ok(set)
}
