//! What happens to devices, for people to read.

use std::fmt;
use std::str::FromStr;

use crate::device::words;
use crate::ids::InvalidName;

words!(
    /// How much an event matters.
    Severity {
        /// Good to know.
        Info = "info",
        /// Worth a look.
        Warning = "warning",
        /// Needs somebody.
        Error = "error",
    }
);
