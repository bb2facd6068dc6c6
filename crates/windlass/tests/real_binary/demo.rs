//! The demonstration comes out, and would fail if it did not.
use crate::support::{said, windlass};

#[test]
fn the_story_comes_out_from_enrolment_to_a_stopped_rollout() {
    let output = windlass(&["demo", "--once", "--devices", "12"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let told = String::from_utf8(output.stderr).unwrap();
    for chapter in
        ["1. Enrolment", "2. Configuration", "3. Monitoring", "4. Update", "5. Failure", "stopped itself"]
    {
        assert!(told.contains(chapter), "{chapter}: {told}");
    }
}
