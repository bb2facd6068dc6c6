//! Backups of a server under load, restored elsewhere and held against what was acknowledged.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Server, file, said, wait_for, windlass};

/// Bounds against misuse that a load generator would hit; and how full this machine's disk is does not matter here.
const OPEN: [(&str, &str); 6] = [
    ("WINDLASS_LIMITS__FREE_DISK_PER_MILLE", "0"),
    ("WINDLASS_LIMITS__FREE_DISK_BYTES", "0"),
    ("WINDLASS_LIMITS__CLAIM_CERTIFICATES_PER_MINUTE", "10000"),
    ("WINDLASS_LIMITS__CLAIM_CERTIFICATES_OPEN", "10000"),
    ("WINDLASS_LIMITS__MESSAGES_PER_SECOND", "100000"),
    ("WINDLASS_LIMITS__MESSAGE_BURST", "100000"),
];

fn items(answer: &Value) -> &[Value] {
    answer["items"].as_array().unwrap()
}

/// What a server holds, as its own API counts it.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    /// Points of each device.
    points: BTreeMap<String, u64>,
    /// Version of each device's shadow.
    shadows: BTreeMap<String, u64>,
    /// Outcomes of the executions of each job.
    jobs: BTreeMap<u64, Value>,
    /// Artifacts: names and digests.
    artifacts: Vec<(Value, Value)>,
}

impl Account {
    fn of(server: &Server) -> Self {
        let from = jiff::Timestamp::from_second(0).unwrap().to_string();
        let (mut points, mut shadows) = (BTreeMap::new(), BTreeMap::new());
        for device in items(&server.json(&["device", "list", "--limit", "1000"])) {
            let name = device["name"].as_str().unwrap().to_owned();
            let arguments = ["device", "telemetry", &name, "value", "--from", &from, "--step", "31536000"];
            let steps = server.run(&[&["--output", "json"], &arguments[..]].concat());
            let steps: Value = serde_json::from_slice(&steps.stdout).unwrap_or_default();
            let count = |steps: &Vec<Value>| steps.iter().map(|step| step["count"].as_u64().unwrap()).sum();
            points.insert(name.clone(), steps.as_array().map_or(0, count));
            let shadow = server.run(&["--output", "json", "device", "shadow", "get", &name]);
            let shadow: Value = serde_json::from_slice(&shadow.stdout).unwrap_or_default();
            shadows.insert(name, shadow["version"].as_u64().unwrap_or(0));
        }
        let jobs = server.json(&["job", "list"]);
        let jobs =
            items(&jobs).iter().map(|job| (job["id"].as_u64().unwrap(), job["counts"].clone())).collect();
        let artifacts = server.json(&["artifact", "list"]);
        let artifacts =
            items(&artifacts).iter().map(|one| (one["name"].clone(), one["sha256"].clone())).collect();
        Self { points, shadows, jobs, artifacts }
    }

    /// Everything that was here earlier is here now; more may be.
    fn covers(&self, earlier: &Self) {
        for (name, points) in &earlier.points {
            let found = self.points.get(name).unwrap_or_else(|| panic!("device {name} is missing"));
            assert!(found >= points, "{name}: {points} points were acknowledged, {found} are there");
        }
        for (name, version) in &earlier.shadows {
            let found = self.shadows[name];
            assert!(found >= *version, "{name}: shadow version {version} was acknowledged, {found} is there");
        }
        for job in earlier.jobs.keys() {
            assert!(self.jobs.contains_key(job), "job {job} is missing");
        }
        assert_eq!(self.artifacts, earlier.artifacts);
    }
}

fn load(server: &Server, claim: &str, seconds: &str) -> std::process::Child {
    server
        .command(&["sim", "--server", &server.device_server(), "--claim", claim, "--devices", "5"])
        .args([
            "--prefix",
            "s-",
            "--rate",
            "max",
            "--window",
            "8",
            "--profile",
            "minimal",
            "--telemetry-only",
        ])
        .args(["--backfill", "864000", "--duration", seconds])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn measuring(server: &Server) {
    wait_for("devices that measure", || {
        let values = server.run(&["--output", "json", "device", "telemetry", "s-00004"]);
        let values: Value = serde_json::from_slice(&values.stdout).unwrap_or_default();
        values.as_array().is_some_and(|values| !values.is_empty())
    });
}

#[test]
fn a_backup_under_load_holds_everything_that_was_acknowledged_before_it_began() {
    let mut server = Server::start(&OPEN);
    let claim = server.open_enrolment();
    let image = file(server.directory.path(), "fw.bin", b"quality: good\n").display().to_string();
    server.json(&["release", "create", "fw", "2.0.0", "--artifact", &image]);
    let mut load = load(&server, &claim, "60");
    measuring(&server);
    server.json(&["device", "shadow", "set", "s-00001", r#"{"interval":5}"#]);
    server.json(&["job", "create", "--release", "fw@2.0.0", "--query", "name==s-*"]);
    let acknowledged = Account::of(&server);
    assert_eq!(acknowledged.points.len(), 5);
    assert!(acknowledged.points.values().sum::<u64>() > 0, "{acknowledged:?}");
    assert!(acknowledged.shadows["s-00001"] > 0 && acknowledged.jobs.len() == 1, "{acknowledged:?}");
    let passphrase =
        file(server.directory.path(), "passphrase", b"correct horse battery\n").display().to_string();
    let (data, out) = (server.path("data"), server.path("fleet.backup"));
    let made = server.json(&["backup", "--data", &data, "--out", &out, "--passphrase-file", &passphrase]);
    assert_eq!(made["sealed"], "passphrase");
    server.kill();
    load.kill().unwrap();
    load.wait().unwrap();
    let restored = server.path("restored");
    let wrong = file(server.directory.path(), "wrong", b"incorrect horse battery\n").display().to_string();
    let sentence = server.fails(1, &["restore", &out, "--data", &restored, "--passphrase-file", &wrong]);
    assert!(sentence.contains("the passphrase is wrong"), "{sentence}");
    assert!(!std::path::Path::new(&restored).exists());
    server.json(&["restore", &out, "--data", &restored, "--passphrase-file", &passphrase]);
    let sentence = server.fails(1, &["restore", &out, "--data", &restored, "--passphrase-file", &passphrase]);
    assert!(sentence.contains("is not empty"), "{sentence}");
    std::fs::rename(&data, server.path("lost")).unwrap();
    std::fs::rename(&restored, &data).unwrap();
    server.start_again();
    Account::of(&server).covers(&acknowledged);
    let audit = server.json(&["audit", "verify"]);
    assert_eq!(audit["intact"], true, "{audit}");
}

#[test]
fn devices_go_on_where_they_were_after_a_restored_server_took_over() {
    let mut server = Server::start(&OPEN);
    let claim = server.open_enrolment();
    let state = server.path("identities");
    let device = server.device_server();
    let run = |server: &Server| {
        server.json(&[
            "sim",
            "--server",
            &device,
            "--claim",
            &claim,
            "--devices",
            "3",
            "--prefix",
            "s-",
            "--state",
            &state,
            "--rate",
            "20",
            "--duration",
            "1",
        ])
    };
    run(&server);
    assert_eq!(server.terminate(), Some(0));
    let (data, out) = (server.path("data"), server.path("fleet.backup"));
    let stopped = server.json(&["backup", "--data", &data, "--out", &out, "--plain"]);
    assert_eq!(stopped["sealed"], "plain");
    let before = std::fs::read(&out).unwrap();
    let sentence = server.fails(1, &["backup", "--data", &data, "--out", &out, "--plain"]);
    assert!(sentence.contains("exists already"), "{sentence}");
    assert_eq!(std::fs::read(&out).unwrap(), before);
    std::fs::rename(&data, server.path("lost")).unwrap();
    server.json(&["restore", &out, "--data", &data]);
    server.start_again();
    let earlier = Account::of(&server);
    let report = run(&server);
    assert_eq!(report["refused"], 0, "{report}");
    Account::of(&server).covers(&earlier);
    assert_eq!(items(&server.json(&["device", "list"])).len(), 3, "nobody enrolled twice");
}

#[test]
fn the_demonstration_is_served_from_its_backup() {
    let mut server = Server::prepare(&[]);
    let (kept, out, data) = (server.path("kept"), server.path("demo.backup"), server.path("data"));
    let told = windlass(&["demo", "--once", "--devices", "10", "--keep", &kept]).output().unwrap();
    assert!(told.status.success(), "{}", said(&told));
    server.json(&["backup", "--data", &server.path("kept/data"), "--out", &out, "--plain"]);
    server.json(&["restore", &out, "--data", &data]);
    server.start_again();
    let token = server.run(&["admin", "token", "--data", &data]);
    assert!(token.status.success(), "{}", said(&token));
    let token = String::from_utf8(token.stdout).unwrap();
    let asked = |arguments: &[&str]| {
        server.json(&[&["--url", &server.url(), "--token", token.trim()], arguments].concat())
    };
    assert_eq!(items(&asked(&["device", "list"])).len(), 10);
    assert!(
        items(&asked(&["job", "list"])).iter().any(|job| job["state"] == "halted"),
        "{}",
        asked(&["job", "list"])
    );
    assert!(!items(&asked(&["artifact", "list"])).is_empty());
    assert_eq!(asked(&["audit", "verify"])["intact"], true);
}

#[test]
fn a_backup_without_a_seal_a_directory_or_a_right_recipient_is_not_begun() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let fails = |status: i32, arguments: &[&str], says: &str| {
        let output = windlass(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{says}: {}", said(&output));
    };
    let (data, out) = (path("data"), path("out"));
    fails(3, &["backup", "--data", &data, "--out", &out], "--passphrase-file");
    fails(1, &["backup", "--data", &data, "--out", &out, "--plain"], "there is no data directory");
    fails(3, &["backup", "--data", &data, "--out", &out, "--recipient", "age1x"], "no age recipient");
    fails(
        2,
        &["backup", "--data", &data, "--out", &out, "--recipient", "age1x", "--plain"],
        "cannot be used with",
    );
    let short = file(directory.path(), "short", b"short").display().to_string();
    fails(1, &["backup", "--data", &data, "--out", &out, "--passphrase-file", &short], "shorter than 12");
    fails(1, &["restore", &short, "--data", &data], "is not a Windlass backup");
    assert!(!directory.path().join("out").exists() && !directory.path().join("data").exists());
}

#[test]
fn the_doctor_finds_what_is_wrong_with_a_server_that_runs_and_with_one_that_does_not() {
    let mut server = Server::start(&[]);
    let data = server.path("data");
    let config = file(
        server.directory.path(),
        "windlass.toml",
        format!("http = \"{}\"\nmqtt = [\"127.0.0.1:{}\"]\n", server.url().trim_start_matches("http://"), {
            let device = server.device_server();
            device.rsplit_once(':').unwrap().1.to_owned()
        })
        .as_bytes(),
    )
    .display()
    .to_string();
    let arguments = ["--output", "json", "doctor", "--data", &data, "--config", &config];
    let checks = |status: i32| -> BTreeMap<String, Vec<String>> {
        let output = windlass(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{}", said(&output));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut all = BTreeMap::<String, Vec<String>>::new();
        for check in items(&found) {
            let state = check["state"].as_str().unwrap().to_owned();
            all.entry(check["check"].as_str().unwrap().to_owned()).or_default().push(state);
        }
        all
    };
    // How full and how fast this machine's disk is, is not what this is about.
    let running = windlass(&arguments).output().unwrap();
    let running: Value = serde_json::from_slice(&running.stdout).unwrap();
    for check in items(&running).iter().filter(|check| !check["check"].as_str().unwrap().starts_with("disk"))
    {
        assert_ne!(check["state"], "problem", "{check}");
    }
    let ports: Vec<_> = items(&running).iter().filter(|check| check["check"] == "ports").collect();
    assert!(ports.len() == 2 && ports.iter().all(|check| check["state"] == "ok"), "{ports:?}");
    server.terminate();
    let out = server.path("alone.backup");
    let made = windlass(&["backup", "--data", &data, "--out", &out, "--plain"]).output().unwrap();
    assert!(made.status.success(), "{}", said(&made));
    let age = windlass(&arguments).output().unwrap();
    let age: Value = serde_json::from_slice(&age.stdout).unwrap();
    let backup = items(&age).iter().find(|check| check["check"] == "backup").unwrap();
    assert!(backup["detail"].as_str().unwrap().starts_with("the last backup is of"), "{backup}");
    let key = server.directory.path().join("data/keys/issuing-ca.pem");
    let mode = |bits| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(bits)).unwrap();
    };
    mode(0o644);
    let stopped = checks(1);
    assert_eq!(stopped["permissions"], ["problem"], "{stopped:?}");
    assert_eq!(stopped["ports"], ["ok", "ok"], "{stopped:?}");
    mode(0o600);
    let table = windlass(&["doctor", "--data", &server.path("nowhere")]).output().unwrap();
    assert_eq!(table.status.code(), Some(0), "{}", said(&table));
    assert!(
        String::from_utf8_lossy(&table.stdout).contains("there is no data directory"),
        "{}",
        said(&table)
    );
}

#[test]
fn a_server_makes_and_lists_its_own_backups_when_asked_and_says_so_where_it_has_no_folder() {
    let bare = Server::start(&[]);
    let refused = bare.fails(3, &["backups", "now"]);
    assert!(refused.contains("backup.directory"), "{refused}");
    assert_eq!(items(&bare.json(&["backups", "list"])).len(), 0);
    drop(bare);

    let folder = tempfile::tempdir().unwrap();
    // Settings live as long as the tests.
    let directory: &'static str = folder.path().display().to_string().leak();
    let server = Server::start(&[
        ("WINDLASS_BACKUP__DIRECTORY", directory),
        ("WINDLASS_BACKUP__PLAIN", "true"),
        ("WINDLASS_LIMITS__FREE_DISK_PER_MILLE", "0"),
        ("WINDLASS_LIMITS__FREE_DISK_BYTES", "0"),
    ]);
    let made = server.json(&["backups", "now"]);
    assert_eq!(made["state"], "complete", "{made}");
    let listed = server.json(&["backups", "list"]);
    assert_eq!(items(&listed)[0]["name"], made["name"]);
    assert!(folder.path().join(made["name"].as_str().unwrap()).exists());
    let table = server.run(&["backups", "list"]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("complete"), "{}", said(&table));
    assert!(String::from_utf8_lossy(&table.stderr).contains("on demand only"), "{}", said(&table));
    // The folder goes away: that is told by its name, and nothing hangs.
    drop(folder);
    let failed = server.fails(1, &["backups", "now"]);
    assert!(failed.contains(directory), "{failed}");
}
