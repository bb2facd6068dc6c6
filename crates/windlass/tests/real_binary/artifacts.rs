//! Large files, cut connections and killed servers.

use std::process::Stdio;

use sha2::{Digest, Sha256};

use crate::support::{Server, file, said, wait_for};

#[test]
fn a_large_upload_goes_on_by_itself_after_the_server_was_killed_in_the_middle() {
    // However full the disk of the machine is that runs the tests.
    let mut server = Server::start(&[
        ("WINDLASS_LIMITS__FREE_DISK_PER_MILLE", "0"),
        ("WINDLASS_LIMITS__FREE_DISK_BYTES", "0"),
    ]);
    let content: Vec<u8> =
        (0_u32..18_000_000).flat_map(|number| (number ^ number >> 7).to_le_bytes()).collect();
    let image = file(server.directory.path(), "large.bin", &content).display().to_string();
    let mut upload = server
        .command(&["--output", "json", "artifact", "upload", &image])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let part = server.directory.path().join("data/blobs/uploads/1");
    wait_for("the first bytes", || {
        assert!(upload.try_wait().unwrap().is_none(), "the upload ended before it began");
        part.metadata().is_ok_and(|part| part.len() > 0)
    });
    server.kill();
    server.start_again();
    let output = upload.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let artifact: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(artifact["sha256"], hex::encode(Sha256::digest(&content)));
    let listed = |server: &Server| server.json(&["artifact", "list"])["items"].as_array().map(Vec::len);
    assert_eq!(listed(&server), Some(1));
    assert!(!part.exists(), "the part is the blob now");
    let uploads = server.json(&["artifact", "uploads", "list"]);
    let upload = uploads["items"][0]["id"].to_string();
    for words in [["uploads", "delete", &upload].as_slice(), &["delete", &artifact["id"].to_string()]] {
        let output = server.command(&[&["artifact"], words].concat()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    assert_eq!(listed(&server), Some(0));
    assert_eq!(server.json(&["artifact", "uploads", "list"])["items"].as_array().map(Vec::len), Some(0));
}

#[test]
fn what_a_refused_release_was_to_be_made_of_does_not_stay_on_the_server() {
    let server = Server::start(&[]);
    let image = file(server.directory.path(), "app.bin", b"the same bytes").display().to_string();
    let run = |arguments: &[&str]| server.command(arguments).output().unwrap();
    let items = |what: &str| server.json(&[what, "list"])["items"].as_array().unwrap().clone();
    let kept = run(&["artifact", "upload", &image]);
    assert!(kept.status.success(), "{}", said(&kept));
    for (arguments, why) in [
        (&["a/b", "1.0"][..], "name must be"),
        (&["pump", "1/0"], "version must be"),
        (&["pump", "1.0", "--type", "ghost"], "ghost"),
        (&["pump", "1.0", "--kind", "a/b"], "component type must be"),
        (&["pump", "1.0", "--component", "ghost@1"], "ghost 1"),
    ] {
        let output = run(&[&["release", "create"], arguments, &["--artifact", &image]].concat());
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", said(&output));
        assert!(said(&output).contains(why), "{arguments:?}: {}", said(&output));
        assert_eq!(items("artifact").len(), 1, "{arguments:?}: {}", said(&output));
        assert!(items("component").is_empty(), "{arguments:?}");
    }
    let made = run(&["release", "create", "pump", "1.0", "--artifact", &image]);
    assert!(made.status.success(), "{}", said(&made));
    for command in [["release", "create"], ["component", "create"]] {
        let again = run(&[&command[..], &["pump", "1.0", "--artifact", &image]].concat());
        assert_eq!(again.status.code(), Some(3), "{}", said(&again));
        assert!(said(&again).contains("exists already"), "{}", said(&again));
    }
    let listed = items("artifact");
    let uses: Vec<_> = listed.iter().map(|one| one["usedBy"]["releases"].clone()).collect();
    let of_it = serde_json::json!([{"name": "pump", "version": "1.0"}]);
    assert_eq!(uses, [serde_json::json!([]), of_it]);
    let shown = run(&["artifact", "show", &listed[1]["id"].to_string()]);
    assert!(said(&shown).contains("pump@1.0"), "{}", said(&shown));
    let content = server.directory.path().join("data/blobs");
    assert!(content.exists(), "one of the same bytes stays");
}

#[test]
fn a_release_or_component_without_its_version_is_a_wrong_command_line() {
    let server = Server::start(&[]);
    for words in [["release", "show"], ["release", "delete"], ["component", "show"], ["component", "delete"]]
    {
        let output = server.command(&[&words[..], &["pump"]].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", said(&output));
        assert!(said(&output).contains("NAME@VERSION"), "{words:?}: {}", said(&output));
    }
    let nothing = server.command(&["release", "create", "pump", "1"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(2), "{}", said(&nothing));
}

#[test]
fn a_file_that_its_list_of_digests_does_not_vouch_for_is_not_uploaded() {
    let server = Server::start(&[]);
    let directory = server.directory.path();
    let image = file(directory, "app.bin", b"the bytes").display().to_string();
    let digest = hex::encode(Sha256::digest(b"the bytes"));
    let list = file(directory, "SHA256SUMS", format!("{digest}  app.bin\n").as_bytes()).display().to_string();
    let other = hex::encode(Sha256::digest(b"other bytes"));
    let wrong = file(directory, "wrong", format!("{other}  app.bin\n").as_bytes()).display().to_string();
    let refused = server.fails(3, &["artifact", "upload", &image, "--sums", &wrong]);
    assert!(refused.contains(&digest) && refused.contains(&other), "{refused}");
    assert_eq!(server.json(&["artifact", "list"])["items"].as_array().map(Vec::len), Some(0));
    let made = server.json(&["artifact", "upload", &image, "--sums", &list]);
    assert_eq!(made["sha256"], digest.as_str());
}

#[test]
fn an_artifact_has_the_link_that_it_was_given_until_that_is_taken_away() {
    let server = Server::start(&[]);
    let image = file(server.directory.path(), "app.bin", b"the bytes").display().to_string();
    let id = server.json(&["artifact", "upload", &image])["id"].to_string();
    let link = server.json(&["artifact", "link", &id])["path"].clone();
    assert!(link.as_str().is_some_and(|path| path.contains("/link/")), "{link}");
    assert_eq!(server.json(&["artifact", "link", &id])["path"], link, "it stays");
    let removed = server.run(&["artifact", "link", &id, "--remove"]);
    assert!(removed.status.success(), "{}", said(&removed));
    let again = server.fails(4, &["artifact", "link", &id, "--remove"]);
    assert!(again.starts_with("error: "), "{again}");
}

#[test]
fn a_job_shows_how_much_went_out_for_it() {
    let server = Server::start(&[]);
    let image = file(server.directory.path(), "app.bin", b"the bytes").display().to_string();
    let made = server.run(&["release", "create", "pump", "1.0", "--artifact", &image]);
    assert!(made.status.success(), "{}", said(&made));
    assert_eq!(server.rest("POST", "/devices", Some(serde_json::json!({"name": "d1"}))).0, 201);
    let job = server.json(&["job", "create", "--release", "pump@1.0", "--device", "d1"])["id"].to_string();
    let shown = server.run(&["job", "show", &job]);
    assert!(said(&shown).contains("0 of 0 bytes") && said(&shown).contains("saved"), "{}", said(&shown));
}
