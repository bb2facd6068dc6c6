use std::collections::BTreeMap;

use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_store::testing::feed_is_whole;

use crate::devices::NewDevice;
use crate::enrol::bench::Bench;
use crate::error::AppError;

fn flag(key: SettingKey) -> BTreeMap<SettingKey, Option<SettingValue>> {
    BTreeMap::from([(key, Some(SettingValue::Flag(true)))])
}

#[tokio::test]
async fn settings_that_are_at_hand_follow_every_change() {
    for bench in Bench::each("ddi-settings").await {
        let (app, tenant) = (&bench.app, bench.admin.tenant);
        assert!(!app.settings_of(tenant).await.unwrap().authentication.target_token);
        app.settings_set(&bench.admin, flag(SettingKey::TargetTokenEnabled)).await.unwrap();
        assert!(app.settings_of(tenant).await.unwrap().authentication.target_token);
        assert_eq!(bench.actions().await, ["settings.change"]);
        let bad = BTreeMap::from([
            (SettingKey::ConfirmationFlow, Some(SettingValue::Flag(true))),
            (SettingKey::PollingTime, Some(SettingValue::Text("soon".to_owned()))),
        ]);
        assert!(matches!(app.settings_set(&bench.admin, bad).await, Err(AppError::Invalid(_))));
        assert!(!app.settings_of(tenant).await.unwrap().confirmation, "nothing is set where one is wrong");
    }
}

#[tokio::test]
async fn another_token_ends_the_one_before_and_a_decommissioned_device_has_none() {
    for bench in Bench::each("ddi-token").await {
        let (app, by) = (&bench.app, &bench.admin);
        let new = NewDevice { name: "pump-1".to_owned(), spec: crate::devices::DeviceSpec::default() };
        let device = app.device_create(by, new).await.unwrap().device;
        let first = app.device_token_offer(by, &device.name, None).await.unwrap().token;
        let known = app.token_of(device.id).await.unwrap().unwrap();
        assert_eq!((known.token, known.binding), (first, false));
        let second = app.device_token_set(by, &device.name, Some("second")).await.unwrap().token;
        let known = app.token_of(device.id).await.unwrap().unwrap();
        assert_eq!((known.token, known.binding), (second, true));
        let gone = crate::devices::LifecycleChange::Decommission;
        app.device_lifecycle(by, &device.name, gone, None).await.unwrap();
        // As the follower of the change feed does all the time.
        feed_is_whole(&app.store).await.unwrap();
        let changes = app.store.changes_after(0, 1_000).await.unwrap();
        app.ddi.follow(&changes);
        assert_eq!(app.token_of(device.id).await.unwrap(), None);
        assert!(app.device_token_set(by, &device.name, None).await.is_err());
    }
}
