//! Provisioning templates of the AWS form: parameters in, what to enrol out.
//!
//! A template names one `AWS::IoT::Thing` and one `AWS::IoT::Certificate`; `AWS::IoT::Policy` is accepted and has no
//! effect, since what a device may do follows from who it is. Text may be a string, `Ref`, `Fn::Join` or `Fn::Sub`.
//! Parameters of the certificate (`AWS::IoT::Certificate::Id` and so on) come from the server, never from the device.
//!
//! Knows neither the device's certificate nor which types and groups exist.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::device::{ATTRIBUTE_BYTES, ATTRIBUTE_CHARACTERS, attribute_bytes};
use crate::ids::{AttributeKey, DeviceName, GroupPath, TypeName};

mod text;

use text::Text;

/// The prefix of parameters that only the server fills.
pub const CERTIFICATE_PREFIX: &str = "AWS::IoT::Certificate::";

/// The certificate parameters that templates may use, after [`CERTIFICATE_PREFIX`].
pub const CERTIFICATE_PARAMETERS: &[&str] = &[
    "Country",
    "Organization",
    "OrganizationalUnit",
    "DistinguishedNameQualifier",
    "StateName",
    "CommonName",
    "SerialNumber",
    "Id",
];

/// One thing wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Dotted path in the template.
    pub path: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

/// What happens to a device's field when the device is known already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Override {
    /// `DO_NOTHING`, the default: what the operator set stays.
    Keep,
    /// `MERGE`: the template's entries win, others stay.
    Merge,
    /// `REPLACE`: only the template's.
    Replace,
    /// `FAIL`: refuse if the template says otherwise than the device.
    Fail,
}

/// A template that was read and found good.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    parameters: BTreeMap<String, Option<String>>,
    name: Text,
    device_type: Option<Text>,
    attributes: BTreeMap<AttributeKey, Text>,
    groups: Vec<Text>,
    type_override: Override,
    attributes_override: Override,
    groups_override: Override,
    status: Text,
    configuration: BTreeMap<String, Text>,
}

/// What to enrol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The device's name.
    pub name: DeviceName,
    /// Its type.
    pub device_type: Option<TypeName>,
    /// What happens to a known device's type.
    pub type_override: Override,
    /// Its attributes.
    pub attributes: BTreeMap<AttributeKey, String>,
    /// What happens to a known device's attributes.
    pub attributes_override: Override,
    /// Its static groups.
    pub groups: Vec<GroupPath>,
    /// What happens to a known device's groups.
    pub groups_override: Override,
    /// Whether the certificate becomes active, or stays pending for an operator.
    pub activate: bool,
    /// Told to the device.
    pub configuration: BTreeMap<String, String>,
}

/// Why a device's parameters cannot be used with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// No value and no default.
    #[error("the parameter {0} has no value")]
    MissingParameter(String),
    /// Only the server fills these.
    #[error("the parameter {0} cannot be given by a device")]
    ReservedParameter(String),
    /// A value is too long.
    #[error("the parameter {0} is longer than 1024 bytes")]
    LongParameter(String),
    /// What came out is no name, or too long.
    #[error("{field} came out as a text that cannot be used: {problem}")]
    BadValue {
        /// Which field of the template.
        field: &'static str,
        /// What is allowed.
        problem: String,
    },
}

const MOST_PARAMETERS: usize = 100;
const LONGEST_PARAMETER: usize = 1024;
const LONGEST_ATTRIBUTE: usize = ATTRIBUTE_CHARACTERS;

struct Reader {
    problems: Vec<Problem>,
}

impl Reader {
    fn problem(&mut self, path: &str, problem: impl Into<String>) {
        self.problems.push(Problem { path: path.to_owned(), problem: problem.into() });
    }

    fn object<'v>(&mut self, path: &str, value: &'v Value) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.problem(path, "must be an object");
        }
        object
    }

    fn known(&mut self, path: &str, object: &Map<String, Value>, allowed: &[&str]) {
        for key in object.keys().filter(|key| !allowed.contains(&key.as_str())) {
            self.problem(&join(path, key), format!("is not known; allowed are {}", allowed.join(", ")));
        }
    }

    fn text(&mut self, path: &str, value: &Value) -> Option<Text> {
        match Text::read(value) {
            Ok(text) => Some(text),
            Err(problem) => {
                self.problem(path, problem);
                None
            }
        }
    }

    fn overridden(&mut self, path: &str, settings: &Map<String, Value>, key: &str, merge: bool) -> Override {
        let Some(value) = settings.get(key) else { return Override::Keep };
        match value.as_str() {
            Some("DO_NOTHING") => Override::Keep,
            Some("MERGE") if merge => Override::Merge,
            Some("REPLACE") => Override::Replace,
            Some("FAIL") => Override::Fail,
            _ => {
                let merge = if merge { "MERGE, " } else { "" };
                self.problem(&join(path, key), format!("must be {merge}REPLACE, DO_NOTHING or FAIL"));
                Override::Keep
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// Every problem found, each with its path; never an empty list.
    pub fn parse(value: &Value) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { problems: Vec::new() };
        let template = read(&mut reader, value);
        match template {
            Some(template) if reader.problems.is_empty() => Ok(template),
            _ => Err(reader.problems),
        }
    }

    /// Puts a device's parameters and the certificate's (without their prefix) into the template.
    ///
    /// # Errors
    /// The first parameter or field that cannot be used.
    pub fn evaluate(
        &self,
        parameters: &BTreeMap<String, String>,
        certificate: &BTreeMap<&str, String>,
    ) -> Result<Enrolment, EvaluateError> {
        let mut values = BTreeMap::new();
        for (name, default) in &self.parameters {
            if let Some(default) = default {
                values.insert(name.clone(), default.clone());
            }
        }
        for (name, value) in parameters {
            if name.starts_with("AWS::") {
                return Err(EvaluateError::ReservedParameter(shortened(name)));
            }
            if value.len() > LONGEST_PARAMETER {
                return Err(EvaluateError::LongParameter(shortened(name)));
            }
            if self.parameters.contains_key(name) {
                values.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in certificate {
            values.insert(format!("{CERTIFICATE_PREFIX}{name}"), value.clone());
        }
        if let Some(missing) = self
            .parameters
            .keys()
            .find(|name| !name.starts_with(CERTIFICATE_PREFIX) && !values.contains_key(*name))
        {
            return Err(EvaluateError::MissingParameter(missing.clone()));
        }
        self.fill(&values)
    }

    fn fill(&self, values: &BTreeMap<String, String>) -> Result<Enrolment, EvaluateError> {
        let mut attributes = BTreeMap::new();
        for (key, text) in &self.attributes {
            let value = text.fill(values)?;
            if value.chars().count() > LONGEST_ATTRIBUTE {
                return Err(bad("AttributePayload", format!("at most {LONGEST_ATTRIBUTE} characters")));
            }
            attributes.insert(key.clone(), value);
        }
        if attribute_bytes(&attributes) > ATTRIBUTE_BYTES {
            return Err(bad("AttributePayload", format!("at most {ATTRIBUTE_BYTES} bytes together")));
        }
        let mut groups = Vec::new();
        for text in &self.groups {
            groups.push(parsed::<GroupPath>("ThingGroups", text, values)?);
        }
        let mut configuration = BTreeMap::new();
        for (key, text) in &self.configuration {
            configuration.insert(key.clone(), text.fill(values)?);
        }
        let status = self.status.fill(values)?;
        let activate = if status.eq_ignore_ascii_case("active") {
            true
        } else if status.eq_ignore_ascii_case("inactive") {
            false
        } else {
            return Err(bad("Status", "must be ACTIVE or INACTIVE".to_owned()));
        };
        Ok(Enrolment {
            name: parsed::<DeviceName>("ThingName", &self.name, values)?,
            device_type: match &self.device_type {
                Some(text) => Some(parsed::<TypeName>("ThingTypeName", text, values)?),
                None => None,
            },
            type_override: self.type_override,
            attributes,
            attributes_override: self.attributes_override,
            groups,
            groups_override: self.groups_override,
            activate,
            configuration,
        })
    }
}

fn bad(field: &'static str, problem: String) -> EvaluateError {
    EvaluateError::BadValue { field, problem }
}

fn parsed<T: std::str::FromStr<Err = crate::ids::InvalidName>>(
    field: &'static str,
    text: &Text,
    values: &BTreeMap<String, String>,
) -> Result<T, EvaluateError> {
    text.fill(values)?.parse().map_err(|invalid: crate::ids::InvalidName| bad(field, invalid.to_string()))
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}

fn read(reader: &mut Reader, value: &Value) -> Option<Template> {
    let root = reader.object("", value)?;
    reader.known(
        "",
        root,
        &["Parameters", "Resources", "DeviceConfiguration", "AWSTemplateFormatVersion", "Description"],
    );
    let parameters = read_parameters(reader, root);
    let Some(resources) = root.get("Resources") else {
        reader.problem("Resources", "is missing");
        return None;
    };
    let resources = reader.object("Resources", resources)?;
    let (mut thing, mut certificate) = (None, None);
    for (logical, resource) in resources {
        let path = join("Resources", logical);
        let Some(resource) = reader.object(&path, resource) else { continue };
        let place = match resource.get("Type").and_then(Value::as_str) {
            Some("AWS::IoT::Thing") => &mut thing,
            Some("AWS::IoT::Certificate") => &mut certificate,
            Some("AWS::IoT::Policy") => continue,
            _ => {
                let allowed = "must be AWS::IoT::Thing, AWS::IoT::Certificate or AWS::IoT::Policy";
                reader.problem(&join(&path, "Type"), allowed);
                continue;
            }
        };
        if place.replace((path.clone(), resource)).is_some() {
            reader.problem(&path, "there may be only one resource of this type");
        }
    }
    let status = certificate.and_then(|(path, resource)| {
        reader.known(&path, resource, &["Type", "Properties", "OverrideSettings"]);
        let status = resource.get("Properties").and_then(|properties| properties.get("Status"))?;
        reader.text(&join(&path, "Properties.Status"), status)
    });
    let configuration = read_configuration(reader, root);
    let Some((path, thing)) = thing else {
        reader.problem("Resources", "needs one resource of type AWS::IoT::Thing");
        return None;
    };
    let mut template = read_thing(reader, &path, thing)?;
    template.parameters = parameters;
    template.configuration = configuration;
    template.status = status.unwrap_or_else(|| Text::literal("ACTIVE"));
    check_references(reader, &template);
    Some(template)
}

fn read_parameters(reader: &mut Reader, root: &Map<String, Value>) -> BTreeMap<String, Option<String>> {
    let mut parameters = BTreeMap::new();
    let Some(declared) = root.get("Parameters") else { return parameters };
    let Some(declared) = reader.object("Parameters", declared) else { return parameters };
    if declared.len() > MOST_PARAMETERS {
        reader.problem("Parameters", format!("may have at most {MOST_PARAMETERS} entries"));
    }
    for (name, declaration) in declared {
        let path = join("Parameters", name);
        let known = name.strip_prefix(CERTIFICATE_PREFIX).map(|rest| CERTIFICATE_PARAMETERS.contains(&rest));
        if known == Some(false) || (known.is_none() && name.starts_with("AWS::")) {
            reader.problem(&path, "is not a parameter of a certificate");
        }
        let Some(declaration) = reader.object(&path, declaration) else { continue };
        reader.known(&path, declaration, &["Type", "Default", "Description"]);
        if declaration.get("Type").and_then(Value::as_str) != Some("String") {
            reader.problem(&join(&path, "Type"), "must be String");
        }
        let default = match declaration.get("Default") {
            None => None,
            Some(Value::String(default)) => Some(default.clone()),
            Some(_) => {
                reader.problem(&join(&path, "Default"), "must be a string");
                None
            }
        };
        parameters.insert(name.clone(), default);
    }
    parameters
}

fn read_configuration(reader: &mut Reader, root: &Map<String, Value>) -> BTreeMap<String, Text> {
    let mut configuration = BTreeMap::new();
    let Some(declared) = root.get("DeviceConfiguration") else { return configuration };
    let Some(declared) = reader.object("DeviceConfiguration", declared) else { return configuration };
    for (key, value) in declared {
        if let Some(text) = reader.text(&join("DeviceConfiguration", key), value) {
            configuration.insert(key.clone(), text);
        }
    }
    configuration
}

fn read_thing(reader: &mut Reader, path: &str, thing: &Map<String, Value>) -> Option<Template> {
    reader.known(path, thing, &["Type", "Properties", "OverrideSettings"]);
    let properties_path = join(path, "Properties");
    let Some(properties) = thing.get("Properties") else {
        reader.problem(&properties_path, "is missing");
        return None;
    };
    let properties = reader.object(&properties_path, properties)?;
    reader.known(
        &properties_path,
        properties,
        &["ThingName", "ThingTypeName", "AttributePayload", "ThingGroups", "BillingGroup"],
    );
    let name = match properties.get("ThingName") {
        Some(name) => reader.text(&join(&properties_path, "ThingName"), name),
        None => {
            reader.problem(&join(&properties_path, "ThingName"), "is missing");
            None
        }
    };
    let device_type = properties
        .get("ThingTypeName")
        .and_then(|value| reader.text(&join(&properties_path, "ThingTypeName"), value));
    let mut attributes = BTreeMap::new();
    let attributes_path = join(&properties_path, "AttributePayload");
    if let Some(payload) = properties.get("AttributePayload").and_then(|v| reader.object(&attributes_path, v))
    {
        for (key, value) in payload {
            let text = reader.text(&join(&attributes_path, key), value);
            match (key.parse::<AttributeKey>(), text) {
                (Ok(key), Some(text)) => drop(attributes.insert(key, text)),
                (Err(invalid), _) => reader.problem(&join(&attributes_path, key), invalid.to_string()),
                (Ok(_), None) => {}
            }
        }
    }
    let mut groups = Vec::new();
    let groups_path = join(&properties_path, "ThingGroups");
    match properties.get("ThingGroups") {
        None => {}
        Some(Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                groups.extend(reader.text(&join(&groups_path, &index.to_string()), item));
            }
        }
        Some(_) => reader.problem(&groups_path, "must be an array"),
    }
    let settings_path = join(path, "OverrideSettings");
    let none = Map::new();
    let settings = match thing.get("OverrideSettings") {
        Some(settings) => reader.object(&settings_path, settings)?,
        None => &none,
    };
    reader.known(&settings_path, settings, &["AttributePayload", "ThingTypeName", "ThingGroups"]);
    Some(Template {
        parameters: BTreeMap::new(),
        name: name?,
        device_type,
        attributes,
        groups,
        type_override: reader.overridden(&settings_path, settings, "ThingTypeName", false),
        attributes_override: reader.overridden(&settings_path, settings, "AttributePayload", true),
        groups_override: reader.overridden(&settings_path, settings, "ThingGroups", false),
        status: Text::literal("ACTIVE"),
        configuration: BTreeMap::new(),
    })
}

fn check_references(reader: &mut Reader, template: &Template) {
    let Template { name, device_type, attributes, groups, status, configuration, parameters, .. } = template;
    let texts = [name, status].into_iter().chain(device_type).chain(attributes.values());
    let texts = texts.chain(groups).chain(configuration.values());
    let mut unknown: Vec<&str> = texts
        .flat_map(Text::references)
        .filter(|name| {
            let of_certificate = name.strip_prefix(CERTIFICATE_PREFIX);
            !parameters.contains_key(*name)
                && !of_certificate.is_some_and(|rest| CERTIFICATE_PARAMETERS.contains(&rest))
        })
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    for name in unknown {
        reader.problem(&join("Parameters", name), "is used but not declared");
    }
}

#[cfg(test)]
mod tests;
