//! What queries about actions may ask for: what is shown of them, and of their target, set, rollout and group.
//!
//! What stands around an action is looked up only where a query asks for it, once for a chunk of actions.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::Value;
use windlass_app::AppError;
use windlass_app::hawkbit::{ActionView, LOOKED_AT, TARGET_FIELDS, TargetFacts, target_field};
use windlass_domain::ids::{JobId, ReleaseId};
use windlass_domain::permission::Principal;
use windlass_query::{Field, Fields};

use super::actions::shown;
use super::list::{Asked, ListQuery, Names, Shown};
use super::rollout_view::{self, first_group, group_views};
use super::targets::{expected, times};
use super::view::Base;
use super::{rollouts, sets};
use crate::rest::Rest;
use crate::rest::error::Refusal;

/// What is shown of an action, and what needs no looking up.
const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("active", "active"),
        ("status", "_q.status"),
        ("detailstatus", "detailStatus"),
        ("laststatuscode", "lastStatusCode"),
        ("weight", "weight"),
        ("externalref", "externalRef"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
        ("target", "_q.target"),
        ("target.id", "_q.target"),
        ("target.controllerid", "_q.target"),
        ("distributionset", "_q.set.id"),
        ("distributionset.id", "_q.set.id"),
        ("distributionset.name", "_q.set.name"),
        ("distributionset.version", "_q.set.version"),
        ("rollout", "rollout"),
        ("rollout.id", "rollout"),
        ("rollout.name", "rolloutName"),
        ("rolloutgroup", "_q.group"),
        ("rolloutgroup.id", "_q.group"),
    ],
};

/// What fields begin with that are looked up.
const TARGET: &str = "_target.";
const SET: &str = "_set.";
const ROLLOUT: &str = "_rollout.";
const GROUP: &str = "_group.";

/// What a field is called here.
fn rename(field: &Field) -> Option<Field> {
    if let Some(path) = NAMES.rename(field) {
        return Some(path);
    }
    let (root, member) = field.split();
    let member = Field::new(member?);
    // The set of an action is that of its rollout.
    if root == "rollout" && member.split().0 == "distributionset" {
        return rename(&member);
    }
    let (place, inner) = match root {
        "target" => (TARGET, target_field(&member)?),
        "distributionset" => (SET, sets::NAMES.rename(&member)?),
        "rollout" => (ROLLOUT, rollouts::NAMES.rename(&member)?),
        "rolloutgroup" => (GROUP, rollouts::GROUP_NAMES.rename(&member)?),
        _ => return None,
    };
    Some(Field::new(&format!("{place}{}", inner.as_str())))
}

/// The fields there are, for whoever wrote another one.
fn words() -> String {
    format!(
        "{}, target.<{TARGET_FIELDS}>, distributionset.<{}>, rollout.<{}>, rolloutgroup.<{}>",
        NAMES.words(),
        sets::NAMES.words(),
        rollouts::NAMES.words(),
        rollouts::GROUP_NAMES.words(),
    )
}

/// What is shown of an action, with what queries may ask for.
fn queried(view: &ActionView, base: &Base) -> Result<Value, Refusal> {
    let shown = shown(view, base);
    let (name, version) = &view.release_name;
    let group =
        view.rollout.as_ref().map(|_| first_group(view.execution.job) + i64::from(view.execution.wave));
    let inner = serde_json::json!({
        "status": [shown.detail_status, shown.status],
        "target": view.controller_id,
        "set": {"id": view.release.get(), "name": name, "version": version},
        "group": group,
    });
    let mut value = json(shown)?;
    if let Some(members) = value.as_object_mut() {
        members.insert("_q".to_owned(), inner);
    }
    Ok(value)
}

/// A rollout with its groups, as queries see them.
#[derive(Debug, Default)]
struct Rollout {
    shown: Value,
    groups: Vec<Value>,
}

/// What stands around actions, as far as somebody asks for it.
#[derive(Debug, Default)]
struct Around {
    targets: Option<TargetFacts>,
    /// What tags of sets are called, by number.
    tags: HashMap<i64, String>,
    sets: Option<HashMap<ReleaseId, Value>>,
    rollouts: Option<HashMap<JobId, Rollout>>,
}

/// An action in its surroundings.
struct Subject<'a> {
    view: &'a ActionView,
    shown: &'a Value,
    around: &'a Around,
}

impl Fields for Subject<'_> {
    fn each(&self, field: &Field, each: &mut dyn FnMut(windlass_query::Value<'_>)) {
        let execution = &self.view.execution;
        let rollout = || self.around.rollouts.as_ref().and_then(|known| known.get(&execution.job));
        let text = field.as_str();
        if let Some(inner) = text.strip_prefix(TARGET) {
            if let Some(facts) = &self.around.targets {
                facts.each(execution.device, &Field::new(inner), each);
            }
        } else if let Some(inner) = text.strip_prefix(SET) {
            if let Some(set) = self.around.sets.as_ref().and_then(|known| known.get(&self.view.release)) {
                Shown(set).each(&Field::new(inner), each);
            }
        } else if let Some(inner) = text.strip_prefix(ROLLOUT) {
            if let Some(rollout) = rollout() {
                Shown(&rollout.shown).each(&Field::new(inner), each);
            }
        } else if let Some(inner) = text.strip_prefix(GROUP) {
            let wave = usize::try_from(execution.wave).unwrap_or(usize::MAX);
            if let Some(group) = rollout().and_then(|rollout| rollout.groups.get(wave)) {
                Shown(group).each(&Field::new(inner), each);
            }
        } else {
            Shown(self.shown).each(field, each);
        }
    }
}

/// A list of actions, as it is asked for.
struct Choice<'a> {
    rest: &'a Rest,
    by: &'a Principal,
    base: &'a Base,
    asked: Asked,
    around: Around,
}

fn json(shown: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(shown).map_err(|error| Refusal::internal(&error))
}

/// What is not there (any more) has no value.
pub(super) fn if_there<T>(found: Result<T, AppError>) -> Result<Option<T>, AppError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(AppError::NotFound { .. }) => Ok(None),
        Err(other) => Err(other),
    }
}

impl<'a> Choice<'a> {
    async fn read(
        rest: &'a Rest,
        by: &'a Principal,
        base: &'a Base,
        query: &ListQuery,
    ) -> Result<Self, Refusal> {
        let times = times(expected(rest, by).await?);
        let asked = Asked::read_as(query, &rename, &words(), times)?;
        let of_targets = asked.fields().filter_map(|field| field.as_str().strip_prefix(TARGET));
        let of_targets: Vec<Field> = of_targets.map(Field::new).collect();
        let asks = |start: &str| asked.fields().any(|field| field.as_str().starts_with(start));
        let mut around = Around::default();
        if !of_targets.is_empty() {
            around.targets = Some(rest.app.hawkbit_target_facts(by, of_targets).await?);
        }
        if asks(SET) {
            rest.app.hawkbit_defaults(by).await?;
            around.tags = sets::tag_names(rest, by).await?;
            around.sets = Some(HashMap::new());
        }
        if asks(ROLLOUT) || asks(GROUP) {
            around.rollouts = Some(HashMap::new());
        }
        Ok(Self { rest, by, base, asked, around })
    }

    /// What the list is put in order by, where it has the action.
    async fn keys(&mut self, view: &ActionView) -> Result<Option<Vec<Value>>, Refusal> {
        let Self { rest, by, base, asked, around } = self;
        if let Some(known) = around.sets.as_mut().filter(|known| !known.contains_key(&view.release)) {
            let set = match if_there(rest.app.hawkbit_set(by, view.release.get()).await)? {
                Some(set) => sets::queried(set, &around.tags, base)?,
                None => Value::Null,
            };
            known.insert(view.release, set);
        }
        let job = view.execution.job;
        if let (Some(known), Some((id, _))) = (&mut around.rollouts, &view.rollout)
            && !known.contains_key(&job)
        {
            let mut rollout = Rollout::default();
            if let Some(found) = if_there(rest.app.hawkbit_rollout(by, *id).await)? {
                let groups = group_views(&found, true, base).into_iter();
                rollout.shown = json(rollout_view::shown(&found, true, base))?;
                rollout.groups = groups.map(json).collect::<Result<_, _>>()?;
            }
            known.insert(job, rollout);
        }
        let shown = queried(view, base)?;
        let subject = Subject { view, shown: &shown, around };
        Ok(asked.takes(&subject).then(|| asked.keys(&subject)))
    }

    /// Lets go of what was looked up for one chunk of actions.
    fn forget(&mut self) {
        self.around.sets.iter_mut().for_each(HashMap::clear);
        self.around.rollouts.iter_mut().for_each(HashMap::clear);
    }
}

/// Those of some actions that a list asks for, in its order, and how many there are in all.
pub(super) async fn among(
    rest: &Rest,
    by: &Principal,
    base: &Base,
    query: &ListQuery,
    views: Vec<ActionView>,
) -> Result<(Vec<ActionView>, usize), Refusal> {
    let mut choice = Choice::read(rest, by, base, query).await?;
    let mut found = Vec::new();
    for view in views {
        if let Some(keys) = choice.keys(&view).await? {
            found.push((keys, view));
        }
    }
    found.sort_by(|(one, _), (two, _)| choice.asked.compare(one, two));
    let total = found.len();
    Ok((found.into_iter().skip(query.offset).take(query.limit).map(|(_, view)| view).collect(), total))
}

/// The numbers of those among the newest actions below one that a list asks for, in its order, and where to go on where
/// there are more. Keeps no more of each than its number and its place.
pub(super) async fn numbers(
    rest: &Rest,
    by: &Principal,
    base: &Base,
    query: &ListQuery,
    below: i64,
) -> Result<(Vec<i64>, Option<i64>), Refusal> {
    let mut choice = Choice::read(rest, by, base, query).await?;
    let (mut found, mut looked_at, mut before) = (Vec::new(), 0, Some(below));
    while let Some(last) = before.filter(|_| looked_at < LOOKED_AT) {
        let look = rest.app.hawkbit_actions_before(by, last).await?;
        for view in &look.items {
            if let Some(keys) = choice.keys(view).await? {
                found.push((keys, view.execution.id.get()));
            }
        }
        choice.forget();
        looked_at += look.looked_at;
        before = look.before;
    }
    found.sort_by(|(one, a), (two, b)| choice.asked.compare(one, two).then(a.cmp(b)));
    Ok((found.into_iter().map(|(_, id)| id).collect(), before))
}

/// A page of those among the newest actions that a list asks for, and how many there are in all.
pub(super) async fn newest(
    rest: &Rest,
    by: &Principal,
    base: &Base,
    query: &ListQuery,
) -> Result<(Vec<ActionView>, usize), Refusal> {
    let (found, _) = numbers(rest, by, base, query, i64::MAX).await?;
    let total = found.len();
    let ids = found.into_iter().skip(query.offset).take(query.limit).collect();
    Ok((rest.app.hawkbit_actions_by_number(by, ids).await?, total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_what_stands_around_an_action_are_those_of_their_own_lists() {
        for (name, wanted) in [
            ("Status", Some("_q.status")),
            ("target.controllerId", Some("_q.target")),
            ("target.updateStatus", Some("_target.hawkbit.updatestatus")),
            ("target.type.key", Some("_target.type")),
            ("target.attribute.HW", Some("_target.inventory.hw")),
            ("target.metadata.site", Some("_target.attribute.site")),
            ("distributionSet.type", Some("_set.type")),
            ("distributionSet.metadata.a", Some("_set._metadata.a")),
            ("rollout.status", Some("_rollout.status")),
            ("rollout.distributionSet.version", Some("_q.set.version")),
            ("rollout.distributionSet.type", Some("_set.type")),
            ("rolloutgroup.name", Some("_group.name")),
            ("target.colour", None),
            ("target.", None),
            ("rollout.groups", None),
            ("rolloutgroup.target.name", None),
            ("_target.type", None),
            ("_q.status", None),
            ("module.name", None),
        ] {
            assert_eq!(rename(&Field::new(name)).as_ref().map(Field::as_str), wanted, "{name}");
        }
    }
}
