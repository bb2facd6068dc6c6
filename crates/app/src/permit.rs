//! The question that every use case asks first.

use windlass_domain::permission::{Permission, Principal, allows};

use crate::error::AppError;

/// Refuses unless the principal may do this in its tenant.
pub(crate) fn demand(by: &Principal, permission: Permission) -> Result<(), AppError> {
    if allows(by, permission) { Ok(()) } else { Err(AppError::Forbidden(permission.as_str())) }
}
