use serde_json::json;

use super::*;

fn full() -> Value {
    json!({
        "Parameters": {
            "SerialNumber": {"Type": "String"},
            "Site": {"Type": "String", "Default": "berlin"},
            "AWS::IoT::Certificate::Id": {"Type": "String"},
        },
        "Resources": {
            "thing": {
                "Type": "AWS::IoT::Thing",
                "Properties": {
                    "ThingName": {"Fn::Join": ["-", ["pump", {"Ref": "SerialNumber"}]]},
                    "ThingTypeName": "pump",
                    "AttributePayload": {"site": {"Ref": "Site"}, "certificate": {"Ref": "AWS::IoT::Certificate::Id"}},
                    "ThingGroups": [{"Fn::Sub": "eu/${Site}"}],
                },
                "OverrideSettings": {"AttributePayload": "MERGE", "ThingTypeName": "REPLACE", "ThingGroups": "FAIL"},
            },
            "certificate": {
                "Type": "AWS::IoT::Certificate",
                "Properties": {"CertificateId": {"Ref": "AWS::IoT::Certificate::Id"}, "Status": "Active"},
            },
            "policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "anything"}},
        },
        "DeviceConfiguration": {"hello": {"Fn::Sub": "you are ${SerialNumber}, ${!not}"}},
    })
}

fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn certificate() -> BTreeMap<&'static str, String> {
    BTreeMap::from([("Id", "ab12".to_owned())])
}

fn minimal(name: Value) -> Value {
    json!({
        "Parameters": {"SerialNumber": {"Type": "String"}},
        "Resources": {"t": {"Type": "AWS::IoT::Thing", "Properties": {"ThingName": name}}},
    })
}

#[test]
fn parameters_and_defaults_fill_every_field() {
    let enrolment = Template::parse(&full())
        .unwrap()
        .evaluate(&given(&[("SerialNumber", "42"), ("unknown", "ignored")]), &certificate())
        .unwrap();
    assert_eq!(enrolment.name.as_str(), "pump-42");
    assert_eq!(enrolment.device_type.unwrap().as_str(), "pump");
    let attributes: Vec<_> = enrolment.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(attributes, [("certificate", "ab12"), ("site", "berlin")]);
    assert_eq!(enrolment.groups.iter().map(GroupPath::as_str).collect::<Vec<_>>(), ["eu/berlin"]);
    assert_eq!(
        (enrolment.type_override, enrolment.attributes_override, enrolment.groups_override),
        (Override::Replace, Override::Merge, Override::Fail)
    );
    assert!(enrolment.activate);
    assert_eq!(enrolment.configuration, given(&[("hello", "you are 42, ${not}")]));
}

#[test]
fn a_given_parameter_wins_over_its_default() {
    let enrolment = Template::parse(&full())
        .unwrap()
        .evaluate(&given(&[("SerialNumber", "1"), ("Site", "oslo")]), &certificate())
        .unwrap();
    assert_eq!(enrolment.groups.iter().map(GroupPath::as_str).collect::<Vec<_>>(), ["eu/oslo"]);
}

#[test]
fn without_a_certificate_resource_the_certificate_becomes_active_and_the_operators_data_stay() {
    let template = Template::parse(&minimal(json!({"Ref": "SerialNumber"}))).unwrap();
    let enrolment = template.evaluate(&given(&[("SerialNumber", "x")]), &certificate()).unwrap();
    assert!(enrolment.activate);
    assert_eq!(enrolment.attributes_override, Override::Keep);
}

#[test]
fn an_inactive_status_leaves_the_certificate_pending_and_another_word_is_refused() {
    let mut template = full();
    template["Resources"]["certificate"]["Properties"]["Status"] = json!("INACTIVE");
    let parameters = given(&[("SerialNumber", "1")]);
    let enrolment = Template::parse(&template).unwrap().evaluate(&parameters, &certificate()).unwrap();
    assert!(!enrolment.activate);
    template["Resources"]["certificate"]["Properties"]["Status"] = json!("maybe");
    let error = Template::parse(&template).unwrap().evaluate(&parameters, &certificate()).unwrap_err();
    assert!(matches!(error, EvaluateError::BadValue { field: "Status", .. }));
}

#[test]
fn bad_parameters_are_named() {
    let template = Template::parse(&full()).unwrap();
    let evaluate = |pairs: &[(&str, &str)]| template.evaluate(&given(pairs), &certificate()).unwrap_err();
    assert_eq!(evaluate(&[]), EvaluateError::MissingParameter("SerialNumber".to_owned()));
    assert_eq!(
        evaluate(&[("SerialNumber", "1"), ("AWS::IoT::Certificate::Id", "forged")]),
        EvaluateError::ReservedParameter("AWS::IoT::Certificate::Id".to_owned())
    );
    assert_eq!(
        evaluate(&[("SerialNumber", &"x".repeat(1025))]),
        EvaluateError::LongParameter("SerialNumber".to_owned())
    );
    for name in ["a/b", "+", "ä", &"x".repeat(125)] {
        let error = evaluate(&[("SerialNumber", name)]);
        assert!(matches!(error, EvaluateError::BadValue { field: "ThingName", .. }), "{name}: {error}");
    }
    let error = evaluate(&[("SerialNumber", "1"), ("Site", "a//b")]);
    assert!(matches!(error, EvaluateError::BadValue { field: "ThingGroups", .. }));
}

#[test]
fn an_attribute_that_came_out_too_long_is_named() {
    let mut body = full();
    body["Resources"]["thing"]["Properties"]["AttributePayload"]["site"] =
        json!({"Fn::Sub": "${Site}".repeat(4)});
    let template = Template::parse(&body).unwrap();
    let long = "x".repeat(1_001);
    let error = template.evaluate(&given(&[("SerialNumber", "1"), ("Site", &long)]), &certificate());
    assert!(matches!(error, Err(EvaluateError::BadValue { field: "AttributePayload", .. })), "{error:?}");
}

#[test]
fn a_certificate_parameter_that_this_certificate_lacks_is_named() {
    let template = Template::parse(&minimal(json!({"Ref": "AWS::IoT::Certificate::CommonName"}))).unwrap();
    let error = template.evaluate(&given(&[("SerialNumber", "1")]), &certificate()).unwrap_err();
    assert_eq!(error, EvaluateError::MissingParameter("AWS::IoT::Certificate::CommonName".to_owned()));
}

#[test]
fn every_problem_of_a_template_is_named_by_its_path() {
    let paths = |value: &Value| -> Vec<String> {
        let mut paths: Vec<_> = Template::parse(value).unwrap_err().into_iter().map(|p| p.path).collect();
        paths.sort();
        paths
    };
    assert_eq!(paths(&json!([])), [""]);
    assert_eq!(paths(&json!({})), ["Resources"]);
    assert_eq!(paths(&json!({"Resources": {}})), ["Resources"]);
    assert_eq!(
        paths(&json!({"Resources": {"x": {"Type": "AWS::S3::Bucket"}}})),
        ["Resources", "Resources.x.Type"]
    );
    assert_eq!(paths(&minimal(json!(7))), ["Resources.t.Properties.ThingName"]);
    assert_eq!(paths(&minimal(json!({"Ref": "Nobody"}))), ["Parameters.Nobody"]);
    assert_eq!(paths(&minimal(json!({"Fn::GetAtt": "x"}))), ["Resources.t.Properties.ThingName"]);
    assert_eq!(paths(&minimal(json!({"Fn::Sub": "${open"}))), ["Resources.t.Properties.ThingName"]);
    let mut two = minimal(json!("x"));
    two["Resources"]["u"] = two["Resources"]["t"].clone();
    assert_eq!(paths(&two), ["Resources.u"]);
    let mut many = full();
    many["Parameters"]["Site"] = json!({"Type": "Number", "Default": 1});
    many["Parameters"]["AWS::Region"] = json!({"Type": "String"});
    many["Resources"]["thing"]["Properties"]["AttributePayload"] = json!({"a b": "x", "c": 1});
    many["Resources"]["thing"]["OverrideSettings"] = json!({"ThingTypeName": "MERGE"});
    many["Mappings"] = json!({});
    assert_eq!(
        paths(&many),
        [
            "Mappings",
            "Parameters.AWS::Region",
            "Parameters.Site.Default",
            "Parameters.Site.Type",
            "Resources.thing.OverrideSettings.ThingTypeName",
            "Resources.thing.Properties.AttributePayload.a b",
            "Resources.thing.Properties.AttributePayload.c",
        ]
    );
}

#[test]
fn deep_nesting_is_refused() {
    let mut name = json!("x");
    for _ in 0..9 {
        name = json!({"Fn::Join": ["", [name]]});
    }
    let problems = Template::parse(&minimal(name)).unwrap_err();
    assert_eq!(problems[0].problem, "is nested deeper than 8");
}
