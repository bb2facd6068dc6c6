//! Devices that speak hawkBit's Direct Device Integration: a tenant's settings for them, their tokens, and what they
//! ask and report.
//!
//! Knows neither HTTP nor JSON: `gateway::ddi` translates.

mod memory;
mod settings;
mod tokens;

pub(crate) use memory::Memory;
pub use settings::SettingView;
pub use tokens::DeviceTokenView;

#[cfg(test)]
mod tests;
