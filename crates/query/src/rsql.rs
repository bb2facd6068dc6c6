//! RSQL as hawkBit's clients write it: other names of fields, and placeholders for times.
//!
//! The language is the same ([`crate::parse`]); what a field is called is for the caller to say.

use windlass_domain::time::Timestamp;

use crate::eval::holds;
use crate::parse::{MAX_BYTES, is_field, parse};
use crate::value::Operand;
use crate::{Clause, Field, Fields, Node, Query, QueryError, Test};

/// Why a text cannot be asked. `Display` is a sentence for whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RsqlError {
    /// It is no query.
    #[error(transparent)]
    Syntax(QueryError),
    /// It asks for a field that there is not.
    #[error(transparent)]
    Field(QueryError),
}

/// What placeholders stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// `${NOW_TS}`.
    pub now: Timestamp,
    /// `${OVERDUE_TS}`: who was last heard before it is overdue.
    pub overdue: Timestamp,
}

/// Reads a query. `rename` says what a field is called here; none is refused.
///
/// # Errors
/// Says where it goes wrong, and what fields there are (`expected`).
pub fn parse_rsql(
    text: &str,
    times: Times,
    rename: &dyn Fn(&Field) -> Option<Field>,
    expected: &str,
) -> Result<Query, RsqlError> {
    let query = known(text, times, rename, expected)?;
    query.check_values(rename).map_err(RsqlError::Syntax)?;
    Ok(Query { root: renamed(query.root, rename) })
}

/// As [`parse_rsql`], of a text that was taken already: a value of another kind than its field has is never found, and no
/// reason to find nobody by the rest.
///
/// # Errors
/// As [`parse_rsql`], but for values.
pub fn parse_kept_rsql(
    text: &str,
    times: Times,
    rename: &dyn Fn(&Field) -> Option<Field>,
    expected: &str,
) -> Result<Query, RsqlError> {
    let query = known(text, times, rename, expected)?;
    Ok(Query { root: renamed(query.root, rename) })
}

/// A query that asks only for fields that there are, in the names that clients write.
fn known(
    text: &str,
    times: Times,
    rename: &dyn Fn(&Field) -> Option<Field>,
    expected: &str,
) -> Result<Query, RsqlError> {
    let filled = if text.len() > MAX_BYTES { text.to_owned() } else { filled(text, times) };
    let query = parse(&filled).map_err(RsqlError::Syntax)?;
    query.check_fields(|field| rename(field).is_some(), expected).map_err(RsqlError::Field)?;
    Ok(query)
}

/// The same query in the words of this language, for where it is kept: as [`parse_rsql`], and times stay what they are
/// now.
///
/// # Errors
/// As [`parse_rsql`].
pub fn translate_rsql(
    text: &str,
    times: Times,
    rename: &dyn Fn(&Field) -> Option<Field>,
    expected: &str,
) -> Result<String, RsqlError> {
    parse_rsql(text, times, rename, expected)?;
    let text = filled(text, times);
    let query = parse(&text).map_err(RsqlError::Syntax)?;
    let mut fields: Vec<(usize, &Field)> =
        query.clauses().into_iter().map(|clause| (clause.position, &clause.field)).collect();
    fields.sort_by_key(|(position, _)| *position);
    let (mut translated, mut rest, mut at) = (String::with_capacity(text.len()), text.as_str(), 1_usize);
    for (position, field) in fields {
        let before = position.saturating_sub(at);
        let start = rest.char_indices().nth(before).map_or(rest.len(), |(index, _)| index);
        let (plain, tail) = rest.split_at_checked(start).unwrap_or((rest, ""));
        translated.push_str(plain);
        let length = tail.find(|character| !is_field(character)).unwrap_or(tail.len());
        let (name, tail) = tail.split_at_checked(length).unwrap_or((tail, ""));
        translated.push_str(rename(field).as_ref().unwrap_or(field).as_str());
        at = position.saturating_add(name.chars().count());
        rest = tail;
    }
    translated.push_str(rest);
    Ok(translated)
}

/// What kind of values a field has, where others can be told from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Anything may be asked.
    Any,
    Number,
    Time,
    Truth,
    /// One of these words.
    Word(&'static [&'static str]),
}

const UPDATE_STATES: &[&str] = &["unknown", "in_sync", "pending", "error", "registered"];
/// Of actions, rollouts and groups of rollouts.
const STATES: &[&str] = &[
    "pending",
    "finished",
    "error",
    "warning",
    "running",
    "canceled",
    "canceling",
    "retrieved",
    "download",
    "downloaded",
    "scheduled",
    "cancel_rejected",
    "wait_for_confirmation",
    "creating",
    "ready",
    "paused",
    "starting",
    "stopping",
    "stopped",
    "deleting",
    "deleted",
    "waiting_for_approval",
    "approval_denied",
];

impl Kind {
    /// Of a field as clients write it. `here`: what it is called here.
    fn of(field: &Field, here: &Field) -> Self {
        let mut parts = field.as_str().rsplit('.');
        let last = parts.next().unwrap_or_default();
        if parts.any(|part| matches!(part, "attribute" | "controllerattributes" | "metadata")) {
            return Self::Any;
        }
        // The number of a target is what it calls itself.
        let here = here.as_str();
        let is_of_target = here == "name" || here.ends_with("controllerid") || here.ends_with("target");
        match last {
            "createdat" | "lastmodifiedat" | "lastcontrollerrequestat" | "installedat" | "startat" => {
                Self::Time
            }
            "active" | "autoconfirm" | "requestattributes" | "complete" | "valid" | "locked"
            | "encrypted" | "dynamic" => Self::Truth,
            "updatestatus" => Self::Word(UPDATE_STATES),
            "status" | "detailstatus" => Self::Word(STATES),
            "id" if !is_of_target => Self::Number,
            _ => Self::Any,
        }
    }

    /// Whether something may be asked; wildcards, and nothing at all, may always.
    fn takes(self, operand: &Operand) -> bool {
        let Some(text) = operand.plain().filter(|text| !text.is_empty()) else { return true };
        match self {
            Self::Any => true,
            Self::Number => operand.number.is_some(),
            Self::Time => operand.time.is_some(),
            Self::Truth => matches!(text, "true" | "false"),
            Self::Word(words) => words.contains(&text),
        }
    }

    /// What may be asked, for people.
    fn words(self) -> String {
        match self {
            Self::Any => "a value".to_owned(),
            Self::Number => "a number".to_owned(),
            Self::Time => "a time: milliseconds since 1970, or one such as 2026-01-31T00:00:00Z".to_owned(),
            Self::Truth => "true or false".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(", ")),
        }
    }
}

/// What stands in a query in place of a comparison: told its field, and able to ask of whom the comparison holds.
pub type Instead<'a> = dyn Fn(&Field, &dyn Fn(&dyn Fields) -> bool) -> Option<String> + 'a;

/// The text of a query with other clauses in place of those for which `instead` gives one.
///
/// # Errors
/// Says where the text goes wrong. What `instead` gives is not looked at.
pub fn rewrite(text: &str, instead: &Instead<'_>) -> Result<String, QueryError> {
    let query = parse(text)?;
    let mut clauses = query.clauses();
    clauses.sort_by_key(|clause| clause.position);
    let mut written = String::with_capacity(text.len());
    let (mut characters, mut at) = (text.chars(), 1_usize);
    for clause in clauses {
        let holds = |subject: &dyn Fields| holds(clause, subject) != clause.negated;
        let Some(other) = instead(&clause.field, &holds) else { continue };
        written.extend(characters.by_ref().take(clause.position.saturating_sub(at)));
        written.push_str(&other);
        characters.by_ref().take(clause.end.saturating_sub(clause.position)).for_each(drop);
        at = clause.end;
    }
    written.extend(characters);
    Ok(written)
}

/// The text with times in place of their placeholders, whose case does not matter.
fn filled(text: &str, times: Times) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            filled.push_str("${");
            rest = after;
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "now_ts" => filled.push_str(&times.now.millis().to_string()),
            "overdue_ts" => filled.push_str(&times.overdue.millis().to_string()),
            _ => {
                filled.push_str("${");
                filled.push_str(name);
                filled.push('}');
            }
        }
        rest = tail;
    }
    filled.push_str(rest);
    filled
}

/// As deep as the parser allows, so the stack is bounded.
fn renamed(node: Node, rename: &dyn Fn(&Field) -> Option<Field>) -> Node {
    match node {
        Node::All(nodes) => Node::All(nodes.into_iter().map(|node| renamed(node, rename)).collect()),
        Node::Any(nodes) => Node::Any(nodes.into_iter().map(|node| renamed(node, rename)).collect()),
        Node::Clause(Clause { field, position, end, negated, test }) => {
            let field = rename(&field).unwrap_or(field);
            Node::Clause(Clause { field, position, end, negated, test })
        }
    }
}

impl Query {
    /// Checks that values are of the kind that their fields have: others are never found, whatever there is.
    fn check_values(&self, rename: &dyn Fn(&Field) -> Option<Field>) -> Result<(), QueryError> {
        let mut clauses = self.clauses();
        clauses.sort_by_key(|clause| clause.position);
        for clause in clauses {
            let kind = rename(&clause.field).map_or(Kind::Any, |here| Kind::of(&clause.field, &here));
            let operands = match &clause.test {
                Test::OneOf(operands) => operands.as_slice(),
                Test::Order(_, operand) => std::slice::from_ref(operand),
                Test::Null => &[],
            };
            if let Some(bad) = operands.iter().find(|operand| !kind.takes(operand)) {
                let expected = format!("{} for {}", kind.words(), clause.field.as_str());
                return Err(QueryError::new(clause.position, &expected, bad.plain().unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// The fields that it asks for, in no order, each as often as it is asked for.
    pub fn fields(&self) -> Vec<&Field> {
        self.clauses().into_iter().map(|clause| &clause.field).collect()
    }

    fn clauses(&self) -> Vec<&Clause> {
        let (mut open, mut clauses) = (vec![&self.root], Vec::new());
        while let Some(node) = open.pop() {
            match node {
                Node::All(nodes) | Node::Any(nodes) => open.extend(nodes),
                Node::Clause(clause) => clauses.push(clause),
            }
        }
        clauses
    }

    /// Whether it asks for any field of these.
    pub fn asks_for(&self, which: impl Fn(&Field) -> bool) -> bool {
        self.fields().into_iter().any(which)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fields, Value};

    const TIMES: Times = Times { now: Timestamp::from_millis(5_000), overdue: Timestamp::from_millis(1_000) };

    struct Target;

    impl Fields for Target {
        fn each(&self, field: &Field, each: &mut dyn FnMut(Value<'_>)) {
            match field.as_str() {
                "name" => each("Pump-7".into()),
                "lastcontactat" => each(Value::Time(Timestamp::from_millis(2_000))),
                _ => {}
            }
        }
    }

    fn rename(field: &Field) -> Option<Field> {
        match field.as_str() {
            "controllerid" => Some(Field::new("name")),
            "lastcontrollerrequestat" => Some(Field::new("lastContactAt")),
            "id" | "active" | "status" | "metadata.active" | "target.id" | "kept.id" => {
                Some(Field::new(match field.as_str() {
                    "target.id" => "_q.target",
                    "kept.id" => "name",
                    other => other,
                }))
            }
            _ => None,
        }
    }

    fn asked(text: &str) -> Result<bool, RsqlError> {
        parse_rsql(text, TIMES, &rename, "another").map(|query| query.matches(&Target))
    }

    #[test]
    fn fields_go_by_other_names_whatever_their_case() {
        for (text, wanted) in [
            ("controllerId==pump-*", true),
            ("CONTROLLERID=='PUMP-7'", true),
            ("controllerid!=pump-7", false),
            ("controllerId==x,controllerId=in=(a,Pump-7)", true),
            ("(controllerId==p* or controllerId==q*) and controllerId=out=(a)", true),
        ] {
            assert_eq!(asked(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn placeholders_stand_for_times() {
        assert_eq!(asked("lastControllerRequestAt=lt=${NOW_TS}"), Ok(true));
        assert_eq!(asked("lastControllerRequestAt=le=${overdue_ts}"), Ok(false));
        assert!(matches!(asked("lastControllerRequestAt=le=${"), Err(RsqlError::Syntax(_))));
    }

    #[test]
    fn values_of_another_kind_than_the_field_are_refused_by_name() {
        for text in [
            "lastControllerRequestAt=ge=2020-01-01",
            "lastControllerRequestAt=in=(5,abc)",
            "id==abc",
            "id=lt=abc",
            "active==maybe",
            "status==foo",
            "controllerId==a,(controllerId==b;status=out=(running,foo))",
        ] {
            let Err(RsqlError::Syntax(problem)) = asked(text) else { panic!("{text} was taken") };
            assert!(problem.expected.contains(" for "), "{text}: {problem}");
        }
        let said = asked("controllerId==a;active==maybe").unwrap_err().to_string();
        assert_eq!(said, "at character 17: expected true or false for active, found maybe");
        for text in [
            "lastControllerRequestAt=ge=2020-01-01T00:00:00Z",
            "lastControllerRequestAt=ge=1577836800000",
            "lastControllerRequestAt==''",
            "id==1*",
            "id=in=(1,2)",
            "active==TRUE",
            "active=is=null",
            "status!=Running",
            "metadata.active==maybe",
            "target.id==abc",
            "kept.id==abc",
        ] {
            assert!(asked(text).is_ok(), "{text}: {:?}", asked(text));
        }
    }

    #[test]
    fn what_was_taken_before_values_had_kinds_is_asked_as_it_was() {
        let kept =
            |text: &str| parse_kept_rsql(text, TIMES, &rename, "another").map(|query| query.matches(&Target));
        for (text, wanted) in [
            ("status!=foo", true),
            ("controllerId==pump-7,lastControllerRequestAt=ge=2020-01-01", true),
            ("lastControllerRequestAt=ge=2020-01-01", false),
            ("id==abc", false),
        ] {
            assert!(asked(text).is_err(), "{text}");
            assert_eq!(kept(text), Ok(wanted), "{text}");
        }
        assert!(matches!(kept("colour==red"), Err(RsqlError::Field(_))));
        assert!(matches!(kept("status=="), Err(RsqlError::Syntax(_))));
    }

    #[test]
    fn clauses_make_way_for_others_whatever_stands_around_them() {
        let instead = |field: &Field, holds: &dyn Fn(&dyn Fields) -> bool| {
            (field.as_str() == "name").then(|| format!("it=={}", holds(&Target)))
        };
        for (text, wanted) in [
            ("name==pump-7", "it==true"),
            ("NAME != 'pump-7' ; a==1", "it==false ; a==1"),
            ("(a=='ü' or name=in=(x, \"Pump-7\"))", "(a=='ü' or it==true)"),
            ("name=out=(x,y),name=is=null;b==name", "it==true,it==false;b==name"),
            ("a==1", "a==1"),
        ] {
            assert_eq!(rewrite(text, &instead).as_deref(), Ok(wanted), "{text}");
        }
        assert!(rewrite("name==", &instead).is_err());
    }

    #[test]
    fn a_query_is_kept_in_the_words_of_this_language() {
        let kept = |text: &str| translate_rsql(text, TIMES, &rename, "another");
        let text =
            "(controllerId==\"contröllerId\" or CONTROLLERID=in=(a,b));lastControllerRequestAt<${NOW_TS}";
        let wanted = "(name==\"contröllerId\" or name=in=(a,b));lastcontactat<5000";
        assert_eq!(kept(text).as_deref(), Ok(wanted));
        assert!(parse(wanted).is_ok());
        assert!(matches!(kept("colour==x"), Err(RsqlError::Field(_))));
    }

    #[test]
    fn what_is_no_query_and_what_is_no_field_are_told_apart() {
        assert!(matches!(asked("controllerId=="), Err(RsqlError::Syntax(_))));
        assert!(matches!(asked("colour==red"), Err(RsqlError::Field(_))));
    }

    #[test]
    fn neither_depth_nor_length_brings_it_down() {
        let deep = format!("{}controllerId==a{}", "(".repeat(1_000), ")".repeat(1_000));
        assert!(matches!(asked(&deep), Err(RsqlError::Syntax(_))));
        let long = format!("controllerId=={}", "a".repeat(1_000_000));
        assert!(matches!(asked(&long), Err(RsqlError::Syntax(_))));
        let open = "${".repeat(8_000);
        assert!(matches!(asked(&open), Err(RsqlError::Syntax(_))));
    }
}
