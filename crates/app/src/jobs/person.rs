//! Who stands behind an actor: people act by themselves and by tokens that they made. Whom the server's own tokens were
//! handed to is not known; each of them counts as somebody. And what follows for what waits for a second person.

use windlass_domain::ids::TenantId;
use windlass_domain::permission::{Actor, ActorKind, Permission};
use windlass_store::{StoreError, Tx, tokens};

use crate::AppError;

/// Most tokens that were made with each other that are followed to who made the first.
const TOKENS: usize = 16;

/// Who stands behind an actor: of a token, whoever made it. None if that cannot be told: a token of the line is gone, or
/// the line is too long.
async fn person(tx: &mut Tx<'_>, tenant: TenantId, actor: &str) -> Result<Option<String>, StoreError> {
    let mut person = actor.to_owned();
    for _ in 0..=TOKENS {
        let Ok(actor) = person.parse::<Actor>() else { return Ok(None) };
        if actor.kind != ActorKind::Token {
            return Ok(Some(person));
        }
        let Some(token) = actor.token_id() else { return Ok(None) };
        let Some(token) = tokens::by_id(tx, tenant, token).await? else { return Ok(None) };
        // Tokens name their maker with a colon.
        let maker = token.created_by.replacen(':', " ", 1);
        if maker.parse::<Actor>().is_ok_and(|maker| maker.kind == ActorKind::System) {
            return Ok(Some(person));
        }
        person = maker;
    }
    Ok(None)
}

/// How whoever decides stands to whoever made what is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decider {
    /// Somebody else.
    Another,
    /// The same person, or a token of the same person.
    Maker,
    /// Nobody can tell who that is.
    Unknown,
    /// Nobody can tell who made it.
    OfUnknown,
}

impl Decider {
    pub(crate) async fn of(
        tx: &mut Tx<'_>,
        tenant: TenantId,
        decides: &str,
        made: &str,
    ) -> Result<Self, StoreError> {
        let (decides, made) = (person(tx, tenant, decides).await?, person(tx, tenant, made).await?);
        Ok(match (decides, made) {
            (_, None) => Self::OfUnknown,
            (None, Some(_)) => Self::Unknown,
            (Some(decides), Some(made)) if decides == made => Self::Maker,
            (Some(_), Some(_)) => Self::Another,
        })
    }
}

/// What somebody may say to something that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Approval {
    /// Yes or no.
    Both,
    /// Only no.
    Deny {
        /// Why, and who may say more.
        why: String,
        /// Whether nobody may say more.
        nobody_approves: bool,
    },
    /// Nothing.
    Neither {
        /// Why, and who may.
        why: String,
    },
}

impl Approval {
    /// By what is taken of that decider: `takes` says it of a yes (`true`) and of a no.
    pub(crate) fn of(decider: Decider, takes: impl Fn(bool) -> Result<(), AppError>) -> Self {
        match (takes(true), takes(false)) {
            (Ok(()), _) => Self::Both,
            (Err(why), Ok(())) => {
                Self::Deny { why: why.to_string(), nobody_approves: decider == Decider::OfUnknown }
            }
            (Err(why), Err(_)) => Self::Neither { why: why.to_string() },
        }
    }

    /// Of somebody whose role does not allow it.
    pub(crate) fn of_role(maker: &str) -> Self {
        Self::left_to_others("your role does not allow it", maker)
    }

    /// Of somebody whose rights end at the scope of a token, about what reaches the whole tenant.
    pub(crate) fn of_scope(maker: &str) -> Self {
        Self::left_to_others(
            "the scope of your token does not allow it, for this reaches the whole tenant",
            maker,
        )
    }

    fn left_to_others(what: &str, maker: &str) -> Self {
        let permission = Permission::JobApprove.as_str();
        let why = format!(
            "{what}: somebody else than {maker} who has the permission {permission} must approve or deny it"
        );
        Self::Neither { why }
    }
}
