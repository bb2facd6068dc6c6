//! Devices as tables: CSV and JSON in, CSV out.
//!
//! Cells that a spreadsheet would take for a formula (`= + - @`, full width too) are data: written with a `'` before them, which is
//! taken away again when they are read. Pure; knows no rule about devices.

use std::collections::{BTreeMap, BTreeSet};

use csv::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};
use serde_json::Value;
use windlass_api::devices::{Device, DeviceKind};
use windlass_app::FieldProblem;
use windlass_app::devices::{ImportRow, ImportSource, ImportSpec};
use windlass_domain::ids::Sha256;

use super::view::device_kind_in;
use super::{check, schema};

const ATTRIBUTE: &str = "attribute.";
/// Columns of every export, before those of attributes.
const COLUMNS: [&str; 6] = ["name", "type", "kind", "parent", "tags", "groups"];
/// Most columns of an import.
const MOST_COLUMNS: usize = 256;

/// Whether a spreadsheet could take the text for something to carry out; quotes before it do not count.
fn is_live(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r'])
}

/// A cell as it is written.
fn quoted(text: &str) -> String {
    if is_live(text) { format!("'{text}") } else { text.to_owned() }
}

/// A cell as it was meant.
fn unquoted(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_live(rest) => rest,
        Some(_) | None => text,
    }
}

/// The text of a file: UTF-8, with or without a byte order mark.
///
/// # Errors
/// Says which byte is none of UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("is UTF-16; save it as UTF-8".to_owned());
    }
    let bytes = bytes.strip_prefix(&[0xef, 0xbb, 0xbf]).unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let place = error.valid_up_to();
        let byte = bytes.get(place).copied().unwrap_or_default();
        let line = 1 + bytes.iter().take(place).filter(|byte| **byte == b'\n').count();
        format!("is not UTF-8: byte {} (0x{byte:02x}, in line {line}); save it as UTF-8", place + 1)
    })
}

/// The words of a cell, parted by spaces or semicolons. Between double quotes a word has what it has; two of them are one.
fn words(cell: &str) -> BTreeSet<String> {
    let (mut words, mut word, mut inside) = (BTreeSet::new(), String::new(), false);
    let mut characters = cell.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if inside && characters.next_if_eq(&'"').is_some() => word.push('"'),
            '"' if inside || word.is_empty() => inside = !inside,
            ' ' | ';' if !inside => drop(words.insert(std::mem::take(&mut word))),
            other => word.push(other),
        }
    }
    words.insert(word);
    words.iter().map(|word| unquoted(word)).filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect()
}

/// A word of a cell, as [`words`] reads it.
fn word(text: &str) -> String {
    let text = if text.starts_with('\'') { quoted(text) } else { text.to_owned() };
    if text.contains([' ', ';', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn some(text: &str) -> Option<String> {
    Some(text).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// What a column of an import is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Name,
    Type,
    Kind,
    Parent,
    Tags,
    Groups,
    Attribute(String),
}

impl Column {
    fn read(heading: &str) -> Option<Self> {
        match unquoted(heading.trim()) {
            "name" => Some(Self::Name),
            "type" => Some(Self::Type),
            "kind" => Some(Self::Kind),
            "parent" => Some(Self::Parent),
            "tags" => Some(Self::Tags),
            "groups" => Some(Self::Groups),
            other => {
                let key = other.strip_prefix(ATTRIBUTE).filter(|key| !key.is_empty())?;
                Some(Self::Attribute(key.to_owned()))
            }
        }
    }
}

/// A CSV file whose heading reads.
#[derive(Debug)]
pub(crate) struct CsvTable {
    text: Box<str>,
    delimiter: u8,
    columns: Vec<Column>,
    digest: String,
}

impl CsvTable {
    /// Reads the heading. Cells are parted by commas, or by semicolons where the heading has no comma.
    ///
    /// # Errors
    /// Every problem of the heading.
    pub(crate) fn read(text: &str) -> Result<Self, Vec<FieldProblem>> {
        let heading = text.lines().next().unwrap_or_default();
        let delimiter = if heading.contains(';') && !heading.contains(',') { b';' } else { b',' };
        let mut reader =
            ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
        let headings = reader
            .headers()
            .cloned()
            .map_err(|error| vec![FieldProblem::new("header", format!("cannot be read: {error}"))])?;
        let mut problems = Vec::new();
        if headings.len() > MOST_COLUMNS {
            problems.push(FieldProblem::new("header", format!("has more than {MOST_COLUMNS} columns")));
        }
        let mut columns = Vec::new();
        for heading in headings.iter().take(MOST_COLUMNS) {
            match Column::read(heading) {
                None => problems.push(FieldProblem::new(
                    "header",
                    format!("has a column {heading:?}; there are {} and attribute.<key>", COLUMNS.join(", ")),
                )),
                Some(column) if columns.contains(&column) => {
                    problems.push(FieldProblem::new("header", format!("has the column {heading:?} twice")));
                }
                Some(column) => columns.push(column),
            }
        }
        if !columns.contains(&Column::Name) {
            problems
                .push(FieldProblem::new("header", "has no column name; the first line names the columns"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let digest = Sha256::of(text.as_bytes()).to_string();
        Ok(Self { text: text.into(), delimiter, columns, digest })
    }

    /// The line on which a record begins. The reader's position may stand before the end of the line above it, and
    /// before empty lines.
    fn line_of(&self, position: &csv::Position) -> Option<u64> {
        let ahead = self.text.get(usize::try_from(position.byte()).ok()?..)?;
        let ends = ahead.bytes().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let skipped = ends.filter(|byte| *byte == b'\n').count();
        position.line().checked_add(u64::try_from(skipped).ok()?)
    }

    fn row(&self, number: u64, record: Result<StringRecord, csv::Error>) -> ImportRow {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().and_then(|position| self.line_of(position));
                let spec = Err(vec![FieldProblem::new("row", format!("cannot be read: {error}"))]);
                return ImportRow { row: number, line, name: String::new(), spec };
            }
        };
        let line = record.position().and_then(|position| self.line_of(position));
        let (mut name, mut spec, mut problems) = (String::new(), ImportSpec::default(), Vec::new());
        if record.len() != self.columns.len() {
            let text = format!("has {} cells, the heading has {}", record.len(), self.columns.len());
            problems.push(FieldProblem::new("row", text));
        }
        for (column, cell) in self.columns.iter().zip(record.iter()) {
            let (raw, plain) = (unquoted(cell), unquoted(cell.trim()));
            match column {
                Column::Name => plain.clone_into(&mut name),
                Column::Type => spec.device_type = some(plain),
                Column::Kind if plain.is_empty() => {}
                Column::Kind => match plain.parse::<DeviceKind>() {
                    Ok(kind) => spec.kind = Some(device_kind_in(kind)),
                    Err(problem) => problems.push(FieldProblem::new("kind", problem)),
                },
                Column::Parent => spec.parent = some(plain),
                Column::Tags => spec.tags = words(cell),
                Column::Groups => spec.groups = words(cell),
                Column::Attribute(_) if raw.is_empty() => {}
                Column::Attribute(key) => drop(spec.attributes.insert(key.clone(), raw.to_owned())),
            }
        }
        let spec = if problems.is_empty() { Ok(spec) } else { Err(problems) };
        ImportRow { row: number, line, name, spec }
    }
}

impl ImportSource for CsvTable {
    fn rows(&self) -> Box<dyn Iterator<Item = ImportRow> + Send + '_> {
        let reader =
            ReaderBuilder::new().delimiter(self.delimiter).flexible(true).from_reader(self.text.as_bytes());
        Box::new((1..).zip(reader.into_records()).map(|(number, record)| self.row(number, record)))
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }
}

/// A device in a JSON array, as [`windlass_api::devices::NewDevice`] with groups.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct JsonRow {
    name: String,
    #[serde(rename = "type", default)]
    device_type: Option<String>,
    #[serde(default)]
    kind: Option<DeviceKind>,
    #[serde(default)]
    parent: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeSet<String>,
    #[serde(default)]
    groups: BTreeSet<String>,
}

/// A JSON array of devices. Elements are read one at a time.
#[derive(Debug)]
pub(crate) struct JsonTable {
    text: Box<str>,
    digest: String,
}

impl JsonTable {
    /// Checks that the text is a JSON array from beginning to end, so that a file that was cut is refused whole.
    ///
    /// # Errors
    /// Says where it is none.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str::<Vec<serde::de::IgnoredAny>>(text)
            .map_err(|error| format!("is no JSON array of devices: {error}"))?;
        Ok(Self { text: text.into(), digest: Sha256::of(text.as_bytes()).to_string() })
    }
}

/// The elements of an array that is known to be one.
struct Elements<'t> {
    rest: &'t str,
    number: u64,
}

impl Iterator for Elements<'_> {
    type Item = ImportRow;

    fn next(&mut self) -> Option<ImportRow> {
        let rest = self.rest.trim_start().trim_start_matches(['[', ',']);
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let value = values.next()?.ok()?;
        self.rest = rest.get(values.byte_offset()..)?;
        self.number += 1;
        Some(json_row(self.number, value))
    }
}

fn json_row(number: u64, value: Value) -> ImportRow {
    let written = value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let bad = |problems| ImportRow { row: number, line: None, name: written.clone(), spec: Err(problems) };
    let problems = check::check(&schema::of::<JsonRow>(), &value);
    if !problems.is_empty() {
        return bad(problems.into_iter().map(|one| FieldProblem::new(one.field, one.problem)).collect());
    }
    match serde_json::from_value::<JsonRow>(value) {
        Err(error) => bad(vec![FieldProblem::new("row", error)]),
        Ok(JsonRow { name, device_type, kind, parent, attributes, tags, groups }) => {
            let kind = kind.map(device_kind_in);
            let spec = ImportSpec { device_type, kind, parent, attributes, tags, groups };
            ImportRow { row: number, line: None, name, spec: Ok(spec) }
        }
    }
}

impl ImportSource for JsonTable {
    fn rows(&self) -> Box<dyn Iterator<Item = ImportRow> + Send + '_> {
        let rest = self.text.trim_start().strip_prefix('[').unwrap_or_default();
        Box::new(Elements { rest, number: 0 })
    }

    fn digest(&self) -> String {
        self.digest.clone()
    }
}

/// Writes devices as CSV, piece by piece: every piece is whole lines.
#[derive(Debug)]
pub(crate) struct CsvWriter {
    keys: Vec<String>,
}

impl CsvWriter {
    /// With a column for each of these attributes.
    pub(crate) fn new(keys: BTreeSet<String>) -> Self {
        Self { keys: keys.into_iter().collect() }
    }

    fn lines(rows: impl Iterator<Item = Vec<String>>) -> Result<Vec<u8>, csv::Error> {
        let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
        for row in rows {
            writer.write_record(row.iter().map(|cell| quoted(cell)))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    /// The line that names the columns.
    pub(crate) fn heading(&self) -> Result<Vec<u8>, csv::Error> {
        let attributes = self.keys.iter().map(|key| format!("{ATTRIBUTE}{key}"));
        let columns = COLUMNS.iter().map(|column| (*column).to_owned()).chain(attributes).collect();
        Self::lines(std::iter::once(columns))
    }

    /// One line for each device.
    pub(crate) fn devices(&self, devices: &[Device]) -> Result<Vec<u8>, csv::Error> {
        let join = |words: &BTreeSet<String>| words.iter().map(|one| word(one)).collect::<Vec<_>>().join(" ");
        Self::lines(devices.iter().map(|device| {
            let mut row = vec![
                device.name.clone(),
                device.device_type.clone().unwrap_or_default(),
                device.kind.to_string(),
                device.parent.clone().unwrap_or_default(),
                join(&device.tags),
                join(&device.groups),
            ];
            row.extend(self.keys.iter().map(|key| device.attributes.get(key).cloned().unwrap_or_default()));
            row
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<ImportRow> {
        CsvTable::read(text).unwrap().rows().collect()
    }

    fn headers(text: &str) -> Vec<String> {
        CsvTable::read(text).unwrap_err().into_iter().map(|one| one.problem).collect()
    }

    #[test]
    fn a_file_that_is_not_utf8_is_refused_by_its_byte() {
        assert_eq!(utf8(b"\xef\xbb\xbfname").unwrap(), "name");
        let latin = utf8(b"name\nM\xfcller").unwrap_err();
        assert!(latin.contains("byte 7 (0xfc, in line 2)"), "{latin}");
        assert!(utf8(b"\xff\xfen\0").unwrap_err().contains("UTF-16"));
    }

    #[test]
    fn headings_name_every_column_that_is_not_known_twice_or_missing() {
        assert_eq!(headers("").len(), 1);
        let said = headers("colour,type,type,attribute.");
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].contains("colour") && said[3].contains("no column name"), "{said:?}");
    }

    #[test]
    fn rows_know_their_line_and_bad_ones_do_not_stop_the_rest() {
        let all = rows(
            "name,kind,tags,attribute.site\r\na,gateway,x y;z,\"B, \"\"1\"\"\nC\"\r\n\r\nb,robot,,\r\nc\r\nd,,,\r\n",
        );
        assert_eq!(
            all.iter().map(|row| (row.row, row.line)).collect::<Vec<_>>(),
            [(1, Some(2)), (2, Some(5)), (3, Some(6)), (4, Some(7))]
        );
        let first = all[0].spec.as_ref().unwrap();
        assert_eq!(first.tags.iter().map(String::as_str).collect::<Vec<_>>(), ["x", "y", "z"]);
        assert_eq!(first.attributes["site"], "B, \"1\"\nC");
        assert_eq!(all[1].spec.as_ref().unwrap_err()[0].field, "kind");
        assert_eq!(all[2].spec.as_ref().unwrap_err()[0].field, "row");
        assert_eq!(all[3].spec.as_ref().unwrap(), &ImportSpec::default());
    }

    #[test]
    fn words_with_spaces_are_read_as_they_are_written() {
        let all: BTreeSet<String> =
            ["my tag", "a;b", "say \"hi\"", "'=1", "\"", "=1 + 1", "plain", "펌 웨어", "5\""]
                .map(str::to_owned)
                .into();
        let cell = all.iter().map(|one| word(one)).collect::<Vec<_>>().join(" ");
        assert_eq!(words(&cell), all, "{cell}");
        assert_eq!(words(unquoted(&quoted(&cell))), all, "{cell}");
        assert_eq!(words("x y;z"), ["x", "y", "z"].map(str::to_owned).into());
        assert_eq!(words(" ;\"\"; "), BTreeSet::new());
        assert_eq!(words("\"no end"), ["no end".to_owned()].into());
    }

    #[test]
    fn semicolons_part_cells_where_the_heading_has_no_comma() {
        let all = rows("name;type\na;pump\n");
        assert_eq!(all[0].spec.as_ref().unwrap().device_type.as_deref(), Some("pump"));
    }

    #[test]
    fn live_cells_are_data_both_ways() {
        for text in [
            "=1+1", "+49", "-x", "@a", "＝1", "＋1", "－1", "＠a", "'=1", "'＝1", "''+", "plain", "'quoted",
            "", "it's",
        ] {
            assert_eq!(unquoted(&quoted(text)), text);
            assert!(!quoted(text).starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']));
        }
        let all = rows("name,attribute.formula\na,=HYPERLINK(1)\nb,'=HYPERLINK(1)\n");
        for row in all {
            assert_eq!(row.spec.unwrap().attributes["formula"], "=HYPERLINK(1)");
        }
    }

    #[test]
    fn json_elements_are_read_one_at_a_time_and_bad_ones_named() {
        let table = JsonTable::read(
            r#" [ {"name":"a","tags":["x"]} , {"name":"b","colour":1,"kind":"robot"}, 7,{"name":"c"} ] "#,
        );
        let all: Vec<ImportRow> = table.unwrap().rows().collect();
        assert_eq!(all.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["a", "b", "", "c"]);
        assert_eq!(all.iter().map(|row| row.spec.is_ok()).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(all[1].spec.as_ref().unwrap_err().len(), 2);
        for broken in ["", "{}", "[{\"name\":\"a\"}", "[1,", "[1] 2"] {
            assert!(JsonTable::read(broken).is_err(), "{broken}");
        }
    }
}
