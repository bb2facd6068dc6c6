//! What devices ask of shadows, from request to reply.

use std::time::Duration;

use serde_json::{Value, json};
use windlass_app::shadow::{SentVersions, could_match_delta, note_sent};

use crate::bench::{Bench, Device};

const GET: &str = "$aws/things/pump-1/shadow/get";
const UPDATE: &str = "$aws/things/pump-1/shadow/update";
const DELETE: &str = "$aws/things/pump-1/shadow/delete";

fn pump() -> Device {
    Device::named("pump-1")
}

#[tokio::test]
async fn an_update_is_accepted_then_documents_and_the_remaining_difference_follow() {
    let bench = Bench::start("shadow-update").await;
    let pump = bench.add(pump()).await;
    let desired =
        json!({"state": {"desired": {"color": "red"}, "reported": {"color": "blue"}}, "clientToken": "t"});
    let effects = bench.send(&pump, UPDATE, &desired).await;
    let at = bench.now();

    let [(topic, body)] = &effects.replies[..] else { panic!("{effects:?}") };
    assert_eq!(topic, "$aws/things/pump-1/shadow/update/accepted");
    assert_eq!(
        *body,
        json!({
            "state": {"desired": {"color": "red"}, "reported": {"color": "blue"}},
            "metadata": {"desired": {"color": {"timestamp": at}}, "reported": {"color": {"timestamp": at}}},
            "version": 1, "timestamp": at, "clientToken": "t"
        })
    );
    let [(documents, both), (delta, difference)] = &effects.broadcasts[..] else { panic!("{effects:?}") };
    assert_eq!(documents, "$aws/things/pump-1/shadow/update/documents");
    assert_eq!(both["previous"], json!({"state": {}, "metadata": {}, "version": 0}));
    assert_eq!(both["current"]["state"], desired["state"]);
    assert_eq!(both["current"]["version"], 1);
    assert_eq!(delta, "$aws/things/pump-1/shadow/update/delta");
    assert_eq!(
        *difference,
        json!({
            "state": {"color": "red"}, "metadata": {"color": {"timestamp": at}},
            "version": 1, "timestamp": at, "clientToken": "t"
        })
    );
}

#[tokio::test]
async fn without_a_difference_there_are_documents_but_no_delta() {
    let bench = Bench::start("shadow-same").await;
    let pump = bench.add(pump()).await;
    bench.send(&pump, UPDATE, &json!({"state": {"desired": {"a": 1}}})).await;
    let effects = bench.send(&pump, UPDATE, &json!({"state": {"reported": {"a": 1}}})).await;
    let topics: Vec<_> = effects.broadcasts.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["$aws/things/pump-1/shadow/update/documents"]);
    assert_eq!(effects.broadcasts[0].1["previous"]["state"], json!({"desired": {"a": 1}}));
}

#[tokio::test]
async fn get_tells_both_sides_their_times_and_the_delta() {
    let bench = Bench::start("shadow-get").await;
    let pump = bench.add(pump()).await;
    bench.send(&pump, UPDATE, &json!({"state": {"desired": {"a": 1, "l": [1]}}})).await;
    let first = bench.now();
    bench.advance(Duration::from_secs(5));
    bench.send(&pump, UPDATE, &json!({"state": {"reported": {"a": 1}}})).await;
    let (topic, body) = bench.send(&pump, GET, &json!({"clientToken": "t"})).await.reply();
    assert_eq!(topic, "$aws/things/pump-1/shadow/get/accepted");
    assert_eq!(
        body,
        json!({
            "state": {"desired": {"a": 1, "l": [1]}, "reported": {"a": 1}, "delta": {"l": [1]}},
            "metadata": {
                "desired": {"a": {"timestamp": first}, "l": [{"timestamp": first}]},
                "reported": {"a": {"timestamp": first + 5}}
            },
            "version": 2, "timestamp": first + 5, "clientToken": "t"
        })
    );
}

#[tokio::test]
async fn requests_that_cannot_be_carried_out_are_rejected_and_change_nothing() {
    let bench = Bench::start("shadow-rejected").await;
    let pump = bench.add(pump()).await;
    bench.send(&pump, UPDATE, &json!({"state": {"desired": {"a": 1}}})).await;
    let before = bench.send(&pump, GET, &json!({})).await;
    let deep = json!({"1": {"2": {"3": {"4": {"5": {"6": {"7": 1}}}}}}});
    let large = "x".repeat(5_000);
    bench
        .send(
            &pump,
            "$aws/things/pump-1/shadow/name/large/update",
            &json!({"state": {"desired": {"a": large}}}),
        )
        .await;
    for (topic, payload, code, message) in [
        (UPDATE, json!({"state": {"desired": {"a": 2}}, "version": 7}), 409, "Version conflict"),
        (UPDATE, json!({}), 400, "Missing required node: state"),
        (
            UPDATE,
            json!({"state": {"reported": deep}}),
            400,
            "JSON contains too many levels of nesting; maximum is 6",
        ),
        (UPDATE, json!({"state": {"reported": {"a": [null]}}}), 400, "State contains an invalid node"),
        (
            UPDATE,
            json!({"state": {"desired": {"a": "x".repeat(9_000)}}}),
            413,
            "The payload exceeds the maximum size allowed",
        ),
        (
            "$aws/things/pump-1/shadow/name/large/update",
            json!({"state": {"reported": {"a": large}}}),
            413,
            "The payload exceeds the maximum size allowed",
        ),
        ("$aws/things/pump-1/shadow/name/none/get", json!({}), 404, "No shadow exists with name: none"),
        ("$aws/things/pump-1/shadow/name/none/delete", json!({}), 404, "No shadow exists with name: none"),
    ] {
        let effects = bench.send(&pump, topic, &payload).await;
        assert!(effects.broadcasts.is_empty() && effects.observe.is_empty());
        let (reply, body) = effects.reply();
        assert_eq!(reply, format!("{topic}/rejected"));
        assert_eq!((&body["code"], &body["message"]), (&json!(code), &json!(message)));
        assert_eq!(body["timestamp"], bench.now());
    }
    assert_eq!(bench.send(&pump, GET, &json!({})).await, before);
    let (_, body) = bench.send_bytes(&pump, UPDATE, b"{\"state\":\xff}").await.reply();
    assert_eq!(body["code"], 415);
    let (_, body) = bench.send_bytes(&pump, UPDATE, b"{\"state\":").await.reply();
    assert_eq!((&body["code"], &body["message"]), (&json!(400), &json!("Invalid JSON")));
}

#[tokio::test]
async fn a_missing_classic_shadow_is_named_after_its_thing() {
    let bench = Bench::start("shadow-none").await;
    let pump = bench.add(pump()).await;
    let (topic, body) = bench.send_bytes(&pump, GET, b"").await.reply();
    assert_eq!(topic, "$aws/things/pump-1/shadow/get/rejected");
    assert_eq!(body["message"], "No shadow exists with name: pump-1");
}

#[tokio::test]
async fn a_deleted_shadow_is_gone_but_its_version_goes_on_for_48_hours() {
    let bench = Bench::start("shadow-delete").await;
    let pump = bench.add(pump()).await;
    for value in 1..=3 {
        bench.send(&pump, UPDATE, &json!({"state": {"desired": {"a": value}}})).await;
    }
    let (topic, body) = bench.send(&pump, DELETE, &json!({"clientToken": "t"})).await.reply();
    assert_eq!(topic, "$aws/things/pump-1/shadow/delete/accepted");
    assert_eq!(body, json!({"version": 3, "timestamp": bench.now(), "clientToken": "t"}));
    assert_eq!(bench.send(&pump, GET, &json!({})).await.reply().1["code"], 404);
    assert_eq!(bench.send_bytes(&pump, DELETE, b"not even json").await.reply().1["code"], 404);

    bench.advance(Duration::from_secs(47 * 3600));
    let change = json!({"state": {"desired": {"b": 1}}});
    let (_, body) = bench.send(&pump, UPDATE, &change).await.reply();
    assert_eq!(body["version"], 4);
    let (_, body) = bench.send(&pump, GET, &json!({})).await.reply();
    assert_eq!(body["state"]["desired"], json!({"b": 1}));

    bench.send(&pump, DELETE, &json!({})).await;
    bench.advance(Duration::from_secs(48 * 3600));
    assert_eq!(bench.app.shadow_forget_deleted().await.unwrap(), 0);
    assert_eq!(bench.send(&pump, UPDATE, &change).await.reply().1["version"], 1);
    bench.send(&pump, DELETE, &json!({})).await;
    bench.advance(Duration::from_secs(48 * 3600 + 1));
    assert_eq!(bench.app.shadow_forget_deleted().await.unwrap(), 1);
}

#[tokio::test]
async fn named_shadows_are_apart_from_the_classic_one_and_at_most_25() {
    let bench = Bench::start("shadow-named").await;
    let pump = bench.add(pump()).await;
    let named =
        |number: u32, operation: &str| format!("$aws/things/pump-1/shadow/name/n-{number}/{operation}");
    for number in 1..=25 {
        let body = json!({"state": {"desired": {"number": number}}});
        let effects = bench.send(&pump, &named(number, "update"), &body).await;
        assert_eq!(effects.broadcasts[1].0, named(number, "update/delta"));
        assert_eq!(effects.reply().1["version"], 1);
    }
    let change = json!({"state": {"desired": {"more": 1}}});
    let (_, refused) = bench.send(&pump, &named(26, "update"), &change).await.reply();
    assert_eq!(refused["code"], 403);
    assert_eq!(bench.send(&pump, &named(25, "update"), &change).await.reply().1["version"], 2);
    assert_eq!(bench.send(&pump, UPDATE, &change).await.reply().1["version"], 1);
    bench.send(&pump, &named(1, "delete"), &json!({})).await;
    assert_eq!(bench.send(&pump, &named(26, "update"), &change).await.reply().1["version"], 1);
    assert_eq!(bench.send(&pump, &named(1, "update"), &change).await.reply().1["code"], 403);
}

#[tokio::test]
async fn only_what_a_device_reports_asks_for_a_look_at_versions_also_when_it_is_the_same_again() {
    let bench = Bench::start("shadow-observe").await;
    let pump = bench.add(pump()).await;
    for (change, observed) in [
        (json!({"state": {"desired": {"a": 1}}}), false),
        (json!({"state": {"reported": {"a": 1}}}), true),
        (json!({"state": {"reported": {"a": 1}}}), true),
        (json!({"state": {"reported": null}}), false),
    ] {
        let effects = bench.send(&pump, UPDATE, &change).await;
        assert_eq!(effects.observe, if observed { vec![pump.id()] } else { vec![] }, "{change}");
    }
}

#[tokio::test]
async fn replies_use_the_name_that_was_used_and_announcements_every_name_of_the_device() {
    let bench = Bench::start("shadow-alias").await;
    let pump = bench.add(pump().known_as("thing-9").known_as("not/a/topic/level")).await;
    let change = json!({"state": {"desired": {"a": 1}}});
    let effects = bench.send(&pump, "$aws/things/thing-9/shadow/update", &change).await;
    let topics: Vec<_> = effects.broadcasts.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(
        topics,
        [
            "$aws/things/thing-9/shadow/update/documents",
            "$aws/things/thing-9/shadow/update/delta",
            "$aws/things/pump-1/shadow/update/documents",
            "$aws/things/pump-1/shadow/update/delta",
        ]
    );
    assert_eq!(effects.reply().0, "$aws/things/thing-9/shadow/update/accepted");
}

#[tokio::test]
async fn a_gateway_speaks_for_its_child_under_the_childs_name_only() {
    let bench = Bench::start("shadow-child").await;
    let gateway = bench.add(Device::named("gateway")).await;
    let child = bench.add(Device::named("child")).await;
    let change = json!({"state": {"desired": {"a": 1}}});
    let effects = bench.send_for(&gateway, &child, "$aws/things/child/shadow/update", &change).await;
    assert!(effects.broadcasts.iter().all(|(topic, _)| topic.starts_with("$aws/things/child/")));
    assert_eq!(bench.send(&child, "$aws/things/child/shadow/get", &json!({})).await.reply().1["version"], 1);
    assert_eq!(
        bench.send(&gateway, "$aws/things/gateway/shadow/get", &json!({})).await.reply().1["code"],
        404
    );
}

#[tokio::test]
async fn a_delta_is_pending_once_per_version_for_those_who_subscribed_to_it() {
    let bench = Bench::start("shadow-pending").await;
    let pump = bench.add(pump()).await;
    let mut sent = SentVersions::new();
    let own = ["$aws/things/pump-1/shadow/update/delta"];
    assert_eq!(bench.pending(&pump, &own, &mut sent).await, []);

    bench.send(&pump, UPDATE, &json!({"state": {"desired": {"a": 1}}})).await;
    let messages = bench.pending(&pump, &own, &mut sent).await;
    let [(topic, body)] = &messages[..] else { panic!("{messages:?}") };
    assert_eq!(topic, own[0]);
    assert_eq!((&body["state"], &body["version"]), (&json!({"a": 1}), &json!(1)));
    assert_eq!(bench.pending(&pump, &own, &mut sent).await, []);
    assert_eq!(bench.pending(&pump, &own, &mut SentVersions::new()).await.len(), 1);

    bench.send(&pump, UPDATE, &json!({"state": {"desired": {"b": 2}}})).await;
    let messages = bench.pending(&pump, &own, &mut sent).await;
    assert_eq!(messages[0].1["state"], json!({"a": 1, "b": 2}));

    bench.send(&pump, UPDATE, &json!({"state": {"reported": {"a": 1, "b": 2}}})).await;
    assert_eq!(bench.pending(&pump, &own, &mut sent).await, []);
    bench.send(&pump, UPDATE, &json!({"state": {"desired": {"a": 3}}})).await;
    bench.send(&pump, DELETE, &json!({})).await;
    assert_eq!(bench.pending(&pump, &own, &mut sent).await, []);
    assert!(sent.is_empty(), "nothing is noted for shadows that are no more");
}

#[tokio::test]
async fn what_is_pending_follows_the_filters() {
    let bench = Bench::start("shadow-filters").await;
    let pump = bench.add(pump().known_as("thing-9")).await;
    let change = json!({"state": {"desired": {"a": 1}}});
    for topic in [UPDATE, "$aws/things/pump-1/shadow/name/config/update"] {
        bench.send(&pump, topic, &change).await;
    }
    for (filter, expected) in [
        ("$aws/things/pump-1/shadow/update/delta", vec!["$aws/things/pump-1/shadow/update/delta"]),
        ("$aws/things/pump-1/shadow/update/+", vec!["$aws/things/pump-1/shadow/update/delta"]),
        (
            "$aws/things/pump-1/shadow/name/+/update/delta",
            vec!["$aws/things/pump-1/shadow/name/config/update/delta"],
        ),
        (
            "$aws/things/pump-1/#",
            vec![
                "$aws/things/pump-1/shadow/update/delta",
                "$aws/things/pump-1/shadow/name/config/update/delta",
            ],
        ),
        ("$aws/things/thing-9/shadow/update/delta", vec!["$aws/things/thing-9/shadow/update/delta"]),
        ("$aws/things/pump-1/shadow/update/accepted", vec![]),
        ("$aws/things/pump-1/jobs/#", vec![]),
        ("#", vec![]),
    ] {
        let messages = bench.pending(&pump, &[filter], &mut SentVersions::new()).await;
        let topics: Vec<_> = messages.iter().map(|(topic, _)| topic.as_str()).collect();
        assert_eq!(topics, expected, "{filter}");
    }
    assert!(!could_match_delta("$aws/things/pump-1/jobs/notify-next"));
}

#[tokio::test]
async fn a_delta_that_was_sent_live_is_not_pending_any_more() {
    let bench = Bench::start("shadow-live").await;
    let pump = bench.add(pump()).await;
    let effects = bench.handle(&pump, UPDATE, &json!({"state": {"desired": {"a": 1}}})).await;
    let mut sent = SentVersions::new();
    for message in effects.replies.iter().chain(&effects.broadcasts) {
        note_sent(&mut sent, message);
    }
    assert_eq!(sent.len(), 1);
    assert_eq!(bench.pending(&pump, &["$aws/things/pump-1/shadow/update/delta"], &mut sent).await, []);
}

#[tokio::test]
async fn every_accepted_change_is_in_the_change_feed_and_nothing_else_is() {
    let bench = Bench::start("shadow-changes").await;
    let pump = bench.add(pump()).await;
    let before = bench.app.store.latest_change().await.unwrap();
    bench.send(&pump, UPDATE, &json!({"state": {"reported": {"a": 1}}})).await;
    bench.send(&pump, UPDATE, &json!({"state": 1})).await;
    bench.send(&pump, GET, &json!({})).await;
    bench.send(&pump, DELETE, &json!({})).await;
    bench.send(&pump, DELETE, &json!({})).await;
    let changes = bench.app.store.changes_after(before, 10).await.unwrap();
    assert!(changes.iter().all(|c| c.kind == windlass_store::ChangeKind::Shadow && c.id == pump.id().get()));
    assert_eq!(changes.len(), 2);
}

#[tokio::test]
async fn the_list_of_names_comes_in_pages() {
    let bench = Bench::start("shadow-names").await;
    let pump = bench.add(pump()).await;
    for name in ["b", "a", "c"] {
        let topic = format!("$aws/things/pump-1/shadow/name/{name}/update");
        bench.send(&pump, &topic, &json!({"state": {"desired": {"a": 1}}})).await;
    }
    bench.send(&pump, UPDATE, &json!({"state": {}})).await;
    let page = async |size, token: Option<&str>| -> Value {
        serde_json::from_slice(&bench.app.shadow_names(pump.id(), size, token).await.unwrap()).unwrap()
    };
    let at = bench.now();
    assert_eq!(page(None, None).await, json!({"results": ["a", "b", "c"], "timestamp": at}));
    assert_eq!(page(Some(2), None).await, json!({"results": ["a", "b"], "nextToken": "b", "timestamp": at}));
    assert_eq!(page(Some(2), Some("b")).await, json!({"results": ["c"], "timestamp": at}));
    assert_eq!(page(Some(3), None).await, json!({"results": ["a", "b", "c"], "timestamp": at}));
    for (size, token) in [(Some(0), None), (Some(101), None), (None, Some("no token"))] {
        assert_eq!(bench.app.shadow_names(pump.id(), size, token).await.unwrap_err().code(), "invalid");
    }
}
