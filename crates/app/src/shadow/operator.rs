//! What operators do with shadows: read them, change the desired side, delete them, list them.

use serde_json::Value;
use windlass_domain::ids::{DeviceId, DeviceName, ShadowName};
use windlass_domain::permission::Principal;
use windlass_domain::shadow::Object;
use windlass_domain::time::Timestamp;
pub use windlass_store::shadows::ShadowLine;

use crate::app::App;
use crate::error::AppError;

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

impl App {
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
        let _ = (by, device, shadow);
        unimplemented!("shadow_get")
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
        let _ = (by, device, shadow, desired, expected_version);
        unimplemented!("shadow_update")
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
        let _ = (by, device, shadow, expected_version);
        unimplemented!("shadow_delete")
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
        let _ = (by, device);
        unimplemented!("shadow_list")
    }

    /// The body of `GET /api/things/shadow/ListNamedShadowsForThing/{thing}` for a device that asks for its own:
    /// names, perhaps a token for the next page, and the time. `page_size` is from 1 to 100.
    ///
    /// # Errors
    /// A page size or token that is none; the store fails.
    pub async fn shadow_names(
        &self,
        device: DeviceId,
        page_size: Option<u32>,
        next_token: Option<&str>,
    ) -> Result<bytes::Bytes, AppError> {
        let _ = (device, page_size, next_token);
        unimplemented!("shadow_names")
    }
}
