//! What hawkBit's Management API keeps beside devices, components, releases and jobs: things of its own ([`items`]), and
//! what it knows of things of ours ([`extras`]); and the questions that only it asks ([`software`], [`actions`],
//! [`hidden`], [`past`]).
//!
//! Bodies are documents: SQL never looks inside them. Knows no HTTP and no rule.

pub mod actions;
mod bodies;
pub mod extras;
pub mod hidden;
pub mod items;
pub mod past;
pub mod software;

pub use bodies::{
    AutoAssign, AutoDecision, AutoState, Displaced, Filter, GroupExtra, JobExtra, ModuleExtra,
    ModuleMetadata, ModuleType, SetExtra, SetType, Tag, TargetExtra, TargetTypeExtra,
};

#[cfg(test)]
mod tests;
