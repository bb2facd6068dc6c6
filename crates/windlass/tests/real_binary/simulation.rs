//! Simulated devices that a server runs itself: they come, change in number, and leave real devices alone.
use std::time::Instant;

use crate::support::{Server, wait_for};
use serde_json::json;

fn named(server: &Server, query: &str) -> Vec<String> {
    let listed = server.json(&["device", "list", "--query", query]);
    listed["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

fn connected(server: &Server) -> u64 {
    server.rest("GET", "/simulation", None).1["connected"].as_u64().unwrap()
}

#[test]
fn simulated_devices_come_change_in_number_and_end_and_real_ones_keep_their_names() {
    let mut server = Server::start(&[]);
    // Real devices have two of the names; one looks simulated by its tag only.
    server.json(&["device", "create", "sim-0002"]);
    server.json(&["device", "create", "sim-0003", "--tag", "simulated"]);

    let before = server.rest("GET", "/simulation", None).1;
    assert_eq!(before, json!({"available": true, "running": false, "devices": 0, "connected": 0}));
    for devices in [0, 1_001] {
        let (status, refused) = server.rest("POST", "/simulation", Some(json!({ "devices": devices })));
        assert_eq!((status, &refused["errors"][0]["field"]), (400, &json!("devices")), "{refused}");
    }

    let asked = Instant::now();
    let (status, begun) = server.rest("POST", "/simulation", Some(json!({"devices": 25})));
    assert_eq!((status, &begun["running"], &begun["devices"]), (202, &json!(true), &json!(25)), "{begun}");
    wait_for("the first simulated device", || connected(&server) > 0);
    println!("the first simulated device was connected after {:?}", asked.elapsed());
    wait_for("25 simulated devices", || connected(&server) == 25);
    println!("25 simulated devices were connected after {:?}", asked.elapsed());
    let simulated = named(&server, "type==simulated;tag==simulated;presence==connected");
    assert_eq!(simulated.len(), 25);
    assert!(simulated.contains(&"sim-0001".to_owned()) && simulated.contains(&"sim-0027".to_owned()));
    for real in ["sim-0002", "sim-0003"] {
        assert_eq!(
            server.json(&["device", "show", real])["lifecycle"],
            "registered",
            "{real} was taken over"
        );
    }
    wait_for("telemetry of a simulated device", || {
        let last = server.json(&["device", "telemetry", "sim-0001"]);
        last.as_array().is_some_and(|metrics| !metrics.is_empty())
    });

    // Fewer: the last ones go and lose their certificates. More again: they come back under their names.
    server.rest("POST", "/simulation", Some(json!({"devices": 5})));
    wait_for("5 simulated devices", || connected(&server) == 5);
    wait_for("the others to be gone", || named(&server, "type==simulated;presence==connected").len() == 5);
    wait_for("the certificates of the others to be revoked", || {
        let all = server.rest("GET", "/devices/sim-0027/credentials", None).1.to_string();
        all.contains("\"revoked\"") && !all.contains("\"active\"")
    });
    server.rest("POST", "/simulation", Some(json!({"devices": 10})));
    wait_for("10 simulated devices", || connected(&server) == 10);
    assert_eq!(named(&server, "type==simulated").len(), 25);

    // An operator takes one out of service: it ends, and another one comes.
    let (status, left) =
        server.rest("POST", "/devices/sim-0001/decommission", Some(json!({"confirm": "sim-0001"})));
    assert_eq!(status, 200, "{left}");
    wait_for("another device in its place", || connected(&server) == 10);

    let (status, _) = server.rest("DELETE", "/simulation", None);
    assert_eq!(status, 204);
    assert_eq!(server.rest("GET", "/simulation", None).1["running"], false);
    wait_for("all simulated devices to be gone", || named(&server, "presence==connected").is_empty());
    let audit = server.rest("GET", "/audit?limit=1000", None).1.to_string();
    assert!(audit.contains("simulation.start") && audit.contains("simulation.stop"), "{audit}");

    // Nothing of it outlives the process, also where it was killed.
    server.rest("POST", "/simulation", Some(json!({"devices": 3})));
    wait_for("3 simulated devices", || connected(&server) == 3);
    server.kill();
    server.start_again();
    assert_eq!(server.rest("GET", "/simulation", None).1["running"], false);
    server.rest("POST", "/simulation", Some(json!({"devices": 3})));
    wait_for("3 simulated devices after a restart", || connected(&server) == 3);
    let ending = Instant::now();
    assert_eq!(server.terminate(), Some(0));
    println!("the server with simulated devices ended in {:?}", ending.elapsed());
}
