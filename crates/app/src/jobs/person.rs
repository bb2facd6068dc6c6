//! Who stands behind an actor: people act by themselves and by tokens that they made. Whom the server's own tokens were
//! handed to is not known; each of them counts as somebody.

use windlass_domain::ids::TenantId;
use windlass_domain::permission::{Actor, ActorKind};
use windlass_store::{StoreError, Tx, tokens};

/// Most tokens that were made with each other that are followed to who made the first.
const TOKENS: usize = 16;

/// Who stands behind an actor: of a token, whoever made it.
async fn person(tx: &mut Tx<'_>, tenant: TenantId, actor: &str) -> Result<String, StoreError> {
    let mut person = actor.to_owned();
    for _ in 0..TOKENS {
        let token = person.parse::<Actor>().ok().and_then(|actor| actor.token_id());
        let Some(token) = token else { break };
        let Some(token) = tokens::by_id(tx, tenant, token).await? else { break };
        // Tokens name their maker with a colon.
        let maker = token.created_by.replacen(':', " ", 1);
        if maker.parse::<Actor>().is_ok_and(|maker| maker.kind == ActorKind::System) {
            break;
        }
        person = maker;
    }
    Ok(person)
}

/// Whether two actors are the same person, or tokens of the same person.
pub(super) async fn is_one_person(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    one: &str,
    other: &str,
) -> Result<bool, StoreError> {
    Ok(person(tx, tenant, one).await? == person(tx, tenant, other).await?)
}
