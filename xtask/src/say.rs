//! The one place that prints.

/// A line for the person who started the task.
#[expect(clippy::print_stdout, reason = "the task's own words go to standard output, between its children's")]
pub(crate) fn line(text: &str) {
    println!("{text}");
}

/// A line that stands out between the output of other programs.
pub(crate) fn heading(text: &str) {
    line(&format!("\n=== {text}"));
}
