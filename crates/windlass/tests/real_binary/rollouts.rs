//! A rollout in waves on simulated devices, with the server killed in the middle of one.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::support::{Server, file, wait_for, windlass};

/// Bounds against misuse that a load generator would hit.
const OPEN: [(&str, &str); 4] = [
    ("WINDLASS_LIMITS__CLAIM_CERTIFICATES_PER_MINUTE", "10000"),
    ("WINDLASS_LIMITS__CLAIM_CERTIFICATES_OPEN", "10000"),
    ("WINDLASS_LIMITS__MESSAGES_PER_SECOND", "100000"),
    ("WINDLASS_LIMITS__MESSAGE_BURST", "100000"),
];
const DEVICES: usize = 24;
const FIRST_WAVE: usize = 10;

/// Devices of which a fifth say that all went well and start the old version again, after a while.
struct Fleet(Child);

impl Fleet {
    fn start(server: &Server, claim: &str) -> Self {
        let (devices, at) = (DEVICES.to_string(), server.device_server());
        let whom = ["sim", "--server", &at, "--claim", claim, "--devices", &devices, "--prefix", "s-"];
        let how = ["--fall-back", "0.2", "--install", "0.5", "--restart", "3", "--seed", "3"];
        let arguments = [&whom[..], &how[..]].concat();
        Self(windlass(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn executions(server: &Server, job: &str) -> Vec<Value> {
    let (status, page) = server.rest("GET", &format!("/jobs/{job}/executions?limit=1000"), None);
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_wave_brings_the_rollout_to_its_end_and_offers_nothing_twice() {
    let mut server = Server::start(&OPEN);
    let claim = server.open_enrolment();
    let fleet = Fleet::start(&server, &claim);
    wait_for("all devices connected", || {
        let found = server.json(&["device", "list", "--query", "presence==connected"]);
        found["items"].as_array().unwrap().len() == DEVICES
    });
    let image = file(server.directory.path(), "fw.bin", b"quality: good\n").display().to_string();
    server.json(&["release", "create", "fw", "2.0.0", "--artifact", &image]);
    let first = FIRST_WAVE.to_string();
    let waves = ["--wave", &first, "--wave", "rest"];
    let made = ["job", "create", "--release", "fw@2.0.0", "--query", "name==s-*"];
    let id = server.json(&[&made[..], &waves[..]].concat())["id"].to_string();
    let mut before = Vec::new();
    wait_for("devices at work and devices to be verified", || {
        before = executions(&server, &id);
        let has = |outcome: &str| before.iter().any(|one| one["outcome"] == outcome);
        before.iter().any(|one| one["state"] == "inProgress") && has("verifying")
    });
    server.kill();
    assert_eq!(before.len(), FIRST_WAVE, "the second wave had not begun");
    server.start_again();

    let done = server.json(&["job", "watch", &id]);
    drop(fleet);
    assert_eq!(done["state"], "completed", "{done}");
    let all = executions(&server, &id);
    let mut of_device: BTreeMap<&str, u32> = BTreeMap::new();
    for execution in &all {
        *of_device.entry(execution["device"].as_str().unwrap()).or_default() += 1;
        assert_eq!(execution["number"], 1, "{execution}");
        let (verdict, outcome) = (&execution["verdict"], &execution["outcome"]);
        let is_seen = (verdict == "verified" && outcome == "succeeded")
            || (verdict == "rolledBack" && outcome == "failed");
        assert!(is_seen, "every end was seen, none was taken on trust: {execution}");
    }
    assert_eq!(of_device.len(), DEVICES, "{of_device:?}");
    assert!(of_device.values().all(|times| *times == 1), "{of_device:?}");
    let verified = all.iter().filter(|one| one["verdict"] == "verified").count();
    assert!(verified >= DEVICES / 2, "{done}");
    // What was under way at the kill is the same execution, taken up at the same time.
    for old in &before {
        let new = all.iter().find(|one| one["id"] == old["id"]).unwrap();
        for key in ["device", "wave", "queuedAt"] {
            assert_eq!(new[key], old[key], "{key}");
        }
        assert!(old["startedAt"].is_null() || new["startedAt"] == old["startedAt"], "{old} {new}");
    }
    assert_eq!(done["counts"]["targets"], json!(DEVICES));
}
