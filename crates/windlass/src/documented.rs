//! The command lines that the documents show, held against those that this program takes.

use clap::Parser;
use clap::error::ErrorKind;

use crate::Arguments;

const PAGES: [&str; 4] = [
    include_str!("../../../README.md"),
    include_str!("../../../docs/guides/operators.md"),
    include_str!("../../../docs/guides/devices.md"),
    include_str!("../../../docs/guides/hawkbit.md"),
];

/// The command lines of a page: in blocks one a line, in a sentence as a whole.
fn command_lines(page: &str) -> Vec<&str> {
    let codes = page.split('`').skip(1).step_by(2);
    let lines = codes.flat_map(|code| match code.strip_prefix('\n') {
        Some(block) => block.lines().collect::<Vec<_>>(),
        None => vec![code],
    });
    lines.filter(|line| line.starts_with("windlass ")).collect()
}

/// The words of a command line, as a shell takes them apart.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut quote: Option<char> = None;
    for sign in line.chars() {
        match quote {
            Some(open) if open == sign => quote = None,
            None if sign == '\'' || sign == '"' => quote = Some(sign),
            None if sign == '#' && word.is_empty() => break,
            None if sign.is_whitespace() => words.push(std::mem::take(&mut word)),
            Some(_) | None => word.push(sign),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_line_that_a_document_shows_is_taken() {
    let lines: Vec<&str> = PAGES.into_iter().flat_map(command_lines).collect();
    assert!(lines.len() > 80, "{}", lines.len());
    for line in lines {
        let Err(error) = Arguments::try_parse_from(words(line)) else { continue };
        // A sentence may name a command without all that it needs.
        let is_cut = matches!(
            error.kind(),
            ErrorKind::MissingRequiredArgument
                | ErrorKind::MissingSubcommand
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        );
        assert!(is_cut, "{line}\n{error}");
    }
}
