use std::time::Duration;

use windlass_domain::alert::AlertKind;
use windlass_domain::event::Severity;
use windlass_domain::ids::ChannelName;
use windlass_domain::notify::Interest;

use super::*;
use crate::testing::{START, on_each_engine};

const TENANT: TenantId = TenantId::new(1);

fn spec(target: Target) -> ChannelSpec {
    let interest = Interest { alerts: vec![AlertKind::DiskLow], minimum: Severity::Warning };
    ChannelSpec { target, interest, enabled: true }
}

fn webhook() -> ChannelSpec {
    let key = SigningKey(b"a key of twenty-four byte".to_vec());
    spec(Target::Webhook { url: "https://hooks.example/x".to_owned(), key })
}

fn name(text: &str) -> ChannelName {
    text.parse().unwrap()
}

fn new(channel: ChannelId, message: &str) -> NewDelivery {
    NewDelivery {
        tenant: TENANT,
        channel,
        alert: Some(AlertId::new(7)),
        message: message.to_owned(),
        telling: Telling::Opened,
        payload: "{}".to_owned(),
        tries: 0,
        not_before: START,
    }
}

#[tokio::test]
async fn a_channel_reads_back_as_written_and_is_its_tenants() {
    on_each_engine("channels", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let made = channel_put(tx, TENANT, &name("hook"), &webhook(), START).await?;
                    assert_eq!((made.version, &made.spec, &made.last), (1, &webhook(), &None));
                    assert_eq!(channel_by_name(tx, TenantId::new(2), &name("hook")).await?, None);
                    let mail = spec(Target::Email { to: vec!["ops@example.com".parse().unwrap()] });
                    let replaced = channel_put(tx, TENANT, &name("hook"), &mail, START).await?;
                    assert_eq!((replaced.id, replaced.version, &replaced.spec), (made.id, 2, &mail));
                    channel_tried(tx, made.id, DeliveryState::Failed, "no answer", START).await?;
                    let tried = channel_by_id(tx, made.id).await?.unwrap();
                    assert_eq!(tried.last, Some((START, DeliveryState::Failed, "no answer".to_owned())));
                    assert_eq!(tried.version, 2);
                    assert_eq!(channel_list(tx, TENANT).await?, [tried]);
                    put(tx, &new(made.id, "m"), START).await?;
                    channel_delete(tx, made.id).await?;
                    assert!(channel_list(tx, TENANT).await?.is_empty());
                    assert_eq!(count_waiting(tx).await?, 0);
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_notification_is_begun_before_it_is_sent_and_comes_again_until_it_ends() {
    on_each_engine("outbox", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let channel = channel_put(tx, TENANT, &name("hook"), &webhook(), START).await?.id;
                    let quiet = channel_put(tx, TENANT, &name("quiet"), &webhook(), START).await?.id;
                    let first = put(tx, &new(channel, "m1"), START).await?;
                    let second = put(tx, &new(channel, "m2"), START).await?;
                    assert_eq!(channels_due(tx, START, 10).await?, [channel]);
                    let later = START.plus(Duration::from_secs(5));
                    let begun = begin(tx, channel, later, START).await?.unwrap();
                    assert_eq!((begun.id, begun.tries, begun.message.as_str()), (first, 1, "m1"));
                    assert_eq!(begin(tx, channel, later, START).await?.unwrap().id, second);
                    assert_eq!(begin(tx, channel, later, START).await?, None, "both were begun");
                    assert!(channels_due(tx, START, 10).await?.is_empty());
                    let again = begin(tx, channel, later, later).await?.unwrap();
                    assert_eq!((again.id, again.tries), (first, 2), "as after a crash");
                    finish(tx, first, DeliveryState::Delivered, later, None, later).await?;
                    finish(tx, second, DeliveryState::Waiting, later, Some("no answer"), later).await?;
                    let all = list(tx, channel, i64::MAX, 10).await?;
                    let states: Vec<_> = all.iter().map(|one| (one.id, one.state, one.ended_at)).collect();
                    let wanted = [
                        (second, DeliveryState::Waiting, None),
                        (first, DeliveryState::Delivered, Some(later)),
                    ];
                    assert_eq!(states, wanted);
                    assert_eq!(count_waiting(tx).await?, 1);
                    assert_eq!(expire(tx, later.plus(Duration::from_secs(1)), 10).await?, 1);
                    assert!(list(tx, quiet, i64::MAX, 10).await?.is_empty());
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_not_told_one_by_one_is_counted_until_it_is_begun() {
    on_each_engine("outbox-rest", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let channel = channel_put(tx, TENANT, &name("hook"), &webhook(), START).await?.id;
                    put(tx, &new(channel, "m1"), START).await?;
                    let before = START.minus(Duration::from_secs(60));
                    assert_eq!(told_since(tx, channel, before).await?, 1);
                    assert_eq!(told_since(tx, channel, START).await?, 0);
                    assert_eq!(rest_waiting(tx, channel).await?, None);
                    let rest = NewDelivery { alert: None, telling: Telling::More, ..new(channel, "m2") };
                    let id = put(tx, &rest, START).await?;
                    rest_count(tx, id, "{\"opened\":{}}").await?;
                    assert_eq!(rest_waiting(tx, channel).await?.unwrap().payload, "{\"opened\":{}}");
                    assert_eq!(told_since(tx, channel, before).await?, 1, "the rest is not one of them");
                    begin(tx, channel, START, START).await?;
                    finish(tx, DeliveryId::new(id.get() - 1), DeliveryState::Delivered, START, None, START)
                        .await?;
                    assert_eq!(begin(tx, channel, START, START).await?.unwrap().id, id);
                    assert_eq!(rest_waiting(tx, channel).await?, None, "it may be out already");
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}
