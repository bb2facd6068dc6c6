//! The question that every use case asks first.

use windlass_domain::permission::{Permission, Principal, allows};
use windlass_store::tenants;

use crate::app::App;
use crate::error::AppError;

/// Refuses unless the principal may do this in its tenant.
pub(crate) fn demand(by: &Principal, permission: Permission) -> Result<(), AppError> {
    if allows(by, permission) { Ok(()) } else { Err(AppError::Forbidden(permission.as_str())) }
}

/// Refuses unless the principal is of the tenant that runs the server: what concerns the whole server is its business.
pub(crate) async fn demand_operator(app: &App, by: &Principal) -> Result<(), AppError> {
    let runs = app.runs_server(by).await?;
    if runs { Ok(()) } else { Err(AppError::Forbidden("server.manage of the default tenant")) }
}

impl App {
    /// Whether somebody is of the tenant that runs the server, and so may know what the whole of it does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runs_server(&self, by: &Principal) -> Result<bool, AppError> {
        let own = self.store.read(|tx| Box::pin(tenants::tenant_default(tx))).await?;
        Ok(by.tenant == own.id)
    }
}
