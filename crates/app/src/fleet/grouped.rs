//! Which static groups devices are in, from the postings of the index. Group by group: no device is looked at.

use roaring::RoaringTreemap;
use windlass_domain::device::Lifecycle;
use windlass_domain::ids::{GroupPath, TenantId};
use windlass_domain::permission::Principal;
use windlass_query::{Column, Field};

use super::Fleet;

impl Fleet {
    /// Paths of the groups that devices are in which the principal may see and which are not decommissioned, in order.
    pub fn groups_in_use(&self, by: &Principal) -> Vec<GroupPath> {
        let index = self.read();
        let Some(columns) = index.tenants.get(&by.tenant) else { return Vec::new() };
        let mut there = self.visible(&index, by);
        if let Some(lifecycles) = columns.column(&index, &Field::new("lifecycle")) {
            let mut gone = RoaringTreemap::new();
            lifecycles.look_up(Lifecycle::Decommissioned.as_str(), &mut |rows| rows.add_to(&mut gone));
            there -= gone;
        }
        let used = columns.groups.iter().filter(|(_, rows)| rows.count_in(&there) > 0);
        let mut paths: Vec<GroupPath> = used.filter_map(|(id, _)| index.groups.get(id).cloned()).collect();
        paths.sort();
        paths
    }

    /// The devices of a tenant that are in the group at exactly this path or, with `below`, in one below it.
    pub fn in_group(&self, tenant: TenantId, path: &GroupPath, below: bool) -> RoaringTreemap {
        let index = self.read();
        let Some(columns) = index.tenants.get(&tenant) else { return RoaringTreemap::new() };
        let is_below = |rest: &str| rest.is_empty() || (below && rest.starts_with('/'));
        let mut members = RoaringTreemap::new();
        for (id, rows) in columns.groups.iter() {
            let path_of = index.groups.get(id).map(GroupPath::as_str);
            if path_of.and_then(|of| of.strip_prefix(path.as_str())).is_some_and(is_below) {
                rows.add_to(&mut members);
            }
        }
        members
    }
}
