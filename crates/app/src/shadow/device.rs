//! What a device asks of its shadows: get, update, delete (device API contract, part 2).

use bytes::Bytes;
use windlass_domain::ids::{DeviceId, ShadowName};
use windlass_domain::shadow::{self, Shadow, UpdateRefusal, Updated};
use windlass_domain::time::Timestamp;
use windlass_store::{ChangeKind, StoreError, Tx, shadows};
use windlass_wire::shadow::{self as wire, Refused, ShadowError};
use windlass_wire::topic::{self, DeviceTopic, ShadowOperation, ShadowTopic};

use super::convert;
use crate::App;
use crate::jobs::versions;
use crate::message::{Effects, Outbound, RequestContext};

/// Carries out a request. Every refusal is a reply on `…/rejected`; replies go to the requester, `documents` and
/// `delta` to whoever is subscribed. `observe` has what it reported, if it did.
///
/// # Errors
/// When the store fails.
pub async fn handle(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    message: &ShadowTopic,
) -> Result<Effects, StoreError> {
    let done = match &message.shadow {
        None => carry_out(tx, ctx, message, None).await?,
        Some(name) => match name.parse::<ShadowName>() {
            Ok(name) => carry_out(tx, ctx, message, Some(&name)).await?,
            Err(_) => Err(refuse(ShadowError::NoShadow(name.clone()), None)),
        },
    };
    Ok(done.unwrap_or_else(|Refused { error, client_token }| {
        let payload = wire::rejected(&error, ctx.now.seconds(), client_token.as_deref());
        Effects { replies: vec![Outbound { topic: message.rejected(), payload }], ..Effects::default() }
    }))
}

impl App {
    /// The answer to a shadow request that is one too many on its connection (device API contract, part 2). None if
    /// the topic is no shadow request.
    pub fn shadow_busy(&self, name: &str, payload: &[u8]) -> Option<Outbound> {
        let DeviceTopic::Shadow(message) = topic::parse(name)? else { return None };
        let token = wire::parse_delete(payload, &convert::bounds(&self.limits));
        let now = self.clock.now().seconds();
        let payload = wire::rejected(&ShadowError::TooManyRequests, now, token.as_deref());
        Some(Outbound { topic: message.rejected(), payload })
    }
}

fn refuse(error: ShadowError, client_token: Option<String>) -> Refused {
    Refused { error, client_token }
}

fn reply(message: &ShadowTopic, payload: Bytes) -> Effects {
    Effects { replies: vec![Outbound { topic: message.accepted(), payload }], ..Effects::default() }
}

async fn carry_out(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    message: &ShadowTopic,
    name: Option<&ShadowName>,
) -> Result<Result<Effects, Refused>, StoreError> {
    match message.operation {
        ShadowOperation::Get => get(tx, ctx, message, name).await,
        ShadowOperation::Update => update(tx, ctx, message, name).await,
        ShadowOperation::Delete => delete(tx, ctx, message, name).await,
    }
}

/// The name in "No shadow exists with name": the shadow's, or the thing's for the classic one.
fn missing(ctx: &RequestContext<'_>, name: Option<&ShadowName>, client_token: Option<String>) -> Refused {
    let name = name.map_or_else(|| ctx.thing.to_owned(), ToString::to_string);
    refuse(ShadowError::NoShadow(name), client_token)
}

async fn get(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    message: &ShadowTopic,
    name: Option<&ShadowName>,
) -> Result<Result<Effects, Refused>, StoreError> {
    let token = match wire::parse_get(ctx.payload, &convert::bounds(&ctx.app.limits)) {
        Ok(token) => token,
        Err(refused) => return Ok(Err(refused)),
    };
    Ok(match shadows::shadow(tx, ctx.device, name).await? {
        Some(Shadow::Live { documents, version, updated_at: _ }) => {
            let delta = documents.delta().map(|section| section.values);
            let document = convert::document(&documents, version);
            let body = wire::get_accepted(&document, delta.as_ref(), ctx.now.seconds(), token.as_deref());
            Ok(reply(message, body))
        }
        Some(Shadow::Deleted { .. }) | None => Err(missing(ctx, name, token)),
    })
}

async fn update(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    message: &ShadowTopic,
    name: Option<&ShadowName>,
) -> Result<Result<Effects, Refused>, StoreError> {
    let limits = &ctx.app.limits;
    let request = match wire::parse_update(ctx.payload, &convert::bounds(limits)) {
        Ok(request) => request,
        Err(refused) => return Ok(Err(refused)),
    };
    let asked = convert::update(&request);
    let token = request.client_token.as_deref();
    let change =
        Change { update: &asked, most_bytes: limits.shadow_document, most_named: limits.named_shadows };
    Ok(match store_update(tx, ctx.device, name, change, ctx.now).await? {
        Err(refusal) => {
            let error = match refusal {
                Refusal::VersionConflict { .. } => ShadowError::VersionConflict,
                Refusal::TooLarge => ShadowError::TooLarge,
                Refusal::TooMany => ShadowError::TooManyShadows(limits.named_shadows),
            };
            Err(refuse(error, request.client_token))
        }
        Ok(updated) => {
            let body = wire::update_accepted(&request, updated.version, ctx.now.seconds());
            let mut effects = reply(message, body);
            for thing in names(ctx) {
                effects.broadcasts.push(documents(thing, name, &updated, ctx.now, token));
                effects.broadcasts.extend(delta(thing, name, &updated, ctx.now, token));
            }
            // A version that is reported again counts as seen again, even if nothing changed by it. Versions show in the
            // classic shadow only.
            match (name, &asked.reported) {
                (None, shadow::Patch::Merge(said)) => effects.observe.push((ctx.device, said.clone())),
                (None, shadow::Patch::Clear) => versions::note(tx, ctx.device).await?,
                _ => {}
            }
            Ok(effects)
        }
    })
}

/// Every name under which the device may be subscribed, the one that it just used first.
fn names<'a>(ctx: &RequestContext<'a>) -> Vec<&'a str> {
    let mut names = vec![ctx.thing];
    if ctx.peer.device == ctx.device {
        let own = std::iter::once(ctx.peer.name.as_str()).chain(ctx.peer.aliases.iter().map(String::as_str));
        names.extend(own.filter(|name| *name != ctx.thing && topic::is_thing_name(name)));
    }
    names
}

/// What an update is to do and within which bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change<'a> {
    pub(super) update: &'a shadow::Update,
    pub(super) most_bytes: usize,
    pub(super) most_named: usize,
}

/// Why an update was not made, whoever asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    VersionConflict { current: i64 },
    TooLarge,
    TooMany,
}

/// Loads, decides, stores, and writes into the change feed. For devices and operators alike.
pub(super) async fn store_update(
    tx: &mut Tx<'_>,
    device: DeviceId,
    name: Option<&ShadowName>,
    change: Change<'_>,
    now: Timestamp,
) -> Result<Result<Updated, Refusal>, StoreError> {
    let before = shadows::shadow(tx, device, name).await?;
    let updated = match shadow::update(before.as_ref(), change.update, change.most_bytes, now) {
        Ok(updated) => updated,
        Err(UpdateRefusal::VersionConflict { current }) => {
            return Ok(Err(Refusal::VersionConflict { current }));
        }
        Err(UpdateRefusal::TooLarge { .. }) => return Ok(Err(Refusal::TooLarge)),
    };
    let is_new = !matches!(before, Some(Shadow::Live { .. }));
    if is_new && name.is_some() {
        let most = i64::try_from(change.most_named).unwrap_or(i64::MAX);
        if shadows::named_count(tx, device).await? >= most {
            return Ok(Err(Refusal::TooMany));
        }
    }
    let documents = updated.current.clone();
    let after = Shadow::Live { documents, version: updated.version, updated_at: now };
    shadows::put(tx, device, name, &after).await?;
    tx.changed(ChangeKind::Shadow, device.get());
    Ok(Ok(updated))
}

/// What everybody hears of an accepted update: the documents before and after.
pub(super) fn documents(
    thing: &str,
    name: Option<&ShadowName>,
    updated: &Updated,
    now: Timestamp,
    client_token: Option<&str>,
) -> Outbound {
    let Updated { previous, previous_version, current, version } = updated;
    let payload = wire::documents(
        &convert::document(previous, *previous_version),
        &convert::document(current, *version),
        now.seconds(),
        client_token,
    );
    Outbound { topic: topic::shadow_documents(thing, name.map(ShadowName::as_str)), payload }
}

/// The difference that remains after an update, if there is one.
fn delta(
    thing: &str,
    name: Option<&ShadowName>,
    updated: &Updated,
    now: Timestamp,
    client_token: Option<&str>,
) -> Option<Outbound> {
    let payload = convert::delta_body(&updated.current, updated.version, now, client_token)?;
    Some(Outbound { topic: topic::shadow_delta(thing, name.map(ShadowName::as_str)), payload })
}

async fn delete(
    tx: &mut Tx<'_>,
    ctx: &RequestContext<'_>,
    message: &ShadowTopic,
    name: Option<&ShadowName>,
) -> Result<Result<Effects, Refused>, StoreError> {
    let token = wire::parse_delete(ctx.payload, &convert::bounds(&ctx.app.limits));
    let before = shadows::shadow(tx, ctx.device, name).await?;
    Ok(match shadow::delete(before.as_ref(), ctx.now) {
        Some(Shadow::Deleted { version, at }) => {
            shadows::put(tx, ctx.device, name, &Shadow::Deleted { version, at }).await?;
            versions::note(tx, ctx.device).await?;
            tx.changed(ChangeKind::Shadow, ctx.device.get());
            Ok(reply(message, wire::delete_accepted(version, ctx.now.seconds(), token.as_deref())))
        }
        Some(Shadow::Live { .. }) | None => Err(missing(ctx, name, token)),
    })
}
