//! Simulated devices against a real server: enrolment, jobs, storms, and what survives `kill -9`.
use std::process::Stdio;

use crate::support::{Server, file, said, wait_for, windlass};
use serde_json::Value;

/// Bounds against misuse that a load generator would hit.
const OPEN: [(&str, &str); 4] = [
    ("WINDLASS_LIMITS__CLAIM_CERTIFICATES_PER_MINUTE", "10000"),
    ("WINDLASS_LIMITS__CLAIM_CERTIFICATES_OPEN", "10000"),
    ("WINDLASS_LIMITS__MESSAGES_PER_SECOND", "100000"),
    ("WINDLASS_LIMITS__MESSAGE_BURST", "100000"),
];

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().unwrap()
}

#[test]
fn devices_enrol_by_claim_measure_and_come_back_after_their_lines_were_cut() {
    let server = Server::start(&OPEN);
    let claim = server.open_enrolment();
    let report = server.json(&[
        "sim",
        "--server",
        &server.device_server(),
        "--claim",
        &claim,
        "--devices",
        "8",
        "--prefix",
        "s-",
        "--rate",
        "20",
        "--duration",
        "3",
        "--storm",
        "1",
        "--window",
        "4",
    ]);
    assert_eq!(report["refused"], 0, "{report}");
    assert!(report["acknowledged"].as_u64().unwrap() > 100, "{report}");
    assert!(report["connections"].as_u64().unwrap() >= 16, "every device came back: {report}");
    let devices = server.json(&["device", "list", "--query", "name==s-*"]);
    assert_eq!(items(&devices).len(), 8);
    assert!(items(&devices).iter().all(|device| device["lifecycle"] == "active"), "{devices}");
}

#[test]
fn a_rollout_is_verified_where_it_runs_and_failed_where_devices_fall_back_or_fail() {
    let server = Server::start(&OPEN);
    let claim = server.open_enrolment();
    let mut fleet = windlass(&[
        "sim",
        "--server",
        &server.device_server(),
        "--claim",
        &claim,
        "--devices",
        "12",
        "--prefix",
        "s-",
        "--fail",
        "0.25",
        "--fall-back",
        "0.25",
        "--install",
        "0.1",
        "--restart",
        "1.2",
        "--seed",
        "3",
    ])
    .stdout(Stdio::null())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    wait_for("twelve connected devices", || {
        items(&server.json(&["device", "list", "--query", "presence==connected"])).len() == 12
    });
    let image = file(server.directory.path(), "fw.bin", b"quality: good\n").display().to_string();
    server.json(&["release", "create", "fw", "2.0.0", "--artifact", &image]);
    let job = server.json(&["job", "create", "--release", "fw@2.0.0", "--query", "name==s-*"]);
    let id = job["id"].to_string();
    let watched = server.json(&["job", "watch", &id]);
    fleet.kill().unwrap();
    fleet.wait().unwrap();
    let counts = &watched["counts"];
    let (succeeded, failed) = (counts["succeeded"].as_u64().unwrap(), counts["failed"].as_u64().unwrap());
    assert_eq!(succeeded + failed, 12, "{watched}");
    assert!(succeeded > 0 && failed > 0, "{watched}");
    let shown = server.run(&["job", "show", &id, "--all"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("rolledBack") && shown.contains("verified"), "{shown}");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let mut server = Server::start(&OPEN);
    let claim = server.open_enrolment();
    let load = server
        .command(&[
            "--output",
            "json",
            "sim",
            "--server",
            &server.device_server(),
            "--claim",
            &claim,
            "--devices",
            "5",
            "--prefix",
            "s-",
            "--rate",
            "max",
            "--window",
            "8",
            "--profile",
            "minimal",
            "--telemetry-only",
            "--backfill",
            "864000",
            "--duration",
            "4",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("devices that measure", || {
        let values = server.run(&["--output", "json", "device", "telemetry", "s-00004"]);
        let values: Value = serde_json::from_slice(&values.stdout).unwrap_or_default();
        values.as_array().is_some_and(|values| !values.is_empty())
    });
    server.kill();
    let load = load.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&load.stdout).unwrap_or_else(|_| panic!("{}", said(&load)));
    let acknowledged = report["acknowledged"].as_u64().unwrap();
    assert!(acknowledged > 0, "{report}");
    server.start_again();
    let from = (jiff::Timestamp::from_second(0).unwrap()).to_string();
    let mut stored = 0;
    for device in 0..5 {
        let name = format!("s-{device:05}");
        let steps =
            server.json(&["device", "telemetry", &name, "value", "--from", &from, "--step", "31536000"]);
        stored += steps.as_array().unwrap().iter().map(|step| step["count"].as_u64().unwrap()).sum::<u64>();
    }
    let sent = report["published"].as_u64().unwrap();
    assert!(stored >= acknowledged, "{acknowledged} were acknowledged, {stored} are stored");
    assert!(stored <= sent, "{sent} were sent, {stored} are stored");
}

#[test]
fn a_claim_that_was_revoked_enrols_nobody() {
    let server = Server::start(&OPEN);
    let claim = server.open_enrolment();
    server.json(&["claim", "revoke", "line-1"]);
    let output = server.run(&[
        "sim",
        "--server",
        &server.device_server(),
        "--claim",
        &claim,
        "--devices",
        "1",
        "--duration",
        "1",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not sign in"), "{}", said(&output));
    assert_eq!(items(&server.json(&["device", "list"])).len(), 0);
}

#[test]
fn a_claim_that_is_slowed_down_is_said() {
    let server = Server::start(&[("WINDLASS_LIMITS__CLAIM_CERTIFICATES_PER_MINUTE", "2")]);
    let claim = server.open_enrolment();
    let devices = server.device_server();
    let arguments = ["sim", "--server", &devices, "--claim", &claim, "--devices", "3", "--prefix", "s-"];
    let mut fleet = windlass(&[&arguments[..], &["--enrollers", "1", "--duration", "1"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = std::io::BufReader::new(fleet.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("slows this claim down") {
        line.clear();
        assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "it was never said");
    }
    assert!(line.contains("2 certificates per minute"), "{line}");
    fleet.kill().unwrap();
    fleet.wait().unwrap();
    assert_eq!(items(&server.json(&["device", "list", "--query", "name==s-*"])).len(), 2);
}
