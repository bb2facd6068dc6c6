//! What the contract says of merging, versions and differences, by example and by property.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NOW: Timestamp = Timestamp::from_seconds(1_000);
const LATER: Timestamp = Timestamp::from_seconds(2_000);
const MOST: usize = 8 * 1024;

fn object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        other => panic!("{other}"),
    }
}

fn patch(value: Value) -> Patch {
    match value {
        Value::Null => Patch::Clear,
        other => Patch::Merge(object(other)),
    }
}

fn desired(value: Value) -> Update {
    Update { desired: patch(value), ..Update::default() }
}

fn reported(value: Value) -> Update {
    Update { reported: patch(value), ..Update::default() }
}

/// Carries out updates one second apart, from nothing.
fn after(updates: &[Update]) -> Shadow {
    let mut shadow = None;
    for (second, change) in (1_000..).zip(updates) {
        let at = Timestamp::from_seconds(second);
        let done = update(shadow.as_ref(), change, MOST, at).unwrap();
        shadow = Some(Shadow::Live { documents: done.current, version: done.version, updated_at: at });
    }
    shadow.unwrap()
}

fn documents(updates: &[Update]) -> Documents {
    match after(updates) {
        Shadow::Live { documents, .. } => documents,
        Shadow::Deleted { .. } => panic!("deleted"),
    }
}

fn delta(updates: &[Update]) -> Option<Value> {
    documents(updates).delta().map(|section| Value::Object(section.values))
}

#[test]
fn objects_merge_null_deletes_and_arrays_are_replaced() {
    for (before, change, expected) in [
        (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
        (json!({"a": {"x": 1, "y": 2}}), json!({"a": {"y": 3}}), json!({"a": {"x": 1, "y": 3}})),
        (json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2})),
        (json!({"a": {"x": 1, "y": 2}}), json!({"a": {"x": null}}), json!({"a": {"y": 2}})),
        (json!({"a": {"x": 1}}), json!({"a": null}), json!({})),
        (json!({"a": [1, 2, 3]}), json!({"a": [4]}), json!({"a": [4]})),
        (json!({"a": {"x": 1}}), json!({"a": 5}), json!({"a": 5})),
        (json!({"a": 5}), json!({"a": {"x": 1}}), json!({"a": {"x": 1}})),
        (json!({}), json!({"a": {"x": null, "y": 1}}), json!({"a": {"y": 1}})),
        (json!({"a": 1}), json!({}), json!({"a": 1})),
        (json!({"a": 1}), Value::Null, json!({})),
    ] {
        let made = documents(&[desired(before.clone()), desired(change.clone())]);
        assert_eq!(Value::Object(made.desired.values), expected, "{before} + {change}");
        assert_eq!(made.reported, Section::default());
    }
}

#[test]
fn every_leaf_keeps_the_time_it_was_set() {
    let made = documents(&[
        reported(json!({"a": 1, "n": {"x": 1, "y": 1}, "list": [1]})),
        reported(json!({"n": {"y": 2}, "list": [1]})),
    ]);
    let at = |second| Stamp::At(Timestamp::from_seconds(second));
    let nested = Stamps::from([("x".to_owned(), at(1_000)), ("y".to_owned(), at(1_001))]);
    assert_eq!(
        made.reported.stamps,
        Stamps::from([
            ("a".to_owned(), at(1_000)),
            ("n".to_owned(), Stamp::Keys(nested)),
            ("list".to_owned(), at(1_001)),
        ])
    );
}

#[test]
fn the_version_rises_by_one_and_another_version_is_a_conflict() {
    let shadow = after(&[desired(json!({"a": 1})), desired(json!({"a": 1}))]);
    assert!(matches!(shadow, Shadow::Live { version: 2, .. }));
    let with = |version| Update { expected_version: Some(version), ..desired(json!({"a": 2})) };
    assert_eq!(update(Some(&shadow), &with(2), MOST, NOW).unwrap().version, 3);
    for wrong in [0, 1, 3, i64::MAX] {
        assert_eq!(
            update(Some(&shadow), &with(wrong), MOST, NOW),
            Err(UpdateRefusal::VersionConflict { current: 2 })
        );
    }
    assert_eq!(update(None, &with(0), MOST, NOW).unwrap().version, 1);
    assert_eq!(update(None, &with(1), MOST, NOW), Err(UpdateRefusal::VersionConflict { current: 0 }));
}

#[test]
fn a_deleted_shadow_keeps_its_version_for_48_hours() {
    let shadow = after(&[desired(json!({"a": 1})), desired(json!({"a": 2})), desired(json!({"a": 3}))]);
    let deleted = delete(Some(&shadow), NOW).unwrap();
    assert_eq!(deleted, Shadow::Deleted { version: 3, at: NOW });
    assert_eq!(delete(Some(&deleted), NOW), None);
    assert_eq!(delete(None, NOW), None);

    let again = |at| update(Some(&deleted), &desired(json!({"b": 1})), MOST, at).unwrap();
    let soon = again(NOW.plus(DELETED_VERSION_LIVES).minus(Duration::from_micros(1)));
    assert_eq!((soon.previous_version, soon.version), (3, 4));
    assert_eq!(soon.previous, Documents::default());
    assert_eq!(Value::Object(soon.current.desired.values), json!({"b": 1}));
    assert_eq!(again(NOW.plus(DELETED_VERSION_LIVES)).version, 1);
}

#[test]
fn the_delta_is_what_is_desired_and_not_reported_so() {
    for (want, say, expected) in [
        (json!({"a": 1}), json!({}), Some(json!({"a": 1}))),
        (json!({"a": 1}), json!({"a": 1}), None),
        (json!({"a": 1}), json!({"a": 1.0}), None),
        (json!({"a": 1.5}), json!({"a": 1}), Some(json!({"a": 1.5}))),
        (json!({"a": true}), json!({"a": 1}), Some(json!({"a": true}))),
        (json!({"a": "1"}), json!({"a": 1}), Some(json!({"a": "1"}))),
        (json!({}), json!({"a": 1}), None),
        (json!({"a": 1}), json!({"a": 1, "b": 2}), None),
        (json!({"n": {"x": 1, "y": 2}}), json!({"n": {"x": 1, "y": 3}}), Some(json!({"n": {"y": 2}}))),
        (json!({"n": {"x": {"y": 2}}}), json!({"n": {}}), Some(json!({"n": {"x": {"y": 2}}}))),
        (json!({"n": {"x": 1}}), json!({"n": 1}), Some(json!({"n": {"x": 1}}))),
        (json!({"n": 1}), json!({"n": {"x": 1}}), Some(json!({"n": 1}))),
        (json!({"l": [1, 2]}), json!({"l": [1, 3]}), Some(json!({"l": [1, 2]}))),
        (json!({"l": [1, {"a": 1}]}), json!({"l": [1.0, {"a": 1.0}]}), None),
        (json!({"l": [1, 2]}), json!({"l": [2, 1]}), Some(json!({"l": [1, 2]}))),
        (json!({"l": [{"a": 1}]}), json!({"l": [{"a": 1, "b": 2}]}), Some(json!({"l": [{"a": 1}]}))),
    ] {
        let found = delta(&[desired(want.clone()), reported(say.clone())]);
        assert_eq!(found, expected, "{want} against {say}");
    }
}

#[test]
fn the_delta_holds_all_differences_with_the_times_of_the_desired_side() {
    let made = documents(&[
        desired(json!({"a": 1, "n": {"x": 1}})),
        desired(json!({"b": 2})),
        reported(json!({"b": 3})),
    ]);
    let delta = made.delta().unwrap();
    assert_eq!(Value::Object(delta.values), json!({"a": 1, "b": 2, "n": {"x": 1}}));
    let at = |second| Stamp::At(Timestamp::from_seconds(second));
    assert_eq!(
        delta.stamps,
        Stamps::from([
            ("a".to_owned(), at(1_000)),
            ("b".to_owned(), at(1_001)),
            ("n".to_owned(), Stamp::Keys(Stamps::from([("x".to_owned(), at(1_000))]))),
        ])
    );
}

#[test]
fn the_size_of_the_result_is_bounded_not_that_of_the_patch() {
    let half = |key: &str| desired(json!({ key: "x".repeat(90) }));
    let first = update(None, &half("a"), 100, NOW).unwrap();
    assert_eq!(first.current.bytes(), 98);
    let shadow = Shadow::Live { documents: first.current, version: 1, updated_at: NOW };
    assert_eq!(update(Some(&shadow), &half("b"), 100, NOW), Err(UpdateRefusal::TooLarge { bytes: 195 }));
    let say = Update { reported: patch(json!({"a": 1})), ..Update::default() };
    assert_eq!(update(Some(&shadow), &say, 100, NOW), Err(UpdateRefusal::TooLarge { bytes: 105 }));
    let swap = desired(json!({"a": null, "b": "x".repeat(90)}));
    assert!(update(Some(&shadow), &swap, 100, NOW).is_ok());
}

#[test]
fn an_update_says_which_side_changed() {
    let shadow = after(&[desired(json!({"a": 1})), reported(json!({"a": 1}))]);
    let changed = |change: Update| {
        let done = update(Some(&shadow), &change, MOST, LATER).unwrap();
        (done.desired_changed(), done.reported_changed())
    };
    assert_eq!(changed(desired(json!({"a": 2}))), (true, false));
    assert_eq!(changed(reported(json!({"a": 2}))), (false, true));
    assert_eq!(changed(reported(json!({"a": 1}))), (false, false));
    assert_eq!(changed(reported(Value::Null)), (false, true));
}

/// Scalars, arrays and nested objects over few keys, so that patches meet what is there. With null where allowed.
fn any_object(nulls: bool) -> impl Strategy<Value = Object> {
    let scalar = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0..3_i64).prop_map(Value::from),
        Just(json!(1.0)),
        "[ab]{0,2}".prop_map(Value::from),
        prop::collection::vec(0..2_i64, 0..3).prop_map(Value::from),
    ];
    let leaf = if nulls { prop_oneof![scalar, Just(Value::Null)].boxed() } else { scalar.boxed() };
    let key = prop::sample::select(&["a", "b", "c"][..]).prop_map(str::to_owned);
    let value = leaf.prop_recursive(4, 20, 3, {
        let key = key.clone();
        move |inner| {
            prop::collection::btree_map(key.clone(), inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        }
    });
    prop::collection::btree_map(key, value, 0..4).prop_map(|map| map.into_iter().collect())
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.values().any(has_null),
        Value::Array(items) => items.iter().any(has_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn mirrors(values: &Object, stamps: &Stamps) -> bool {
    values.len() == stamps.len()
        && values.iter().all(|(key, value)| match (value, stamps.get(key)) {
            (Value::Object(value), Some(Stamp::Keys(keys))) => mirrors(value, keys),
            (Value::Object(_), _) | (_, None | Some(Stamp::Keys(_))) => false,
            (_, Some(Stamp::At(_))) => true,
        })
}

fn levels(object: &Object) -> usize {
    object.values().map(|value| 1 + value.as_object().map_or(0, levels)).max().unwrap_or(0)
}

proptest! {
    #[test]
    fn merging_twice_is_merging_once(before in any_object(false), change in any_object(true)) {
        let once = documents(&[desired(Value::Object(before)), desired(Value::Object(change.clone()))]);
        let mut twice = once.clone();
        twice.desired.apply(&Patch::Merge(change), Timestamp::from_seconds(1_001));
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn no_null_survives_times_mirror_values_and_nothing_grows_deeper(
        before in any_object(true),
        change in any_object(true),
    ) {
        let deepest = levels(&before).max(levels(&change));
        let made = documents(&[desired(Value::Object(before)), desired(Value::Object(change))]);
        prop_assert!(!made.desired.values.values().any(has_null));
        prop_assert!(mirrors(&made.desired.values, &made.desired.stamps));
        prop_assert!(levels(&made.desired.values) <= deepest);
    }

    #[test]
    fn a_device_that_reports_the_delta_has_no_delta(want in any_object(false), say in any_object(false)) {
        let mut made = documents(&[desired(Value::Object(want)), reported(Value::Object(say))]);
        if let Some(delta) = made.delta() {
            prop_assert!(mirrors(&delta.values, &delta.stamps));
            made.reported.apply(&Patch::Merge(delta.values), LATER);
            prop_assert_eq!(made.delta(), None);
        }
    }

    #[test]
    fn a_device_that_reports_what_is_desired_has_no_delta(want in any_object(false)) {
        let both = Update {
            desired: Patch::Merge(want.clone()),
            reported: Patch::Merge(want),
            expected_version: None,
        };
        prop_assert_eq!(documents(&[both]).delta(), None);
    }
}
