//! What channels are told, written in the transaction that it tells of. A channel hears of the first few alerts of
//! a minute one by one; the rest is counted into one notification, so that an outage of a whole fleet is a handful
//! of messages.

use windlass_domain::ids::TenantId;
use windlass_domain::notify::{ONE_BY_ONE, Rest, Telling, WITHIN};
use windlass_domain::time::Timestamp;
use windlass_store::alerts::Alert;
use windlass_store::outbox::{self, Channel, Delivery, NewDelivery};
use windlass_store::{StoreError, Tx};

use super::words;
use crate::app::App;
use crate::clock::{Entropy, random};

/// A new id for receivers; the same for every try.
pub(super) fn message_id(entropy: &dyn Entropy) -> String {
    format!("msg_{}", hex::encode(random::<16>(entropy)))
}

/// One channel, and what it has been told lately.
struct Teller {
    channel: Channel,
    told: i64,
    waiting: Option<Delivery>,
    rest: Rest,
}

/// Every channel of a tenant that is switched on, for one transaction.
pub(super) struct Tellers {
    tellers: Vec<Teller>,
    now: Timestamp,
    told: bool,
}

impl Tellers {
    pub(super) async fn load(tx: &mut Tx<'_>, tenant: TenantId, now: Timestamp) -> Result<Self, StoreError> {
        let mut tellers = Vec::new();
        for channel in outbox::channel_list(tx, tenant).await?.into_iter().filter(|one| one.spec.enabled) {
            let told = outbox::told_since(tx, channel.id, now.minus(WITHIN)).await?;
            let waiting = outbox::rest_waiting(tx, channel.id).await?;
            let rest = waiting.as_ref().map(|one| words::read_rest(&one.payload)).unwrap_or_default();
            tellers.push(Teller { channel, told, waiting, rest });
        }
        Ok(Self { tellers, now, told: false })
    }

    /// Tells every channel that wants to hear of it.
    pub(super) async fn tell(
        &mut self,
        tx: &mut Tx<'_>,
        app: &App,
        alert: &Alert,
        telling: Telling,
    ) -> Result<(), StoreError> {
        for teller in &mut self.tellers {
            if !teller.channel.spec.interest.covers(alert.kind, alert.severity) {
                continue;
            }
            self.told = true;
            if teller.told >= ONE_BY_ONE {
                teller.rest.count(alert.kind, telling == Telling::Opened);
                continue;
            }
            teller.told += 1;
            let new = NewDelivery {
                tenant: alert.tenant,
                channel: teller.channel.id,
                alert: Some(alert.id),
                message: message_id(&*app.entropy),
                telling,
                payload: words::alert(alert, &app.fleet).to_string(),
                tries: 0,
                not_before: self.now,
            };
            outbox::put(tx, &new, self.now).await?;
        }
        Ok(())
    }

    /// Writes down what was counted. True if anybody is to be told anything.
    pub(super) async fn finish(self, tx: &mut Tx<'_>, app: &App) -> Result<bool, StoreError> {
        let Self { tellers, now, told } = self;
        for Teller { channel, told: _, waiting, rest } in tellers.iter().filter(|one| one.rest.total() > 0) {
            let payload = words::write_rest(rest).to_string();
            match waiting {
                Some(waiting) => outbox::rest_count(tx, waiting.id, &payload).await?,
                None => {
                    let new = NewDelivery {
                        tenant: channel.tenant,
                        channel: channel.id,
                        alert: None,
                        message: message_id(&*app.entropy),
                        telling: Telling::More,
                        payload,
                        tries: 0,
                        // It gathers for a while.
                        not_before: now.plus(WITHIN),
                    };
                    outbox::put(tx, &new, now).await?;
                }
            }
        }
        Ok(told)
    }
}
