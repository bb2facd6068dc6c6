//! Structured logs on stderr, as text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

/// Why logging did not start.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The directives cannot be read.
    #[error("the setting log must be a level or directives such as info,windlass_gateway=debug")]
    Directives(#[from] tracing_subscriber::filter::ParseError),
}

/// Starts logging for the whole process. A second call changes nothing.
///
/// # Errors
/// Directives that cannot be read.
pub fn start(directives: &str, format: LogFormat) -> Result<(), LoggingError> {
    let filter = EnvFilter::builder().parse(directives)?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Colours are for people at a terminal; a file or a journal gets plain text.
    let builder = if std::io::stderr().is_terminal() { builder } else { builder.with_ansi(false) };
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    if started.is_err() {
        tracing::debug!("logging had been started already");
    }
    Ok(())
}
