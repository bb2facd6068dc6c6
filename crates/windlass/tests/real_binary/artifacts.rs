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
