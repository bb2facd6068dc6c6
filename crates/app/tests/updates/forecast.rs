//! The dry run: what would come of a rollout wave by wave, and when it would be through.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_app::jobs::preview::Preview;
use windlass_app::jobs::{Begin, NewJob};
use windlass_app::releases::{NewComponent, NewRelease, NewRules};
use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::job::{
    Amount, DownloadRate, MaintenanceWindow, Outcome, RolloutPolicy, SuccessThreshold, Timeouts, Wave,
};
use windlass_domain::permission::{Principal, Role};
use windlass_domain::time::Timestamp;

use crate::ddi::{RAUC, poll, world};
use crate::world::{START, World, update_job};

const HOUR: u64 = 3600;

fn after(seconds: u64) -> Option<Timestamp> {
    Some(START.plus(Duration::from_secs(seconds)))
}

async fn preview(world: &World, new: NewJob) -> Preview {
    world.app().job_preview(&world.by, new).await.unwrap()
}

/// Devices of no type, each heard so many seconds after midnight, in the fleet index.
async fn heard(world: &mut World, seconds: &[u64]) -> Vec<String> {
    let names = world.devices(seconds.len()).await;
    world.refresh().await;
    for (name, seconds) in names.iter().zip(seconds) {
        world.app().live.seen(world.peer(name).device, START.plus(Duration::from_secs(*seconds)));
    }
    names
}

fn reasons(preview: &Preview) -> Vec<(&str, u64)> {
    preview.clusters.iter().map(|cluster| (cluster.reason.as_str(), cluster.count)).collect()
}

async fn told(world: &World, polling: &str) {
    let admin = Principal::user(world.tenant, "root", Role::Admin);
    let value = Some(SettingValue::Text(polling.to_owned()));
    world.app().settings_set(&admin, BTreeMap::from([(SettingKey::PollingTime, value)])).await.unwrap();
    poll(world, RAUC).await;
}

#[tokio::test]
async fn a_device_is_expected_by_the_time_that_it_was_told_to_poll_again() {
    let new = || update_job("1", &["d1".to_owned()]);
    let seldom = world().await;
    told(&seldom, "06:00:00").await;
    seldom.advance(3 * HOUR);
    let found = preview(&seldom, new()).await;
    assert_eq!((found.silent, found.expected_end()), (0, after(6 * HOUR)), "{found:?}");
    assert_eq!(reasons(&found), [("would be offered work at once", 1)]);
    seldom.advance(13 * HOUR);
    let found = preview(&seldom, new()).await;
    assert_eq!((found.silent, found.expected_end()), (1, None), "it missed more than one poll");
    let often = world().await;
    told(&often, "00:00:30").await;
    let end = preview(&often, new()).await.expected_end();
    assert!(end.is_some_and(|end| end <= START.plus(Duration::from_secs(60))), "{end:?}");
}

#[tokio::test]
async fn few_devices_at_once_take_as_many_contacts_as_there_are_rounds() {
    let mut world = World::new().await;
    let names = heard(&mut world, &[0, 0, 0, 0, 0]).await;
    world.release("2.0", &[]).await;
    let with = |concurrency: Option<u64>| NewJob {
        rollout: RolloutPolicy { concurrency, ..RolloutPolicy::default() },
        ..update_job("2.0", &names)
    };
    assert_eq!(preview(&world, with(None)).await.expected_end(), after(HOUR));
    assert_eq!(preview(&world, with(Some(5))).await.expected_end(), after(HOUR));
    assert_eq!(preview(&world, with(Some(2))).await.expected_end(), after(3 * HOUR));
    assert_eq!(preview(&world, with(Some(1))).await.expected_end(), after(5 * HOUR));
}

#[tokio::test]
async fn a_slow_download_rate_moves_the_expected_end_and_counts_for_each_share() {
    let mut world = World::new().await;
    let names = heard(&mut world, &[0, 0, 0]).await;
    let big = world.artifact("big.bin", &vec![7; 40 * 1024]).await.unwrap();
    let component = NewComponent {
        name: "app".to_owned(),
        version: "2.0".to_owned(),
        component_type: "application".to_owned(),
        artifacts: vec![big.id.get(); 1],
    };
    world.app().component_create(&world.by, component).await.unwrap();
    let release = NewRelease {
        name: "fw".to_owned(),
        version: "2.0".to_owned(),
        components: vec![("app".to_owned(), "2.0".to_owned()).into()],
        device_types: Vec::new(),
        notes: String::new(),
        rules: NewRules::default(),
    };
    world.app().release_create(&world.by, release).await.unwrap();
    let with = |bytes_per_second: u64, by: Option<&str>| NewJob {
        rollout: RolloutPolicy {
            download_rate: Some(DownloadRate { bytes_per_second, by: by.map(|key| key.parse().unwrap()) }),
            // One hour before the last contact, so that the rate decides.
            ..RolloutPolicy::default()
        },
        ..update_job("2.0", &names)
    };
    for name in &names {
        world.app().live.seen(world.peer(name).device, START);
    }
    world.advance(HOUR - 10);
    // Everybody is heard in ten seconds; three times 40 s of download follow one another.
    let base = HOUR - 10;
    assert_eq!(preview(&world, with(1024, None)).await.expected_end(), after(base + 120));
    assert_eq!(preview(&world, with(1_000_000, None)).await.expected_end(), after(HOUR));
    world.attribute(&names[0], "site", "a").await;
    assert_eq!(preview(&world, with(1024, Some("site"))).await.expected_end(), after(base + 80));
}

#[tokio::test]
async fn a_window_and_the_waves_before_count_into_the_expected_end() {
    let mut world = World::new().await;
    let names = heard(&mut world, &[600, 300]).await;
    world.release("2.0", &[]).await;
    let window = MaintenanceWindow {
        schedule: "0 2 * * *".parse().unwrap(),
        duration: Duration::from_secs(2 * HOUR),
        zone: None,
    };
    world.advance(700);
    let new = NewJob {
        waves: vec![Wave::from(Amount::Count(1))],
        rollout: RolloutPolicy { window: Some(window), ..RolloutPolicy::default() },
        ..update_job("2.0", &names)
    };
    let found = preview(&world, new.clone()).await;
    assert_eq!(found.waves, [1, 1]);
    // The first is heard at ten minutes past the hour, the second at five past the next one.
    assert_eq!(found.expected_end(), after(3 * HOUR + 300));
    assert_eq!(
        reasons(&found),
        [("would be offered work when its wave begins", 1), ("would wait for its maintenance window", 1)]
    );
    // In Tokyo that window opens at 17:00 UTC.
    world.attribute(&names[0], "timezone", "Asia/Tokyo").await;
    let end = preview(&world, new).await.expected_end().unwrap();
    assert!(end > START.plus(Duration::from_secs(17 * HOUR)), "{end}");
}

#[tokio::test]
async fn a_wave_that_waits_for_silent_devices_holds_the_next_one_back() {
    let mut world = World::new().await;
    let names = world.devices(3).await;
    world.refresh().await;
    for name in &names[1..] {
        world.app().live.seen(world.peer(name).device, START);
    }
    world.release("2.0", &[]).await;
    let with = |success: Option<SuccessThreshold>| NewJob {
        waves: vec![Wave::from(Amount::Count(2))],
        timeouts: Timeouts { queued: Duration::from_secs(10 * HOUR + 60), ..Timeouts::default() },
        rollout: RolloutPolicy { success, ..RolloutPolicy::default() },
        ..update_job("2.0", &names)
    };
    let found = preview(&world, with(None)).await;
    assert_eq!((found.silent, found.expected_end()), (1, after(11 * HOUR)), "{found:?}");
    let half = preview(&world, with(Some(SuccessThreshold { percent: 50 }))).await;
    assert_eq!(half.expected_end(), after(HOUR), "one of two is enough: both waves are heard at one");
}

#[tokio::test]
async fn a_job_that_does_not_begin_at_once_does_not_say_so() {
    let mut world = World::new().await;
    let names = heard(&mut world, &[0]).await;
    world.release("2.0", &[]).await;
    let at = START.plus(Duration::from_secs(5 * HOUR + 1));
    let approval = RolloutPolicy { approval: true, ..RolloutPolicy::default() };
    for (new, words, end) in [
        (update_job("2.0", &names), "would be offered work at once", HOUR),
        (NewJob { begin: Begin::Manually, ..update_job("2.0", &names) }, "once it is started", HOUR),
        (NewJob { begin: Begin::At(at), ..update_job("2.0", &names) }, "once it starts", 6 * HOUR),
        (NewJob { rollout: approval, ..update_job("2.0", &names) }, "once it is approved", HOUR),
    ] {
        let found = preview(&world, new).await;
        let cluster = &found.clusters[0];
        assert_eq!(cluster.outcome, Outcome::Open);
        assert!(cluster.reason.ends_with(words), "{}", cluster.reason);
        assert_eq!(found.expected_end(), after(end), "{words}");
    }
}
