//! REST v1: one file per resource, with its tests.
//!
//! **Invariant:** no operation without a declared [`access::Access`]; sign-in and permission are decided before body and
//! query are looked at; only [`error`] turns an error into HTTP.
//!
//! `mod` order is reading order: what is around every operation, then the operations.

pub(crate) mod access;
pub(crate) mod browser;
pub(crate) mod error;
mod request;
mod routes;

mod check;
pub(crate) mod io;
mod schema;

mod fields;
mod idempotency;
mod page;
mod view;

mod devices;

mod types;

mod groups;

mod credentials;

mod hardware;

mod auto_assignments;
mod hawkbit;

mod pending;

mod exchange;

mod table;

mod claims;
mod commands;

mod templates;

mod shadows;

mod telemetry;

mod events;

mod alerts;

mod notifications;
mod refusals;

mod artifacts;
mod terms;

mod releases;

mod jobs;
mod rollouts;

mod tokens;

mod uploads;
mod users;

mod sessions;

mod live;

mod audit;

mod server;

mod backups;

mod simulation;

mod checks;

mod ddi;
mod downloads;

mod assets;

mod health;

mod metrics;

mod openapi;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod ddi_tests;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod surface_tests;

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use axum::Router;
use axum::middleware::from_fn_with_state;
use tower_http::catch_panic::CatchPanicLayer;
use windlass_app::backup::Backups;
use windlass_app::simulation::Simulation;
use windlass_app::tasks::Tasks;
use windlass_app::{App, AppError};
use windlass_domain::ids::{TenantId, TenantName};
use windlass_domain::time::Timestamp;
use windlass_gateway::ddi::Ddi;
use windlass_gateway::links::Links;
use windlass_gateway::metrics::Metrics;
use windlass_store::tenants;

use self::error::Refusal;
use self::routes::Routes;
use crate::config::Cidr;
use crate::doctor::Doctor;

/// What REST needs to know beside the application.
#[derive(Debug)]
pub(crate) struct RestConfig {
    /// `sqlite` or `postgresql`.
    pub(crate) database: &'static str,
    /// What the device port counts.
    pub(crate) gateway_metrics: Option<Arc<Metrics>>,
    /// Where devices connect.
    pub(crate) device_endpoints: Vec<String>,
    /// Port of the first device listener.
    pub(crate) device_port: Option<u16>,
    /// Whether everybody may speak plain HTTP.
    pub(crate) plain_http: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// Backups of this node.
    pub(crate) backups: Backups,
    /// Simulated devices of this process.
    pub(crate) simulation: Simulation,
    /// Looks whether this node stands well.
    pub(crate) doctor: Doctor,
}

/// Whether this node wants requests.
#[derive(Debug, Default)]
pub(crate) struct Readiness(AtomicU8);

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Draining,
}

impl Readiness {
    pub(crate) fn set_ready(&self) {
        self.0.store(1, Ordering::Relaxed);
    }

    pub(crate) fn set_draining(&self) {
        self.0.store(2, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }
}

/// What every handler shares.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) app: App,
    pub(crate) config: RestConfig,
    pub(crate) readiness: Readiness,
    pub(crate) requests: metrics::Requests,
    pub(crate) under_way: Arc<idempotency::UnderWay>,
    pub(crate) streams: Arc<live::Streams>,
    pub(crate) ddi: Ddi,
    pub(crate) links: Links,
    pub(crate) started_at: Timestamp,
    /// One import at a time: its file is in memory.
    pub(crate) imports: tokio::sync::Semaphore,
}

/// The state of the router. Clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct Rest(Arc<Inner>);

impl Deref for Rest {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Rest {
    pub(crate) fn new(app: App, config: RestConfig) -> Self {
        let started_at = app.clock.now();
        let (ddi, links) = (Ddi::new(app.clone()), Links::new(app.clone()));
        Self(Arc::new(Inner {
            ddi,
            links,
            app,
            config,
            readiness: Readiness::default(),
            requests: metrics::Requests::default(),
            under_way: Arc::default(),
            streams: Arc::default(),
            started_at,
            imports: tokio::sync::Semaphore::new(1),
        }))
    }

    /// Whether what this address says of others is believed.
    pub(crate) fn trusts(&self, address: IpAddr) -> bool {
        self.config.trusted_proxies.iter().any(|range| range.contains(address))
    }

    /// The tenant and the user that a sign-in name stands for: `name` in the default tenant, `tenant/name` in
    /// another. A tenant that there is not is not told apart from a user that there is not.
    pub(crate) async fn tenant_of(&self, user: &str) -> Result<(TenantId, String), AppError> {
        let (tenant, name) = match user.split_once('/') {
            Some((tenant, name)) => (tenant.to_lowercase().parse::<TenantName>().ok(), name),
            None => (None, user),
        };
        let name = name.to_owned();
        let found: Result<_, AppError> = self
            .app
            .store
            .read(move |tx| {
                let tenant = tenant.clone();
                Box::pin(async move {
                    if let Some(tenant) = tenant
                        && let Some(there) = tenants::tenant_by_name(tx, &tenant).await?
                    {
                        return Ok((there.id, true));
                    }
                    Ok((tenants::tenant_default(tx).await?.id, false))
                })
            })
            .await;
        let (tenant, named) = found?;
        Ok((tenant, if named { name } else { user.to_owned() }))
    }

    /// The public name of a tenant.
    pub(crate) async fn tenant_name(&self, tenant: TenantId) -> Result<String, AppError> {
        let found: Result<_, AppError> = self
            .app
            .store
            .read(move |tx| Box::pin(async move { Ok(tenants::tenant_by_id(tx, tenant).await?) }))
            .await;
        found?.map(|there| there.name.into_string()).ok_or_else(|| AppError::not_found("tenant", tenant))
    }

    /// Keeps house in the background.
    pub(crate) fn start_tasks(&self, tasks: &Tasks) {
        tasks.spawn_until_stopped(idempotency::sweep(self.clone()));
    }
}

/// Every operation of the API.
fn operations(rest: &Rest) -> Routes {
    let mut routes = Routes::new(rest);
    for add in [
        devices::routes,
        types::routes,
        groups::routes,
        credentials::routes,
        hardware::routes,
        hawkbit::routes,
        auto_assignments::routes,
        pending::routes,
        exchange::routes,
        claims::routes,
        templates::routes,
        shadows::routes,
        telemetry::routes,
        events::routes,
        alerts::routes,
        notifications::routes,
        refusals::routes,
        artifacts::routes,
        terms::routes,
        uploads::routes,
        releases::routes,
        jobs::routes,
        rollouts::routes,
        commands::routes,
        tokens::routes,
        users::routes,
        sessions::routes,
        live::routes,
        audit::routes,
        server::routes,
        backups::routes,
        simulation::routes,
        checks::routes,
        openapi::routes,
    ] {
        routes = add(routes);
    }
    routes
}

/// The whole console port.
pub(crate) fn router(rest: &Rest) -> Router {
    let (router, document) = openapi::build(rest);
    let outside = ddi::routes(downloads::routes(health::routes(metrics::routes(Router::new()))));
    router
        .merge(outside)
        .merge(crate::hawkbit::router(rest))
        .method_not_allowed_fallback(|| async { Refusal::no_such_method() })
        .fallback(assets::serve)
        .layer(axum::Extension(document))
        .layer(CatchPanicLayer::custom(request::panicked))
        .layer(from_fn_with_state(rest.clone(), request::around))
        .with_state(rest.clone())
}

/// Every operation with who may use it.
#[cfg(test)]
fn table(rest: &Rest) -> Vec<routes::Operation> {
    operations(rest).finish().1
}
