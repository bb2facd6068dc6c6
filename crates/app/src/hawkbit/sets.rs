//! Distribution sets: releases with what hawkBit's clients know of them beside. Changes nothing.

use std::collections::BTreeMap;

use windlass_domain::ids::ReleaseId;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Release;
use windlass_store::management::items::Item;
use windlass_store::management::{ModuleExtra, SetExtra, SetType, extras};
use windlass_store::{Tx, releases};

use super::Context;
use super::catalogue::{Catalogue, catalogue, is_complete};
use super::modules::ModuleView;
use crate::App;
use crate::error::AppError;

/// How many are read at once.
const PAGE: u32 = 1_000;

/// A set with everything that is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SetView {
    /// What it is.
    pub release: Release,
    /// What is known of it beside.
    pub extra: SetExtra,
    /// Number of its type, where there is one that fits.
    pub type_id: Option<i64>,
    /// Key and name of its type.
    pub set_type: (String, String),
    /// Its modules.
    pub modules: Vec<ModuleView>,
    /// Whether it has what its type asks for.
    pub complete: bool,
}

pub(super) fn target(release: &Release) -> String {
    format!("release/{}/{}", release.name, release.version)
}

/// A set of the tenant, deleted or not.
pub(super) async fn set(tx: &mut Tx<'_>, cx: &Context, id: i64) -> Result<(Release, SetExtra), AppError> {
    let tenant = cx.by.tenant;
    let release = releases::release_by_id(tx, tenant, ReleaseId::new(id)).await?;
    let release = release.ok_or_else(|| AppError::not_found("distribution set", id))?;
    Ok((release, extras::get(tx, tenant, id).await?))
}

/// Writes what is known of a set, as of now.
pub(super) async fn save(
    tx: &mut Tx<'_>,
    cx: &Context,
    id: ReleaseId,
    extra: &mut SetExtra,
) -> Result<(), AppError> {
    extra.updated_at = Some(cx.now.micros());
    extra.updated_by = Some(cx.who());
    Ok(extras::put(tx, cx.by.tenant, id.get(), extra).await?)
}

pub(super) fn view(
    release: Release,
    extra: SetExtra,
    types: &Catalogue,
    known: &mut impl FnMut(i64) -> ModuleExtra,
) -> SetView {
    let item = types.of_set(&extra, &release.components);
    let complete = item.is_some_and(|item| is_complete(item, types, &release.components));
    let named = |item: &Item<SetType>| (item.name.clone(), item.body.name.clone());
    let set_type = item.map_or_else(|| ("app".to_owned(), "App(s) only".to_owned()), named);
    let modules = release
        .components
        .iter()
        .map(|component| ModuleView::of(component.clone(), known(component.id.get()), types))
        .collect();
    SetView { type_id: item.map(|item| item.id), release, extra, set_type, modules, complete }
}

pub(super) async fn shown(
    tx: &mut Tx<'_>,
    cx: &Context,
    types: &Catalogue,
    release: Release,
    extra: SetExtra,
) -> Result<SetView, AppError> {
    let mut known = BTreeMap::new();
    for component in &release.components {
        let id = component.id.get();
        known.insert(id, extras::get::<ModuleExtra>(tx, cx.by.tenant, id).await?);
    }
    Ok(view(release, extra, types, &mut |id| known.remove(&id).unwrap_or_default()))
}

impl App {
    /// Sets that are not deleted, by number.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_sets(&self, by: &Principal) -> Result<Vec<SetView>, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, |cx, tx| {
            Box::pin(async move {
                let tenant = cx.by.tenant;
                let types = catalogue(tx, &cx).await?;
                let known = extras::all::<ModuleExtra>(tx, tenant).await?;
                let mut of_sets = extras::all::<SetExtra>(tx, tenant).await?;
                let (mut all, mut after) = (Vec::new(), 0);
                loop {
                    let page = releases::releases(tx, tenant, after, PAGE).await?;
                    let Some(last) = page.last() else { return Ok(all) };
                    after = last.id.get();
                    for release in page {
                        let extra = of_sets.remove(&release.id.get()).unwrap_or_default();
                        if !extra.deleted {
                            let mut known = |id| known.get(&id).cloned().unwrap_or_default();
                            all.push(view(release, extra, &types, &mut known));
                        }
                    }
                }
            })
        })
        .await
    }

    /// One set, deleted or not.
    ///
    /// # Errors
    /// Forbidden, not found, or that the store failed.
    pub async fn hawkbit_set(&self, by: &Principal, id: i64) -> Result<SetView, AppError> {
        self.hawkbit_read(by, Permission::ReleaseRead, move |cx, tx| {
            Box::pin(async move {
                let types = catalogue(tx, &cx).await?;
                let (release, extra) = set(tx, &cx, id).await?;
                shown(tx, &cx, &types, release, extra).await
            })
        })
        .await
    }
}
