//! Which devices take a set: by what their type says of sets, by what the release says of types, and by whose signatures
//! the type demands. Whoever chooses targets by itself leaves the others out; whoever is told a target refuses it.

use std::collections::BTreeMap;

use windlass_domain::ids::{DeviceId, TypeId, TypeName};
use windlass_domain::software::Release;
use windlass_store::management::{SetExtra, TargetTypeExtra, extras};
use windlass_store::{Tx, artifacts, types};

use super::Context;
use crate::App;
use crate::artifacts::signing;
use crate::error::AppError;

/// What devices of a type make of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// They take it.
    Takes,
    /// Their type takes no sets of that type.
    Incompatible,
    /// The release is not for their type, or not signed by whom it trusts.
    Refuses,
}

/// What devices make of one set.
#[derive(Debug, Clone)]
pub(super) struct Fitting {
    untyped: Fit,
    types: BTreeMap<TypeId, (TypeName, Fit)>,
}

impl Fitting {
    /// Of devices of the tenant for a set whose type is known.
    pub(super) async fn of(
        tx: &mut Tx<'_>,
        cx: &Context,
        release: &Release,
        extra: &SetExtra,
    ) -> Result<Self, AppError> {
        let tenant = cx.by.tenant;
        let set_type = extra.set_type.unwrap_or_default();
        let terms = artifacts::terms(tx, tenant).await?.terms;
        let mut known = BTreeMap::new();
        for record in types::types(tx, tenant).await? {
            let says: TargetTypeExtra = extras::get(tx, tenant, record.id.get()).await?;
            let fit = if !says.set_types.is_empty() && !says.set_types.contains(&set_type) {
                Fit::Incompatible
            } else if !release.fits(Some(&record.name))
                || !signing::faults(tx, tenant, &terms, &release.components, Some(&record), cx.now)
                    .await?
                    .is_empty()
            {
                Fit::Refuses
            } else {
                Fit::Takes
            };
            known.insert(record.id, (record.name, fit));
        }
        let takes = release.fits(None)
            && signing::faults(tx, tenant, &terms, &release.components, None, cx.now).await?.is_empty();
        let untyped = if takes { Fit::Takes } else { Fit::Refuses };
        Ok(Self { untyped, types: known })
    }

    /// What a device of this type makes of it.
    pub(super) fn fit(&self, device_type: Option<TypeId>) -> Fit {
        device_type.map_or(self.untyped, |id| self.types.get(&id).map_or(self.untyped, |(_, fit)| *fit))
    }

    /// Those of these devices that take it.
    pub(super) fn takers(&self, app: &App, devices: Vec<DeviceId>) -> Vec<DeviceId> {
        let takes = |device: &DeviceId| {
            let entry = app.fleet.entry(*device);
            entry.is_some_and(|entry| self.fit(entry.device.device_type) == Fit::Takes)
        };
        devices.into_iter().filter(takes).collect()
    }

    /// A query of the fleet's language that finds takers only.
    pub(super) fn narrow(&self, query: String) -> String {
        let named = |takes: bool| -> Vec<String> {
            let those = self.types.values().filter(|(_, fit)| (*fit == Fit::Takes) == takes);
            those.map(|(name, _)| format!("'{name}'")).collect()
        };
        let refusing = named(false);
        match self.untyped {
            Fit::Takes if refusing.is_empty() => query,
            Fit::Takes => format!("({query});type=out=({})", refusing.join(",")),
            Fit::Incompatible | Fit::Refuses => format!("({query});type=in=({})", named(true).join(",")),
        }
    }
}
