//! What a connection leaves behind: its registration, its will, its session, and the note that it is gone.
//!
//! Runs once, when nothing is read or written any more; knows no stream.

use std::sync::Arc;

use windlass_app::connections::{DisconnectReason, Left};
use windlass_app::hub::CloseReason;
use windlass_app::message::{DevicePeer, Peer};

use super::Parts;
use crate::core::{Core, chain};
use crate::mqtt::session::Ending;
use crate::mqtt::welcome::{Registered, saved};
use crate::mqtt::wills::Late;

pub(super) async fn finish(core: &Arc<Core>, parts: Parts, ending: Ending) {
    let Parts {
        peer,
        client_id,
        address: _,
        protocol: _,
        session,
        session_expiry,
        will,
        link: _,
        link_id: _,
        registered,
    } = parts;
    match (peer, registered) {
        (Peer::Device(device), Registered::Device(id)) => {
            core.app.hub.unregister(device.device, id);
            // Also a connection that ended for a reason of its own may have a successor by now.
            let taken_over = ending == Ending::Server(CloseReason::TakenOver)
                || core.app.hub.has_client(device.device, &client_id);
            if let Some(will) = will.clone().filter(|_| may_fire(ending)) {
                let wait = will.delay.min(session_expiry);
                if wait == 0 {
                    core.publish_will(&device, &client_id, will);
                } else if !taken_over {
                    let late = Late { peer: Arc::clone(&device), client_id: Arc::clone(&client_id), will };
                    drop(core.wills.keep(late, core.now() + u64::from(wait) * 1_000));
                }
            }
            let left = if taken_over || (session_expiry == 0 && !session.is_persistent()) {
                Left::Nothing
            } else if session_expiry == 0 {
                Left::Forgotten
            } else {
                let keep_will = ending == Ending::Server(CloseReason::ShuttingDown);
                Left::Kept(saved(session.kept(), will.as_ref().filter(|_| keep_will), session_expiry))
            };
            end(core, &device, &client_id, left, reason_of(ending)).await;
        }
        (_, Registered::Application(id)) => core.app.hub.unregister_application(id),
        (_, Registered::Claim(id)) => core.app.hub.unregister_claim(id),
        (_, Registered::Device(_)) => {}
    }
}

// Whoever lost its right to connect has lost its right to a last word.
fn may_fire(ending: Ending) -> bool {
    ending.fires_will()
        && !matches!(ending, Ending::Server(CloseReason::NotAuthorized | CloseReason::CredentialExpired))
}

/// Notes the end of a connection; a failure is logged, since nobody is left to tell.
pub(crate) async fn end(
    core: &Core,
    device: &DevicePeer,
    client_id: &str,
    left: Left,
    reason: DisconnectReason,
) {
    if let Err(error) = core.app.connection_end(device, client_id, left, reason).await {
        tracing::warn!(
            device.name = device.name.as_str(),
            error = %chain(&error),
            "the end of a connection could not be noted; its session is as it was when it was last saved"
        );
    }
}

const fn reason_of(ending: Ending) -> DisconnectReason {
    match ending {
        Ending::Goodbye | Ending::GoodbyeWithWill => DisconnectReason::Goodbye,
        Ending::Lost => DisconnectReason::Lost,
        Ending::Fault(what) => DisconnectReason::Protocol(what),
        Ending::Refused => DisconnectReason::TopicRefused,
        Ending::Unavailable => DisconnectReason::Unavailable,
        Ending::Rate => DisconnectReason::RateExceeded,
        Ending::Stalled => DisconnectReason::Stalled,
        Ending::Server(reason) => DisconnectReason::Server(reason),
    }
}
