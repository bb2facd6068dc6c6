//! Which device a controller id stands for, and how one that there is not comes to be.

use windlass_domain::hawkbit::SecretText;
use windlass_domain::ids::{DeviceId, DeviceName, TenantId, TenantName};
use windlass_domain::permission::Principal;
use windlass_domain::time::Timestamp;
use windlass_store::management::{TargetExtra, extras};
use windlass_store::{StoreError, Tx, credentials, device_tokens, devices, tenants};

use super::peer::{ALIAS, LONGEST, Proof, Shown, Turned, Why, own_certificate, own_token, unavailable};
use super::tokens::token_put;
use crate::app::App;
use crate::clock::random;
use crate::devices::check_alias;
use crate::enrol;
use crate::error::AppError;

/// Who hawkBit says made a device that came by itself.
const PLUG_AND_PLAY: &str = "CONTROLLER_PLUG_AND_PLAY";

impl App {
    /// The tenant that a path names, in whatever case.
    pub(super) async fn ddi_tenant(&self, name: &str) -> Result<Option<TenantId>, Turned> {
        let Ok(name) = name.to_ascii_lowercase().parse::<TenantName>() else { return Ok(None) };
        let generation = match self.ddi.tenants.get(&name) {
            Ok(known) => return Ok(Some(known)),
            Err(generation) => generation,
        };
        let wanted = name.clone();
        let found = self
            .store
            .read::<_, StoreError, _>(move |tx| {
                let wanted = wanted.clone();
                Box::pin(async move { tenants::tenant_by_name(tx, &wanted).await })
            })
            .await
            .map_err(|error| unavailable(error.into()))?;
        let Some(found) = found else { return Ok(None) };
        self.ddi.tenants.keep(name, found.id, generation);
        Ok(Some(found.id))
    }

    /// The device that a controller id stands for: by name, else by its external id.
    pub(super) async fn ddi_known(
        &self,
        tenant: TenantId,
        controller: &str,
    ) -> Result<Option<DeviceId>, Turned> {
        if controller.is_empty() || controller.len() > LONGEST {
            return Ok(None);
        }
        if let Some(device) = controller.parse().ok().and_then(|name| self.fleet.id_of(tenant, &name)) {
            return Ok(Some(device));
        }
        let key = (tenant, controller.to_owned());
        let generation = match self.ddi.aliases.get(&key) {
            Ok(device) if self.ddi_answers_to(device, controller) => return Ok(Some(device)),
            Ok(_) => {
                self.ddi.aliases.forget(&key);
                return self.ddi_by_alias(key, None).await;
            }
            Err(generation) => generation,
        };
        self.ddi_by_alias(key, Some(generation)).await
    }

    fn ddi_answers_to(&self, device: DeviceId, controller: &str) -> bool {
        let is_it = |alias: &devices::Alias| alias.protocol == ALIAS && alias.external_id == controller;
        self.fleet.entry(device).is_some_and(|entry| entry.aliases.iter().any(is_it))
    }

    async fn ddi_by_alias(
        &self,
        key: (TenantId, String),
        generation: Option<u64>,
    ) -> Result<Option<DeviceId>, Turned> {
        let wanted = key.clone();
        let found = self
            .store
            .read::<_, StoreError, _>(move |tx| {
                let (tenant, controller) = wanted.clone();
                Box::pin(async move { devices::device_by_alias(tx, tenant, ALIAS, &controller).await })
            })
            .await
            .map_err(|error| unavailable(error.into()))?;
        let found = found.map(|device| device.id);
        if let (Some(device), Some(generation)) = (found, generation) {
            self.ddi.aliases.keep(key, device, generation);
        }
        Ok(found)
    }

    /// Makes the device that proved that it may come; gives it, if there is one by now that takes this proof.
    pub(super) async fn ddi_admit(
        &self,
        tenant: TenantId,
        shown: &Shown,
        proof: Proof,
    ) -> Result<DeviceId, Turned> {
        let alias = devices::Alias { protocol: ALIAS.to_owned(), external_id: shown.controller.clone() };
        if check_alias(&alias).is_err() {
            let why = format!("a controller id has 1 to {LONGEST} bytes without control characters and /");
            self.ddi_refuse(shown, Some(tenant), None, Why("ddi.controllerId", why.clone()));
            return Err(Turned::Bad(why));
        }
        let now = self.clock.now();
        let most = self.limits.plug_and_play_per_minute;
        if !self.ddi.admissions.take(tenant, now, most) {
            let why = Why("ddi.tooMany", format!("more than {most} new devices came within a minute"));
            self.ddi_refuse(shown, Some(tenant), None, why);
            return Err(Turned::TooMany);
        }
        let by = Principal::device(tenant, &shown.controller);
        let controller = shown.controller.clone();
        let token = SecretText::from_random(random(&*self.entropy));
        let made = self
            .store
            .write(move |tx| {
                let (by, controller, token) = (by.clone(), controller.clone(), token.clone());
                Box::pin(async move { admit(tx, &by, &controller, proof, &token, now).await })
            })
            .await
            .map_err(|error: AppError| unavailable(error))?;
        let made = match made {
            Admitted::In(made) => made,
            Admitted::Refused(device, why) => {
                self.ddi_refuse(shown, Some(tenant), Some(device), why);
                return Err(Turned::Denied);
            }
        };
        self.fleet.refresh_devices(&self.store, [made]).await.map_err(|error| unavailable(error.into()))?;
        Ok(made)
    }
}

/// What came of a device that nobody in memory knew.
enum Admitted {
    In(DeviceId),
    /// There is one by now that has a proof of its own.
    Refused(DeviceId, Why),
}

/// Memory may lag behind: what binds a device that there is, is asked of the store.
async fn found(
    tx: &mut Tx<'_>,
    device: DeviceId,
    proof: Proof,
    now: Timestamp,
) -> Result<Admitted, StoreError> {
    if proof.is_own() {
        return Ok(Admitted::In(device));
    }
    if device_tokens::device_token(tx, device).await?.is_some_and(|own| own.binding) {
        return Ok(Admitted::Refused(device, own_token()));
    }
    if credentials::device_has_live(tx, device, now).await? {
        return Ok(Admitted::Refused(device, own_certificate()));
    }
    Ok(Admitted::In(device))
}

/// Makes a device for a controller id; one that is no device name gets a name made of it, and the id as external id. It
/// is given a token that binds it once it is used.
async fn admit(
    tx: &mut Tx<'_>,
    by: &Principal,
    controller: &str,
    proof: Proof,
    token: &SecretText,
    now: Timestamp,
) -> Result<Admitted, AppError> {
    // Another request of the same device may have been quicker.
    if let Some(device) = devices::device_by_alias(tx, by.tenant, ALIAS, controller).await? {
        return Ok(found(tx, device.id, proof, now).await?);
    }
    let (name, is_foreign) = match controller.parse::<DeviceName>() {
        Ok(name) => (name, false),
        Err(_) => (slug(controller).ok_or_else(|| AppError::not_found("device", controller))?, true),
    };
    if let Some(device) = devices::device_by_name(tx, by.tenant, &name).await? {
        return Ok(found(tx, device.id, proof, now).await?);
    }
    let made = enrol::admit(tx, by, &name, proof.as_str(), now).await?;
    if is_foreign {
        let alias = devices::Alias { protocol: ALIAS.to_owned(), external_id: controller.to_owned() };
        devices::alias_insert(tx, by.tenant, made, &alias).await?;
    }
    let extra = TargetExtra { created_by: Some(PLUG_AND_PLAY.to_owned()), ..TargetExtra::default() };
    extras::put(tx, by.tenant, made.get(), &extra).await?;
    token_put(tx, by, made, &name, Some((token, false)), now).await?;
    Ok(Admitted::In(made))
}

/// A device name made of any text: what may stay stays, and a digest keeps two of them apart.
fn slug(text: &str) -> Option<DeviceName> {
    let allowed =
        |c: char| if c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '.' | '-') { c } else { '-' };
    let kept: String = text.chars().take(64).map(allowed).collect();
    let digest = windlass_domain::ids::Sha256::of(text.as_bytes()).to_string();
    format!("{kept}-{}", digest.get(..12)?).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_made_of_foreign_ids_stay_apart_and_readable() {
        let one = slug("Pumpe Nr. 1 / Halle Ä").unwrap();
        assert!(one.as_str().starts_with("Pumpe-Nr.-1---Halle---"), "{one}");
        assert_ne!(one, slug("Pumpe Nr. 1 / Halle Ö").unwrap());
        assert!(slug(&"ü".repeat(128)).is_some());
        assert!(slug("..").is_some());
    }
}
