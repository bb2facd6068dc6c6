//! hawkBit's Management API at `/rest/v1` of the console port: one file per resource.
//!
//! It shows the devices, components, releases and jobs of REST v1 in hawkBit's words; the use cases are the same.
//! **Invariant:** no route without a declared permission, decided before path, query and body are looked at.
//!
//! `mod` order is reading order: what is around every route, then the routes.

mod access;
mod error;
mod io;
mod list;
mod routes;
mod view;

mod system;

mod types;

mod artifacts;
mod modules;

mod sets;

mod metadata;

mod tags;
mod target_groups;
mod target_types;
mod targets;

mod action_deletes;
mod action_queries;
mod actions;
mod assign;
mod auto_confirm;

mod filters;

mod rollout_view;
mod rollouts;

mod auto_assignments;

mod set_acts;

#[cfg(test)]
mod action_delete_tests;
#[cfg(test)]
mod action_tests;
#[cfg(test)]
mod auto_assignment_tests;
#[cfg(test)]
mod catalogue_tests;
#[cfg(test)]
mod counting_tests;
#[cfg(test)]
mod field_tests;
#[cfg(test)]
mod fitting_tests;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod forgery_tests;
#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod group_tests;
#[cfg(test)]
mod manners_tests;
#[cfg(test)]
mod naming_tests;
#[cfg(test)]
mod query_tests;
#[cfg(test)]
mod rollout_course_tests;
#[cfg(test)]
mod rollout_tests;
#[cfg(test)]
mod setting_tests;
#[cfg(test)]
mod software_tests;
#[cfg(test)]
mod surface_tests;
#[cfg(test)]
mod target_tests;
#[cfg(test)]
mod tenancy_tests;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::rest::Rest;
use crate::rest::error::Refusal;

use self::routes::Routes;

/// Where it is mounted.
pub(crate) const BASE: &str = "/rest/v1";

fn operations(rest: &Rest) -> Routes {
    let mut routes = Routes::new(rest);
    for add in [
        system::routes,
        types::routes,
        modules::routes,
        artifacts::routes,
        sets::routes,
        metadata::routes,
        targets::routes,
        tags::routes,
        target_groups::routes,
        target_types::routes,
        assign::routes,
        actions::routes,
        action_deletes::routes,
        auto_confirm::routes,
        filters::routes,
        auto_assignments::routes,
        rollouts::routes,
        set_acts::routes,
    ] {
        routes = add(routes);
    }
    routes
}

/// The whole API.
pub(crate) fn router(rest: &Rest) -> Router<Rest> {
    let (router, _) = operations(rest).finish();
    let router = router
        .fallback(|| async { Refusal::no_such_path() })
        .method_not_allowed_fallback(|| async { Refusal::no_such_method() })
        .layer(from_fn_with_state(rest.clone(), error::speak));
    Router::new().nest(BASE, router)
}

/// Every route with who may use it.
#[cfg(test)]
fn table(rest: &Rest) -> Vec<routes::Operation> {
    operations(rest).finish().1
}
