use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;

use windlass_app::authority::CertificateFacts;

use super::look::Space;
use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A server with which nothing is wrong.
fn healthy() -> Facts {
    Facts {
        now: NOW,
        certificates: vec![Presented {
            what: "device port",
            facts: Ok(CertificateFacts {
                names: vec!["fleet.example".to_owned(), "*.iot.example".to_owned()],
                not_before: NOW.minus(DAY),
                not_after: NOW.plus(300 * DAY),
            }),
        }],
        promised: vec!["Fleet.Example".to_owned(), "a.iot.example".to_owned()],
        clock: ClockFacts { newest: Some(NOW), node: Some(NOW) },
        space: Ok(Space { free: 1 << 40, total: 1 << 41, low: false, nearly_low: false }),
        sync: Ok(Duration::from_millis(2)),
        files: Some(65_536),
        devices: Some(10_000),
        permissions: Permissions::default(),
        ports: vec![Port { what: "console", address: address("127.0.0.1:8080"), found: PortFound::Free }],
        schemas: vec![Schema { file: "state.db", found: Ok(6), known: 6 }],
        backup: BackupFacts { succeeded_at: Some(NOW.minus(DAY)), ..BackupFacts::default() },
        plain: PlainFacts::default(),
        database: ("SQLite", Ok(())),
    }
}

fn worst(facts: &Facts) -> (State, Vec<Check>) {
    let checks = rules::judge(facts);
    let state = checks.iter().map(|check| check.state).max_by_key(|state| match state {
        State::Good => 0,
        State::Warning => 1,
        State::Problem => 2,
    });
    (state.unwrap(), checks)
}

#[test]
fn each_fault_is_found_by_its_own_check_which_says_what_to_do() {
    let (state, checks) = worst(&healthy());
    assert_eq!(state, State::Good, "{checks:?}");
    let certificate = |change: &dyn Fn(&mut CertificateFacts)| {
        let mut facts = healthy();
        change(facts.certificates[0].facts.as_mut().unwrap());
        facts
    };
    let backup = |backup: BackupFacts| Facts { backup, ..healthy() };
    let port = |found: PortFound| Facts {
        ports: vec![Port { what: "console", address: address("0.0.0.0:443"), found }],
        ..healthy()
    };
    let schema = |found: Result<i64, String>| Facts {
        schemas: vec![Schema { file: "state.db", found, known: 6 }],
        ..healthy()
    };
    let space = |low: bool| Ok(Space { free: 1, total: 1 << 41, low, nearly_low: true });
    let sorry = || "it is broken".to_owned();
    use State::{Problem, Warning};
    for (facts, name, state, says) in [
        (certificate(&|c| c.not_after = NOW), "certificate", Problem, "ended"),
        (certificate(&|c| c.not_after = NOW.plus(10 * DAY)), "certificate", Warning, "10 days"),
        (certificate(&|c| c.not_before = NOW.plus(DAY)), "certificate", Problem, "begins only"),
        (
            certificate(&|c| c.names = vec!["fleet.example".to_owned()]),
            "certificate",
            Problem,
            "a.iot.example",
        ),
        (certificate(&|c| c.names[1] = "*.example".to_owned()), "certificate", Problem, "a.iot.example"),
        (
            Facts { certificates: vec![Presented { what: "console", facts: Err(sorry()) }], ..healthy() },
            "certificate",
            Problem,
            "broken",
        ),
        (
            Facts { clock: ClockFacts { newest: Some(NOW.plus(DAY)), node: None }, ..healthy() },
            "clock",
            Problem,
            "86400 seconds before",
        ),
        (
            Facts {
                clock: ClockFacts { newest: None, node: Some(NOW.plus(Duration::from_secs(90))) },
                ..healthy()
            },
            "clock",
            Warning,
            "set back by 90",
        ),
        (Facts { space: space(true), ..healthy() }, "disk", Problem, "are refused"),
        (Facts { space: space(false), ..healthy() }, "disk", Warning, "soon"),
        (Facts { space: Err(sorry()), ..healthy() }, "disk", Problem, "broken"),
        (Facts { sync: Ok(Duration::from_millis(80)), ..healthy() }, "diskSpeed", Warning, "80.0 ms"),
        (Facts { sync: Ok(Duration::from_millis(800)), ..healthy() }, "diskSpeed", Problem, "800.0 ms"),
        (Facts { sync: Err(sorry()), ..healthy() }, "diskSpeed", Problem, "broken"),
        (Facts { files: Some(1_024), ..healthy() }, "openFiles", Problem, "10000 devices"),
        (Facts { files: Some(1_024), devices: Some(3), ..healthy() }, "openFiles", Warning, "1024"),
        (
            Facts {
                permissions: Permissions { loose: vec![("/d/keys/a.pem".into(), 0o644)], error: None },
                ..healthy()
            },
            "permissions",
            Problem,
            "mode 644",
        ),
        (port(PortFound::Taken), "ports", Problem, "another program"),
        (port(PortFound::NotOurs), "ports", Warning, "does not listen"),
        (port(PortFound::Refused(sorry())), "ports", Problem, "broken"),
        (schema(Ok(7)), "schema", Problem, "up to 6"),
        (schema(Err(sorry())), "schema", Problem, "broken"),
        (backup(BackupFacts::default()), "backup", Warning, "ever made"),
        (
            backup(BackupFacts { succeeded_at: Some(NOW.minus(8 * DAY)), ..BackupFacts::default() }),
            "backup",
            Warning,
            "8 days ago",
        ),
        (
            backup(BackupFacts {
                succeeded_at: Some(NOW.minus(3 * DAY)),
                every: Some(DAY),
                ..BackupFacts::default()
            }),
            "backup",
            Warning,
            "3 days ago",
        ),
        (
            backup(BackupFacts { problem: Some(sorry()), ..BackupFacts::default() }),
            "backup",
            Problem,
            "broken",
        ),
        (
            backup(BackupFacts { same_disk: true, succeeded_at: Some(NOW), ..BackupFacts::default() }),
            "backup",
            Warning,
            "same disk",
        ),
        (
            backup(BackupFacts {
                directory: Some("/mnt/b".into()),
                directory_error: Some(sorry()),
                ..BackupFacts::default()
            }),
            "backup",
            Problem,
            "/mnt/b",
        ),
        (
            Facts {
                plain: PlainFacts { exposed: Some(address("0.0.0.0:8080")), public_url: None },
                ..healthy()
            },
            "plainHttp",
            Problem,
            "0.0.0.0:8080",
        ),
        (
            Facts {
                plain: PlainFacts { exposed: None, public_url: Some("http://x".to_owned()) },
                ..healthy()
            },
            "plainHttp",
            Warning,
            "http://x",
        ),
        (Facts { database: ("PostgreSQL", Err(sorry())), ..healthy() }, "database", Problem, "PostgreSQL"),
    ] {
        let wrong: Vec<Check> =
            rules::judge(&facts).into_iter().filter(|check| check.state != State::Good).collect();
        assert_eq!(wrong.len(), 1, "{name}: {wrong:?}");
        assert_eq!((wrong[0].name, wrong[0].state), (name, state), "{wrong:?}");
        assert!(wrong[0].detail.contains(says), "{says}: {wrong:?}");
        assert!(!wrong[0].action.is_empty(), "{wrong:?}");
    }
}

#[test]
fn a_clock_that_was_never_set_is_a_problem() {
    let now = Timestamp::from_seconds(1_000);
    let facts = Facts { now, clock: ClockFacts::default(), ..healthy() };
    let clock = rules::judge(&facts).into_iter().find(|check| check.name == "clock").unwrap();
    assert_eq!(clock.state, State::Problem);
    assert!(clock.detail.contains("never set"), "{clock:?}");
}

#[tokio::test]
async fn faults_of_a_directory_are_found_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config {
        data: data.clone(),
        http: address("127.0.0.1:0"),
        mqtt: vec![taken.local_addr().unwrap()],
        ..Config::default()
    };
    let checks = examine(&config).await;
    assert_eq!((checks.len(), checks[0].name), (1, "directory"), "{checks:?}");
    std::fs::create_dir_all(data.join("keys")).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::set_permissions(data.join("keys"), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::write(data.join("keys/server.pem"), "nothing").unwrap();
    std::fs::set_permissions(data.join("keys/server.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(data.join("state.db"), vec![b'x'; 8_192]).unwrap();
    let checks = examine(&config).await;
    let of = |name: &str| checks.iter().find(|check| check.name == name).unwrap();
    for name in ["certificate", "permissions", "ports", "schema", "database"] {
        assert_eq!(of(name).state, State::Problem, "{checks:?}");
    }
    assert!(of("permissions").action.contains("chmod 600"), "{checks:?}");
    assert_ne!(of("diskSpeed").detail, "", "{checks:?}");
    assert_eq!(of("clock").state, State::Good, "{checks:?}");
}
