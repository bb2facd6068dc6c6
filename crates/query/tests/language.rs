#![expect(clippy::panic, reason = "tests")]

//! The language as its page says: what it reads, what it refuses, and what it means.

use std::collections::BTreeMap;

use proptest::prelude::*;
use windlass_domain::time::Timestamp;
use windlass_query::{Field, Fields, MAX_BYTES, MAX_CLAUSES, MAX_DEPTH, Value, parse};

#[derive(Debug, Default)]
struct Thing(BTreeMap<&'static str, Vec<Value<'static>>>);

impl Fields for Thing {
    fn each(&self, field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        self.0.get(field.as_str()).into_iter().flatten().cloned().for_each(each);
    }
}

fn pump() -> Thing {
    Thing(BTreeMap::from([
        ("name", vec!["Pump-7*a".into()]),
        ("tag", vec!["outdoor".into(), "berlin".into()]),
        ("attribute.site", vec!["Köln (Süd)".into()]),
        ("attribute.battery", vec!["7".into()]),
        ("attribute.empty", vec!["".into()]),
        ("online", vec![Value::Truth(true)]),
        ("score", vec![Value::Number(2.5)]),
        ("createdat", vec![Value::Time(Timestamp::from_seconds(1_700_000_000))]),
    ]))
}

#[track_caller]
fn check(query: &str, expected: bool) {
    let parsed = parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    assert_eq!(parsed.matches(&pump()), expected, "{query}");
}

#[test]
fn equality_ignores_case_and_knows_wildcards() {
    for (query, expected) in [
        ("name==pump-7*a", true),
        ("NAME==PUMP*", true),
        ("name==*7*", true),
        ("name==*8*", false),
        (r"name==pump-7\*a", true),
        (r"name==pump\*", false),
        (r"name=='pump-7\*a'", true),
        ("name==p*7*a", true),
        ("name==p*a*7", false),
        ("name=li=pump*", true),
        ("attribute.site=='KÖLN (süd)'", true),
        ("attribute.site==\"köln*\"", true),
        ("name!=pump*", false),
        ("name!=valve", true),
    ] {
        check(query, expected);
    }
}

#[test]
fn a_wildcard_does_not_use_the_same_text_twice() {
    let thing = Thing(BTreeMap::from([("name", vec!["aba".into()])]));
    assert!(!parse("name==ab*ba").unwrap().matches(&thing));
    assert!(parse("name==ab*a").unwrap().matches(&thing));
}

#[test]
fn of_several_values_one_is_enough_and_unequal_means_none_of_them() {
    for (query, expected) in [
        ("tag==berlin", true),
        ("tag==paris", false),
        ("tag!=berlin", false),
        ("tag!=paris", true),
        ("tag=in=(paris,berlin)", true),
        ("tag=in=berlin", true),
        ("tag=out=(paris,rome)", true),
        ("tag=out=(paris,berlin)", false),
        ("missing!=x", true),
        ("missing=out=(x)", true),
        ("missing==x", false),
    ] {
        check(query, expected);
    }
}

#[test]
fn null_tests_ask_for_a_value() {
    for (query, expected) in [
        ("missing=is=null", true),
        ("missing=eq=NULL", true),
        ("missing=not=null", false),
        ("missing=ne=null", false),
        ("name=not=null", true),
        ("name=is=null", false),
        ("tag=is=berlin", true),
        ("tag=not=berlin", false),
        ("missing=is='null'", false),
        ("missing==''", true),
        ("attribute.empty==''", true),
        ("name==''", false),
        ("name!=''", true),
    ] {
        check(query, expected);
    }
}

#[test]
fn orders_compare_numbers_times_and_text_each_in_its_way() {
    for (query, expected) in [
        ("attribute.battery<20", true),
        ("attribute.battery=lt=7", false),
        ("attribute.battery=le=7.0", true),
        ("attribute.battery>6.5", true),
        ("attribute.battery>=8", false),
        ("score=gt=2", true),
        ("score==2.50", true),
        ("createdat=lt=2024-01-01T00:00:00Z", true),
        ("createdat>=1700000000000", true),
        ("createdat>1700000000000", false),
        ("createdat==2023-11-14T22:13:20Z", true),
        ("name>=pump", true),
        ("name<pump", false),
        ("missing<5", false),
        ("online<5", false),
        ("online==TRUE", true),
    ] {
        check(query, expected);
    }
}

#[test]
fn and_binds_closer_than_or_and_words_do_what_signs_do() {
    for (query, expected) in [
        ("name==x;tag==x,online==true", true),
        ("name==x;(tag==x,online==true)", false),
        ("name==x and tag==x or online==true", true),
        ("name==x AND(tag==x OR online==true)", false),
        (" ( name == pump* ) ; tag == berlin ", true),
        ("name==x , tag==berlin", true),
    ] {
        check(query, expected);
    }
}

#[test]
fn a_value_that_begins_like_a_word_is_a_value() {
    let thing = Thing(BTreeMap::from([("name", vec!["order".into()]), ("or", vec!["and".into()])]));
    assert!(parse("name==order;or==and").unwrap().matches(&thing));
}

#[test]
fn mistakes_are_named_with_their_place_and_what_was_expected() {
    for (query, position, expected) in [
        ("", 1, "a field name"),
        ("name", 5, "an operator"),
        ("name=5", 5, "an operator"),
        ("name==", 7, "a value"),
        ("name==a b", 9, "; or ,"),
        ("name==a;", 9, "a field name"),
        ("(name==a", 9, ")"),
        ("name==a)", 8, "; or ,"),
        ("ä==1;;b==2", 6, "a field name"),
        ("name=in=(a,", 12, "a value"),
        ("name=in=(a;b)", 11, ", or )"),
        ("name=='abc", 11, "a closing '"),
        ("name<a*", 6, "without *"),
        ("name.==a", 1, "a field name"),
        (r"name==a\", 7, "a value"),
    ] {
        let error = parse(query).unwrap_err();
        assert_eq!(error.position, position, "{query}: {error}");
        assert!(error.expected.contains(expected), "{query}: {error}");
        assert!(error.to_string().starts_with(&format!("at character {position}: expected ")), "{error}");
    }
}

#[test]
fn unknown_fields_are_refused_where_they_stand() {
    let query = parse("name==a;(colour==red,shape==round)").unwrap();
    let error = query.check_fields(|field| field.as_str() == "name", "name").unwrap_err();
    assert_eq!(error.position, 10);
    assert!(error.found.contains("colour"));
    assert!(query.check_fields(|_| true, "").is_ok());
}

#[test]
fn bounds_hold_without_overflowing_the_stack() {
    let nested = |depth: usize| format!("{}a==1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(MAX_DEPTH)).is_ok());
    assert!(parse(&nested(MAX_DEPTH + 1)).is_err());
    assert!(parse(&nested(1_000)).is_err());
    assert!(parse(&"(".repeat(MAX_BYTES)).is_err());
    assert!(parse(&"(".repeat(1 << 20)).is_err());
    assert!(parse(&format!("a=={}", "x".repeat(1 << 20))).is_err());
    let clauses = |count: usize| vec!["a==1"; count].join(",");
    assert!(parse(&clauses(MAX_CLAUSES)).is_ok());
    assert!(parse(&clauses(MAX_CLAUSES + 1)).is_err());
    let values = |count: usize| format!("a=in=({})", vec!["1"; count].join(","));
    assert!(parse(&values(MAX_CLAUSES)).is_ok());
    assert!(parse(&values(MAX_CLAUSES + 1)).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        if let Ok(query) = parse(&text) {
            query.matches(&pump());
        }
    }

    #[test]
    fn no_mixture_of_the_languages_own_signs_makes_it_panic(text in r#"[a-c=!<>~()'";, *\\.]{0,40}"#) {
        if let Ok(query) = parse(&text) {
            query.matches(&pump());
        }
    }

    #[test]
    fn any_quoted_value_finds_itself(value in "\\PC{0,30}") {
        let escaped: String = value
            .chars()
            .flat_map(|c| if matches!(c, '\\' | '\'' | '*') { vec!['\\', c] } else { vec![c] })
            .collect();
        let thing = Thing(BTreeMap::from([("f", vec![Value::Text(value.into())])]));
        let (same, other) = (format!("f=='{escaped}'"), format!("f!='{escaped}'"));
        prop_assert!(parse(&same).unwrap().matches(&thing));
        prop_assert!(!parse(&other).unwrap().matches(&thing));
    }

    #[test]
    fn wildcards_agree_with_a_naive_matcher(pattern in "[ab*]{1,8}", text in "[ab]{0,8}") {
        fn naive(pattern: &[u8], text: &[u8]) -> bool {
            match pattern.split_first() {
                None => text.is_empty(),
                Some((b'*', rest)) => (0..=text.len()).any(|skip| naive(rest, &text[skip..])),
                Some((first, rest)) => text.split_first().is_some_and(|(t, more)| t == first && naive(rest, more)),
            }
        }
        let expected = naive(pattern.as_bytes(), text.as_bytes());
        let thing = Thing(BTreeMap::from([("f", vec![Value::Text(text.into())])]));
        let query = format!("f=={pattern}");
        prop_assert_eq!(parse(&query).unwrap().matches(&thing), expected);
    }

    #[test]
    fn the_opposite_operators_are_opposites(value in "[a-z*]{1,6}") {
        for (one, other) in [("==", "!="), ("=in=", "=out="), ("=is=", "=not=")] {
            for field in ["name", "tag", "missing", "online"] {
                let one = parse(&format!("{field}{one}{value}")).unwrap().matches(&pump());
                let other = parse(&format!("{field}{other}{value}")).unwrap().matches(&pump());
                prop_assert_ne!(one, other);
            }
        }
    }
}
