//! What hawkBit's Management API asks for that no other use case answers: software put together piece by piece, types,
//! tags and filters, and devices, releases and jobs in its words.
//!
//! **Invariant:** no second model. A target is a device, a module a component, a set a release, an action an execution, a
//! rollout a job. What hawkBit knows beside that is in `windlass_store::management`. Knows no HTTP and no JSON.
//!
//! `mod` order is reading order.

mod catalogue;
mod metadata;
mod module_files;
mod modules;
mod set_changes;
mod sets;
mod types;

mod standing;
mod tags;
mod target_facts;
mod target_groups;
mod target_types;
mod targets;

mod target_changes;

mod action_deletes;
mod action_lists;
mod action_words;
mod actions;
mod assign;
mod auto_acts;
mod auto_assign;
mod auto_confirm;
mod auto_looks;
mod fields;
mod filters;
mod fitting;
mod invalidate;
mod phase;
mod roll_out;
mod rollout_groups;
mod rollouts;
mod terms;

pub use action_deletes::StillOpen;
pub use action_lists::{LOOKED_AT, Look};
pub use action_words::Word;
pub use actions::ActionView;
pub use assign::{Assignment, Outcome};
pub use auto_acts::{AutoAct, NewAutoAssignment, Seen, auto_word};
pub use auto_assign::NewAutoAssign;
pub(crate) use auto_looks::FilterLooks;
pub(crate) use catalogue::default_set_type;
pub use fields::{TARGET_FIELDS, target_field};
pub(crate) use fields::{fleet_query, not_of_contact};
pub use invalidate::CancelWay;
pub use modules::{ModuleChange, ModuleView, NewModule};
pub use roll_out::{GROUPS, NewRollout};
pub use rollout_groups::NewGroup;
pub use rollouts::{RolloutAct, RolloutView, rollout_name};
pub use set_changes::{NewSet, SetChange};
pub use sets::SetView;
pub(crate) use standing::{HAS_SET, in_place_among};
pub use standing::{Standing, UpdateStatus};
pub use tags::{Missing, NewTag, Tags};
pub use target_changes::{NewTarget, TargetChange};
pub use target_facts::TargetFacts;
pub use target_groups::Grouped;
pub use target_types::{NewTargetType, TargetTypeView};
pub use targets::{ALIAS, TargetPage, TargetQuery, TargetView};
pub use terms::{Terms, Window};
pub use types::{Described, NewType, Takes, TypeChange, Types};
pub use windlass_store::management as stored;

use std::fmt::Display;
use std::str::FromStr;

use futures_util::future::BoxFuture;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::spelling::{composed, is_name};
use windlass_domain::time::Timestamp;
use windlass_store::Tx;

use crate::App;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

/// Longest name and key.
const NAME: usize = 128;
/// Longest description.
const DESCRIPTION: usize = 512;
/// Longest value of metadata.
const VALUE: usize = 4_000;
/// Most entries of metadata of one thing.
const ENTRIES: usize = 100;
/// Most things that one request makes.
pub const AT_ONCE: usize = 1_000;

/// What a use case has at hand.
#[derive(Debug, Clone)]
struct Context {
    app: App,
    by: Principal,
    now: Timestamp,
}

impl Context {
    /// Who acts, as stamps say it.
    fn who(&self) -> String {
        self.by.actor.name.clone()
    }
}

/// Reads one text that must be there.
fn needed(field: &str, text: Option<&str>, most: usize, problems: &mut Vec<FieldProblem>) -> String {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) if composed(text).chars().count() <= most => text.to_owned(),
        Some(_) => {
            problems.push(FieldProblem::new(field, format!("must be at most {most} characters")));
            String::new()
        }
        None => {
            problems.push(FieldProblem::new(field, "is missing"));
            String::new()
        }
    }
}

/// A text as names are kept.
fn spelled(text: &str) -> String {
    composed(text.trim()).into_owned()
}

/// Reads what people call a thing, which must be there: in any script, and spelled as names are kept.
fn called(field: &str, text: Option<&str>, problems: &mut Vec<FieldProblem>) -> String {
    let name = spelled(&needed(field, text, NAME, problems));
    if !name.is_empty() && !is_name(&name, NAME) {
        problems.push(FieldProblem::new(
            field,
            "must be without markup, characters that nobody sees and marks at its beginning",
        ));
    }
    name
}

/// Reads one text that must be there as what it is to be.
fn parsed<T>(field: &str, text: Option<&str>, most: usize, problems: &mut Vec<FieldProblem>) -> Option<T>
where
    T: FromStr<Err: Display>,
{
    let text = needed(field, text, most, problems);
    if text.is_empty() { None } else { taken(field, text.parse(), problems) }
}

/// What was read, or none and a note of what is wrong with it.
fn taken<T, E: Display>(field: &str, read: Result<T, E>, problems: &mut Vec<FieldProblem>) -> Option<T> {
    read.map_err(|problem| problems.push(FieldProblem::new(field, problem))).ok()
}

/// Checks one text that may be there.
fn bounded(field: &str, text: Option<&str>, most: usize, problems: &mut Vec<FieldProblem>) {
    if text.is_some_and(|text| text.chars().count() > most) {
        problems.push(FieldProblem::new(field, format!("must be at most {most} characters")));
    }
}

/// Refuses if anything was wrong.
fn refuse(problems: Vec<FieldProblem>) -> Result<(), AppError> {
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}

/// Refuses requests that make too many things at once.
fn at_once(count: usize) -> Result<(), AppError> {
    if count <= AT_ONCE {
        return Ok(());
    }
    let detail = format!("at most {AT_ONCE} at once, not {count}; send the rest in another request");
    Err(AppError::Quota { code: "hawkbit.at_once", detail })
}

/// Something locked is not changed.
fn locked(what: &str, name: &str) -> AppError {
    AppError::Conflict {
        code: "hawkbit.locked",
        detail: format!(
            "{what} {name} is locked, since it was assigned or somebody locked it; make another version"
        ),
    }
}

/// What belongs to the whole tenant, or assigns to whatever it finds, is only for those whose rights end nowhere.
fn demand_everywhere(by: &Principal, permission: Permission) -> Result<(), AppError> {
    demand(by, permission)?;
    if by.scope.is_some() { Err(AppError::Forbidden(permission.as_str())) } else { Ok(()) }
}

impl App {
    /// One transaction of a use case.
    async fn hawkbit_write<T, F>(
        &self,
        by: &Principal,
        permission: Permission,
        mut work: F,
    ) -> Result<T, AppError>
    where
        F: for<'t> FnMut(Context, &'t mut Tx<'_>) -> BoxFuture<'t, Result<T, AppError>> + Send + 'static,
        T: Send + 'static,
    {
        demand(by, permission)?;
        let context = Context { app: self.clone(), by: by.clone(), now: self.clock.now() };
        self.store.write(move |tx| work(context.clone(), tx)).await
    }

    /// One snapshot of a use case.
    async fn hawkbit_read<T, F>(
        &self,
        by: &Principal,
        permission: Permission,
        mut work: F,
    ) -> Result<T, AppError>
    where
        F: for<'t> FnMut(Context, &'t mut Tx<'_>) -> BoxFuture<'t, Result<T, AppError>> + Send + 'static,
        T: Send + 'static,
    {
        demand(by, permission)?;
        let context = Context { app: self.clone(), by: by.clone(), now: self.clock.now() };
        self.store.read(move |tx| work(context.clone(), tx)).await
    }
}
