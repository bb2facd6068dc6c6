//! Whom a look at a filter's targets judges: those that its job would leave out get none, and are looked at again. Where there
//! are very many of them, a look goes on where the last one ended.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use windlass_domain::ids::DeviceId;
use windlass_domain::permission::{Permission, Principal};

use super::AT_ONCE;
use crate::App;
use crate::error::AppError;
use crate::jobs::NewJob;
use crate::jobs::preview::with_work;

/// Targets of one filter that one look judges.
const JUDGED: usize = 5_000;
/// Filters of which is remembered how far the last look came.
const REMEMBERED: usize = 10_000;

/// How far the last look at the targets of each filter came that did not come to the end.
#[derive(Debug, Default)]
pub(crate) struct FilterLooks(Mutex<HashMap<i64, DeviceId>>);

impl FilterLooks {
    fn after(&self, filter: i64) -> DeviceId {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(&filter).copied().unwrap_or(DeviceId::new(0))
    }

    fn note(&self, filter: i64, last: Option<DeviceId>) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match last {
            None => drop(looks.remove(&filter)),
            Some(_) if looks.len() >= REMEMBERED && !looks.contains_key(&filter) => {}
            Some(last) => drop(looks.insert(filter, last)),
        }
    }
}

/// Some of these devices, from the first one after `after` on, and from the start again.
fn in_turn(mut devices: Vec<DeviceId>, after: DeviceId, most: usize) -> Vec<DeviceId> {
    devices.sort_unstable();
    let first = devices.partition_point(|device| *device <= after);
    devices.rotate_left(first);
    devices.truncate(most);
    devices
}

impl App {
    /// Those of these devices that a filter's job would give work, as many as one takes. Where there are many that it would not,
    /// a look goes on where the last one ended.
    pub(super) async fn hawkbit_ready(
        &self,
        by: &Principal,
        filter: i64,
        new: NewJob,
        devices: Vec<DeviceId>,
    ) -> Result<Vec<DeviceId>, AppError> {
        let all = devices.len();
        let devices = in_turn(devices, self.filter_looks.after(filter), JUDGED);
        let judged = devices.clone();
        let (ready, looked) = self
            .hawkbit_read(by, Permission::ReleaseRead, move |cx, tx| {
                let (new, devices) = (new.clone(), judged.clone());
                Box::pin(async move { with_work(tx, &cx.app, &cx.by, &new, &devices, AT_ONCE, cx.now).await })
            })
            .await?;
        let last = looked.checked_sub(1).and_then(|last| devices.get(last)).copied();
        self.filter_looks.note(filter, last.filter(|_| looked < all));
        Ok(ready)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_did_not_come_to_the_end_is_gone_on_with() {
        let looks = FilterLooks::default();
        assert_eq!(looks.after(7), DeviceId::new(0));
        looks.note(7, Some(DeviceId::new(5)));
        assert_eq!((looks.after(7), looks.after(8)), (DeviceId::new(5), DeviceId::new(0)));
        looks.note(7, None);
        assert_eq!(looks.after(7), DeviceId::new(0));

        let devices = |ids: &[i64]| ids.iter().map(|id| DeviceId::new(*id)).collect::<Vec<_>>();
        for (after, most, turn) in [
            (0, 2, vec![1, 3]),
            (3, 2, vec![5, 9]),
            (4, 3, vec![5, 9, 1]),
            (9, 9, vec![1, 3, 5, 9]),
            (99, 1, vec![1]),
        ] {
            assert_eq!(
                in_turn(devices(&[9, 1, 5, 3]), DeviceId::new(after), most),
                devices(&turn),
                "{after}"
            );
        }
    }
}
