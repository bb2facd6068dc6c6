//! Who may do what: one `allows(principal, permission)`, deny by default.
//!
//! Knows neither where roles are bound nor how a fleet query reads: a scope is carried as text, and whoever
//! touches devices filters by it.

use std::fmt;
use std::str::FromStr;

use crate::device::words;
use crate::ids::{InvalidName, TenantId, TokenId};

words!(
    /// What kind of actor acts.
    ActorKind {
        /// A person who signed in.
        User = "user",
        /// A program with an API token.
        Token = "token",
        /// The server itself, or somebody with its data directory in hand.
        System = "system",
        /// A device or a claim.
        Device = "device",
    }
);

/// Who acts, as audit records name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind.
    pub kind: ActorKind,
    /// User name, `token name#id`, device name, or the task that acts.
    pub name: String,
}

impl Actor {
    /// Names a token so that two tokens of one name stay apart.
    pub fn token(name: &str, id: TokenId) -> Self {
        Self { kind: ActorKind::Token, name: format!("{name}#{id}") }
    }

    /// The id of the token that acts, if one does.
    pub fn token_id(&self) -> Option<TokenId> {
        match self.kind {
            ActorKind::Token => self.name.rsplit_once('#').and_then(|(_, id)| id.parse().ok()),
            ActorKind::User | ActorKind::System | ActorKind::Device => None,
        }
    }
}

impl FromStr for Actor {
    type Err = InvalidName;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (kind, name) = text.split_once(' ').unwrap_or((text, ""));
        Ok(Self { kind: kind.parse()?, name: name.to_owned() })
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

words!(
    /// A built-in set of permissions.
    Role {
        /// Everything.
        Admin = "admin",
        /// Runs the fleet; manages neither people, tokens nor claims.
        Operator = "operator",
        /// Looks, changes nothing.
        Viewer = "viewer",
        /// Brings devices in: registers them and signs their certificates.
        Installer = "installer",
    }
);

words!(
    /// One group of operations.
    Permission {
        /// See devices, their presence, aliases and time line.
        DeviceRead = "device.read",
        /// Register devices; change attributes, tags, type and aliases.
        DeviceWrite = "device.write",
        /// Suspend, resume, decommission.
        DeviceLifecycle = "device.lifecycle",
        /// See certificates (never keys).
        CredentialRead = "credential.read",
        /// Sign a device's certificate request.
        CredentialIssue = "credential.issue",
        /// Revoke a device's certificate.
        CredentialRevoke = "credential.revoke",
        /// See claims.
        ClaimRead = "claim.read",
        /// Make and revoke claims.
        ClaimManage = "claim.manage",
        /// See provisioning templates.
        TemplateRead = "template.read",
        /// Change provisioning templates and command templates.
        TemplateWrite = "template.write",
        /// See device types.
        TypeRead = "type.read",
        /// Change device types.
        TypeWrite = "type.write",
        /// See groups.
        GroupRead = "group.read",
        /// Change groups and their members.
        GroupWrite = "group.write",
        /// Read telemetry and last values.
        TelemetryRead = "telemetry.read",
        /// Read events.
        EventRead = "event.read",
        /// Read shadows.
        ShadowRead = "shadow.read",
        /// Change the desired side of shadows.
        ShadowWrite = "shadow.write",
        /// See and download artifacts.
        ArtifactRead = "artifact.read",
        /// Upload and remove artifacts.
        ArtifactWrite = "artifact.write",
        /// See components and releases.
        ReleaseRead = "release.read",
        /// Make components and releases.
        ReleaseWrite = "release.write",
        /// See jobs and executions.
        JobRead = "job.read",
        /// Make jobs.
        JobCreate = "job.create",
        /// Start, pause, resume, cancel, retry.
        JobControl = "job.control",
        /// Approve or deny jobs of others.
        JobApprove = "job.approve",
        /// Make, see and revoke API tokens.
        TokenManage = "token.manage",
        /// Make, see and change users.
        UserManage = "user.manage",
        /// Read, export and verify audit records.
        AuditRead = "audit.read",
        /// Erase a person's fields from audit records.
        AuditErase = "audit.erase",
        /// See alerts.
        AlertRead = "alert.read",
        /// Acknowledge and close alerts.
        AlertHandle = "alert.handle",
        /// See and change who is told of alerts, and how.
        NotificationManage = "notification.manage",
        /// See the server's own state and settings.
        ServerRead = "server.read",
        /// Run the server: backups, simulation.
        ServerManage = "server.manage",
    }
);

impl Permission {
    /// Whether the permission changes nothing.
    pub const fn is_read(self) -> bool {
        match self {
            Self::DeviceRead
            | Self::CredentialRead
            | Self::ClaimRead
            | Self::TemplateRead
            | Self::TypeRead
            | Self::GroupRead
            | Self::TelemetryRead
            | Self::EventRead
            | Self::ShadowRead
            | Self::ArtifactRead
            | Self::ReleaseRead
            | Self::JobRead
            | Self::AuditRead
            | Self::AlertRead
            | Self::ServerRead => true,
            Self::DeviceWrite
            | Self::DeviceLifecycle
            | Self::CredentialIssue
            | Self::CredentialRevoke
            | Self::ClaimManage
            | Self::TemplateWrite
            | Self::TypeWrite
            | Self::GroupWrite
            | Self::ShadowWrite
            | Self::ArtifactWrite
            | Self::ReleaseWrite
            | Self::JobCreate
            | Self::JobControl
            | Self::JobApprove
            | Self::TokenManage
            | Self::UserManage
            | Self::AuditErase
            | Self::AlertHandle
            | Self::NotificationManage
            | Self::ServerManage => false,
        }
    }

    /// Whether somebody whose rights end at a fleet query can hold this permission at all. True for what is done
    /// to devices (the use case then filters by the scope) and for reading catalogues that devices refer to;
    /// false for what reaches beyond any set of devices.
    pub const fn fits_a_scope(self) -> bool {
        match self {
            Self::DeviceRead
            | Self::DeviceWrite
            | Self::DeviceLifecycle
            | Self::CredentialRead
            | Self::CredentialIssue
            | Self::CredentialRevoke
            | Self::TelemetryRead
            | Self::EventRead
            | Self::ShadowRead
            | Self::ShadowWrite
            | Self::JobRead
            | Self::JobCreate
            | Self::JobControl
            | Self::JobApprove
            | Self::TypeRead
            | Self::GroupRead
            | Self::ArtifactRead
            | Self::ReleaseRead
            | Self::AlertRead
            | Self::AlertHandle => true,
            Self::ClaimRead
            | Self::ClaimManage
            | Self::TemplateRead
            | Self::TemplateWrite
            | Self::TypeWrite
            | Self::GroupWrite
            | Self::ArtifactWrite
            | Self::ReleaseWrite
            | Self::TokenManage
            | Self::UserManage
            | Self::AuditRead
            | Self::AuditErase
            | Self::NotificationManage
            | Self::ServerRead
            | Self::ServerManage => false,
        }
    }
}

impl Role {
    /// Whether the role's set has the permission.
    pub const fn has(self, permission: Permission) -> bool {
        match self {
            Self::Admin => true,
            Self::Operator => match permission {
                Permission::TokenManage
                | Permission::UserManage
                | Permission::ClaimManage
                | Permission::AuditErase
                | Permission::NotificationManage
                | Permission::ServerManage => false,
                Permission::DeviceRead
                | Permission::DeviceWrite
                | Permission::DeviceLifecycle
                | Permission::CredentialRead
                | Permission::CredentialIssue
                | Permission::CredentialRevoke
                | Permission::ClaimRead
                | Permission::TemplateRead
                | Permission::TemplateWrite
                | Permission::TypeRead
                | Permission::TypeWrite
                | Permission::GroupRead
                | Permission::GroupWrite
                | Permission::TelemetryRead
                | Permission::EventRead
                | Permission::ShadowRead
                | Permission::ShadowWrite
                | Permission::ArtifactRead
                | Permission::ArtifactWrite
                | Permission::ReleaseRead
                | Permission::ReleaseWrite
                | Permission::JobRead
                | Permission::JobCreate
                | Permission::JobControl
                | Permission::JobApprove
                | Permission::AuditRead
                | Permission::AlertRead
                | Permission::AlertHandle
                | Permission::ServerRead => true,
            },
            Self::Viewer => permission.is_read() && !matches!(permission, Permission::AuditRead),
            Self::Installer => matches!(
                permission,
                Permission::DeviceRead
                    | Permission::DeviceWrite
                    | Permission::CredentialRead
                    | Permission::CredentialIssue
                    | Permission::TemplateRead
                    | Permission::TypeRead
                    | Permission::GroupRead
                    | Permission::TelemetryRead
                    | Permission::EventRead
            ),
        }
    }

    /// Whether this role's set has everything that `other` has.
    pub fn covers(self, other: Self) -> bool {
        Permission::ALL.iter().all(|permission| self.has(*permission) || !other.has(*permission))
    }
}

/// Who acts, where, and with what rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The tenant it acts in.
    pub tenant: TenantId,
    /// Who it is.
    pub actor: Actor,
    /// Its set of permissions.
    pub role: Role,
    /// A fleet query that its rights end at; `None` is the whole tenant.
    pub scope: Option<String>,
}

impl Principal {
    /// The server itself (tasks, first start), with every right in one tenant.
    pub fn system(tenant: TenantId, task: &str) -> Self {
        let actor = Actor { kind: ActorKind::System, name: task.to_owned() };
        Self { tenant, actor, role: Role::Admin, scope: None }
    }

    /// A user of the whole tenant.
    pub fn user(tenant: TenantId, name: &str, role: Role) -> Self {
        let actor = Actor { kind: ActorKind::User, name: name.to_owned() };
        Self { tenant, actor, role, scope: None }
    }

    /// A device or claim, which has no permission: what it may do is decided by its protocol. For audit records.
    pub fn device(tenant: TenantId, name: &str) -> Self {
        let actor = Actor { kind: ActorKind::Device, name: name.to_owned() };
        Self { tenant, actor, role: Role::Viewer, scope: None }
    }
}

/// Whether the principal may do this in its tenant. With a scope, whoever touches devices must filter by it too.
pub fn allows(principal: &Principal, permission: Permission) -> bool {
    principal.actor.kind != ActorKind::Device
        && principal.role.has(permission)
        && (principal.scope.is_none() || permission.fits_a_scope())
}

/// The scope of a token that a creator asks for, so that it never gives more than its creator has; `None` if the
/// role asked for is beyond the creator's.
pub fn delegate(creator: &Principal, role: Role, scope: Option<&str>) -> Option<Option<String>> {
    if !allows(creator, Permission::TokenManage) || !creator.role.covers(role) {
        return None;
    }
    Some(match (creator.scope.as_deref(), scope) {
        (None, None) => None,
        (Some(only), None) | (None, Some(only)) => Some(only.to_owned()),
        (Some(outer), Some(inner)) => Some(format!("({outer});({inner})")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(role: Role, scope: Option<&str>) -> Principal {
        Principal {
            scope: scope.map(ToOwned::to_owned),
            ..Principal::user(TenantId::new(1), "somebody", role)
        }
    }

    #[test]
    fn the_table_of_roles_is_as_published() {
        // One line per permission: admin, operator, viewer, installer.
        let table = "\
device.read          yes yes yes yes
device.write         yes yes -   yes
device.lifecycle     yes yes -   -
credential.read      yes yes yes yes
credential.issue     yes yes -   yes
credential.revoke    yes yes -   -
claim.read           yes yes yes -
claim.manage         yes -   -   -
template.read        yes yes yes yes
template.write       yes yes -   -
type.read            yes yes yes yes
type.write           yes yes -   -
group.read           yes yes yes yes
group.write          yes yes -   -
telemetry.read       yes yes yes yes
event.read           yes yes yes yes
shadow.read          yes yes yes -
shadow.write         yes yes -   -
artifact.read        yes yes yes -
artifact.write       yes yes -   -
release.read         yes yes yes -
release.write        yes yes -   -
job.read             yes yes yes -
job.create           yes yes -   -
job.control          yes yes -   -
job.approve          yes yes -   -
token.manage         yes -   -   -
user.manage          yes -   -   -
audit.read           yes yes -   -
audit.erase          yes -   -   -
alert.read           yes yes yes -
alert.handle         yes yes -   -
notification.manage  yes -   -   -
server.read          yes yes yes -
server.manage        yes -   -   -";
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines.len(), Permission::ALL.len());
        for (line, permission) in lines.iter().zip(Permission::ALL) {
            assert_eq!(line[0], permission.as_str());
            for (cell, role) in line[1..].iter().zip(Role::ALL) {
                assert_eq!(*cell == "yes", allows(&with(*role, None), *permission), "{role} {permission}");
            }
        }
    }

    #[test]
    fn a_scope_takes_away_what_reaches_beyond_devices() {
        let scoped = with(Role::Admin, Some("tag==lab"));
        for permission in Permission::ALL {
            assert_eq!(allows(&scoped, *permission), permission.fits_a_scope(), "{permission}");
        }
        for denied in [Permission::TokenManage, Permission::UserManage, Permission::AuditRead] {
            assert!(!allows(&scoped, denied));
        }
    }

    #[test]
    fn a_device_has_no_permission() {
        let device = Principal::device(TenantId::new(1), "pump-1");
        assert!(Permission::ALL.iter().all(|permission| !allows(&device, *permission)));
    }

    #[test]
    fn only_admin_covers_every_role() {
        assert!(Role::ALL.iter().all(|role| Role::Admin.covers(*role)));
        assert!(Role::Operator.covers(Role::Viewer) && Role::Operator.covers(Role::Installer));
        assert!(!Role::Operator.covers(Role::Admin) && !Role::Viewer.covers(Role::Installer));
        assert!(!Role::Installer.covers(Role::Viewer));
    }

    #[test]
    fn a_token_never_gives_more_than_its_creator_has() {
        let admin = with(Role::Admin, None);
        assert_eq!(delegate(&admin, Role::Viewer, Some("tag==a")), Some(Some("tag==a".to_owned())));
        assert_eq!(delegate(&admin, Role::Admin, None), Some(None));
        for role in [Role::Operator, Role::Viewer, Role::Installer] {
            assert_eq!(delegate(&with(role, None), role, None), None, "{role} may not make tokens");
        }
        assert_eq!(delegate(&with(Role::Admin, Some("tag==a")), Role::Viewer, None), None);
    }

    #[test]
    fn a_token_actor_names_its_token() {
        let actor = Actor::token("ci#x", TokenId::new(12));
        assert_eq!(actor.token_id(), Some(TokenId::new(12)));
        assert_eq!(actor.to_string().parse(), Ok(actor));
        assert!("nobody".parse::<Actor>().is_err());
        assert_eq!(Actor { kind: ActorKind::User, name: "ci#12".to_owned() }.token_id(), None);
    }
}
