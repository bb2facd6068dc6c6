//! What operators do with shadows: read them, change the desired side, delete them, list them.
//!
//! The reported side is the device's own; no operator writes it.

use std::sync::Arc;

use serde_json::{Value, json};
use windlass_domain::device::{Device, Lifecycle};
use windlass_domain::ids::{DeviceId, DeviceName, ShadowName};
use windlass_domain::permission::{Permission, Principal, allows};
use windlass_domain::shadow::{self, Object, Patch, Shadow, Update};
use windlass_domain::time::Timestamp;
pub use windlass_store::shadows::ShadowLine;
use windlass_store::{ChangeKind, StoreError, Tx, devices, shadows};
use windlass_wire::shadow as wire;

use super::convert;
use super::device::{Change, Refusal, documents, store_update};
use crate::app::App;
use crate::audit;
use crate::error::AppError;
use crate::jobs::versions;
use crate::message::Outbound;

/// A shadow as operators see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowView {
    /// None is the classic one.
    pub name: Option<ShadowName>,
    /// What operators want; empty if nothing.
    pub desired: Object,
    /// What the device says; empty if nothing.
    pub reported: Object,
    /// What is desired and not reported so, if anything.
    pub delta: Option<Object>,
    /// `{"desired":{…},"reported":{…}}` with `{"timestamp":<epoch seconds>}` for each leaf.
    pub metadata: Value,
    /// Rises by one with every change.
    pub version: i64,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ShadowView {
    fn of(name: Option<&ShadowName>, shadow: Shadow) -> Option<Self> {
        let Shadow::Live { documents, version, updated_at } = shadow else { return None };
        let delta = documents.delta().map(|section| section.values);
        let mut metadata = Object::new();
        for (side, section) in [("desired", &documents.desired), ("reported", &documents.reported)] {
            if !section.values.is_empty() {
                let stamps = convert::metadata(&section.values, &section.stamps);
                metadata.insert(side.to_owned(), Value::Object(stamps));
            }
        }
        Some(Self {
            name: name.cloned(),
            desired: documents.desired.values,
            reported: documents.reported.values,
            delta,
            metadata: Value::Object(metadata),
            version,
            updated_at,
        })
    }
}

fn demand(by: &Principal, permission: Permission) -> Result<(), AppError> {
    if allows(by, permission) { Ok(()) } else { Err(AppError::Forbidden(permission.as_str())) }
}

fn missing(device: &DeviceName, shadow: Option<&ShadowName>) -> AppError {
    match shadow {
        None => AppError::not_found("shadow of device", device),
        Some(shadow) => AppError::not_found("shadow", format!("{shadow} of device {device}")),
    }
}

impl App {
    /// The device of that name, if the caller may see it.
    async fn shadow_device(
        &self,
        tx: &mut Tx<'_>,
        by: &Principal,
        name: &DeviceName,
    ) -> Result<Device, AppError> {
        devices::device_by_name(tx, by.tenant, name)
            .await?
            .filter(|device| self.fleet.is_visible(by, device.id))
            .ok_or_else(|| AppError::not_found("device", name))
    }

    /// One shadow of a device.
    ///
    /// # Errors
    /// Forbidden; no such device or shadow; the store fails.
    pub async fn shadow_get(
        &self,
        by: &Principal,
        device: &DeviceName,
        shadow: Option<&ShadowName>,
    ) -> Result<ShadowView, AppError> {
        demand(by, Permission::ShadowRead)?;
        let question = (self.clone(), by.clone(), device.clone(), shadow.cloned());
        self.store
            .read(move |tx| {
                let (app, by, device, name) = question.clone();
                Box::pin(async move {
                    let found = app.shadow_device(tx, &by, &device).await?;
                    shadows::shadow(tx, found.id, name.as_ref())
                        .await?
                        .and_then(|shadow| ShadowView::of(name.as_ref(), shadow))
                        .ok_or_else(|| missing(&device, name.as_ref()))
                })
            })
            .await
    }

    /// Merges into the desired side (`null` deletes a key), or clears it (`None`). Makes the shadow if there is none.
    /// The device hears of it at once if it is connected, else when it comes back.
    ///
    /// # Errors
    /// Forbidden; no such device; bad nesting or nulls; too large; another version than expected; the store fails.
    pub async fn shadow_update(
        &self,
        by: &Principal,
        device: &DeviceName,
        shadow: Option<&ShadowName>,
        desired: Option<Object>,
        expected_version: Option<i64>,
    ) -> Result<ShadowView, AppError> {
        demand(by, Permission::ShadowWrite)?;
        if let Some(patch) = &desired {
            wire::check_nesting(patch, self.limits.shadow_nesting)
                .and_then(|()| wire::check_arrays(patch))
                .map_err(|error| AppError::invalid("desired", error.message()))?;
        }
        let now = self.clock.now();
        let order = (self.clone(), by.clone(), device.clone(), shadow.cloned(), desired);
        let (device, view, news) = self
            .store
            .write(move |tx| {
                let (app, by, name, shadow, desired) = order.clone();
                Box::pin(async move {
                    let device = app.shadow_device(tx, &by, &name).await?;
                    app.shadow_update_in(tx, &by, &device, shadow.as_ref(), desired, expected_version, now)
                        .await
                })
            })
            .await?;
        self.announce(&device, news);
        Ok(view)
    }

    #[expect(clippy::too_many_arguments, reason = "the whole of one request, inside its transaction")]
    async fn shadow_update_in(
        &self,
        tx: &mut Tx<'_>,
        by: &Principal,
        device: &Device,
        shadow: Option<&ShadowName>,
        desired: Option<Object>,
        expected_version: Option<i64>,
        now: Timestamp,
    ) -> Result<(Device, ShadowView, Outbound), AppError> {
        refuse_decommissioned(device)?;
        let keys: Option<Vec<_>> = desired.as_ref().map(|patch| patch.keys().cloned().collect());
        let desired = desired.map_or(Patch::Clear, Patch::Merge);
        let update = Update { desired, reported: Patch::Keep, expected_version };
        let (most_bytes, most_named) = (self.limits.shadow_document, self.limits.named_shadows);
        let change = Change { update: &update, most_bytes, most_named };
        let updated =
            store_update(tx, device.id, shadow, change, now).await?.map_err(|refusal| match refusal {
                Refusal::VersionConflict { current } => AppError::VersionMismatch { current },
                Refusal::TooLarge => AppError::TooLarge {
                    what: "the shadow",
                    limit: u64::try_from(most_bytes).unwrap_or(u64::MAX),
                },
                Refusal::TooMany => AppError::Quota {
                    code: "shadow.count",
                    detail: format!("a device may have at most {most_named} named shadows; delete one first"),
                },
            })?;
        let name = shadow.map(ShadowName::as_str);
        let details = json!({ "shadow": name, "version": updated.version, "desired": keys });
        audit::record(tx, by, "shadow.update", &format!("device:{}", device.name), details, now).await?;
        let news = documents(device.name.as_str(), shadow, &updated, now, None);
        let live = Shadow::Live { documents: updated.current, version: updated.version, updated_at: now };
        let view = ShadowView::of(shadow, live).ok_or_else(|| missing(&device.name, shadow))?;
        Ok((device.clone(), view, news))
    }

    /// After the commit of an operator's change: `documents` to whoever is subscribed now, and a look at its state
    /// for the device, which finds the delta there.
    fn announce(&self, device: &Device, news: Outbound) {
        let news = Arc::new(news);
        for listener in std::iter::once(device.id).chain(device.parent) {
            self.hub.broadcast(listener, &news);
            self.hub.wake(listener);
        }
        for (principal, link) in self.hub.applications(device.tenant) {
            if self.fleet.is_visible(&principal, device.id) {
                link.deliver(&news);
            }
        }
    }

    /// Deletes a shadow. Its version is remembered for 48 hours.
    ///
    /// # Errors
    /// Forbidden; no such device or shadow; another version than expected; the store fails.
    pub async fn shadow_delete(
        &self,
        by: &Principal,
        device: &DeviceName,
        shadow: Option<&ShadowName>,
        expected_version: Option<i64>,
    ) -> Result<(), AppError> {
        demand(by, Permission::ShadowWrite)?;
        let now = self.clock.now();
        let order = (self.clone(), by.clone(), device.clone(), shadow.cloned());
        self.store
            .write(move |tx| {
                let (app, by, name, shadow) = order.clone();
                Box::pin(async move {
                    let device = app.shadow_device(tx, &by, &name).await?;
                    let before = shadows::shadow(tx, device.id, shadow.as_ref()).await?;
                    let Some(Shadow::Deleted { version, at }) = shadow::delete(before.as_ref(), now) else {
                        return Err(missing(&name, shadow.as_ref()));
                    };
                    if expected_version.is_some_and(|expected| expected != version) {
                        return Err(AppError::VersionMismatch { current: version });
                    }
                    shadows::put(tx, device.id, shadow.as_ref(), &Shadow::Deleted { version, at }).await?;
                    versions::note(tx, device.id).await?;
                    tx.changed(ChangeKind::Shadow, device.id.get());
                    let details =
                        json!({ "shadow": shadow.map(ShadowName::into_string), "version": version });
                    audit::record(tx, &by, "shadow.delete", &format!("device:{name}"), details, now).await?;
                    Ok(())
                })
            })
            .await
    }

    /// The shadows of a device, the classic one first.
    ///
    /// # Errors
    /// Forbidden; no such device; the store fails.
    pub async fn shadow_list(
        &self,
        by: &Principal,
        device: &DeviceName,
    ) -> Result<Vec<ShadowLine>, AppError> {
        demand(by, Permission::ShadowRead)?;
        let question = (self.clone(), by.clone(), device.clone());
        self.store
            .read(move |tx| {
                let (app, by, device) = question.clone();
                Box::pin(async move {
                    let found = app.shadow_device(tx, &by, &device).await?;
                    Ok(shadows::shadow_lines(tx, found.id).await?)
                })
            })
            .await
    }

    /// The body of `GET /api/things/shadow/ListNamedShadowsForThing/{thing}` for a device that asks for its own:
    /// names, perhaps a token for the next page, and the time. `page_size` is from 1 to 100; 25 if absent.
    ///
    /// # Errors
    /// A page size or token that is none; the store fails.
    pub async fn shadow_names(
        &self,
        device: DeviceId,
        page_size: Option<u32>,
        next_token: Option<&str>,
    ) -> Result<bytes::Bytes, AppError> {
        let size = page_size.unwrap_or(25);
        if !(1..=100).contains(&size) {
            return Err(AppError::invalid("pageSize", "from 1 to 100"));
        }
        let after = match next_token {
            None => String::new(),
            Some(token) => match token.parse::<ShadowName>() {
                Ok(name) => name.into_string(),
                Err(_) => return Err(AppError::invalid("nextToken", "a token from the page before")),
            },
        };
        let mut names = self
            .store
            .read(move |tx| {
                let after = after.clone();
                Box::pin(
                    async move { shadows::named_after(tx, device, &after, size.saturating_add(1)).await },
                )
            })
            .await
            .map_err(|error: StoreError| AppError::Store(error))?;
        let whole = usize::try_from(size).unwrap_or(usize::MAX);
        let more = names.len() > whole;
        names.truncate(whole);
        let next = if more { names.last().cloned() } else { None };
        Ok(wire::named_shadows(&names, next.as_deref(), self.clock.now().seconds()))
    }

    /// Forgets the versions of shadows that were deleted too long ago to matter. Returns how many.
    ///
    /// # Errors
    /// The store fails.
    pub async fn shadow_forget_deleted(&self) -> Result<u64, AppError> {
        let before = self.clock.now().minus(shadow::DELETED_VERSION_LIVES);
        self.store
            .write(move |tx| Box::pin(async move { Ok(shadows::forget_deleted(tx, before).await?) }))
            .await
    }
}

fn refuse_decommissioned(device: &Device) -> Result<(), AppError> {
    match device.lifecycle {
        Lifecycle::Registered | Lifecycle::Active | Lifecycle::Suspended => Ok(()),
        Lifecycle::Decommissioned => Err(AppError::Conflict {
            code: "device.decommissioned",
            detail: format!(
                "device {} is decommissioned; its shadows can be read and deleted only",
                device.name
            ),
        }),
    }
}
