//! From text to query, by recursive descent with a bounded depth.

use crate::error::QueryError;
use crate::value::{Operand, Piece};
use crate::{Clause, Field, Node, Order, Query, Test};

/// Most bytes of a query.
pub const MAX_BYTES: usize = 16 * 1024;
/// Most parentheses inside one another.
pub const MAX_DEPTH: usize = 64;
/// Most comparisons, each value of `=in=` and `=out=` counted.
pub const MAX_CLAUSES: usize = 500;

/// Reads a query.
///
/// # Errors
/// Says where it goes wrong and what could stand there.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    if text.len() > MAX_BYTES {
        let expected = format!("at most {MAX_BYTES} bytes");
        return Err(QueryError::new(1, &expected, &format!("{} bytes", text.len())));
    }
    let mut parser = Parser { rest: text, position: 1, depth: 0, clauses: 0 };
    let root = parser.any()?;
    parser.space();
    if parser.rest.is_empty() { Ok(Query { root }) } else { Err(parser.error("; or , (and, or) or the end")) }
}

struct Parser<'a> {
    rest: &'a str,
    position: usize,
    depth: usize,
    clauses: usize,
}

enum Operator {
    Equal,
    NotEqual,
    In,
    Out,
    Is,
    IsNot,
    Order(Order),
}

const OPERATORS: &[(&str, Operator)] = &[
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("=li=", Operator::Equal),
    ("=lt=", Operator::Order(Order::Less)),
    ("=le=", Operator::Order(Order::LessOrEqual)),
    ("=gt=", Operator::Order(Order::Greater)),
    ("=ge=", Operator::Order(Order::GreaterOrEqual)),
    ("=in=", Operator::In),
    ("=out=", Operator::Out),
    ("=is=", Operator::Is),
    ("=eq=", Operator::Is),
    ("=not=", Operator::IsNot),
    ("=ne=", Operator::IsNot),
    ("<=", Operator::Order(Order::LessOrEqual)),
    (">=", Operator::Order(Order::GreaterOrEqual)),
    ("<", Operator::Order(Order::Less)),
    (">", Operator::Order(Order::Greater)),
];

const fn is_reserved(character: char) -> bool {
    matches!(character, '"' | '\'' | '(' | ')' | ';' | ',' | '=' | '!' | '~' | '<' | '>')
        || character.is_whitespace()
}

pub(crate) fn is_field(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':')
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.all()?];
        while self.separator(',', "or") {
            nodes.push(self.all()?);
        }
        Ok(only(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, QueryError> {
        let mut nodes = vec![self.unit()?];
        while self.separator(';', "and") {
            nodes.push(self.unit()?);
        }
        Ok(only(nodes, Node::All))
    }

    fn unit(&mut self) -> Result<Node, QueryError> {
        self.space();
        if !self.rest.starts_with('(') {
            return self.clause();
        }
        if self.depth >= MAX_DEPTH {
            return Err(self.error(&format!("at most {MAX_DEPTH} parentheses inside one another")));
        }
        self.take(1);
        self.depth += 1;
        let node = self.any()?;
        self.space();
        if !self.rest.starts_with(')') {
            return Err(self.error("; or , (and, or) or )"));
        }
        self.take(1);
        self.depth -= 1;
        Ok(node)
    }

    fn clause(&mut self) -> Result<Node, QueryError> {
        let position = self.position;
        let length = self.rest.find(|character| !is_field(character)).unwrap_or(self.rest.len());
        let name = self.rest.get(..length).unwrap_or_default();
        if name.is_empty() || name.starts_with('.') || name.ends_with('.') || name.contains("..") {
            return Err(self.error("a field name or ("));
        }
        let field = Field::new(name);
        self.take(length);
        self.space();
        let operator = self.operator()?;
        let (negated, test) = match operator {
            Operator::Equal => (false, Test::OneOf(vec![self.value()?.0])),
            Operator::NotEqual => (true, Test::OneOf(vec![self.value()?.0])),
            Operator::In => (false, Test::OneOf(self.values()?)),
            Operator::Out => (true, Test::OneOf(self.values()?)),
            Operator::Is => (false, self.null_or_value()?),
            Operator::IsNot => (true, self.null_or_value()?),
            Operator::Order(order) => (false, Test::Order(*order, self.plain_value()?)),
        };
        Ok(Node::Clause(Clause { field, position, end: self.position, negated, test }))
    }

    fn operator(&mut self) -> Result<&'static Operator, QueryError> {
        let found = OPERATORS.iter().find(|(word, _)| {
            self.rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
        });
        let Some((word, operator)) = found else {
            return Err(self.error("an operator such as == != < <= > >= =in= =out= =is="));
        };
        self.take(word.len());
        Ok(operator)
    }

    fn values(&mut self) -> Result<Vec<Operand>, QueryError> {
        self.space();
        if !self.rest.starts_with('(') {
            // One value may stand without parentheses.
            return Ok(vec![self.value()?.0]);
        }
        self.take(1);
        let mut values = vec![self.value()?.0];
        loop {
            self.space();
            if self.rest.starts_with(',') {
                self.take(1);
                values.push(self.value()?.0);
            } else if self.rest.starts_with(')') {
                self.take(1);
                return Ok(values);
            } else {
                return Err(self.error(", or )"));
            }
        }
    }

    fn null_or_value(&mut self) -> Result<Test, QueryError> {
        let (value, quoted) = self.value()?;
        let null = !quoted && value.plain() == Some("null");
        Ok(if null { Test::Null } else { Test::OneOf(vec![value]) })
    }

    fn plain_value(&mut self) -> Result<Operand, QueryError> {
        self.space();
        let (position, rest) = (self.position, self.rest);
        let (value, _) = self.value()?;
        if value.plain().is_none() {
            (self.position, self.rest) = (position, rest);
            return Err(self.error("a value without * (there is no order among patterns)"));
        }
        Ok(value)
    }

    /// A value, and whether it stood in quotes.
    fn value(&mut self) -> Result<(Operand, bool), QueryError> {
        self.space();
        self.clauses += 1;
        if self.clauses > MAX_CLAUSES {
            return Err(self.error(&format!("at most {MAX_CLAUSES} comparisons")));
        }
        let quote = self.rest.chars().next().filter(|character| matches!(character, '"' | '\''));
        let mut pieces = Vec::new();
        let mut characters = self.rest.char_indices().skip(usize::from(quote.is_some())).peekable();
        let end = loop {
            let Some((at, character)) = characters.next() else { break None };
            match (character, quote) {
                ('\\', _) => match characters.next() {
                    Some((_, escaped)) if quote.is_some() || matches!(escaped, '*' | '\\') => {
                        pieces.push(Piece::Literal(escaped));
                    }
                    Some((_, other)) if !is_reserved(other) => {
                        pieces.extend([Piece::Literal('\\'), Piece::Literal(other)]);
                    }
                    Some(_) | None => break None,
                },
                ('*', _) => pieces.push(Piece::Wildcard),
                (character, Some(quote)) if character == quote => break Some(at.saturating_add(1)),
                (character, None) if is_reserved(character) => break Some(at),
                (character, _) => pieces.push(Piece::Literal(character)),
            }
        };
        match (end, quote) {
            (Some(end), _) if quote.is_some() || end > 0 => self.take(end),
            (None, None) if !pieces.is_empty() && !ends_in_escape(self.rest) => self.take(self.rest.len()),
            (None, Some(quote)) => {
                self.take(self.rest.len());
                return Err(self.error(&format!("a closing {quote}")));
            }
            (None | Some(_), _) => {
                return Err(self.error("a value, in quotes if it has spaces or ()';,=!~<>"));
            }
        }
        Ok((Operand::new(&pieces), quote.is_some()))
    }

    /// Takes a separator if it comes next: the sign, or the word with something that ends it.
    fn separator(&mut self, sign: char, word: &str) -> bool {
        self.space();
        if self.rest.starts_with(sign) {
            self.take(1);
            return true;
        }
        let (Some(start), Some(rest)) = (self.rest.get(..word.len()), self.rest.get(word.len()..)) else {
            return false;
        };
        let is_word = start.eq_ignore_ascii_case(word)
            && rest.chars().next().is_some_and(|next| next.is_whitespace() || next == '(');
        if is_word {
            self.take(word.len());
        }
        is_word
    }

    fn space(&mut self) {
        let trimmed = self.rest.trim_start();
        self.take(self.rest.len().saturating_sub(trimmed.len()));
    }

    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.position = self.position.saturating_add(taken.chars().count());
        self.rest = rest;
    }

    fn error(&self, expected: &str) -> QueryError {
        let found: String = self.rest.chars().take(12).flat_map(char::escape_debug).collect();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("\u{201c}{found}\u{201d}") };
        QueryError::new(self.position, expected, &found)
    }
}

/// Whether a bare value ends in a backslash that escapes nothing.
fn ends_in_escape(text: &str) -> bool {
    text.chars().rev().take_while(|character| *character == '\\').count() % 2 == 1
}

fn only(mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => many(nodes),
    }
}
