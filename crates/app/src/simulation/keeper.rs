//! Brings the simulated devices that run to the number that is wanted: registers, certifies, plays, and ends them.
//!
//! It goes through the use cases that operators have, as the system. A name that is somebody else's is passed over: a
//! device is taken for simulated only where its type and a tag say so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use windlass_domain::device::Lifecycle;
use windlass_domain::device_type::VersionSource;
use windlass_domain::ids::{CredentialId, DeviceId, DeviceName, TypeName};
use windlass_domain::permission::Principal;
use windlass_store::tenants;

use super::{DevicePort, SimulatedDevice, Simulation, Simulator, locked};
use crate::App;
use crate::devices::{DeviceSpec, NewDevice};
use crate::error::{AppError, chain};
use crate::fleet::DeviceView;
use crate::types::NewTypeSpec;

/// The type of every simulated device, and its tag.
const WORD: &str = "simulated";
/// Numbers that names may have.
const LAST: u16 = 9_999;
/// Devices that are prepared or ended at once.
const AT_ONCE: usize = 16;
/// How often those are looked for that an operator took out of service, and how long to wait after a failure.
const LOOK: Duration = Duration::from_secs(10);
/// How long devices may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(10);

/// A device that is played.
struct Played {
    number: u16,
    name: DeviceName,
    id: DeviceId,
    credential: CredentialId,
    stop: CancellationToken,
    /// Its sender is dropped when the device has ended.
    ended: oneshot::Receiver<()>,
}

struct Keeper {
    simulation: Simulation,
    simulator: Arc<dyn Simulator>,
    port: DevicePort,
    by: Principal,
    played: Vec<Played>,
}

/// Follows what is wanted until the group ends.
pub(super) async fn keep(simulation: Simulation, simulator: Arc<dyn Simulator>, port: DevicePort) {
    let stop = simulation.0.tasks.stop().clone();
    let mut wanted = simulation.0.wanted.subscribe();
    // A tenant is asked for only once somebody wants devices.
    if stop.run_until_cancelled(wanted.wait_for(|wanted| *wanted > 0)).await.is_none() {
        return;
    }
    let by = loop {
        match simulation.0.app.store.read(|tx| Box::pin(tenants::tenant_default(tx))).await {
            Ok(tenant) => break Principal::system(tenant.id, "simulation"),
            Err(error) => tracing::warn!(error = %chain(&error), "simulated devices wait for the store"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_none() {
            return;
        }
    };
    let mut keeper = Keeper { simulation, simulator, port, by, played: Vec::new() };
    loop {
        let most = usize::from(*wanted.borrow_and_update());
        let rest = keeper.bring_to(most).await;
        keeper.publish();
        let pause = async {
            match rest {
                Rest::More => {}
                Rest::Done if most == 0 => drop(wanted.changed().await),
                Rest::Done | Rest::Stuck => {
                    drop(tokio::time::timeout(LOOK, wanted.changed()).await);
                }
            }
        };
        if stop.run_until_cancelled(pause).await.is_none() {
            // The devices' own tokens are children of this one: they say goodbye by themselves.
            return;
        }
    }
}

/// What is left to do after a step.
enum Rest {
    /// Another step at once.
    More,
    /// As many as are wanted.
    Done,
    /// Something is in the way; again in a while.
    Stuck,
}

impl Keeper {
    fn app(&self) -> &App {
        &self.simulation.0.app
    }

    fn publish(&self) {
        *locked(&self.simulation.0.playing) = self.played.iter().map(|played| played.id).collect();
    }

    fn say(&self, problem: Option<String>) {
        *locked(&self.simulation.0.problem) = problem;
    }

    /// One step towards this many.
    async fn bring_to(&mut self, most: usize) -> Rest {
        let surplus = self.played.split_off(most.min(self.played.len()));
        let (gone, kept) =
            std::mem::take(&mut self.played).into_iter().partition(|played| self.is_gone(played));
        self.played = kept;
        self.retire(surplus).await;
        self.retire(gone).await;
        let missing = most.saturating_sub(self.played.len());
        if missing == 0 {
            self.say(None);
            return Rest::Done;
        }
        let taken: BTreeSet<u16> = self.played.iter().map(|played| played.number).collect();
        match self.add(&taken, missing.min(AT_ONCE)).await {
            Ok(0) => {
                self.say(Some(format!("all names from sim-0001 to sim-{LAST} are taken by other devices")));
                Rest::Stuck
            }
            Ok(_) => Rest::More,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "simulated devices could not be started; again in a moment");
                self.say(Some(error.to_string()));
                Rest::Stuck
            }
        }
    }

    /// Whether an operator took it out of service.
    fn is_gone(&self, played: &Played) -> bool {
        let entry = self.app().fleet.entry(played.id);
        entry.is_none_or(|entry| entry.device.lifecycle == Lifecycle::Decommissioned)
    }

    /// Starts up to `more` devices under free numbers. Returns how many.
    async fn add(&mut self, taken: &BTreeSet<u16>, more: usize) -> Result<usize, AppError> {
        ensure_type(self.app(), &self.by).await?;
        let mut free = (1..=LAST).filter(|number| !taken.contains(number));
        let mut added = 0;
        while added < more {
            let numbers: Vec<u16> = free.by_ref().take(more - added).collect();
            if numbers.is_empty() {
                break;
            }
            let app = self.app().clone();
            let prepared = join_all(numbers.into_iter().map(|number| prepare(&app, &self.by, number))).await;
            for one in prepared {
                if let Some(prepared) = one? {
                    self.play(prepared)?;
                    added += 1;
                }
            }
        }
        self.played.sort_by_key(|played| played.number);
        Ok(added)
    }

    fn play(&mut self, prepared: Prepared) -> Result<(), AppError> {
        let Prepared { device, name, id, credential } = prepared;
        let stop = self.simulation.0.tasks.stop().child_token();
        let running =
            self.simulator.play(&device, &self.port, stop.clone()).map_err(AppError::Unavailable)?;
        let (tell, ended) = oneshot::channel::<()>();
        self.simulation.0.tasks.spawn(async move {
            running.await;
            drop(tell);
        });
        self.played.push(Played { number: device.number, name, id, credential, stop, ended });
        Ok(())
    }

    /// Lets devices say goodbye, and takes their certificates away.
    async fn retire(&self, played: Vec<Played>) {
        if played.is_empty() {
            return;
        }
        for one in &played {
            one.stop.cancel();
        }
        let (waits, certificates): (Vec<_>, Vec<_>) =
            played.into_iter().map(|one| (one.ended, (one.name, one.credential))).unzip();
        if tokio::time::timeout(GOODBYE, join_all(waits)).await.is_err() {
            tracing::warn!("not every simulated device said goodbye in time");
        }
        let revoked = stream::iter(certificates).map(|(name, credential)| async move {
            let reason = "the simulated device has ended";
            match self.app().credential_revoke(&self.by, credential, reason).await {
                Ok(_) | Err(AppError::NotFound { .. }) => {}
                Err(error) => tracing::warn!(
                    device.name = %name, error = %chain(&error),
                    "the certificate of a simulated device could not be revoked; it is when the device is simulated again"
                ),
            }
        });
        revoked.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }
}

/// A device that is registered and has a certificate of which nobody else has the key.
struct Prepared {
    device: SimulatedDevice,
    name: DeviceName,
    id: DeviceId,
    credential: CredentialId,
}

/// Makes the type of simulated devices if it is not there.
async fn ensure_type(app: &App, by: &Principal) -> Result<(), AppError> {
    let name: TypeName = WORD.parse().map_err(|error| AppError::invalid("type", error))?;
    match app.type_get(by, &name).await {
        Err(AppError::NotFound { .. }) => {}
        known => return known.map(drop),
    }
    let spec = NewTypeSpec {
        description: "Simulated by this server".to_owned(),
        contact_interval: Some(Duration::from_secs(60)),
        version_sources: Some(vec![VersionSource::Reported("firmware.version".to_owned())]),
        verify_timeout: Some(Duration::from_secs(60)),
        ..NewTypeSpec::default()
    };
    match app.type_create(by, WORD, spec).await {
        Ok(_) | Err(AppError::Exists { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_simulated(view: &DeviceView) -> bool {
    view.type_name.as_ref().is_some_and(|name| name.as_str() == WORD)
        && view.device.tags.iter().any(|tag| tag.as_str() == WORD)
        && view.device.lifecycle.may_connect()
}

/// Registers a device, or finds the one of an earlier run, and gives it a certificate. None where the name is taken.
async fn prepare(app: &App, by: &Principal, number: u16) -> Result<Option<Prepared>, AppError> {
    let text = format!("sim-{number:04}");
    let name: DeviceName = text.parse().map_err(|error| AppError::invalid("name", error))?;
    let view = match app.device_get(by, &name) {
        Ok(known) if !is_simulated(&known) => return Ok(None),
        Ok(known) => {
            // Keys of an earlier run are gone with its process.
            for old in app.credential_list(by, &name).await? {
                if old.ended.is_none() {
                    app.credential_revoke(by, old.id, "the key ended with an earlier simulation").await?;
                }
            }
            known
        }
        Err(AppError::NotFound { .. }) => {
            let spec = DeviceSpec {
                device_type: Some(WORD.to_owned()),
                tags: BTreeSet::from([WORD.to_owned()]),
                ..DeviceSpec::default()
            };
            match app.device_create(by, NewDevice { name: text, spec }).await {
                Ok(made) => made,
                Err(AppError::Exists { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Err(error) => return Err(error),
    };
    let made = app.credential_generate(by, &name).await?;
    Ok(Some(Prepared {
        device: SimulatedDevice {
            number,
            name: name.to_string(),
            certificate_pem: made.chain_pem,
            key_pem: made.private_key_pem,
        },
        id: view.device.id,
        credential: made.credential.id,
        name,
    }))
}
