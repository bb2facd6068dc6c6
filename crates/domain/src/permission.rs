//! Who may do what: one `allows(principal, permission, resource)`.

use crate::ids::TenantId;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant it acts in.
    pub tenant: TenantId,
}
