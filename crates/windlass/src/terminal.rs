//! What the person at the terminal sees: data on standard output, everything else on standard error.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON document on standard output.
    Json,
}

/// How the program ends. Numbers are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success,
    /// Not done, or what was checked is not as it should be.
    Failure,
    /// A wrong command line, in what clap does not look at.
    Usage,
    /// The request made no sense to the server: bad values, wrong version, wrong state.
    Refused,
    /// Nobody of that name.
    NotFound,
    /// Not signed in, or not allowed.
    NotAllowed,
    /// The server does not answer.
    Unreachable,
    /// The command is on its way, and the device has not answered in time.
    Unanswered,
    /// A command on a device ended with this code.
    Command(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            // Clap's word for a wrong command line.
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::NotFound => 4,
            Exit::NotAllowed => 5,
            Exit::Unreachable => 6,
            Exit::Unanswered => 7,
            Exit::Command(code) => code,
        })
    }
}

/// An error that knows its exit code and what might help.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Trouble {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What went wrong.
    pub(crate) message: String,
    /// What to do about it.
    pub(crate) hint: Option<String>,
}

/// Prints an error with its causes and its hint; the exit code it asks for.
pub(crate) fn fail(error: &anyhow::Error) -> Exit {
    note(&format!("error: {error}"));
    let mut last = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many errors repeat their cause in their own words.
        if !last.contains(&cause) {
            note(&format!("  cause: {cause}"));
        }
        last = cause;
    }
    match error.downcast_ref::<Trouble>() {
        Some(trouble) => {
            if let Some(hint) = &trouble.hint {
                note(&format!("  hint: {hint}"));
            }
            trouble.exit
        }
        None => Exit::Failure,
    }
}

/// A line for people, on standard error.
#[expect(clippy::print_stderr, reason = "this is the command line's printer")]
pub(crate) fn note(line: &str) {
    eprintln!("{line}");
}

/// A line of data, on standard output. A closed pipe is not an error: whoever reads has seen enough.
pub(crate) fn print(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// One JSON document.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

/// A table with a heading.
pub(crate) fn print_table(heading: &[&str], rows: Vec<Vec<String>>) -> anyhow::Result<()> {
    let mut table = empty_table();
    table.set_header(heading.iter().map(|title| (*title).to_owned()));
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    print(&table.trim_fmt())
}

/// Names and values.
pub(crate) fn print_pairs(pairs: &[(&'static str, String)]) -> anyhow::Result<()> {
    let mut table = empty_table();
    for (name, value) in pairs {
        table.add_row(vec![(*name).to_owned(), printable(value)]);
    }
    print(&table.trim_fmt())
}

/// A line under the header and nothing else, so that lines can be counted and cut.
const PLAIN: &str = "     ──            ";

fn empty_table() -> Table {
    let mut table = Table::new();
    table.load_preset(PLAIN).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

/// What devices say is hostile: control characters could steer the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{FFFD}' } else { c }).collect()
}

/// A bar that counts to `length`; silent where standard error is no terminal.
pub(crate) fn progress(length: u64, what: &str) -> ProgressBar {
    styled(ProgressBar::new(length), "{msg:28} {bar:32} {pos}/{len} {elapsed}").with_message(what.to_owned())
}

/// A bar for bytes.
pub(crate) fn progress_bytes(length: u64, what: &str) -> ProgressBar {
    let template = "{msg:28} {bar:32} {bytes}/{total_bytes} {bytes_per_sec}";
    styled(ProgressBar::new(length), template).with_message(what.to_owned())
}

/// A line that shows that something goes on.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let bar = styled(ProgressBar::new_spinner(), "{spinner} {msg} {elapsed}").with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_devices_never_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r"), "a\u{FFFD}[2Jb\u{FFFD}");
        assert_eq!(printable("grün\nzwei"), "grün\nzwei");
    }

    #[test]
    fn exit_codes_are_distinct_and_none_is_the_one_for_a_wrong_command_line() {
        let all = [
            Exit::Success,
            Exit::Failure,
            Exit::Refused,
            Exit::NotFound,
            Exit::NotAllowed,
            Exit::Unreachable,
            Exit::Unanswered,
        ];
        let codes: std::collections::BTreeSet<_> =
            all.iter().map(|exit| format!("{:?}", ExitCode::from(*exit))).collect();
        assert_eq!(codes.len(), all.len());
        assert!(!codes.contains(&format!("{:?}", ExitCode::from(2))));
    }
}
