//! Metadata of modules and of sets, through one door. That of targets is kept by their devices; see [`super::targets`].

use axum::extract::State;
use serde_json::Value;
use windlass_app::hawkbit::stored::ModuleMetadata;
use windlass_app::hawkbit::{ModuleChange, SetChange};
use windlass_app::{App, AppError};
use windlass_domain::permission::{Permission, Principal};
use windlass_wire::management::software::{Metadata, MetadataRequest};

use super::io::{Answer, At, Body, done, made, ok, one_or_many};
use super::list::{ListQuery, Names, page};
use super::routes::Routes;
use crate::rest::Rest;
use crate::rest::access::Caller;
use crate::rest::error::Refusal;

pub(super) fn routes(routes: Routes) -> Routes {
    of_kind::<Sets>(of_kind::<Modules>(routes))
}

fn of_kind<H: Holder>(routes: Routes) -> Routes {
    let (read, write) = (Permission::ReleaseRead, Permission::ReleaseWrite);
    routes
        .get(H::ALL, read, list::<H>)
        .post(H::ALL, write, add::<H>)
        .get(H::ONE, read, get::<H>)
        .put(H::ONE, write, put::<H>)
        .delete(H::ONE, write, delete::<H>)
}

/// Fields of lists of metadata.
pub(super) const NAMES: Names =
    Names { fields: &[("key", "key"), ("value", "value"), ("targetvisible", "targetVisible")] };

/// Entries to set; none removes one.
type Changes = Vec<(String, Option<ModuleMetadata>)>;

/// A kind of things that have metadata.
trait Holder: 'static {
    /// Path of the list.
    const ALL: &'static str;
    /// Path of one.
    const ONE: &'static str;

    /// What one of them has.
    fn entries(
        app: &App,
        by: &Principal,
        id: i64,
    ) -> impl Future<Output = Result<Vec<Metadata>, AppError>> + Send;

    /// Changes what one of them has.
    fn save(
        app: &App,
        by: &Principal,
        id: i64,
        changes: Changes,
    ) -> impl Future<Output = Result<(), AppError>> + Send;
}

/// Software modules, whose devices may be told.
struct Modules;

impl Holder for Modules {
    const ALL: &'static str = "/softwaremodules/{id}/metadata";
    const ONE: &'static str = "/softwaremodules/{id}/metadata/{key}";

    async fn entries(app: &App, by: &Principal, id: i64) -> Result<Vec<Metadata>, AppError> {
        let all = app.hawkbit_module(by, id).await?.extra.metadata.into_iter();
        let shown = |(key, ModuleMetadata { value, target_visible })| Metadata {
            key,
            value,
            target_visible: Some(target_visible),
        };
        Ok(all.map(shown).collect())
    }

    async fn save(app: &App, by: &Principal, id: i64, metadata: Changes) -> Result<(), AppError> {
        let change = ModuleChange { metadata, ..ModuleChange::default() };
        app.hawkbit_module_change(by, id, change).await.map(drop)
    }
}

/// Distribution sets.
struct Sets;

impl Holder for Sets {
    const ALL: &'static str = "/distributionsets/{id}/metadata";
    const ONE: &'static str = "/distributionsets/{id}/metadata/{key}";

    async fn entries(app: &App, by: &Principal, id: i64) -> Result<Vec<Metadata>, AppError> {
        let all = app.hawkbit_set(by, id).await?.extra.metadata.into_iter();
        Ok(all.map(|(key, value)| Metadata { key, value, target_visible: None }).collect())
    }

    async fn save(app: &App, by: &Principal, id: i64, changes: Changes) -> Result<(), AppError> {
        let metadata = changes.into_iter().map(|(key, entry)| (key, entry.map(|entry| entry.value)));
        let change = SetChange { metadata: metadata.collect(), ..SetChange::default() };
        app.hawkbit_set_change(by, id, change).await.map(drop)
    }
}

/// What a request says of metadata.
pub(super) fn entry(asked: MetadataRequest, place: &str) -> Result<(String, String, bool), Refusal> {
    let MetadataRequest { key, value, target_visible } = asked;
    let key = key.ok_or_else(|| Refusal::field(&format!("{place}key"), "is missing"))?;
    let value = value.ok_or_else(|| Refusal::field(&format!("{place}value"), "is missing"))?;
    Ok((key, value, target_visible.unwrap_or(false)))
}

async fn find<H: Holder>(rest: &Rest, by: &Principal, id: i64, key: &str) -> Result<Metadata, Refusal> {
    let found = H::entries(&rest.app, by, id).await?.into_iter().find(|entry| entry.key == key);
    found.ok_or_else(|| AppError::not_found("metadata", key).into())
}

async fn list<H: Holder>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    query: ListQuery,
) -> Answer {
    page(H::entries(&rest.app, &by, id).await?, &query, NAMES, &[], rest.app.clock.now())
}

async fn get<H: Holder>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
) -> Answer {
    ok(&find::<H>(&rest, &by, id, &key).await?)
}

async fn add<H: Holder>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(id): At<i64>,
    Body(body): Body<Value>,
) -> Answer {
    let known = H::entries(&rest.app, &by, id).await?;
    let mut entries = Vec::new();
    for (index, asked) in one_or_many::<MetadataRequest>(body)?.into_iter().enumerate() {
        let (key, value, target_visible) = entry(asked, &format!("{index}."))?;
        if known.iter().any(|entry| entry.key == key) {
            return Err(AppError::Exists { what: "metadata", name: key }.into());
        }
        entries.push((key, Some(ModuleMetadata { value, target_visible })));
    }
    H::save(&rest.app, &by, id, entries).await?;
    made()
}

async fn put<H: Holder>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
    Body(asked): Body<MetadataRequest>,
) -> Answer {
    let Metadata { key, value, target_visible } = find::<H>(&rest, &by, id, &key).await?;
    // Where devices may be told, whether they are may be all that changes.
    let value = asked.value.or(target_visible.map(|_| value));
    let value = value.ok_or_else(|| Refusal::field("value", "is missing"))?;
    let target_visible = asked.target_visible.or(target_visible).unwrap_or_default();
    H::save(&rest.app, &by, id, vec![(key, Some(ModuleMetadata { value, target_visible }))]).await?;
    done()
}

async fn delete<H: Holder>(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At((id, key)): At<(i64, String)>,
) -> Answer {
    H::save(&rest.app, &by, id, vec![(key, None)]).await?;
    done()
}
