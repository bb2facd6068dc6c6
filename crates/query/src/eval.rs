//! Whether a subject is one of those a query asks for.

use std::borrow::Cow;
use std::cmp::Ordering;

use windlass_domain::time::Timestamp;

use crate::value::{Operand, lower};
use crate::{Clause, Field, Node, Order, Test};

/// One value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Text; compared as a number where both sides read as one.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// A point in time.
    Time(Timestamp),
    /// True or false, written `true` and `false`.
    Truth(bool),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// Something that a query can be asked about.
pub trait Fields {
    /// Hands every value of the field to `each`: none where it has no value, several where it has several.
    fn each(&self, field: &Field, each: &mut dyn FnMut(Value<'_>));
}

pub(crate) fn matches(node: &Node, subject: &dyn Fields) -> bool {
    match node {
        Node::All(nodes) => nodes.iter().all(|node| matches(node, subject)),
        Node::Any(nodes) => nodes.iter().any(|node| matches(node, subject)),
        Node::Clause(clause) => holds(clause, subject) != clause.negated,
    }
}

pub(crate) fn holds(clause: &Clause, subject: &dyn Fields) -> bool {
    let (mut values, mut hit) = (0_usize, false);
    subject.each(&clause.field, &mut |value| {
        values = values.saturating_add(1);
        hit = hit
            || match &clause.test {
                Test::OneOf(operands) => operands.iter().any(|operand| equal(operand, &value)),
                Test::Order(order, operand) => in_order(*order, &value, operand),
                Test::Null => false,
            };
    });
    match &clause.test {
        Test::Null => values == 0,
        Test::OneOf(operands) => {
            hit || (values == 0 && operands.iter().any(|operand| operand.plain() == Some("")))
        }
        Test::Order(..) => hit,
    }
}

impl Order {
    const fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

pub(crate) fn equal(operand: &Operand, value: &Value<'_>) -> bool {
    match value {
        Value::Text(text) => operand.matches(text),
        Value::Number(number) => match operand.number {
            Some(wanted) => wanted.total_cmp(number).is_eq() || wanted == *number,
            None => operand.matches(&number.to_string()),
        },
        Value::Time(time) => match operand.time {
            Some(wanted) => wanted == *time,
            None => operand.matches(&time.to_string()),
        },
        Value::Truth(truth) => operand.matches(if *truth { "true" } else { "false" }),
    }
}

/// Whether the value stands in this order to the operand.
pub(crate) fn in_order(order: Order, value: &Value<'_>, operand: &Operand) -> bool {
    compare(value, operand).is_some_and(|ordering| order.allows(ordering))
}

/// How the value stands to the operand, where the two can be compared.
fn compare(value: &Value<'_>, operand: &Operand) -> Option<Ordering> {
    match value {
        Value::Text(text) => match (text.parse::<f64>().ok().filter(|n| n.is_finite()), operand.number) {
            (Some(number), Some(wanted)) => number.partial_cmp(&wanted),
            (Some(_), None) | (None, _) => operand.plain().map(|wanted| lower(text).as_ref().cmp(wanted)),
        },
        Value::Number(number) => operand.number.and_then(|wanted| number.partial_cmp(&wanted)),
        Value::Time(time) => operand.time.map(|wanted| time.cmp(&wanted)),
        Value::Truth(_) => None,
    }
}
