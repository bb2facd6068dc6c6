//! What fields of targets say, one target at a time: for questions about something that has a target.
//!
//! What the index does not hold is read once, when the question comes; the rest is what the index says when it is asked.

use windlass_domain::ids::{DeviceId, TenantId};
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::time::Timestamp;
use windlass_query::{Field, Value};

use super::fields::{Known, known};
use crate::App;
use crate::error::AppError;
use crate::fleet::Wanted;

/// What fields of the targets of a tenant say.
#[derive(Debug)]
pub struct TargetFacts {
    app: App,
    tenant: TenantId,
    now: Timestamp,
    known: Known,
}

impl TargetFacts {
    /// Hands every value of a field, one of [`super::target_field`], to `each`; nothing once the target is gone.
    pub fn each(&self, device: DeviceId, field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        let fleet = &self.app.fleet;
        fleet.each_beside(self.tenant, (device, field), &self.known, &self.app, self.now, each);
    }
}

impl App {
    /// What these fields of targets say, for those that the caller may see.
    ///
    /// # Errors
    /// Forbidden, or that the store failed.
    pub async fn hawkbit_target_facts(
        &self,
        by: &Principal,
        fields: Vec<Field>,
    ) -> Result<TargetFacts, AppError> {
        let order: Vec<(Field, bool)> = fields.into_iter().map(|field| (field, false)).collect();
        let (app, tenant, now) = (self.clone(), by.tenant, self.clock.now());
        let known = self
            .hawkbit_read(by, Permission::DeviceRead, move |cx, tx| {
                let order = order.clone();
                Box::pin(async move { known(tx, &cx, Wanted { order: &order, ..Wanted::default() }).await })
            })
            .await?;
        Ok(TargetFacts { app, tenant, now, known })
    }
}
