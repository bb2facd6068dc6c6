//! Commands: what a device is told to do, templates that fill their arguments in, and what came of one.
//!
//! Source of the words that devices use: the update job document, last paragraph. A command succeeded when the device
//! says so and the exit code, if it gave one, is 0: an exit code that is not 0 outweighs the word `SUCCEEDED`, as a
//! shell would see it. Knows neither who sends a command nor how a device gets it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::device::words;
use crate::ids::{CommandName, CommandTemplateName, InvalidName, TypeName};
use crate::job::states::Verdict;
use crate::time::Timestamp;

/// Where a device puts the exit code in `statusDetails`.
pub const EXIT_CODE: &str = "exitCode";
/// Where a device puts the output in `statusDetails`.
pub const OUTPUT: &str = "output";
/// Where a device says where longer output is.
pub const OUTPUT_URL: &str = "outputUrl";
/// How long a command is good if nobody says otherwise.
pub const EXPIRES_IN: Duration = Duration::from_secs(3600);
/// The longest that a command may be good.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// Most parameters of a template.
pub const PARAMETERS: usize = 50;
/// Most choices of a parameter.
pub const CHOICES: usize = 100;
/// Most bytes of a description.
pub const DESCRIPTION_BYTES: usize = 512;
/// Most bytes of a parameter's name, and of a text that a template lets through.
pub const TEXT_BYTES: usize = 4096;

/// Something to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What.
    pub name: CommandName,
    /// How.
    pub arguments: Map<String, Value>,
    /// How long it is good, from when its job begins.
    pub expires_in: Duration,
    /// The template that filled the arguments in.
    pub template: Option<CommandTemplateName>,
    /// Which types it is for. Empty: all, also devices without one.
    pub device_types: Vec<TypeName>,
}

impl Command {
    /// Whether a device of this type may get it.
    pub fn fits(&self, device_type: Option<&TypeName>) -> bool {
        self.device_types.is_empty() || device_type.is_some_and(|name| self.device_types.contains(name))
    }

    /// The job document that devices get.
    pub fn document(&self, expires_at: Option<Timestamp>) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("operation".to_owned(), "command".into());
        document.insert("command".to_owned(), self.name.as_str().into());
        document.insert("arguments".to_owned(), Value::Object(self.arguments.clone()));
        if let Some(at) = expires_at {
            document.insert("expires".to_owned(), at.seconds().into());
        }
        document
    }
}

/// What a device answered to a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// The exit code, if it gave one that is a number.
    pub exit_code: Option<i64>,
    /// What it printed.
    pub output: Option<String>,
    /// Where longer output is; `http` and `https` only, since people follow it.
    pub output_url: Option<String>,
}

/// Reads a command's answer out of what a device said.
pub fn answer(details: &BTreeMap<String, String>) -> Answer {
    let is_web = |url: &&String| url.starts_with("https://") || url.starts_with("http://");
    Answer {
        exit_code: details.get(EXIT_CODE).and_then(|text| text.trim().parse().ok()),
        output: details.get(OUTPUT).cloned(),
        output_url: details.get(OUTPUT_URL).filter(is_web).cloned(),
    }
}

/// What is true of a command whose device said that it succeeded.
pub fn at_success(details: &BTreeMap<String, String>) -> (Verdict, String) {
    match (details.get(EXIT_CODE), answer(details).exit_code) {
        (None, _) => (Verdict::Unverifiable, String::new()),
        (Some(_), Some(0)) => (Verdict::Verified, String::new()),
        (Some(_), Some(code)) => (Verdict::Refuted, format!("the command ended with exit code {code}")),
        (Some(_), None) => (Verdict::Refuted, "the exit code that it gave is no number".to_owned()),
    }
}

words!(
    /// What values a parameter takes.
    ParameterKind {
        /// Text.
        Text = "string",
        /// A number, whole or not.
        Number = "number",
        /// True or false.
        Truth = "boolean",
    }
);

impl ParameterKind {
    fn takes(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text, Value::String(text)) => text.len() <= TEXT_BYTES,
            (Self::Number, Value::Number(_)) | (Self::Truth, Value::Bool(_)) => true,
            (Self::Text | Self::Number | Self::Truth, _) => false,
        }
    }

    const fn rule(self) -> &'static str {
        match self {
            Self::Text => "must be a text of at most 4096 bytes",
            Self::Number => "must be a number",
            Self::Truth => "must be true or false",
        }
    }
}

/// One argument that whoever uses a template may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name among the arguments.
    pub name: String,
    /// For people.
    pub description: String,
    /// What values it takes.
    pub kind: ParameterKind,
    /// Whether it must be given.
    pub required: bool,
    /// What it is if it is not given.
    pub default: Option<Value>,
    /// The only values that it takes. Empty: any of its kind.
    pub choices: Vec<Value>,
}

/// One thing that is wrong, by its dotted path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Such as `parameters.0.default` or `arguments.speed`.
    pub field: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

fn problem(field: impl Into<String>, problem: impl Into<String>) -> Problem {
    Problem { field: field.into(), problem: problem.into() }
}

/// A command that people send with a few arguments of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTemplate {
    /// For people.
    pub description: String,
    /// What it tells devices to do.
    pub command: CommandName,
    /// What may be given.
    pub parameters: Vec<Parameter>,
    /// What is always sent.
    pub fixed: Map<String, Value>,
    /// How long its commands are good if whoever sends one does not say.
    pub expires_in: Option<Duration>,
    /// Which types it is for. Empty: all.
    pub device_types: Vec<TypeName>,
}

impl CommandTemplate {
    /// Everything that is wrong with the template.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.description.len() > DESCRIPTION_BYTES {
            problems.push(problem("description", format!("at most {DESCRIPTION_BYTES} bytes")));
        }
        if self.parameters.len() > PARAMETERS {
            problems.push(problem("parameters", format!("at most {PARAMETERS}")));
        }
        for (index, parameter) in self.parameters.iter().enumerate() {
            let path = |member: &str| format!("parameters.{index}.{member}");
            let Parameter { name, description, kind, required, default, choices } = parameter;
            if name.is_empty() || name.len() > 64 || name.chars().any(char::is_control) {
                problems.push(problem(path("name"), "1 to 64 bytes without control characters"));
            }
            if self.parameters.iter().take(index).any(|other| other.name == *name) {
                problems.push(problem(path("name"), "is there twice"));
            }
            if self.fixed.contains_key(name) {
                problems.push(problem(path("name"), "is fixed already; leave it out of one of the two"));
            }
            if description.len() > DESCRIPTION_BYTES {
                problems.push(problem(path("description"), format!("at most {DESCRIPTION_BYTES} bytes")));
            }
            if choices.len() > CHOICES {
                problems.push(problem(path("choices"), format!("at most {CHOICES}")));
            }
            for (place, choice) in choices.iter().enumerate() {
                if !kind.takes(choice) {
                    problems.push(problem(format!("parameters.{index}.choices.{place}"), kind.rule()));
                }
            }
            if *required && default.is_some() {
                problems
                    .push(problem(path("default"), "does not go with required; leave one of the two out"));
            }
            if let Some(Err(text)) = default.as_ref().map(|value| parameter.check(value)) {
                problems.push(problem(path("default"), text));
            }
        }
        if self.expires_in.is_some_and(|span| span < Duration::from_secs(1) || span > LONGEST) {
            problems.push(problem("expiresInSeconds", "1 second to 365 days"));
        }
        problems
    }

    /// The arguments of a command made with this template.
    ///
    /// # Errors
    /// Every argument that is missing, unknown, fixed, of another kind or not among the choices, as `arguments.name`.
    pub fn fill(&self, given: &Map<String, Value>) -> Result<Map<String, Value>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut filled = self.fixed.clone();
        for parameter in &self.parameters {
            let field = || format!("arguments.{}", parameter.name);
            match (given.get(&parameter.name), &parameter.default) {
                (Some(value), _) => match parameter.check(value) {
                    Ok(()) => drop(filled.insert(parameter.name.clone(), value.clone())),
                    Err(text) => problems.push(problem(field(), text)),
                },
                (None, Some(default)) => drop(filled.insert(parameter.name.clone(), default.clone())),
                (None, None) if parameter.required => problems.push(problem(field(), "is missing")),
                (None, None) => {}
            }
        }
        for name in given.keys() {
            if self.fixed.contains_key(name) {
                problems.push(problem(format!("arguments.{name}"), "is fixed by the template"));
            } else if !self.parameters.iter().any(|parameter| parameter.name == *name) {
                let known: Vec<_> = self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let text = format!("is no parameter of the template; it has {known}");
                problems.push(problem(format!("arguments.{name}"), text));
            }
        }
        if problems.is_empty() { Ok(filled) } else { Err(problems) }
    }
}

impl Parameter {
    fn check(&self, value: &Value) -> Result<(), String> {
        if !self.kind.takes(value) {
            return Err(self.kind.rule().to_owned());
        }
        if self.choices.is_empty() || self.choices.contains(value) {
            return Ok(());
        }
        let choices: Vec<_> = self.choices.iter().map(Value::to_string).collect();
        Err(format!("must be one of {}", choices.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn details(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn parameter(name: &str, kind: ParameterKind) -> Parameter {
        let (name, description) = (name.to_owned(), String::new());
        Parameter { name, description, kind, required: false, default: None, choices: Vec::new() }
    }

    fn template(parameters: Vec<Parameter>) -> CommandTemplate {
        CommandTemplate {
            description: String::new(),
            command: "restart".parse().unwrap(),
            parameters,
            fixed: object(json!({"service": "app"})),
            expires_in: None,
            device_types: Vec::new(),
        }
    }

    fn fields(problems: &[Problem]) -> Vec<&str> {
        problems.iter().map(|problem| problem.field.as_str()).collect()
    }

    #[test]
    fn the_exit_code_outweighs_the_word_success() {
        assert_eq!(at_success(&details(&[])).0, Verdict::Unverifiable);
        assert_eq!(at_success(&details(&[("exitCode", "0")])).0, Verdict::Verified);
        let (verdict, reason) = at_success(&details(&[("exitCode", "137")]));
        assert_eq!((verdict, reason.as_str()), (Verdict::Refuted, "the command ended with exit code 137"));
        assert_eq!(at_success(&details(&[("exitCode", "-1")])).0, Verdict::Refuted);
        assert_eq!(at_success(&details(&[("exitCode", "fine")])).0, Verdict::Refuted);
    }

    #[test]
    fn an_answer_shows_web_addresses_only_as_links() {
        let said = details(&[("output", "up 3 days"), ("exitCode", " 0 "), ("outputUrl", "https://h/1")]);
        let read = answer(&said);
        assert_eq!((read.exit_code, read.output.as_deref()), (Some(0), Some("up 3 days")));
        assert_eq!(read.output_url.as_deref(), Some("https://h/1"));
        for hostile in ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", ""] {
            assert_eq!(answer(&details(&[("outputUrl", hostile)])).output_url, None, "{hostile}");
        }
    }

    #[test]
    fn the_document_is_as_the_contract_says() {
        let command = Command {
            name: "reboot".parse().unwrap(),
            arguments: object(json!({"delay": 5})),
            expires_in: EXPIRES_IN,
            template: None,
            device_types: Vec::new(),
        };
        let expected =
            json!({"operation": "command", "command": "reboot", "arguments": {"delay": 5}, "expires": 60});
        assert_eq!(Value::Object(command.document(Some(Timestamp::from_seconds(60)))), expected);
    }

    #[test]
    fn a_template_fills_in_what_is_fixed_given_or_has_a_default() {
        let mut speed = parameter("speed", ParameterKind::Number);
        speed.default = Some(json!(3));
        let filled = template(vec![speed.clone(), parameter("loud", ParameterKind::Truth)]);
        assert_eq!(Value::Object(filled.fill(&Map::new()).unwrap()), json!({"service": "app", "speed": 3}));
        let given = object(json!({"speed": 1.5, "loud": true}));
        let expected = json!({"service": "app", "speed": 1.5, "loud": true});
        assert_eq!(Value::Object(filled.fill(&given).unwrap()), expected);
    }

    #[test]
    fn every_argument_that_cannot_be_taken_is_named() {
        let mut level = parameter("level", ParameterKind::Text);
        level.choices = vec![json!("low"), json!("high")];
        let mut must = parameter("must", ParameterKind::Text);
        must.required = true;
        let filled = template(vec![level, must, parameter("speed", ParameterKind::Number)]);
        let given = object(json!({"level": "middle", "speed": "3", "service": "other", "ghost": 1}));
        let problems = filled.fill(&given).unwrap_err();
        let mut named = fields(&problems);
        named.sort_unstable();
        let expected =
            ["arguments.ghost", "arguments.level", "arguments.must", "arguments.service", "arguments.speed"];
        assert_eq!(named, expected);
        assert!(
            problems.iter().any(|each| each.problem == r#"must be one of "low", "high""#),
            "{problems:?}"
        );
        let long = object(json!({"must": "x".repeat(5000)}));
        assert_eq!(fields(&filled.fill(&long).unwrap_err()), ["arguments.must"]);
    }

    #[test]
    fn a_template_that_contradicts_itself_names_every_place() {
        let mut wrong = parameter("service", ParameterKind::Number);
        wrong.required = true;
        wrong.default = Some(json!("x"));
        wrong.choices = vec![json!(1), json!("2")];
        let mut bad =
            template(vec![wrong, parameter("", ParameterKind::Text), parameter("", ParameterKind::Text)]);
        bad.expires_in = Some(Duration::ZERO);
        let problems = bad.problems();
        assert_eq!(
            fields(&problems),
            [
                "parameters.0.name",
                "parameters.0.choices.1",
                "parameters.0.default",
                "parameters.0.default",
                "parameters.1.name",
                "parameters.2.name",
                "parameters.2.name",
                "expiresInSeconds",
            ]
        );
        assert!(template(vec![parameter("a", ParameterKind::Text)]).problems().is_empty());
    }
}
