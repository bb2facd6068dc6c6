//! A tolerant reader of libconfig's syntax, as far as `sw-description` needs it: settings, groups, lists, arrays, strings,
//! numbers, comments. The same values are made of JSON.
//!
//! Knows nothing of what settings mean. Does not include other files.

use super::Fault;

/// How deep values may nest.
const DEPTH: usize = 32;
/// Most values of a description.
const VALUES: usize = 65_536;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Settings by name, in order.
    Group(Vec<(String, Value)>),
    /// Values in order: a list or an array.
    List(Vec<Value>),
    /// A text.
    Text(String),
    /// A number or a truth, as written.
    Other(String),
}

impl Value {
    /// The setting of that name, of a group.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Group(settings) => settings.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            Self::List(_) | Self::Text(_) | Self::Other(_) => None,
        }
    }

    /// A text or a number, as written.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Other(text) => Some(text),
            Self::Group(_) | Self::List(_) => None,
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::Object(members) => {
                Self::Group(members.into_iter().map(|(name, value)| (name, value.into())).collect())
            }
            serde_json::Value::Array(values) => Self::List(values.into_iter().map(Self::from).collect()),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Null => Self::Other(String::new()),
            other @ (serde_json::Value::Bool(_) | serde_json::Value::Number(_)) => {
                Self::Other(other.to_string())
            }
        }
    }
}

/// Reads a whole text.
///
/// # Errors
/// Says in which line it cannot be read.
pub(super) fn read(text: &str) -> Result<Value, Fault> {
    let mut reader = Reader { text, at: 0, values: 0 };
    let settings = reader.settings(0, None)?;
    Ok(Value::Group(settings))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, problem: &str) -> Fault {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        Fault::File(format!("line {line} of sw-description: {problem}"))
    }

    /// Passes over space and comments.
    fn space(&mut self) -> Result<(), Fault> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with('#') || trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let end = trimmed.find("*/").ok_or_else(|| self.fault("a comment does not end"))?;
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn peek(&mut self) -> Result<Option<char>, Fault> {
        self.space()?;
        Ok(self.rest().chars().next())
    }

    /// Takes one of these letters, if it is next.
    fn take(&mut self, letters: &[char]) -> Result<bool, Fault> {
        let found = self.peek()?.filter(|letter| letters.contains(letter));
        self.at += found.map_or(0, char::len_utf8);
        Ok(found.is_some())
    }

    fn word(&mut self, also: &str) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !also.contains(letter));
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.at += word.len();
        word
    }

    fn settings(&mut self, depth: usize, until: Option<char>) -> Result<Vec<(String, Value)>, Fault> {
        let mut settings = Vec::new();
        loop {
            let next = self.peek()?;
            if next == until {
                self.at += next.map_or(0, char::len_utf8);
                return Ok(settings);
            }
            if next.is_none() {
                return Err(self.fault("a group does not end"));
            }
            if next == Some('@') {
                return Err(self.fault("a description that includes other files cannot be read here"));
            }
            let name = self.word("-_*").to_owned();
            if name.is_empty() {
                return Err(self.fault("a setting has no name"));
            }
            if !self.take(&['=', ':'])? {
                return Err(self.fault(&format!("setting {name} has no value")));
            }
            let value = self.value(depth + 1)?;
            settings.push((name, value));
            self.take(&[';', ','])?;
        }
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.values += 1;
        if depth > DEPTH {
            return Err(self.fault(&format!("values nest deeper than {DEPTH} levels")));
        }
        if self.values > VALUES {
            return Err(self.fault(&format!("more than {VALUES} values")));
        }
        if self.take(&['{'])? {
            return Ok(Value::Group(self.settings(depth, Some('}'))?));
        }
        for (open, close) in [('(', ')'), ('[', ']')] {
            if self.take(&[open])? {
                let mut values = Vec::new();
                while !self.take(&[close])? {
                    values.push(self.value(depth + 1)?);
                    self.take(&[','])?;
                }
                return Ok(Value::List(values));
            }
        }
        if self.peek()? == Some('"') {
            return self.string().map(Value::Text);
        }
        match self.word("+-._") {
            "" => Err(self.fault("a value is missing")),
            word => Ok(Value::Other(word.to_owned())),
        }
    }

    /// A text; several in a row are one.
    fn string(&mut self) -> Result<String, Fault> {
        let mut text = String::new();
        while self.take(&['"'])? {
            loop {
                let mut letters = self.rest().chars();
                let letter = letters.next().ok_or_else(|| self.fault("a text does not end"))?;
                self.at += letter.len_utf8();
                match letter {
                    '"' => break,
                    '\\' => {
                        let escaped = letters.next().ok_or_else(|| self.fault("a text does not end"))?;
                        self.at += escaped.len_utf8();
                        text.push(match escaped {
                            'n' => '\n',
                            't' => '\t',
                            'r' => '\r',
                            'f' => '\u{c}',
                            other => other,
                        });
                    }
                    letter => text.push(letter),
                }
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn settings_groups_lists_and_comments_are_read() {
        let text = r##"
            # a comment
            software = {
                version = "1." "2"; // another
                hardware-compatibility: [ "1.0", "#RE:^2" ];
                /* and a
                   third */
                images: ( { filename = "a\"b"; size = 0x10L; on = true; }, { } )
                nothing = ();
            };"##;
        let value = read(text).unwrap();
        let software = value.get("software").unwrap();
        assert_eq!(software.get("version").unwrap().text(), Some("1.2"));
        let text = |text: &str| Value::Text(text.to_owned());
        let compatible = Value::List(vec![text("1.0"), text("#RE:^2")]);
        assert_eq!(software.get("hardware-compatibility"), Some(&compatible));
        let Some(Value::List(images)) = software.get("images") else { panic!("{software:?}") };
        assert_eq!(images[0].get("filename"), Some(&text("a\"b")));
        assert_eq!(images[0].get("size").unwrap().text(), Some("0x10L"));
        assert_eq!(images.len(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_said_with_its_line() {
        for (bad, problem) in [
            ("a = {", "line 1 of sw-description: a group does not end"),
            ("a = 1;\n\nb", "line 3 of sw-description: setting b has no value"),
            ("a = \"x", "line 1 of sw-description: a text does not end"),
            ("a = \"x\\", "line 1 of sw-description: a text does not end"),
            ("/* x", "line 1 of sw-description: a comment does not end"),
            ("a = ;", "line 1 of sw-description: a value is missing"),
            ("a = (1", "line 1 of sw-description: a value is missing"),
            ("= 1", "line 1 of sw-description: a setting has no name"),
            (
                "@include \"/etc/passwd\"",
                "line 1 of sw-description: a description that includes other files cannot be read here",
            ),
        ] {
            assert_eq!(read(bad).unwrap_err().to_string(), problem, "{bad}");
        }
        let deep = format!("a = {}", "(".repeat(100_000));
        assert!(read(&deep).unwrap_err().to_string().contains("deeper than 32 levels"));
        let many = format!("a = ({})", "1,".repeat(70_000));
        assert!(read(&many).unwrap_err().to_string().contains("more than 65536 values"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fall(text in "[a-b=:;,{}()\\[\\]\"\\\\/*#@ \n0-9é]{0,64}") {
            drop(read(&text));
        }
    }
}
