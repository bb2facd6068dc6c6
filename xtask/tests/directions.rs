//! The direction of dependencies between crates, read from `cargo metadata`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Every workspace crate with the names of its direct dependencies (not those of its tests).
fn direct_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            let names = dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

/// The workspace crates that each crate may depend on. `windlass` (programs) and `xtask` may use what they like.
const ALLOWED: [(&str, &[&str]); 8] = [
    ("windlass-domain", &[]),
    ("windlass-wire", &[]),
    ("windlass-api", &[]),
    ("windlass-query", &["windlass-domain"]),
    ("windlass-store", &["windlass-domain"]),
    ("windlass-app", &["windlass-domain", "windlass-query", "windlass-store", "windlass-wire"]),
    ("windlass-gateway", &["windlass-app", "windlass-domain", "windlass-wire"]),
    (
        "windlass-server",
        &[
            "windlass-api",
            "windlass-app",
            "windlass-domain",
            "windlass-gateway",
            "windlass-query",
            "windlass-store",
            "windlass-wire",
        ],
    ),
];

#[test]
fn workspace_crates_depend_on_each_other_only_in_the_designed_directions() {
    let direct = direct_dependencies();
    for (name, dependencies) in &direct {
        let Some((_, allowed)) = ALLOWED.iter().find(|(crate_name, _)| crate_name == name) else {
            assert!(
                matches!(name.as_str(), "windlass" | "xtask"),
                "say in this test what {name} may depend on"
            );
            continue;
        };
        let wrong: Vec<_> = dependencies
            .iter()
            .filter(|dependency| {
                dependency.starts_with("windlass") && !allowed.contains(&dependency.as_str())
            })
            .collect();
        assert!(wrong.is_empty(), "{name} must not depend on {wrong:?}");
    }
    assert!(ALLOWED.iter().all(|(name, _)| direct.contains_key(*name)), "a crate of this test is gone");
}

#[test]
fn pure_crates_never_touch_the_runtime_the_database_or_the_web_framework() {
    let direct = direct_dependencies();
    for name in ["windlass-domain", "windlass-wire", "windlass-api", "windlass-query"] {
        for heavy in ["tokio", "sqlx", "axum", "hyper", "reqwest"] {
            assert!(!direct[name].contains(heavy), "{name} must not depend on {heavy}");
        }
    }
}

#[test]
fn only_the_store_speaks_sql() {
    for (name, dependencies) in direct_dependencies() {
        assert!(name == "windlass-store" || !dependencies.contains("sqlx"), "{name} must not depend on sqlx");
    }
}
