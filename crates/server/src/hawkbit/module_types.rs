//! `softwaremoduletypes`.

use axum::extract::State;
use serde_json::Value;
use windlass_app::AppError;
use windlass_app::hawkbit::stored::ModuleType;
use windlass_app::hawkbit::stored::items::Item;
use windlass_app::hawkbit::{NewModuleType, TypeChange};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::software::TypeRequest;

use super::io::{Answer, At, Body, created, done, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use super::view::{self, Base};
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    let (read, write) = (Permission::ReleaseRead, Permission::ReleaseWrite);
    routes
        .get("/softwaremoduletypes", read, list)
        .post("/softwaremoduletypes", write, create)
        .get("/softwaremoduletypes/{id}", read, get)
        .put("/softwaremoduletypes/{id}", write, change)
        .delete("/softwaremoduletypes/{id}", write, delete)
}

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

/// One type; those that were deleted show here only.
pub(super) async fn find(rest: &Rest, by: &Principal, id: i64) -> Result<Item<ModuleType>, Refusal> {
    rest.app.hawkbit_defaults(by).await?;
    let all = rest.app.hawkbit_module_types(by).await?;
    let found = all.into_iter().find(|item| item.id == id);
    found.ok_or_else(|| AppError::not_found("software module type", id).into())
}

async fn list(State(rest): State<Rest>, Caller(by): Caller, base: Base, query: ListQuery) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let all = rest.app.hawkbit_module_types(&by).await?;
    let shown = all.into_iter().filter(|item| !item.body.deleted);
    let shown = shown.map(|item| view::module_type(item, &base)).collect();
    page(shown, &query, NAMES, &[], rest.app.clock.now())
}

async fn create(State(rest): State<Rest>, Caller(by): Caller, base: Base, Body(body): Body<Value>) -> Answer {
    rest.app.hawkbit_defaults(&by).await?;
    let new = one_or_many::<TypeRequest>(body)?.into_iter().map(|asked| {
        let TypeRequest { key, name, description, colour, max_assignments, mandatory: _, optional: _ } =
            asked;
        NewModuleType { key, name, description, colour, max_assignments }
    });
    let made = rest.app.hawkbit_module_types_create(&by, new.collect()).await?;
    created(&made.into_iter().map(|item| view::module_type(item, &base)).collect::<Vec<_>>())
}

async fn get(State(rest): State<Rest>, Caller(by): Caller, base: Base, At(id): At<i64>) -> Answer {
    ok(&view::module_type(find(&rest, &by, id).await?, &base))
}

async fn change(
    State(rest): State<Rest>,
    Caller(by): Caller,
    base: Base,
    At(id): At<i64>,
    Body(asked): Body<TypeRequest>,
) -> Answer {
    let change = TypeChange { description: asked.description, colour: asked.colour };
    ok(&view::module_type(rest.app.hawkbit_module_type_change(&by, id, change).await?, &base))
}

async fn delete(State(rest): State<Rest>, Caller(by): Caller, At(id): At<i64>) -> Answer {
    rest.app.hawkbit_module_type_delete(&by, id).await?;
    done()
}
