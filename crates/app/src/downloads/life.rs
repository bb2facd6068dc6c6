//! Bytes as a sign of life: of devices that fetch and install without a word. Whoever reports keeps the time that its reports
//! give it.
//!
//! Noted now and then, never for each range. What is remembered here only spares questions: all that counts is stored.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use windlass_domain::ids::ExecutionId;
use windlass_domain::job::Execution;
use windlass_domain::time::Timestamp;
use windlass_store::{StoreError, Tx, ddi, downloads, executions, jobs};

use super::lock;
use crate::App;
use crate::jobs::{files_of, release_of};

/// Most between two looks at an execution, and most time between a byte and the note of it.
const NOTED: Duration = Duration::from_secs(5 * 60);
/// Noted at least so many times within the time that an execution has.
const WITHIN: u32 = 4;
/// Who was sent its files so many times over is not helped by more of them.
const TIMES: u64 = 4;
/// Most executions that are remembered; those to be looked at anyway are forgotten first.
const REMEMBERED: usize = 50_000;
/// Executions that one transaction looks at.
const AT_ONCE: usize = 500;

/// When executions are looked at again, by the server's clock.
#[derive(Debug, Default)]
pub(super) struct Lives(Mutex<HashMap<ExecutionId, Timestamp>>);

impl Lives {
    /// Those of them that are to be looked at now.
    fn due(&self, fetched: Vec<ExecutionId>, now: Timestamp) -> Vec<ExecutionId> {
        let held = lock(&self.0);
        fetched.into_iter().filter(|id| held.get(id).is_none_or(|at| *at <= now)).collect()
    }

    fn remember(&self, id: ExecutionId, at: Timestamp, now: Timestamp) {
        let mut held = lock(&self.0);
        if held.len() >= REMEMBERED {
            held.retain(|_, at| *at > now);
            if held.len() >= REMEMBERED {
                held.clear();
            }
        }
        held.insert(id, at);
    }
}

/// What bytes do to an execution.
struct Look {
    before: Execution,
    after: Execution,
    /// It is noted no more often than this.
    every: Duration,
}

impl Look {
    fn is_worth_a_note(&self) -> bool {
        let Self { before, after, every } = self;
        before.phase_due.is_none_or(|due| after.phase_due.is_some_and(|next| next >= due.plus(*every)))
    }
}

/// What bytes do to an execution, if they are all that is heard of its device.
async fn look(tx: &mut Tx<'_>, id: ExecutionId, now: Timestamp) -> Result<Option<Look>, StoreError> {
    let Some(before) = executions::latest_by_id(tx, id).await? else { return Ok(None) };
    let Some(job) = jobs::get_any(tx, before.job).await? else { return Ok(None) };
    let Some(after) = before.fetched(&job.spec.timeouts, now) else { return Ok(None) };
    if !ddi::began_without_a_word(tx, id).await? {
        return Ok(None);
    }
    let Some(release) = release_of(tx, &job).await? else { return Ok(None) };
    let whole: u64 = files_of(&release).map(|artifact| artifact.size).sum();
    let sent: u64 = downloads::of_execution(tx, id).await?.values().map(|sent| sent.bytes).sum();
    if sent > whole.saturating_mul(TIMES) {
        return Ok(None);
    }
    let every = NOTED.min(job.spec.timeouts.whole() / WITHIN);
    Ok(Some(Look { before, after, every }))
}

impl App {
    /// Notes of executions of which bytes went out that their devices live, where nothing else is heard of those.
    pub(super) async fn note_lives(&self, fetched: Vec<ExecutionId>) -> Result<(), StoreError> {
        let now = self.clock.now();
        for ids in self.downloads.lives.due(fetched, now).chunks(AT_ONCE) {
            let asked = ids.to_vec();
            let looked = self
                .store
                .read::<_, StoreError, _>(move |tx| {
                    let ids = asked.clone();
                    Box::pin(async move {
                        let mut looked = Vec::with_capacity(ids.len());
                        for id in ids {
                            let look = look(tx, id, now).await?;
                            looked.push((id, look.as_ref().map(|look| (look.every, look.is_worth_a_note()))));
                        }
                        Ok(looked)
                    })
                })
                .await?;
            let noted: Vec<ExecutionId> = looked
                .iter()
                .filter(|(_, look)| look.is_some_and(|(_, note)| note))
                .map(|(id, _)| *id)
                .collect();
            if !noted.is_empty() {
                self.store
                    .write::<_, StoreError, _>(move |tx| {
                        let ids = noted.clone();
                        Box::pin(async move {
                            for id in ids {
                                if let Some(Look { before, after, .. }) = look(tx, id, now).await? {
                                    executions::update(tx, &before, &after).await?;
                                }
                            }
                            Ok(())
                        })
                    })
                    .await?;
            }
            for (id, look) in looked {
                let every = look.map_or(NOTED, |(every, _)| every);
                self.downloads.lives.remember(id, now.plus(every), now);
            }
        }
        Ok(())
    }
}
