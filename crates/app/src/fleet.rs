//! stub
use windlass_domain::{ids::DeviceId, permission::Principal};
#[derive(Debug, Default)]
pub struct Fleet;
impl Fleet {
    pub fn is_visible(&self, _: &Principal, _: DeviceId) -> bool {
        true
    }
    pub fn parent_of(&self, _: DeviceId) -> Option<DeviceId> {
        None
    }
    pub fn child_of(&self, _: windlass_domain::ids::TenantId, _: DeviceId, _: &str) -> Option<DeviceId> {
        None
    }
    pub fn select(
        &self,
        _: windlass_domain::ids::TenantId,
        _: &windlass_query::Query,
    ) -> roaring::RoaringTreemap {
        roaring::RoaringTreemap::new()
    }
}
