//! Devices that go out of service: a wipe that outlives `kill -9`, and data that is gone at the end.
use std::process::{Child, Stdio};

use crate::support::{Server, wait_for};
use serde_json::{Value, json};

/// Two devices that measure and obey, and come back as the same ones.
fn devices(server: &Server, claim: &str) -> Child {
    let (listener, identities) = (server.device_server(), server.path("identities"));
    let arguments = ["sim", "--server", &listener, "--claim", claim, "--state", &identities];
    server
        .command(&[&arguments[..], &["--devices", "2", "--prefix", "s-", "--rate", "10"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn shown(server: &Server, path: &str) -> Value {
    let (status, body) = server.rest("GET", path, None);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

/// How many points of the metric are stored.
fn points(server: &Server, device: &str) -> u64 {
    let from = "from=1970-01-01T00:00:00Z&step=31536000";
    let series = shown(server, &format!("/devices/{device}/telemetry/temperature?{from}"));
    series["steps"].as_array().into_iter().flatten().map(|step| step["count"].as_u64().unwrap()).sum()
}

#[test]
fn a_wipe_goes_on_after_the_server_was_killed_and_the_data_of_the_device_is_gone_at_its_end() {
    let mut server = Server::start(&[]);
    let claim = server.open_enrolment();
    let fleet = devices(&server, &claim);
    wait_for("telemetry of both devices", || {
        ["s-00000", "s-00001"].iter().all(|name| {
            let (status, last) = server.rest("GET", &format!("/devices/{name}/telemetry"), None);
            status == 200 && last["items"].as_array().is_some_and(|items| !items.is_empty())
        })
    });
    // The device is away when it is told to wipe itself.
    end(fleet);
    assert!(points(&server, "s-00000") > 0);
    let kept = points(&server, "s-00001");
    let wipe = json!({
        "data": "erase", "confirm": "s-00000", "wipe": {"command": "echo", "waitSeconds": 3600},
    });
    let (status, leaving) = server.rest("POST", "/devices/s-00000/decommission", Some(wipe));
    assert_eq!((status, &leaving["lifecycle"]), (200, &json!("active")), "{leaving}");
    let job = leaving["decommissioning"]["wipeJob"].to_string();
    server.kill();
    server.start_again();
    let still = shown(&server, "/devices/s-00000");
    assert_eq!(
        (&still["lifecycle"], &still["decommissioning"]["wipeJob"].to_string()),
        (&json!("active"), &job)
    );

    // It comes back, wipes itself, and goes.
    let fleet = devices(&server, &claim);
    wait_for("the device to be out of service", || {
        shown(&server, "/devices/s-00000")["lifecycle"] == "decommissioned"
    });
    assert_eq!(shown(&server, &format!("/jobs/{job}"))["counts"]["succeeded"], 1);
    let events = shown(&server, "/devices/s-00000/events").to_string();
    assert!(events.contains("the device has wiped itself"), "{events}");
    wait_for("telemetry that is gone", || {
        shown(&server, "/devices/s-00000/telemetry")["items"] == json!([])
            && shown(&server, "/devices/s-00000/metrics")["items"] == json!([])
    });
    assert_eq!(points(&server, "s-00000"), 0);
    end(fleet);
    assert!(points(&server, "s-00001") >= kept, "the neighbour's points are in the same blocks and stay");
    assert_eq!(server.rest("GET", "/devices/s-00000/shadow", None).0, 404);
}
