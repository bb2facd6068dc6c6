//! RAUC's own polling: a device that asks for its bundle and says what it runs, without another program beside it.
//!
//! What it says that it runs is inventory, and ends the update that brought it, whenever it says so. RAUC installs whatever
//! it is sent to: nothing that is to be fetched only is shown to it, and what it was sent to it has begun.

use windlass_domain::ids::{AttributeKey, ExecutionId};
use windlass_wire::ddi::{ConfigData, Execution, Feedback, Finished, Mode};

use super::action::{Failed, Wanted};
use super::files::DdiFile;
use super::peer::DdiPeer;
use super::poll::Next;
use super::report::{Heard, busy};
use super::stand::Urgency;
use crate::app::App;

/// Most characters of what is kept.
const LONGEST: usize = 128;
/// Most actions that one poll settles before it says that there is nothing to do for now.
const ROUNDS: usize = 10;

/// What the server notes in the device's name: RAUC has no word for it.
fn closed(text: String) -> Feedback {
    Feedback {
        execution: Execution::Closed,
        finished: Finished::Success,
        progress: None,
        code: None,
        details: vec![text],
        timestamp: None,
    }
}

/// What RAUC says of the system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RaucSays {
    /// `RAUC-System-Version`.
    pub version: Option<String>,
    /// `RAUC-Variant`.
    pub variant: Option<String>,
    /// `RAUC-Machine-ID`.
    pub machine: Option<String>,
}

/// Where a device finds its bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// A signed link.
    pub url: String,
    /// Changes with the bundle; with its quotes.
    pub etag: String,
    /// The action that begins once RAUC is sent there, if it has not.
    pub begins: Option<ExecutionId>,
}

impl App {
    /// Answers RAUC's poll: its bundle, or that there is nothing to do. `base`: start of links.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn ddi_rauc(
        &self,
        peer: &DdiPeer,
        says: RaucSays,
        base: &str,
    ) -> Result<Option<Bundle>, Failed> {
        let RaucSays { version, variant, machine } = says;
        self.rauc_inventory(peer, version.as_ref(), variant, machine).await?;
        for _ in 0..ROUNDS {
            let poll = self.ddi_poll(peer).await.map_err(|_| Failed::Unavailable(busy()))?;
            let action = match poll.next {
                Some(Next::Deploy { action, .. }) => action,
                // RAUC asks between installations: what is not shown to it any more is stopped.
                Some(Next::Cancel { action }) => {
                    let text = "RAUC has no word for it; it is not sent there any more";
                    let agrees = closed(text.to_owned());
                    match self.ddi_cancel_feedback(peer, action, agrees).await {
                        Ok(()) | Err(Failed::NotCanceling) => continue,
                        Err(error) => return Err(error),
                    }
                }
                Some(Next::Confirm { .. }) | None => return Ok(None),
            };
            let view = self.ddi_action(peer, action, Wanted::Deployment, None).await?;
            let Some(module) = view.modules.first() else { return Ok(None) };
            if version.as_ref() == Some(&module.version) {
                let text = format!("RAUC says that it runs {}", module.version);
                let closes = closed(text);
                self.ddi_feedback_as(peer, action, closes, Heard::Runs).await?;
                continue;
            }
            if view.update == Urgency::Skip {
                return Ok(None);
            }
            let Some(file) = module.files.first() else { return Ok(None) };
            let DdiFile { grant, view: _, begins } = self.ddi_file(peer, module.id, &file.name).await?;
            let url = self.links.mint_for(base, action, grant.artifact, &grant.name, self.clock.now());
            return Ok(Some(Bundle { url, etag: grant.etag, begins }));
        }
        Ok(None)
    }

    /// Notes that RAUC was sent to the bundle of an action: from here on it fetches and installs, and says nothing until it
    /// runs it.
    ///
    /// # Errors
    /// See [`Failed`].
    pub async fn ddi_rauc_sent(&self, peer: &DdiPeer, action: ExecutionId) -> Result<(), Failed> {
        self.ddi_begins(peer, action, "RAUC was sent to its bundle; it installs while it fetches.").await
    }

    async fn rauc_inventory(
        &self,
        peer: &DdiPeer,
        version: Option<&String>,
        variant: Option<String>,
        machine: Option<String>,
    ) -> Result<(), Failed> {
        let said = [
            ("rauc.systemVersion", version.cloned()),
            ("rauc.variant", variant),
            ("rauc.machineId", machine),
        ];
        let said: Vec<(String, Option<String>)> = said
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .map(|(key, value)| (key.to_owned(), Some(value.chars().take(LONGEST).collect())))
            .collect();
        let entry = self.fleet.entry(peer.device);
        let is_known = |(key, value): &(String, Option<String>)| {
            let key = key.parse::<AttributeKey>().ok();
            let known = entry.as_ref().zip(key).and_then(|(entry, key)| entry.device.inventory.get(&key));
            known == value.as_ref()
        };
        if said.iter().all(is_known) {
            return Ok(());
        }
        self.ddi_config_data(peer, ConfigData { mode: Mode::Merge, data: said }).await
    }
}
