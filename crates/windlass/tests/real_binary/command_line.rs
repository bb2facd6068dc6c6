//! Operators at the command line, against a real server.
use crate::support::{Server, file, said, wait_for, windlass};
use serde_json::json;

#[test]
fn without_a_command_help_goes_to_standard_error_and_the_status_is_two() {
    let output = windlass(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(output.stdout.is_empty());
}

#[test]
fn without_a_sign_in_the_command_that_helps_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let output = windlass(&["device", "list"]).env("WINDLASS_CONFIG_DIR", directory.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", said(&output));
    assert!(output.stdout.is_empty(), "errors do not belong on standard output");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("hint: run `windlass login"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_server_that_does_not_answer_has_an_exit_status_of_its_own() {
    let output =
        windlass(&["device", "list", "--url", "http://127.0.0.1:1", "--token", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", said(&output));
}

#[test]
fn a_wrong_password_and_a_wrong_token_are_refused_alike() {
    let server = Server::start(&[]);
    let wrong = file(server.directory.path(), "wrong", b"not the password").display().to_string();
    server.fails(5, &["login", &server.url(), "--password-file", &wrong]);
    server.fails(5, &["device", "list", "--url", &server.url(), "--token", "made-up"]);
    // The good sign-in of before is still there.
    assert_eq!(server.json(&["whoami"])["role"], "admin");
}

#[test]
fn a_password_is_not_sent_in_the_clear_to_another_machine_unless_one_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let password = file(directory.path(), "password", b"correct horse battery").display().to_string();
    let refused = windlass(&["login", "http://192.0.2.1:8080", "--password-file", &password])
        .env("WINDLASS_CONFIG_DIR", directory.path())
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
    assert!(said(&refused).contains("https://") && said(&refused).contains("--plain"), "{}", said(&refused));
}

#[test]
fn ones_own_password_is_changed_with_the_one_so_far() {
    let server = Server::start(&[]);
    let new = file(server.directory.path(), "new", b"another horse battery\n").display().to_string();
    let change = ["user", "password", "admin", "--password-file", &new];
    let refused = server.fails(3, &change);
    assert!(refused.contains("currentPassword") && refused.contains("--current-password-file"), "{refused}");
    let old = server.path("password");
    server.fails(3, &[&change[..], &["--current-password-file", &new]].concat());
    let changed = server.run(&[&change[..], &["--current-password-file", &old]].concat());
    assert!(changed.status.success(), "{}", said(&changed));
    server.fails(5, &["login", &server.url(), "--password-file", &old]);
    let again = server.run(&["login", &server.url(), "--password-file", &new]);
    assert!(again.status.success(), "{}", said(&again));
}

#[test]
fn a_key_that_could_not_be_kept_is_not_made() {
    let server = Server::start(&[]);
    let blocked = file(server.directory.path(), "blocked", b"no folder").display().to_string();
    server.json(&["device", "create", "pump-1"]);
    server.fails(1, &["claim", "create", "line-1", "--out", &blocked]);
    server.fails(1, &["device", "cert", "generate", "pump-1", "--out", &blocked]);
    server.fails(1, &["device", "replace", "pump-1", "--generate-key", "--out", &blocked]);
    for made in [server.json(&["claim", "list"]), server.json(&["device", "cert", "list", "pump-1"])] {
        assert_eq!(made["items"], json!([]), "nobody would have its key");
    }
}

#[test]
fn devices_are_registered_edited_found_suspended_and_shown() {
    let server = Server::start(&[]);
    let spec =
        file(server.directory.path(), "type.json", br#"{"description":"a pump"}"#).display().to_string();
    server.json(&["type", "apply", "pump", &spec]);
    let made = server.json(&[
        "device",
        "create",
        "pump-1",
        "--type",
        "pump",
        "--attribute",
        "site=berlin",
        "--tag",
        "outdoor",
    ]);
    assert_eq!(made["attributes"], json!({ "site": "berlin" }));
    server.json(&["device", "create", "pump-2", "--type", "pump"]);
    let found = server.json(&["device", "list", "--query", "attribute.site==berlin;tag==outdoor"]);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["name"], "pump-1");
    let edited = server.json(&["device", "edit", "pump-1", "--attribute", "site=", "--add-tag", "spare"]);
    assert_eq!(edited["attributes"], json!({}));
    assert_eq!(edited["tags"], json!(["outdoor", "spare"]));
    let tagged = server.json(&["device", "tag", "--query", "type==pump", "--add", "fleet"]);
    assert_eq!(tagged["matched"], 2);
    assert_eq!(server.json(&["device", "suspend", "pump-1"])["lifecycle"], "suspended");
    assert_ne!(server.json(&["device", "resume", "pump-1"])["lifecycle"], "suspended");
    let table = server.run(&["device", "list"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("pump-2"), "{}", said(&table));
    assert!(server.fails(4, &["device", "show", "ghost"]).contains("ghost"));
    assert!(server.fails(3, &["device", "create", "pump-1"]).starts_with("error:"));
    assert!(server.fails(3, &["device", "list", "--query", "site=="]).contains("hint:"));
}

#[test]
fn a_wish_is_set_and_refused_when_somebody_was_quicker() {
    let server = Server::start(&[]);
    server.json(&["device", "create", "pump-1"]);
    let set = server.json(&["device", "shadow", "set", "pump-1", r#"{"mode":"eco"}"#]);
    assert_eq!(set["state"]["desired"], json!({ "mode": "eco" }));
    assert_eq!(set["version"], 1);
    server.json(&["device", "shadow", "set", "pump-1", r#"{"mode":"boost"}"#, "--if-version", "1"]);
    server.fails(3, &["device", "shadow", "set", "pump-1", r#"{"mode":"eco"}"#, "--if-version", "1"]);
    assert_eq!(server.json(&["device", "shadow", "get", "pump-1"])["state"]["desired"]["mode"], "boost");
    server.json(&["device", "shadow", "set", "pump-1", r#"{"ssid":"plant"}"#, "--shadow", "network"]);
    assert_eq!(server.json(&["device", "shadow", "get", "pump-1", "--shadow", "network"])["version"], 1);
}

#[test]
fn a_release_is_made_of_an_uploaded_file_and_a_job_of_a_release() {
    let server = Server::start(&[]);
    server.json(&["device", "create", "pump-1", "--tag", "lab"]);
    let image = file(server.directory.path(), "fw.bin", &vec![7; 300_000]).display().to_string();
    let release = server.json(&["release", "create", "pump-fw", "2.0.0", "--artifact", &image]);
    let of_it = json!([{ "name": "pump-fw", "version": "2.0.0", "type": "application" }]);
    assert_eq!(release["components"], of_it);
    assert_eq!(server.json(&["artifact", "list"])["items"][0]["size"], 300_000);
    let job = server.json(&["job", "create", "--release", "pump-fw@2.0.0", "--tag", "lab", "--wave", "1"]);
    let id = job["id"].to_string();
    assert_eq!(job["counts"]["targets"], 1);
    assert_eq!(server.json(&["job", "pause", &id])["state"], "paused");
    assert_eq!(server.json(&["job", "resume", &id])["state"], "running");
    server.json(&["job", "cancel", &id]);
    // A watched job that does not complete is a failure for scripts.
    server.fails(1, &["job", "watch", &id]);
    server.fails(4, &["job", "show", "999999"]);
}

#[test]
fn components_are_made_shown_and_deleted_once_nothing_is_made_of_them() {
    let server = Server::start(&[]);
    let image = file(server.directory.path(), "fw.bin", b"an image").display().to_string();
    let made = server.json(&["component", "create", "os", "1.0", "--artifact", &image, "--kind", "os"]);
    assert_eq!((&made["type"], &made["artifacts"][0]["name"]), (&json!("os"), &json!("fw.bin")));
    server.fails(2, &["component", "create", "os", "1.1"]);
    assert_eq!(server.json(&["component", "list"])["items"][0]["version"], "1.0");
    assert!(said(&server.run(&["component", "show", "os/os@1.0"])).contains("fw.bin"));
    server.json(&["release", "create", "set", "7", "--component", "os@1.0"]);
    assert_eq!(server.json(&["release", "show", "set@7"])["components"][0]["name"], "os");
    server.fails(2, &["component", "show", "os"]);
    server.fails(2, &["release", "show", "set"]);
    server.fails(3, &["component", "delete", "os@1.0"]);
    server.run(&["release", "delete", "set@7"]);
    server.run(&["component", "delete", "os@1.0"]);
    server.fails(4, &["component", "show", "os@1.0"]);
    server.fails(4, &["release", "show", "set", "7"]);
}

#[test]
fn names_and_tags_have_blanks_and_any_script_on_the_command_line_too() {
    let server = Server::start(&[]);
    let (name, version) = ("Firmware for Pump 펌웨어", "1.0 beta@2");
    server.json(&["device", "create", "pump-1", "--tag", "my tag"]);
    let image = file(server.directory.path(), "fw.bin", b"an image").display().to_string();
    server.json(&["release", "create", name, version, "--artifact", &image]);
    assert_eq!(server.json(&["release", "show", name, version])["version"], version);
    let reference = format!("{name}@{version}");
    let part = format!("application/{reference}");
    server.json(&["release", "create", "Set", "1", "--component", &part]);
    let shown = said(&server.run(&["release", "show", "Set", "1"]));
    assert!(shown.contains(&format!("\"{part}\"")), "{shown}");
    let job = server.json(&["job", "create", "--release", &reference, "--tag", "my tag"]);
    assert_eq!((&job["counts"]["targets"], &job["release"]["name"]), (&json!(1), &json!(name)));
    assert_eq!(server.json(&["device", "list", "--query", "tag=='my tag'"])["items"][0]["name"], "pump-1");
    server.fails(3, &["release", "create", "a\u{202e}b", "1", "--artifact", &image]);
}

#[test]
fn a_release_shows_its_files_and_rules_and_the_times_of_a_rollout_are_flags() {
    let server = Server::start(&[]);
    let image = file(server.directory.path(), "fw.bin", b"an image").display().to_string();
    let rules = ["--hardware", "rev-b", "--minimum-source", "1.0.0"];
    server.json(&[&["release", "create", "pump-fw", "2.0.0", "--artifact", &image], &rules[..]].concat());
    let shown = server.run(&["release", "show", "pump-fw", "2.0.0"]);
    let text = String::from_utf8(shown.stdout).unwrap();
    for part in
        ["application/pump-fw@2.0.0", "hardware rev-b", "versions from 1.0.0", "fw.bin", "signature none"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    server.json(&["device", "create", "pump-1"]);
    let create = ["job", "create", "--release", "pump-fw@2.0.0", "--query", "name==pump-*"];
    let times = ["--begin-at", "2090-01-01T02:00:00Z", "--forced-at", "2090-01-02T02:00:00Z"];
    let end = ["--ends-at", "2090-01-03T02:00:00Z", "--continuous", "5"];
    let rollout = server.json(&[&create[..], &times[..], &end[..]].concat())["rollout"].clone();
    assert_eq!(rollout["handling"], "timeForced");
    assert_eq!(rollout["forcedAt"], "2090-01-02T02:00:00Z");
    assert_eq!(rollout["endsAt"], "2090-01-03T02:00:00Z");
    assert_eq!(rollout["continuous"], json!({ "waveSize": 5 }));
    let wrong = server.fails(2, &[&create[..], &["--begin-at", "tomorrow"]].concat());
    assert!(wrong.contains("--begin-at"), "{wrong}");
    let foreseen = server.json(&[&create[..], &["--dry-run", "--each-device"]].concat());
    let pump = &foreseen["items"][0];
    assert_eq!(
        (&pump["device"], &pump["outcome"], &foreseen["total"]),
        (&json!("pump-1"), &json!("skipped"), &json!(1))
    );
    let shown = server.run(&[&create[..], &["--dry-run", "--each-device"]].concat());
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(text.contains("pump-1") && text.contains("skipped"), "{text}");
    let by_chance = server.run(&[&create[..], &["--dry-run", "--each-device", "--random"]].concat());
    for (output, is_drawn) in [(&shown.stderr, false), (&by_chance.stderr, true)] {
        let told = String::from_utf8_lossy(output);
        assert_eq!(told.contains("drawn anew"), is_drawn, "{told}");
    }
    let open = server.json(&[&create[..], &["--dry-run", "--each-device", "--outcome", "open"]].concat());
    assert_eq!(open["items"], json!([]));
    let wrong = server.fails(2, &[&create[..], &["--each-device"]].concat());
    assert!(wrong.contains("--dry-run"), "{wrong}");
}

#[test]
fn a_log_that_goes_into_a_file_has_no_colours() {
    let server = Server::start(&[]);
    let log = std::fs::read_to_string(server.path("server.log")).unwrap();
    assert!(log.contains("windlass is ready") && !log.contains('\u{1b}'), "{log:?}");
}

#[test]
fn a_viewers_token_looks_but_does_not_touch() {
    let server = Server::start(&[]);
    server.json(&["device", "create", "pump-1"]);
    let made = server.json(&["token", "create", "dashboard", "--role", "viewer"]);
    let secret = made["secret"].as_str().unwrap();
    let as_viewer =
        |arguments: &[&str]| server.command(arguments).env("WINDLASS_TOKEN", secret).output().unwrap();
    assert!(as_viewer(&["device", "show", "pump-1"]).status.success());
    let refused = as_viewer(&["device", "suspend", "pump-1"]);
    assert_eq!(refused.status.code(), Some(5), "{}", said(&refused));
    let id = made["token"]["id"].to_string();
    assert!(server.run(&["token", "revoke", &id]).status.success());
    assert_eq!(as_viewer(&["device", "show", "pump-1"]).status.code(), Some(5));
}

#[test]
fn an_operator_signs_a_devices_request_and_revokes_the_certificate() {
    let server = Server::start(&[]);
    server.json(&["device", "create", "pump-1"]);
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let csr = file(server.directory.path(), "pump.csr", request.as_bytes()).display().to_string();
    let out = server.path("pump.pem");
    let signed = server.run(&["device", "cert", "sign", "pump-1", &csr, "--out", &out]);
    assert!(signed.status.success(), "{}", said(&signed));
    assert!(std::fs::read_to_string(&out).unwrap().contains("BEGIN CERTIFICATE"));
    let listed = server.json(&["device", "cert", "list", "pump-1"]);
    let id = listed["items"][0]["id"].to_string();
    let revoked = server.json(&["device", "cert", "revoke", &id, "--reason", "lost"]);
    assert_eq!(revoked["status"], "revoked");
    // Nobody signs the same key twice.
    server.fails(3, &["device", "cert", "sign", "pump-1", &csr]);
}

#[test]
fn devices_come_in_from_a_file_with_a_key_of_the_servers_and_leave_again() {
    let server = Server::start(&[]);
    let table = b"name,kind,parent,tags,attribute.note\ngw-1,gateway,,,\np-1,,gw-1,a b,=1+1\n";
    let table = file(server.directory.path(), "devices.csv", table).display().to_string();
    assert_eq!(server.json(&["device", "import", &table, "--dry-run"])["toCreate"], 2);
    assert_eq!(server.json(&["device", "import", &table])["created"], 2);
    assert_eq!(server.json(&["device", "show", "gw-1"])["children"], 1);
    let exported = server.run(&["device", "export", "--query", "parent==gw-1"]);
    assert!(
        String::from_utf8_lossy(&exported.stdout).contains("p-1,,device,gw-1,a b,,'=1+1"),
        "{}",
        said(&exported)
    );
    let bad = file(server.directory.path(), "bad.csv", b"name\n<img src=x onerror=alert(1)>\n");
    server.fails(3, &["device", "import", bad.to_str().unwrap()]);
    let out = server.path("keys");
    server.json(&["device", "cert", "generate", "p-1", "--out", &out]);
    let key = std::path::Path::new(&out).join("device.key");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&key).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    assert!(std::fs::read_to_string(key).unwrap().contains("PRIVATE KEY"));
    let window = server.json(&["device", "reprovision", "p-1", "--minutes", "5"]);
    assert!(window["reprovisionUntil"].is_string());
    let replaced = server.json(&[
        "device",
        "replace",
        "p-1",
        "--generate-key",
        "--external-id",
        "mac:00-11",
        "--out",
        &out,
    ]);
    assert_eq!(replaced["aliases"], json!([{"protocol": "mac", "externalId": "00-11"}]));
    assert_eq!(server.json(&["pending", "list"])["items"], json!([]));
    let foreseen = server.json(&["device", "decommission", "gw-1", "--erase", "--dry-run"]);
    assert_eq!(foreseen["children"], 1);
    let leaving = server.json(&["device", "decommission", "p-1", "--wipe", "factory-reset", "--wait", "60"]);
    assert!(leaving["decommissioning"]["wipeJob"].is_number());
    assert_eq!(server.json(&["device", "decommission", "p-1"])["lifecycle"], "decommissioned");
    server.fails(3, &["device", "delete", "p-1"]);
    assert!(server.run(&["device", "delete", "p-1", "--reuse-name"]).status.success());
    server.fails(4, &["device", "show", "p-1"]);
}

#[test]
fn the_audit_record_is_verified_here_and_elsewhere_and_a_changed_export_is_found_out() {
    let server = Server::start(&[]);
    server.json(&["device", "create", "pump-1"]);
    wait_for("sealed records", || server.json(&["audit", "verify"])["unsealed"] == 0);
    let export = server.path("audit.jsonl");
    let exported = server.run(&["audit", "export", &export]);
    assert!(exported.status.success(), "{}", said(&exported));
    let key = format!("{export}.key.pem");
    // No server and no sign-in are needed.
    let offline = |file: &str| {
        windlass(&["--output", "json", "audit", "verify", file, "--key", &key]).output().unwrap()
    };
    let good = offline(&export);
    assert_eq!(good.status.code(), Some(0), "{}", said(&good));
    let text = std::fs::read_to_string(&export).unwrap();
    assert!(text.contains("device:pump-1"));
    let changed = file(
        server.directory.path(),
        "changed.jsonl",
        text.replace("device:pump-1", "device:pump-2").as_bytes(),
    );
    let bad = offline(changed.to_str().unwrap());
    assert_eq!(bad.status.code(), Some(1), "{}", said(&bad));
    assert!(String::from_utf8_lossy(&bad.stdout).contains("\"intact\": false"), "{}", said(&bad));
}

#[test]
fn whoever_holds_the_data_directory_gets_a_token_with_and_without_a_running_server() {
    let mut server = Server::start(&[]);
    let data = server.path("data");
    let made = windlass(&["admin", "token", "--data", &data]).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let token = String::from_utf8(made.stdout).unwrap();
    let me = server.command(&["whoami"]).env("WINDLASS_TOKEN", token.trim()).output().unwrap();
    assert!(me.status.success(), "{}", said(&me));
    assert_eq!(server.terminate(), Some(0), "SIGTERM is a good end");
    let made = windlass(&["admin", "token", "--data", &data]).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    server.start_again();
    let token = String::from_utf8(made.stdout).unwrap();
    assert!(
        server.command(&["whoami"]).env("WINDLASS_TOKEN", token.trim()).output().unwrap().status.success()
    );
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_clearly() {
    let server = Server::start(&[]);
    let second = windlass(&[
        "serve",
        "--http",
        "127.0.0.1:0",
        "--mqtt",
        "127.0.0.1:0",
        "--data",
        &server.path("data"),
    ])
    .output()
    .unwrap();
    assert_eq!(second.status.code(), Some(1), "{}", said(&second));
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{}", said(&second));
    assert_eq!(server.json(&["whoami"])["role"], "admin");
}

#[test]
fn a_full_disk_is_an_alert_that_people_look_after_and_a_channel_says_why_it_does_not_work() {
    let server = Server::start(&[("WINDLASS_LIMITS__FREE_DISK_BYTES", "1000000000000000000")]);
    let open = || server.json(&["alert", "list", "--kind", "diskLow"]);
    wait_for("an alert", || open()["items"].as_array().is_some_and(|items| items.len() == 1));
    let id = open()["items"][0]["id"].to_string();
    assert_eq!(server.json(&["alert", "show", &id])["severity"], "error");
    assert!(!server.json(&["alert", "ack", &id])["acknowledgedBy"].as_str().unwrap().is_empty());
    assert_eq!(server.json(&["alert", "close", &id, "--reason", "known"])["closedReason"], "known");
    server.fails(3, &["alert", "close", &id]);
    server.fails(4, &["alert", "show", "999"]);
    assert_eq!(open()["items"], json!([]));
    let refused = server.fails(3, &["notify", "set-webhook", "ops", "https://127.0.0.1/"]);
    assert!(refused.contains("outbound_allow"), "{refused}");
    let refused = server.fails(3, &["notify", "set-email", "ops", "ops@example.com"]);
    assert!(refused.contains("[smtp]"), "{refused}");
    let made =
        server.json(&["notify", "set-webhook", "ops", "https://windlass.invalid/", "--alert", "diskLow"]);
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let tested = server.run(&["notify", "test", "ops"]);
    assert_eq!(tested.status.code(), Some(1), "{}", said(&tested));
    assert_eq!(server.json(&["notify", "list"])["items"][0]["lastDelivery"]["outcome"], "failed");
    assert!(server.run(&["notify", "delete", "ops"]).status.success());
    server.fails(4, &["notify", "delete", "ops"]);
}

#[test]
fn who_signs_and_the_quota_are_shown_and_changed_in_part() {
    let server = Server::start(&[]);
    let ca = include_bytes!("../../../app/src/artifacts/inspect/fixtures/ca.pem");
    let ca = file(server.directory.path(), "release-ca.pem", ca).display().to_string();
    let set = server.json(&["artifact", "terms", "set", "--signer", &ca, "--quota", "1000000"]);
    assert_eq!(set["signers"].as_array().unwrap().len(), 1);
    assert_eq!((&set["quotaBytes"], &set["requireSignature"]), (&json!(1_000_000), &json!(false)));
    let set = server.json(&["artifact", "terms", "set", "--require-signature", "true"]);
    assert_eq!(set["signers"].as_array().unwrap().len(), 1, "what is not named stays");
    assert_eq!((&set["quotaBytes"], &set["requireSignature"]), (&json!(1_000_000), &json!(true)));
    let without =
        ["artifact", "terms", "set", "--no-signers", "--require-signature", "false", "--quota", "0"];
    let set = server.json(&without);
    assert_eq!((&set["signers"], &set["quotaBytes"]), (&json!([]), &json!(null)));
    assert_eq!(server.json(&["artifact", "terms", "show"]), set);
}
