//! The fleet query language.
