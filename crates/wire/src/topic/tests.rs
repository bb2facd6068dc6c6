//! Every topic of the contract, and what is none.

use proptest::prelude::*;

use super::*;

fn printed(topic: &DeviceTopic) -> String {
    match topic {
        DeviceTopic::Shadow(topic) => topic.to_string(),
        DeviceTopic::Jobs(topic) => topic.to_string(),
        DeviceTopic::Stream(topic) => topic.to_string(),
        DeviceTopic::Provisioning(topic) => topic.to_string(),
        DeviceTopic::Telemetry { name, format: Format::Json } => format!("devices/{name}/telemetry"),
        DeviceTopic::Telemetry { name, format: Format::Cbor } => format!("devices/{name}/telemetry/cbor"),
        DeviceTopic::Events { name } => format!("devices/{name}/events"),
        DeviceTopic::Logs { name } => format!("devices/{name}/logs"),
    }
}

const DEVICE_TOPICS: &[&str] = &[
    "$aws/things/pump-1/shadow/get",
    "$aws/things/pump-1/shadow/update",
    "$aws/things/pump-1/shadow/delete",
    "$aws/things/pump-1/shadow/name/config/get",
    "$aws/things/pump-1/shadow/name/config/update",
    "$aws/things/pump-1/shadow/name/config/delete",
    "$aws/things/AA:BB_c.d/shadow/name/name/get",
    "$aws/things/pump-1/jobs/get",
    "$aws/things/pump-1/jobs/start-next",
    "$aws/things/pump-1/jobs/17/get",
    "$aws/things/pump-1/jobs/$next/get",
    "$aws/things/pump-1/jobs/17/update",
    "$aws/things/pump-1/jobs/$next/update",
    "$aws/things/pump-1/jobs/get/get",
    "$aws/things/pump-1/streams/17/describe/json",
    "$aws/things/pump-1/streams/17/get/cbor",
    "$aws/certificates/create/json",
    "$aws/certificates/create/cbor",
    "$aws/certificates/create-from-csr/json",
    "$aws/certificates/create-from-csr/cbor",
    "$aws/provisioning-templates/pump/provision/json",
    "$aws/provisioning-templates/pump/provision/cbor",
    "devices/pump-1/telemetry",
    "devices/pump-1/telemetry/cbor",
    "devices/pump-1/events",
    "devices/pump-1/logs",
];

#[test]
fn every_topic_of_the_contract_parses_and_prints_as_it_was() {
    for topic in DEVICE_TOPICS {
        let parsed = parse(topic).unwrap_or_else(|| panic!("{topic}"));
        assert_eq!(printed(&parsed), *topic);
        assert!(!is_server_only(topic), "{topic}");
    }
}

#[test]
fn a_shadow_topic_says_thing_shadow_and_operation() {
    assert_eq!(
        parse("$aws/things/t/shadow/name/s/update"),
        Some(DeviceTopic::Shadow(ShadowTopic {
            thing: "t".to_owned(),
            shadow: Some("s".to_owned()),
            operation: ShadowOperation::Update,
        }))
    );
    assert_eq!(parse("$aws/things/t/shadow/get").unwrap().name(), Some("t"));
    assert_eq!(parse("$aws/certificates/create/json").unwrap().name(), None);
}

#[test]
fn next_is_not_a_job_id() {
    let job = |topic| match parse(topic) {
        Some(DeviceTopic::Jobs(JobTopic { operation: JobOperation::Get { job }, .. })) => job,
        other => panic!("{other:?}"),
    };
    assert_eq!(job("$aws/things/t/jobs/$next/get"), JobRef::Next);
    assert_eq!(job("$aws/things/t/jobs/12/get"), JobRef::Id("12".to_owned()));
}

#[test]
fn names_that_are_no_names_and_topics_that_are_no_requests_do_not_parse() {
    let long_thing = format!("$aws/things/{}/shadow/get", "x".repeat(129));
    let long_shadow = format!("$aws/things/t/shadow/name/{}/get", "x".repeat(65));
    let long_job = format!("$aws/things/t/jobs/{}/get", "1".repeat(65));
    for topic in [
        "",
        "/",
        "$aws",
        "$aws/",
        "$aws/things",
        "$aws/things/t",
        "$aws/things/t/shadow",
        "$aws/things//shadow/get",
        "$aws/things/../shadow/get",
        "$aws/things/a b/shadow/get",
        "$aws/things/ü/shadow/get",
        "$aws/things/+/shadow/get",
        "$aws/things/t/shadow/get/",
        "$aws/things/t/shadow/get/accepted",
        "$aws/things/t/shadow/name/get",
        "$aws/things/t/shadow/name//get",
        "$aws/things/t/shadow/name/a.b/get",
        "$aws/things/t/shadow/name/s",
        "$aws/things/t/shadow/list",
        "$aws/things/t/jobs",
        "$aws/things/t/jobs/update",
        "$aws/things/t/jobs/$last/get",
        "$aws/things/t/jobs/1/delete",
        "$aws/things/t/jobs/1/get/accepted",
        "$aws/things/t/jobs/start-next/accepted",
        "$aws/things/t/tunnels/notify",
        "$aws/certificates/create/xml",
        "$aws/certificates/create",
        "$aws/certificates/create/json/accepted",
        "$aws/certificates/delete/json",
        "$aws/provisioning-templates/a.b/provision/json",
        "$aws/provisioning-templates/a/describe/json",
        "$aws/rules/x/y",
        "$AWS/things/t/shadow/get",
        "devices/t",
        "devices//telemetry",
        "devices/t/telemetry/json",
        "devices/t/telemetry/cbor/x",
        "devices/t/events/x",
        "devices/t/state",
        "/devices/t/telemetry",
        &long_thing,
        &long_shadow,
        &long_job,
    ] {
        assert_eq!(parse(topic), None, "{topic}");
    }
}

#[test]
fn replies_and_notifications_have_the_topics_of_the_contract() {
    let shadow = |topic: &str| match parse(topic) {
        Some(DeviceTopic::Shadow(topic)) => topic,
        other => panic!("{other:?}"),
    };
    let classic = shadow("$aws/things/t/shadow/update");
    assert_eq!(classic.accepted(), "$aws/things/t/shadow/update/accepted");
    assert_eq!(classic.rejected(), "$aws/things/t/shadow/update/rejected");
    let named = shadow("$aws/things/t/shadow/name/s/delete");
    assert_eq!(named.accepted(), "$aws/things/t/shadow/name/s/delete/accepted");
    assert_eq!(shadow_delta("t", None), "$aws/things/t/shadow/update/delta");
    assert_eq!(shadow_delta("t", Some("s")), "$aws/things/t/shadow/name/s/update/delta");
    assert_eq!(shadow_documents("t", None), "$aws/things/t/shadow/update/documents");
    assert_eq!(shadow_documents("t", Some("s")), "$aws/things/t/shadow/name/s/update/documents");
    assert_eq!(jobs_notify("t"), "$aws/things/t/jobs/notify");
    assert_eq!(jobs_notify_next("t"), "$aws/things/t/jobs/notify-next");
    let Some(DeviceTopic::Jobs(next)) = parse("$aws/things/t/jobs/$next/get") else { panic!() };
    assert_eq!(next.accepted(), "$aws/things/t/jobs/$next/get/accepted");
    assert_eq!(next.rejected(), "$aws/things/t/jobs/$next/get/rejected");
    let Some(DeviceTopic::Provisioning(create)) = parse("$aws/certificates/create-from-csr/cbor") else {
        panic!()
    };
    assert_eq!(create.accepted(), "$aws/certificates/create-from-csr/cbor/accepted");
    assert_eq!(create.rejected(), "$aws/certificates/create-from-csr/cbor/rejected");
}

#[test]
fn what_the_server_publishes_no_device_may_publish() {
    for topic in [
        "$aws/things/t/shadow/get/accepted",
        "$aws/things/t/shadow/update/rejected",
        "$aws/things/t/shadow/update/delta",
        "$aws/things/t/shadow/name/s/update/documents",
        "$aws/things/t/jobs/notify",
        "$aws/things/t/jobs/notify-next",
        "$aws/things/t/jobs/7/update/accepted",
        "$aws/things/t/tunnels/notify",
        "$aws/certificates/create/json/accepted",
        "$aws/provisioning-templates/p/provision/cbor/rejected",
        "$aws/events/presence/connected/t",
    ] {
        assert!(is_server_only(topic), "{topic}");
        assert_eq!(parse(topic), None, "{topic}");
    }
    for topic in
        ["devices/t/accepted", "accepted", "$aws/rules/r/delta", "$aws/things/t/shadow/name/delta/get"]
    {
        assert!(!is_server_only(topic), "{topic}");
    }
}

#[test]
fn the_longest_topics_of_the_contract_fit_the_default_bounds() {
    let (thing, shadow) = ("x".repeat(128), "y".repeat(64));
    let bounds = crate::filter::Bounds::default();
    for topic in [
        shadow_documents(&thing, Some(&shadow)),
        format!("$aws/things/{thing}/jobs/{shadow}/update/accepted"),
    ] {
        assert_eq!(crate::filter::valid_topic(topic.as_bytes(), bounds), Ok(topic.as_str()));
    }
}

proptest! {
    #[test]
    fn any_text_parses_to_itself_or_not_at_all(topic in "\\PC*|(\\$aws|devices|things|shadow|jobs|get|name|\\$next|update|[a-z.]{0,3}|/){0,12}") {
        if let Some(parsed) = parse(&topic) {
            prop_assert_eq!(printed(&parsed), topic.as_str());
        }
        prop_assert!(!is_server_only(&topic) || parse(&topic).is_none());
    }
}

#[test]
fn streams_are_asked_on_their_own_topics_and_answered_beside_them() {
    let Some(DeviceTopic::Stream(topic)) = parse("$aws/things/pump-1/streams/12/get/cbor") else { panic!() };
    assert_eq!((topic.thing.as_str(), topic.stream.as_str()), ("pump-1", "12"));
    assert_eq!((topic.operation, topic.format), (StreamOperation::Get, Format::Cbor));
    assert_eq!(topic.data(), "$aws/things/pump-1/streams/12/data/cbor");
    assert_eq!(topic.description(), "$aws/things/pump-1/streams/12/description/cbor");
    assert_eq!(topic.rejected(), "$aws/things/pump-1/streams/12/rejected/cbor");
    for bad in [
        "$aws/things/pump-1/streams/12/get",
        "$aws/things/pump-1/streams/12/get/xml",
        "$aws/things/pump-1/streams/12/data/json",
        "$aws/things/pump-1/streams/1.2/get/json",
        "$aws/things/pump-1/streams/12/get/json/more",
    ] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}
