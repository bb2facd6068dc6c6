//! The dry run device by device: everybody in the order of waves, and what other updates mean for it.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_app::AppError;
use windlass_app::jobs::preview::{Expected, Preview, PreviewDevice, PreviewPage, PreviewPick};
use windlass_app::jobs::{NewJob, NewTargets};
use windlass_domain::job::{
    Amount, ExecutionState, MaintenanceWindow, Order, Outcome, Priority, RolloutPolicy, Wave,
};
use windlass_domain::permission::{Principal, Role};
use windlass_domain::time::Timestamp;
use windlass_store::devices;
use windlass_store::devices::NewDevice;

use crate::world::{START, World, update_job};

const HOUR: u64 = 3600;

fn after(seconds: u64) -> Option<Timestamp> {
    Some(START.plus(Duration::from_secs(seconds)))
}

async fn preview(world: &World, new: &NewJob) -> Preview {
    world.app().job_preview(&world.by, new.clone()).await.unwrap()
}

async fn page(world: &World, new: &NewJob, pick: PreviewPick) -> PreviewPage {
    world.app().job_preview_devices(&world.by, new.clone(), pick).await.unwrap()
}

/// The whole list in pages of so many.
async fn list(world: &World, new: &NewJob, pick: PreviewPick) -> Vec<PreviewDevice> {
    let (mut all, mut pick) = (Vec::new(), pick);
    for _ in 0..1_000 {
        let found = page(world, new, pick.clone()).await;
        assert!(found.devices.len() <= pick.limit);
        all.extend(found.devices);
        match found.next {
            Some(next) => pick.after = Some(next),
            None => return all,
        }
    }
    panic!("the list has no end");
}

fn every(limit: usize) -> PreviewPick {
    PreviewPick { limit, ..PreviewPick::default() }
}

/// Devices that were heard at midnight, and are every hour.
async fn heard(world: &mut World, count: usize) -> Vec<String> {
    let names = world.devices(count).await;
    world.refresh().await;
    for name in &names {
        world.app().live.seen(world.peer(name).device, START);
    }
    names
}

fn ranked(priority: u16, supersede: bool) -> RolloutPolicy {
    RolloutPolicy { priority: Priority::new(priority).unwrap(), supersede, ..RolloutPolicy::default() }
}

#[tokio::test]
async fn the_list_has_every_device_in_the_order_of_waves_and_agrees_with_the_clusters() {
    for mut world in World::each("dry-list").await {
        let names = heard(&mut world, 7).await;
        world.release("2.0", &[]).await;
        let admin = Principal::user(world.tenant, "anna", Role::Admin);
        let suspend = windlass_app::devices::LifecycleChange::Suspend;
        world.app().device_lifecycle(&admin, &names[4].parse().unwrap(), suspend, None).await.unwrap();
        for order in [Order::Registered, Order::Random] {
            let new = NewJob {
                waves: vec![Wave::from(Amount::Count(2)), Wave::from(Amount::Count(3))],
                rollout: RolloutPolicy { order, ..RolloutPolicy::default() },
                ..update_job("2.0", &names)
            };
            let whole = page(&world, &new, every(1_000)).await;
            assert_eq!((whole.total, whole.next.is_none()), (Some(7), true));
            let waves: Vec<u32> = whole.devices.iter().map(|one| one.wave).collect();
            assert_eq!(waves, [0, 0, 1, 1, 1, 2, 2]);
            let mut seen: Vec<&str> = whole.devices.iter().map(|one| one.device.as_str()).collect();
            if new.rollout.order == Order::Registered {
                assert_eq!(seen, names);
            }
            seen.sort_unstable();
            assert_eq!(seen, names);
            for limit in [1, 2, 3, 7] {
                assert_eq!(list(&world, &new, every(limit)).await, whole.devices, "in pages of {limit}");
            }
            let mut counted: BTreeMap<(&str, &str), u64> = BTreeMap::new();
            for one in &whole.devices {
                *counted.entry((one.outcome.as_str(), &one.reason)).or_default() += 1;
            }
            let found = preview(&world, &new).await;
            let clusters = found.clusters.iter().map(|one| ((one.outcome.as_str(), &*one.reason), one.count));
            assert_eq!(counted, clusters.collect::<BTreeMap<_, _>>());
            for cluster in &found.clusters {
                let pick = PreviewPick {
                    outcome: Some(cluster.outcome),
                    reason: Some(cluster.reason.clone()),
                    ..every(2)
                };
                let of_cluster = list(&world, &new, pick).await;
                let wanted = whole.devices.iter().filter(|one| one.reason == cluster.reason);
                assert_eq!(of_cluster, wanted.cloned().collect::<Vec<_>>());
            }
            let moved: u64 = whole.devices.iter().map(|one| one.bytes).sum();
            assert_eq!((moved, found.bytes), (6 * 3, 6 * 3));
        }
    }
}

#[tokio::test]
async fn a_device_begins_when_its_wave_and_its_window_let_it() {
    let mut world = World::new().await;
    let names = heard(&mut world, 3).await;
    world.release("2.0", &[]).await;
    let window = MaintenanceWindow {
        schedule: "0 2 * * *".parse().unwrap(),
        duration: Duration::from_secs(2 * HOUR),
        zone: None,
    };
    world.attribute(&names[1], "timezone", "Asia/Tokyo").await;
    let mut new = NewJob { waves: vec![Wave::from(Amount::Count(2))], ..update_job("2.0", &names) };
    let begins = |devices: Vec<PreviewDevice>| devices.into_iter().map(|one| one.begins).collect::<Vec<_>>();
    let hourly = begins(list(&world, &new, every(1)).await);
    assert_eq!(hourly, [after(0), after(0), after(HOUR)], "the first wave is heard within an hour");
    new.rollout.window = Some(window);
    let nightly = begins(list(&world, &new, every(1)).await);
    // Two o'clock in Tokyo is 17:00 in UTC; the next wave follows in the next night.
    assert_eq!(nightly, [after(2 * HOUR), after(17 * HOUR), after(26 * HOUR)]);
    new.waves[0].pause_after = true;
    let paused = begins(list(&world, &new, every(1)).await);
    assert_eq!(paused, [after(2 * HOUR), after(17 * HOUR), None], "nobody knows when it goes on");
    assert!(preview(&world, &new).await.waits_for_people);
}

#[tokio::test]
async fn a_page_looks_at_so_many_devices_and_the_next_one_goes_on() {
    let world = World::new().await;
    let tenant = world.tenant;
    let pump = world.device_type("pump", Vec::new()).await;
    world
        .write(move |tx| {
            Box::pin(async move {
                for number in 0..5_600 {
                    let device_type = (number == 5_500).then_some(pump);
                    let name = format!("d{number:05}").parse().unwrap();
                    let new = NewDevice { device_type, ..NewDevice::named(tenant, name) };
                    devices::device_insert(tx, &new, START).await?.unwrap();
                }
                Ok(())
            })
        })
        .await;
    world.refresh().await;
    world.release("2.0", &["pump"]).await;
    let new = NewJob { targets: NewTargets::Query("name==d*".to_owned()), ..update_job("2.0", &[]) };
    let pick = PreviewPick { outcome: Some(Outcome::Open), ..every(10) };
    let first = page(&world, &new, pick.clone()).await;
    assert!(first.devices.is_empty() && first.total.is_none(), "{first:?}");
    assert!(first.next.is_some(), "it came early");
    let found = list(&world, &new, pick).await;
    assert_eq!(found.iter().map(|one| one.device.as_str()).collect::<Vec<_>>(), ["d05500"]);
    assert_eq!(list(&world, &new, every(1_000)).await.len(), 5_600);
}

#[tokio::test]
async fn who_may_not_make_a_job_lists_nothing_and_a_scope_holds() {
    let mut world = World::new().await;
    let names = heard(&mut world, 3).await;
    world.attribute(&names[1], "site", "berlin").await;
    world.refresh().await;
    world.release("2.0", &[]).await;
    let query = NewTargets::Query("name==d*".to_owned());
    let new = NewJob { targets: query, ..update_job("2.0", &names) };
    let viewer = Principal::user(world.tenant, "vera", Role::Viewer);
    let refused = world.app().job_preview_devices(&viewer, new.clone(), every(10)).await;
    assert!(matches!(refused, Err(AppError::Forbidden(_))), "{refused:?}");
    let scoped = Principal { scope: Some("attribute.site==berlin".to_owned()), ..world.by.clone() };
    let seen = world.app().job_preview_devices(&scoped, new.clone(), every(10)).await.unwrap();
    assert_eq!(seen.devices.iter().map(|one| &one.device).collect::<Vec<_>>(), [&names[1]]);
    let named = update_job("2.0", &names);
    let refused = world.app().job_preview_devices(&scoped, named, every(10)).await;
    assert!(matches!(refused, Err(AppError::Invalid(_))), "names beyond it are unknown: {refused:?}");
}

#[tokio::test]
async fn an_update_that_goes_first_is_named_and_so_is_one_that_gives_way() {
    for mut world in World::each("dry-others").await {
        let names = heard(&mut world, 4).await;
        for version in ["2.0", "3.0"] {
            world.release(version, &[]).await;
        }
        let old = NewJob { rollout: ranked(900, false), ..update_job("2.0", &names[1..3]) };
        let old = world.create(old).await;
        let paused = NewJob { rollout: ranked(900, false), ..update_job("2.0", &names[3..]) };
        let paused = world.create(paused).await;
        world.settle().await;
        world.app().job_pause(&world.by, paused, None).await.unwrap();
        world.start_next(&names[2]).await;
        let at_once = "would be offered work at once".to_owned();
        let waits = format!("{at_once}, and waits for job {old}, which goes first");
        let instead = |of| format!("{at_once}, in place of the update of job {of}");
        for (rollout, wanted) in [
            (ranked(900, false), [&at_once, &waits, &waits, &at_once]),
            (ranked(1000, false), [&at_once, &at_once, &waits, &at_once]),
            (ranked(900, true), [&at_once, &instead(old), &waits, &instead(paused)]),
            (ranked(800, true), [&at_once, &waits, &waits, &at_once]),
        ] {
            let new = NewJob { rollout, ..update_job("3.0", &names) };
            let seen = list(&world, &new, every(3)).await;
            assert_eq!(seen.iter().map(|one| &one.reason).collect::<Vec<_>>(), wanted);
            for one in &seen {
                assert_eq!(one.begins.is_none(), one.reason == waits, "{one:?}");
                assert_eq!(one.action.is_empty(), one.reason != waits, "{one:?}");
            }
            let behind = wanted.iter().filter(|reason| ***reason == waits).count();
            assert_eq!(preview(&world, &new).await.behind, u64::try_from(behind).unwrap());
        }
        // What really happens is what was said.
        let new = world.create(NewJob { rollout: ranked(900, true), ..update_job("3.0", &names) }).await;
        world.settle().await;
        let states: Vec<_> = world.executions(old).await.iter().map(|one| one.state).collect();
        assert_eq!(states, [ExecutionState::Canceled, ExecutionState::InProgress]);
        assert_eq!(world.executions(paused).await[0].state, ExecutionState::Canceled);
        let why = world.app().job_why(&world.by, new, &names[2]).await.unwrap().why;
        assert!(why.sentence.starts_with(&format!("Another update goes first: job {old};")), "{why:?}");
    }
}

#[tokio::test]
async fn a_job_that_ends_before_its_devices_have_their_turn_says_so() {
    let mut world = World::new().await;
    let names = heard(&mut world, 3).await;
    world.release("2.0", &[]).await;
    let with = |hours: u64, concurrency: Option<u64>| NewJob {
        waves: vec![Wave::from(Amount::Count(1))],
        rollout: RolloutPolicy { ends_at: after(hours * HOUR), concurrency, ..RolloutPolicy::default() },
        ..update_job("2.0", &names)
    };
    let found = preview(&world, &with(3, None)).await;
    assert_eq!(found.expected, Expected::At(START.plus(Duration::from_secs(HOUR))));
    let found = preview(&world, &with(2, Some(1))).await;
    assert_eq!(found.expected, Expected::EndsFirst(START.plus(Duration::from_secs(2 * HOUR))));
    let found = preview(&world, &with(1, None)).await;
    assert_eq!(found.expected, Expected::EndsFirst(START.plus(Duration::from_secs(HOUR))), "{found:?}");
    let seen = list(&world, &with(1, None), every(10)).await;
    let outcomes: Vec<_> = seen.iter().map(|one| (one.outcome, one.bytes)).collect();
    assert_eq!(outcomes, [(Outcome::Open, 3), (Outcome::Canceled, 0), (Outcome::Canceled, 0)]);
    assert_eq!(seen[1].reason, "the job would end before its wave begins");
    let mut nightly = with(1, None);
    nightly.waves.clear();
    nightly.rollout.window = Some(MaintenanceWindow {
        schedule: "0 2 * * *".parse().unwrap(),
        duration: Duration::from_secs(2 * HOUR),
        zone: None,
    });
    let found = preview(&world, &nightly).await;
    assert_eq!(found.clusters[0].reason, "the job would end before its maintenance window opens");
    assert_eq!((found.clusters[0].outcome, found.bytes), (Outcome::Canceled, 0));
    let id = world.create(nightly).await;
    world.settle().await;
    world.advance(HOUR);
    world.settle().await;
    assert!(world.executions(id).await.iter().all(|one| one.state == ExecutionState::Canceled));
}

#[tokio::test]
async fn a_dry_run_without_an_expected_end_says_why() {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.refresh().await;
    world.release("2.0", &[]).await;
    let silent = update_job("2.0", &names);
    assert_eq!(preview(&world, &silent).await.expected, Expected::NobodyHeard);
    let admin = Principal::user(world.tenant, "anna", Role::Admin);
    for name in &names {
        let suspend = windlass_app::devices::LifecycleChange::Suspend;
        world.app().device_lifecycle(&admin, &name.parse().unwrap(), suspend, None).await.unwrap();
    }
    assert_eq!(preview(&world, &silent).await.expected, Expected::NoWork);
}
