use std::time::Duration;

use windlass_domain::alert::Expected;

use super::*;
use crate::testing::{START, on_each_engine};

fn overdue(device: i64) -> Condition {
    let name = format!("pump-{device}").parse().unwrap();
    Condition::device_overdue(
        DeviceId::new(device),
        &name,
        Some(START),
        Expected::ByType(Duration::from_secs(60)),
    )
}

const TENANT: TenantId = TenantId::new(1);

#[tokio::test]
async fn a_condition_has_one_alert_until_it_ends_and_then_may_have_another() {
    on_each_engine("alerts", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let first = open(tx, TENANT, &overdue(1), START).await?.unwrap();
                    assert_eq!(open(tx, TENANT, &overdue(1), START).await?, None);
                    assert!(open(tx, TenantId::new(2), &overdue(1), START).await?.is_some());
                    let noted = standing(tx, TENANT, AlertKind::DeviceOverdue, 0, 10).await?;
                    assert_eq!(noted, [(first.id, overdue(1).about, overdue(1).detail)]);
                    let later = START.plus(Duration::from_secs(1));
                    let closed = end(tx, first.id, "heard again", later).await?.unwrap();
                    assert_eq!(closed.closed, Some((later, "heard again".to_owned())));
                    assert_eq!(end(tx, first.id, "again", later).await?, None);
                    let second = open(tx, TENANT, &overdue(1), later).await?.unwrap();
                    assert!(second.id > first.id);
                    assert_eq!(count_open(tx, TENANT).await?, 1);
                    assert_eq!(count_all_open(tx).await?, 2);
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_alert_closed_by_hand_stays_closed_while_its_condition_goes_on() {
    on_each_engine("alerts-hand", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let id = open(tx, TENANT, &overdue(1), START).await?.unwrap().id;
                    assert_eq!(close(tx, TenantId::new(2), id, "not mine", START).await?, None);
                    assert_eq!(acknowledge(tx, TenantId::new(2), id, "eve", START).await?, None);
                    let known = acknowledge(tx, TENANT, id, "olga", START).await?.unwrap();
                    assert_eq!(known.acknowledged, Some((START, "olga".to_owned())));
                    assert_eq!(acknowledge(tx, TENANT, id, "omar", START).await?, None);
                    assert!(close(tx, TENANT, id, "known", START).await?.is_some());
                    assert_eq!(close(tx, TENANT, id, "twice", START).await?, None);
                    assert_eq!(open(tx, TENANT, &overdue(1), START).await?, None, "it goes on");
                    let far = START.plus(Duration::from_secs(1_000));
                    assert_eq!(expire(tx, far, 10).await?, 0, "it is still needed");
                    assert_eq!(end(tx, id, "over", START).await?, None, "nobody is told twice");
                    assert_eq!(by_id(tx, TENANT, id).await?.unwrap().closed.unwrap().1, "known");
                    assert_eq!(expire(tx, far, 10).await?, 1);
                    assert!(open(tx, TENANT, &overdue(1), START).await?.is_some());
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn lists_are_narrowed_by_state_kind_and_device() {
    on_each_engine("alerts-list", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let one = open(tx, TENANT, &overdue(1), START).await?.unwrap().id;
                    let two = open(tx, TENANT, &overdue(2), START).await?.unwrap().id;
                    let disk = open(tx, TENANT, &Condition::disk_low(), START).await?.unwrap().id;
                    close(tx, TENANT, two, "known", START).await?;
                    let mut found = Vec::new();
                    for pick in [
                        Pick::default(),
                        Pick { open: Some(true), ..Pick::default() },
                        Pick { open: Some(false), ..Pick::default() },
                        Pick { kind: Some(AlertKind::DeviceOverdue), ..Pick::default() },
                        Pick { device: Some(DeviceId::new(2)), ..Pick::default() },
                        Pick { device: Some(DeviceId::new(2)), open: Some(true), ..Pick::default() },
                        Pick { kind: Some(AlertKind::BackupFailed), open: Some(true), ..Pick::default() },
                    ] {
                        let page = list(tx, TENANT, &pick, i64::MAX, 10).await?;
                        found.push(page.iter().map(|alert| alert.id).collect::<Vec<_>>());
                    }
                    let wanted = [
                        vec![disk, two, one],
                        vec![disk, one],
                        vec![two],
                        vec![two, one],
                        vec![two],
                        vec![],
                        vec![],
                    ];
                    assert_eq!(found, wanted);
                    let below = list(tx, TENANT, &Pick::default(), disk.get(), 1).await?;
                    assert_eq!(below[0].id, two);
                    assert!(list(tx, TenantId::new(2), &Pick::default(), i64::MAX, 10).await?.is_empty());
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}
