//! Jobs: made by operators, carried out by a reconciler, reported on by devices.
//!
//! `mod` order is reading order: what operators ask ([`create`], [`commands`], [`operate`], [`list`]), what moves by
//! itself ([`reconcile`], [`offer`], [`ends`], [`gone`], [`history`]), what devices ask ([`device`], [`document`],
//! [`notify`]), what is true ([`verify`]).
//! The rules are in `windlass_domain::job`; nothing here decides on its own.

pub(crate) mod agenda;
mod command_templates;
pub mod commands;
pub mod create;
pub mod device;
mod document;
mod downloads;
pub(crate) mod ends;
pub(crate) mod gone;
mod history;
pub(crate) mod joining;
mod judge;
pub mod list;
pub mod notify;
pub(crate) mod offer;
pub mod operate;
mod person;
mod policy;
pub mod preview;
mod previous;
pub mod reconcile;
mod shape;
mod since;
pub mod single;
mod surroundings;
mod targets;
mod tries;
pub mod verify;
pub(crate) mod versions;
pub(crate) mod waits;
mod waves;
mod withdraw;

pub use command_templates::TemplateView;
pub use commands::{NewCommand, Waited};
pub use create::{NewJob, NewTargets, NewWhat};
pub use downloads::{Downloaded, JobDownloads};
pub(crate) use downloads::{files_of, release_of};
pub use list::{ExecutionFilter, ExecutionView, FailureCluster, JobPage, JobView, WaveView};
pub use person::Approval;
pub(crate) use person::Decider;
pub use previous::{BackJob, WayBack};
pub use windlass_domain::job::Begin;
pub use windlass_store::jobs::JobPick;
pub use windlass_store::releases::ReleaseLabel;
