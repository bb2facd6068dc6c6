//! How it is told: nothing lost, nothing told too often, and no channel in the way of another.

use windlass_domain::notify::{DeliveryState, Telling};

use super::*;

#[tokio::test]
async fn an_outage_of_a_whole_fleet_is_a_handful_of_messages() {
    let bench = Bench::new().await;
    bench.webhook("hook").await;
    let ids = bench.devices(600).await;
    bench.advance(SILENCE);
    bench.look().await;
    bench.send().await;
    assert_eq!(bench.receiver.take().len(), 20);
    bench.advance(61);
    bench.send().await;
    let rest = bench.receiver.take();
    let [Outgoing::Webhook(call)] = rest.as_slice() else { panic!("{rest:?}") };
    let body: serde_json::Value = serde_json::from_str(&call.body).unwrap();
    assert_eq!(body["opened"]["deviceOverdue"], 580);
    assert_eq!(body["detail"], "and 580 more alerts opened (deviceOverdue 580)");
    for id in ids {
        bench.app.live.seen(id, bench.app.clock.now());
    }
    bench.look().await;
    bench.advance(61);
    bench.send().await;
    assert_eq!(bench.receiver.take().len(), 21, "the end of it is no flood either");
    assert!(bench.alerts(Some(true)).await.is_empty());
}

#[tokio::test]
async fn a_crash_between_any_two_steps_loses_nothing_and_repeats_under_the_same_id() {
    let mut bench = Bench::new().await;
    let put = bench.webhook("hook").await;
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    bench.crash().await;
    // Begun, and the server dies before anything is sent.
    let (id, now) = (put.channel.id, bench.app.clock.now());
    let again = now.plus(Duration::from_secs(90));
    let begun = bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| Box::pin(windlass_store::outbox::begin(tx, id, again, now)))
        .await
        .unwrap()
        .unwrap();
    bench.crash().await;
    bench.send().await;
    assert!(bench.receiver.take().is_empty(), "it may be under way elsewhere");
    bench.advance(90);
    bench.receiver.down.store(true, Ordering::Relaxed);
    bench.send().await;
    assert_eq!(bench.receiver.events(), [(begun.message.clone(), "alert.opened".to_owned())]);
    bench.crash().await;
    bench.receiver.down.store(false, Ordering::Relaxed);
    bench.advance(30);
    bench.send().await;
    assert_eq!(bench.receiver.events(), [(begun.message.clone(), "alert.opened".to_owned())]);
    bench.crash().await;
    bench.advance(24 * 3_600);
    bench.send().await;
    assert!(bench.receiver.take().is_empty(), "delivered once");
    let all = bench.deliveries("hook").await;
    assert_eq!((all[0].state, all[0].tries, all[0].last_error.as_ref()), (DeliveryState::Delivered, 3, None));
}

#[tokio::test]
async fn a_receiver_that_stays_away_is_given_up_after_a_day() {
    let bench = Bench::new().await;
    bench.webhook("hook").await;
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    bench.receiver.down.store(true, Ordering::Relaxed);
    let mut tries = 0;
    for _ in 0..400 {
        bench.send().await;
        tries += bench.receiver.take().len();
        bench.advance(300);
    }
    assert!((80..=100).contains(&tries), "{tries}");
    let all = bench.deliveries("hook").await;
    assert_eq!((all[0].state, all[0].telling), (DeliveryState::Failed, Telling::Opened));
    let channel = bench.app.channel_get(&bench.by, &"hook".parse().unwrap()).await.unwrap();
    assert_eq!(channel.last.unwrap().2, "it is down");
}

#[tokio::test]
async fn a_channel_that_hangs_holds_up_no_other() {
    let bench = Bench::new().await;
    bench.webhook("a-hangs").await;
    bench.webhook("b-works").await;
    *bench.receiver.hangs_for.lock().unwrap() = Some("https://a-hangs.example/x".to_owned());
    bench.devices(1).await;
    bench.advance(SILENCE);
    bench.look().await;
    let keeper = bench.app.clone().outbox_keeper();
    let arrived = async {
        while bench.receiver.brought.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = keeper => panic!("the sender does not end"),
        () = arrived => {}
    }
    let brought = bench.receiver.take();
    assert!(matches!(&brought[..], [Outgoing::Webhook(call)] if call.url.contains("b-works")), "{brought:?}");
}

#[tokio::test]
async fn a_channel_switched_off_is_told_nothing() {
    let bench = Bench::new().await;
    let put = bench.webhook("hook").await;
    bench.devices(2).await;
    bench.advance(SILENCE);
    bench.look().await;
    let Target::Webhook { url, .. } = put.channel.spec.target else { panic!("a webhook") };
    let target = TargetInput::Webhook { url, secret: None };
    let off = ChannelInput { target, alerts: vec![], minimum: Severity::Info, enabled: false };
    let name = "hook".parse().unwrap();
    bench.app.channel_put(&bench.by, &name, &off, Some(1)).await.unwrap();
    bench.send().await;
    assert!(bench.receiver.take().is_empty());
    assert!(bench.deliveries("hook").await.iter().all(|one| one.state == DeliveryState::Failed));
    let stale = bench.app.channel_put(&bench.by, &name, &off, Some(1)).await;
    assert!(matches!(stale, Err(AppError::VersionMismatch { current: 2 })), "{stale:?}");
    let tested = bench.app.channel_test(&bench.by, &name).await.unwrap();
    assert_eq!(tested.state, DeliveryState::Delivered, "but it can be tried out");
    assert_eq!(bench.receiver.events()[0].1, "test");
    bench.app.channel_delete(&bench.by, &name).await.unwrap();
    assert!(matches!(bench.app.channel_delete(&bench.by, &name).await, Err(AppError::NotFound { .. })));
}
