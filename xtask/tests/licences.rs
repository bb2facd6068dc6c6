//! What may be linked into the binary: licences that go with Apache-2.0, read from `cargo metadata`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

use serde_json::Value;

/// Licences of which one must be offered by every package, for the whole of it.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL",
    "Unicode-3.0",
    "Zlib",
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether an SPDX expression can be satisfied with allowed licences alone. A slash is the old way to write OR.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    matches!(either(&words), Some((true, [])))
}

/// `both (OR both)*`: what it comes to, and the words that are left.
fn either<'w>(words: &'w [&'w str]) -> Option<(bool, &'w [&'w str])> {
    let (mut good, mut left) = both(words)?;
    while let ["OR", rest @ ..] = left {
        let (next, after) = both(rest)?;
        (good, left) = (good || next, after);
    }
    Some((good, left))
}

/// `one (AND one)*`.
fn both<'w>(words: &'w [&'w str]) -> Option<(bool, &'w [&'w str])> {
    let (mut good, mut left) = one(words)?;
    while let ["AND", rest @ ..] = left {
        let (next, after) = one(rest)?;
        (good, left) = (good && next, after);
    }
    Some((good, left))
}

/// A licence, one with an exception, or an expression in parentheses.
fn one<'w>(words: &'w [&'w str]) -> Option<(bool, &'w [&'w str])> {
    match words {
        ["(", rest @ ..] => match either(rest)? {
            (good, [")", after @ ..]) => Some((good, after)),
            _ => None,
        },
        [licence, "WITH", exception, rest @ ..] => {
            Some((ALLOWED.contains(&format!("{licence} WITH {exception}").as_str()), rest))
        }
        [licence, rest @ ..] => Some((ALLOWED.contains(licence), rest)),
        [] => None,
    }
}

#[test]
fn every_package_offers_a_licence_that_goes_with_ours() {
    let wrong: Vec<String> = packages()
        .iter()
        .filter(|package| !package["license"].as_str().is_some_and(is_allowed))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(wrong.is_empty(), "look at these, and allow or replace them: {wrong:#?}");
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for good in [
        "MIT",
        "MIT OR GPL-3.0",
        "MIT/Apache-2.0",
        "(MIT OR Apache-2.0) AND Unicode-3.0",
        "ISC AND (GPL-3.0 OR MIT)",
        "Apache-2.0 WITH LLVM-exception OR GPL-3.0",
    ] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in
        ["", "MIT AND", "(MIT", "GPL-3.0", "MIT AND GPL-3.0", "MIT AND (GPL-3.0 OR AGPL-3.0)", "MIT ISC"]
    {
        assert!(!is_allowed(bad), "{bad}");
    }
}
