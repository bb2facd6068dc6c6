//! stub
use windlass_domain::{ids::DeviceId, time::Timestamp};
#[derive(Debug, Default)]
pub struct Live;
impl Live {
    pub fn seen(&self, _: DeviceId, _: Timestamp) {}
}
