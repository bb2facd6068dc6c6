//! Who stands behind an actor: people act by themselves and by tokens that they made. Whom the server's own tokens were
//! handed to is not known; each of them counts as somebody.

use windlass_domain::ids::TenantId;
use windlass_domain::permission::{Actor, ActorKind};
use windlass_store::{StoreError, Tx, tokens};

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

/// Whether two actors are the same person, or tokens of the same person. None if that cannot be told.
pub(crate) async fn is_one_person(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    one: &str,
    other: &str,
) -> Result<Option<bool>, StoreError> {
    let (one, other) = (person(tx, tenant, one).await?, person(tx, tenant, other).await?);
    Ok(one.zip(other).map(|(one, other)| one == other))
}
