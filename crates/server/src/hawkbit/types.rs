//! `softwaremoduletypes` and `distributionsettypes`, and which types of modules the latter take.

use axum::extract::State;
use serde_json::Value;
use windlass_app::AppError;
use windlass_app::hawkbit::stored::items::Item;
use windlass_app::hawkbit::stored::{ModuleType, SetType};
use windlass_app::hawkbit::{NewType, Takes, TypeChange, Types};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::common::IdRef;
use windlass_wire::management::software::{Type, TypeRequest};

use super::io::{Answer, At, Body, created, done, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use super::view::{self, Base};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

const READ: Permission = Permission::ReleaseRead;
const WRITE: Permission = Permission::ReleaseWrite;

pub(super) fn routes(routes: Routes) -> Routes {
    of_kind::<SetType>(of_kind::<ModuleType>(routes))
        .get("/distributionsettypes/{id}/mandatorymoduletypes", READ, mandatory)
        .post("/distributionsettypes/{id}/mandatorymoduletypes", WRITE, add_mandatory)
        .get("/distributionsettypes/{id}/mandatorymoduletypes/{module}", READ, one_mandatory)
        .delete("/distributionsettypes/{id}/mandatorymoduletypes/{module}", WRITE, remove)
        .get("/distributionsettypes/{id}/optionalmoduletypes", READ, optional)
        .post("/distributionsettypes/{id}/optionalmoduletypes", WRITE, add_optional)
        .get("/distributionsettypes/{id}/optionalmoduletypes/{module}", READ, one_optional)
        .delete("/distributionsettypes/{id}/optionalmoduletypes/{module}", WRITE, remove)
}

fn of_kind<T: Shown>(routes: Routes) -> Routes {
    routes
        .get(T::ALL, READ, list::<T>)
        .post(T::ALL, WRITE, create::<T>)
        .get(T::ONE, READ, get::<T>)
        .put(T::ONE, WRITE, change::<T>)
        .delete(T::ONE, WRITE, delete::<T>)
}

/// A kind of types, as it stands in paths.
trait Shown: Types {
    /// Path of the list.
    const ALL: &'static str;
    /// Path of one.
    const ONE: &'static str;
    const NAMES: Names;

    fn shown(item: Item<Self>, base: &Base) -> Type;
}

impl Shown for ModuleType {
    const ALL: &'static str = "/softwaremoduletypes";
    const ONE: &'static str = "/softwaremoduletypes/{id}";
    const NAMES: Names = Names {
        fields: &[
            ("id", "id"),
            ("key", "key"),
            ("name", "name"),
            ("description", "description"),
            ("maxassignments", "maxAssignments"),
            ("colour", "colour"),
            ("createdat", "createdAt"),
            ("createdby", "createdBy"),
            ("lastmodifiedat", "lastModifiedAt"),
            ("lastmodifiedby", "lastModifiedBy"),
        ],
    };

    fn shown(item: Item<Self>, base: &Base) -> Type {
        view::module_type(item, base)
    }
}

/// What types of sets and of targets have.
pub(super) const NAMES: Names = Names {
    fields: &[
        ("id", "id"),
        ("key", "key"),
        ("name", "name"),
        ("description", "description"),
        ("colour", "colour"),
        ("createdat", "createdAt"),
        ("createdby", "createdBy"),
        ("lastmodifiedat", "lastModifiedAt"),
        ("lastmodifiedby", "lastModifiedBy"),
    ],
};

impl Shown for SetType {
    const ALL: &'static str = "/distributionsettypes";
    const ONE: &'static str = "/distributionsettypes/{id}";
    const NAMES: Names = NAMES;

    fn shown(item: Item<Self>, base: &Base) -> Type {
        view::set_type(item, base)
    }
}

/// Numbers of things that a request names.
pub(super) fn ids(field: &str, named: Vec<IdRef>) -> Result<Vec<i64>, Refusal> {
    named
        .into_iter()
        .enumerate()
        .map(|(index, IdRef { id })| {
            id.ok_or_else(|| Refusal::field(&format!("{field}.{index}.id"), "is missing"))
        })
        .collect()
}

/// One type; those that were deleted show here only.
async fn find<T: Shown>(rest: &Rest, by: &Principal, id: i64) -> Result<Item<T>, Refusal> {
    rest.app.hawkbit_defaults(by).await?;
    Ok(rest.app.hawkbit_type(by, id).await?)
}

async fn list<T: Shown>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    query: ListQuery,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let all = rest.app.hawkbit_types::<T>(&by).await?.into_iter().map(|item| T::shown(item, &base));
    page(all.filter(|shown| !shown.deleted).collect(), &query, T::NAMES, &[], rest.app.clock.now())
}

async fn create<T: Shown>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    Body(body): Body<Value>,
) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let mut new = Vec::new();
    for asked in one_or_many::<TypeRequest>(body)? {
        let TypeRequest { key, name, description, colour, max_assignments, mandatory, optional } = asked;
        let mandatory = ids("mandatorymodules", mandatory.unwrap_or_default())?;
        let optional = ids("optionalmodules", optional.unwrap_or_default())?;
        new.push(NewType { key, name, description, colour, max_assignments, mandatory, optional });
    }
    let made = rest.app.hawkbit_types_create::<T>(&by, new).await?;
    created(&made.into_iter().map(|item| T::shown(item, &base)).collect::<Vec<_>>())
}

async fn get<T: Shown>(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&T::shown(find(&rest, &by, id).await?, &base))
}

async fn change<T: Shown>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<TypeRequest>,
) -> Answer {
    let change = TypeChange { description: asked.description, colour: asked.colour };
    ok(&T::shown(rest.app.hawkbit_type_change(&by, id, change).await?, &base))
}

async fn delete<T: Shown>(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_type_delete::<T>(&by, id).await?;
    done()
}

/// The types of modules that a type of sets takes, and always has or not.
async fn taken(
    rest: &Rest,
    by: &Principal,
    base: &Base,
    id: i64,
    always: bool,
) -> Result<Vec<Type>, Refusal> {
    let SetType { mandatory, optional, .. } = find(rest, by, id).await?.body;
    let which = if always { mandatory } else { optional };
    let all = rest.app.hawkbit_types::<ModuleType>(by).await?.into_iter();
    Ok(all.filter(|item| which.contains(&item.id)).map(|item| view::module_type(item, base)).collect())
}

async fn one_taken(rest: &Rest, by: &Principal, base: &Base, id: (i64, i64), always: bool) -> Answer {
    let (id, module) = id;
    let found = taken(rest, by, base, id, always).await?.into_iter().find(|shown| shown.id == module);
    ok(&found.ok_or_else(|| AppError::not_found(ModuleType::WHAT, module))?)
}

async fn mandatory(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&taken(&rest, &by, &base, id, true).await?)
}

async fn optional(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&taken(&rest, &by, &base, id, false).await?)
}

async fn one_mandatory(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<(i64, i64)>,
) -> Answer {
    one_taken(&rest, &by, &base, id, true).await
}

async fn one_optional(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<(i64, i64)>,
) -> Answer {
    one_taken(&rest, &by, &base, id, false).await
}

async fn take(rest: &Rest, by: &Principal, id: i64, module: Option<i64>, takes: Takes) -> Answer {
    let module = module.ok_or_else(|| Refusal::field("id", "is missing"))?;
    rest.app.hawkbit_defaults(by).await?;
    rest.app.hawkbit_set_type_takes(by, id, module, takes).await?;
    done()
}

async fn add_mandatory(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(asked): Body<IdRef>,
) -> Answer {
    take(&rest, &by, id, asked.id, Takes::Always).await
}

async fn add_optional(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(asked): Body<IdRef>,
) -> Answer {
    take(&rest, &by, id, asked.id, Takes::Perhaps).await
}

async fn remove(State(rest): State<Rest>, Caller(by): Caller, At((id, module)): At<(i64, i64)>) -> Answer {
    take(&rest, &by, id, Some(module), Takes::Never).await
}
