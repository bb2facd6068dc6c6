//! Files over MQTT: for a device with an open job, and for nobody else.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use windlass_app::clock::Clock;
use windlass_app::message::{Acknowledgement, Inbound, Peer};
use windlass_domain::ids::JobId;
use windlass_domain::job::rollout::DownloadRate;

use crate::world::World;

async fn offered() -> (World, JobId) {
    let mut world = World::new().await;
    let names = world.devices(2).await;
    world.release("2.0.0", &[]).await;
    let id = world.rollout("2.0.0", &names[..1]).await;
    world.settle().await;
    (world, id)
}

/// Asks on a stream's topic; the replies with the last words of their topics.
async fn ask(world: &World, name: &str, rest: &str, payload: &Value) -> Vec<(String, Value)> {
    ask_within(world, name, rest, payload, usize::MAX).await
}

/// The same over a connection that takes packets of so many bytes.
async fn ask_within(
    world: &World,
    name: &str,
    rest: &str,
    payload: &Value,
    largest_reply: usize,
) -> Vec<(String, Value)> {
    let topic = format!("$aws/things/thing-{name}/streams/{rest}");
    let inbound = Inbound {
        peer: Peer::Device(world.peer(name)),
        client_id: Arc::from(name),
        topic: topic.clone(),
        payload: Bytes::from(payload.to_string()),
        received_at: world.clock.now(),
        qos2_id: None,
        largest_reply,
    };
    let outcome = world.app().handle(vec![inbound]).await.remove(0);
    assert_eq!(outcome.acknowledgement, Acknowledgement::Accepted);
    let replies = outcome.replies.into_iter();
    replies
        .map(|reply| {
            let words = reply.topic.rsplit('/').nth(1).unwrap().to_owned();
            (words, serde_json::from_slice(&reply.payload).unwrap())
        })
        .collect()
}

/// What the first device is told of a job's stream.
pub(crate) async fn described(world: &World, job: JobId) -> (String, String) {
    let mut replies = ask(world, "d000", &format!("{job}/describe/json"), &json!({"c": "t"})).await;
    let (word, body) = replies.remove(0);
    (word, body.to_string())
}

#[tokio::test]
async fn a_stream_holds_the_files_of_the_job_and_gives_them_in_blocks() {
    let (world, id) = offered().await;
    let described = ask(&world, "d000", &format!("{id}/describe/json"), &json!({"c": "t"})).await;
    let expected = json!({"c": "t", "s": 1, "d": "fw 2.0.0", "r": [{"f": 0, "z": 5}]});
    assert_eq!(described, [("description".to_owned(), expected)]);
    let get = json!({"c": "t", "s": 1, "f": 0, "l": 256, "o": 0, "n": 3});
    let blocks = ask(&world, "d000", &format!("{id}/get/json"), &get).await;
    let expected = json!({"c": "t", "f": 0, "l": 5, "i": 0, "p": "Mi4wLjA="});
    assert_eq!(blocks, [("data".to_owned(), expected)], "blocks behind the end are not there");
}

#[tokio::test]
async fn what_a_device_may_not_have_does_not_exist() {
    let (world, id) = offered().await;
    let refused = async |name: &str, stream: &str, body: Value| {
        let mut replies = ask(&world, name, &format!("{stream}/get/json"), &body).await;
        assert_eq!(replies.len(), 1);
        let (word, body) = replies.remove(0);
        assert_eq!(word, "rejected");
        body["o"].as_str().unwrap().to_owned()
    };
    let good = json!({"f": 0, "l": 256});
    let id = id.to_string();
    assert_eq!(refused("d001", &id, good.clone()).await, "ResourceNotFound", "another device's job");
    assert_eq!(refused("d000", "99", good.clone()).await, "ResourceNotFound");
    assert_eq!(refused("d000", "x", good.clone()).await, "ResourceNotFound");
    assert_eq!(refused("d000", &id, json!({"f": 1, "l": 256})).await, "ResourceNotFound");
    assert_eq!(refused("d000", &id, json!({"f": -1, "l": 256})).await, "ResourceNotFound");
    assert_eq!(refused("d000", &id, json!({"f": 0, "l": 256, "s": 2})).await, "VersionMismatch");
    assert_eq!(refused("d000", &id, json!({"f": 0, "l": 256, "o": 1})).await, "OffsetOutOfBounds");
    let far = json!({"f": 0, "l": 131_072, "o": i64::MAX});
    assert_eq!(refused("d000", &id, far).await, "OffsetOutOfBounds");
    world.work("d000", "FAILED", "no space").await;
    world.settle().await;
    assert_eq!(refused("d000", &id, good).await, "ResourceNotFound", "the job is over");
}

async fn large(rate: Option<u64>) -> (World, JobId) {
    let (world, id, _) = large_of(1, rate).await;
    (world, id)
}

/// A job over one file of 300,000 bytes for so many devices, at a rate or as fast as can be.
async fn large_of(devices: usize, rate: Option<u64>) -> (World, JobId, Vec<String>) {
    let mut world = World::new().await;
    let names = world.devices(devices).await;
    let artifact = world.artifact("big.bin", &vec![7; 300_000]).await.unwrap();
    let component = windlass_app::releases::NewComponent {
        name: "app".to_owned(),
        version: "1".to_owned(),
        component_type: "os".to_owned(),
        artifacts: vec![artifact.id.get()],
    };
    world.app().component_create(&world.by, component).await.unwrap();
    let release = windlass_app::releases::NewRelease {
        name: "fw".to_owned(),
        version: "1".to_owned(),
        components: vec![("app".to_owned(), "1".to_owned()).into()],
        device_types: vec![],
        notes: String::new(),
        rules: windlass_app::releases::NewRules::default(),
    };
    world.app().release_create(&world.by, release).await.unwrap();
    let mut job = crate::world::update_job("1", &names);
    let rate = rate.map(|bytes_per_second| DownloadRate { bytes_per_second, by: None });
    job.rollout.download_rate = rate;
    let id = world.create(job).await;
    world.settle().await;
    (world, id, names)
}

/// How many replies each of so many requests got; one that is refused gets one.
async fn replies(world: &World, id: JobId, requests: usize) -> Vec<usize> {
    let mut counts = Vec::new();
    for _ in 0..requests {
        let get = json!({"f": 0, "l": 100_000, "n": 3});
        let replies = ask(world, "d000", &format!("{id}/get/json"), &get).await;
        counts.push(replies.len());
        if let [(word, body)] = &replies[..] {
            assert_eq!((word.as_str(), &body["o"]), ("rejected", &json!("RequestThrottled")));
        }
    }
    counts
}

#[tokio::test]
async fn a_block_that_the_connection_cannot_take_is_refused_and_one_that_fits_comes() {
    let (world, id) = large(None).await;
    let get = async |length: u64| {
        let get = json!({"f": 0, "l": length, "o": 1});
        ask_within(&world, "d000", &format!("{id}/get/json"), &get, 4_096).await.remove(0)
    };
    let (word, body) = get(4_096).await;
    assert_eq!((word.as_str(), &body["o"]), ("rejected", &json!("BlockSizeOutOfBounds")));
    assert!(body["m"].as_str().unwrap().contains("4096"), "{body}");
    assert_eq!(get(2_048).await.0, "data");
}

#[tokio::test]
async fn a_device_that_asks_for_too_much_at_once_is_told_to_wait() {
    let (world, id) = large(None).await;
    let counts = replies(&world, id, 20).await;
    assert_eq!((counts.first(), counts.last()), (Some(&3), Some(&1)));
}

#[tokio::test]
async fn requests_that_come_together_are_answered_up_to_a_bound_and_the_rest_asks_again() {
    let (world, id, names) = large_of(40, None).await;
    let batch = names.iter().map(|name| Inbound {
        peer: Peer::Device(world.peer(name)),
        client_id: Arc::from(name.as_str()),
        topic: format!("$aws/things/thing-{name}/streams/{id}/get/json"),
        payload: Bytes::from(json!({"f": 0, "l": 100_000, "n": 3}).to_string()),
        received_at: world.clock.now(),
        qos2_id: None,
        largest_reply: usize::MAX,
    });
    let counts: Vec<usize> =
        world.app().handle(batch.collect()).await.iter().map(|outcome| outcome.replies.len()).collect();
    assert_eq!(counts, [vec![3; 27], vec![1; 13]].concat(), "27 times 300,000 bytes are less than 8 MiB");
    let get = json!({"f": 0, "l": 100_000, "n": 3});
    let again = ask(&world, &names[39], &format!("{id}/get/json"), &get).await;
    assert_eq!(again.len(), 3, "nothing was charged for what was not sent");
}

#[tokio::test]
async fn a_rollout_that_downloads_slowly_does_so_over_mqtt_too_and_holds_nobody_up() {
    let (world, id) = large(Some(1024)).await;
    assert_eq!(replies(&world, id, 2).await, [3, 1], "the rest comes in five minutes");
}

#[tokio::test]
async fn blocks_over_mqtt_count_as_downloaded() {
    let (world, id) = offered().await;
    ask(&world, "d000", &format!("{id}/get/json"), &json!({"f": 0, "l": 256})).await;
    let execution = world.executions(id).await[0].id;
    let mut sent = std::collections::BTreeMap::new();
    world.app().downloads.complete(execution, &mut sent);
    assert_eq!(sent.values().map(|sent| (sent.reached, sent.bytes)).collect::<Vec<_>>(), [(5, 5)]);
    world.app().downloads.save(&world.app().store).await.unwrap();
    let saved = world
        .write(move |tx| {
            Box::pin(async move { windlass_store::downloads::of_execution(tx, execution).await })
        })
        .await;
    assert_eq!(saved, sent);
}
