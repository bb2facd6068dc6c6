//! stub
use crate::{App, AppError};
use windlass_domain::{ids::DeviceId, time::Timestamp};
#[derive(Debug)]
pub struct Prepared;
pub fn prepare(
    _: &App,
    _: DeviceId,
    _: &[u8],
    _: windlass_wire::topic::Format,
    _: Timestamp,
) -> Result<Prepared, String> {
    unimplemented!()
}
impl App {
    pub async fn append_telemetry(&self, _: Vec<Prepared>) -> Result<(), AppError> {
        unimplemented!()
    }
}
#[derive(Debug, Default)]
pub struct DiskGuard;
impl DiskGuard {
    pub fn is_low(&self) -> bool {
        false
    }
}
