//! The HTTPS twin at work: who asks, may it, hand it to ingest, wait for the outcome.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::json;
use tokio::sync::oneshot;
use windlass_app::AppError;
use windlass_app::authorise::Children;
use windlass_app::message::{Acknowledgement, DevicePeer, Inbound, Outcome, Peer, TopicRefusal};
use windlass_app::refusals::{Cause, Owner, Refused, Stage};
use windlass_domain::credential::ConnectRefusal;

use super::twin::{Asked, NotAsked, Payload, read, status_of_rejection};
use super::{Body, Known, json_answer, problem};
use crate::core::{Core, chain};
use crate::ingest::{Answered, Delivery};
use crate::mqtt::subscriptions::check_topic;
use crate::mqtt::welcome::Arrival;
use crate::rate::{Pace, Sender};

/// Time for a body to come.
const BODY_TIME: Duration = Duration::from_secs(30);

/// What people call the protocol.
const HTTPS: &str = "https";

/// An answer that ends the request.
type Refusal = Box<Response<Body>>;

fn deny(status: StatusCode, code: &str, message: &str) -> Refusal {
    Box::new(problem(status, code, message))
}

/// Takes the outcome of one message.
#[derive(Debug)]
struct Single(Mutex<Option<oneshot::Sender<Outcome>>>);

impl Answered for Single {
    fn answered(&self, outcomes: Vec<Outcome>) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(waiting), Some(outcome)) = (waiting, outcomes.into_iter().next()) {
            // Whoever asked may have gone; the message is durable all the same.
            drop(waiting.send(outcome));
        }
    }
}

/// Answers one request.
pub(crate) async fn answer(
    core: &Arc<Core>,
    arrival: &Arrival,
    request: Request<Incoming>,
) -> Response<Body> {
    // Who asks is decided before path and body are looked at.
    let device = match device(core, arrival).await {
        Ok(device) => device,
        Err(answer) => return *answer,
    };
    let mut answer = match serve(core, arrival, device, request).await {
        Ok(answer) => answer,
        Err(answer) => *answer,
    };
    answer.extensions_mut().insert(Known);
    answer
}

async fn serve(
    core: &Arc<Core>,
    arrival: &Arrival,
    device: Arc<DevicePeer>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refusal> {
    let (head, body) = request.into_parts();
    let asked =
        read(&head.method, head.uri.path(), head.uri.query().unwrap_or_default()).map_err(not_asked)?;
    if core.rates.take(Sender::Device(device.device), 1, core.now()) != Pace::Free {
        return Err(deny(
            StatusCode::TOO_MANY_REQUESTS,
            "rate",
            "the device sends too many messages; slow down",
        ));
    }
    match asked {
        Asked::Request { topic, payload } => {
            let payload = match payload {
                Payload::Body => collect(core, body).await?,
                Payload::BodyOrEmpty => match collect(core, body).await? {
                    empty if empty.is_empty() => Bytes::from_static(b"{}"),
                    given => given,
                },
                Payload::Made(text) => text.into(),
            };
            let outcome = hand_over(core, arrival, device, &topic, payload).await?;
            Ok(reply(&topic, outcome))
        }
        Asked::Message { topic } => {
            let payload = collect(core, body).await?;
            let outcome = hand_over(core, arrival, device, &topic, payload).await?;
            match outcome.acknowledgement {
                Acknowledgement::Accepted => {
                    Ok(json_answer(StatusCode::OK, json!({ "message": "OK" }).to_string()))
                }
                Acknowledgement::PayloadRejected(why) => {
                    Err(deny(StatusCode::BAD_REQUEST, "payload.rejected", &why))
                }
                Acknowledgement::Unavailable(why) => Err(unavailable(&why)),
            }
        }
        Asked::ShadowNames { thing, page_size, next_token } => {
            shadow_names(core, device, &thing, page_size.as_deref(), next_token.as_deref()).await
        }
    }
}

/// The device that a certificate names; whoever else came is refused, which was noted.
pub(crate) async fn device(core: &Core, arrival: &Arrival) -> Result<Arc<DevicePeer>, Refusal> {
    match arrival.identify(core).await {
        Ok(Peer::Device(device)) => Ok(device),
        Ok(peer @ (Peer::Claim(_) | Peer::Application(_))) => {
            let cause = Cause::Request("http.notADevice", "a claim may do nothing but provision".to_owned());
            let (owner, refused) = (Some(Owner::of(&peer)), arrival.refused(cause));
            core.refuse(Refused { stage: Stage::Http, protocol: Some(HTTPS), owner, ..refused }).await;
            Err(deny(StatusCode::FORBIDDEN, "forbidden", "a claim certificate may do nothing but provision"))
        }
        Err(refusal) => {
            let refused = arrival.refused(Cause::Credential(refusal.clone()));
            core.refuse(Refused { stage: Stage::Http, protocol: Some(HTTPS), ..refused }).await;
            if refusal == ConnectRefusal::Unavailable {
                core.metrics.refused.unavailable.one();
                return Err(unavailable(&refusal.to_string()));
            }
            core.metrics.refused.credential.one();
            Err(deny(StatusCode::FORBIDDEN, "forbidden", &refusal.to_string()))
        }
    }
}

fn not_asked(why: NotAsked) -> Refusal {
    match why {
        NotAsked::Path => deny(StatusCode::NOT_FOUND, "not_found", "the device API has nothing at this path"),
        NotAsked::Encoding => {
            deny(StatusCode::BAD_REQUEST, "encoding", "the path or query cannot be decoded")
        }
        NotAsked::Method(allowed) => {
            let sentence = format!("this path takes {allowed}");
            let mut answer = deny(StatusCode::METHOD_NOT_ALLOWED, "method", &sentence);
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
            answer
        }
    }
}

fn unavailable(why: &str) -> Refusal {
    deny(StatusCode::SERVICE_UNAVAILABLE, "unavailable", why)
}

async fn collect(core: &Core, body: Incoming) -> Result<Bytes, Refusal> {
    let limited = Limited::new(body, core.limits.packet).collect();
    match tokio::time::timeout(BODY_TIME, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let sentence = format!("the body is larger than {} bytes", core.limits.packet);
            Err(deny(StatusCode::PAYLOAD_TOO_LARGE, "too_large", &sentence))
        }
        Ok(Err(_)) => Err(deny(StatusCode::BAD_REQUEST, "body", "the body broke off")),
        Err(_) => Err(deny(StatusCode::REQUEST_TIMEOUT, "timeout", "the body took too long")),
    }
}

async fn hand_over(
    core: &Core,
    arrival: &Arrival,
    device: Arc<DevicePeer>,
    topic: &str,
    payload: Bytes,
) -> Result<Outcome, Refusal> {
    let peer = Peer::Device(device);
    if check_topic(topic, &core.limits).is_err() {
        return Err(deny(StatusCode::BAD_REQUEST, "topic", "the topic is not valid here"));
    }
    if let Err(refusal) = core.app.authorise_publish(&peer, "", topic) {
        core.metrics.refused_topics.one();
        if let (Peer::Device(device), TopicRefusal::Unmapped) = (&peer, &refusal) {
            core.app.unmapped(device, "", topic, payload.len());
        }
        core.app.refused(Refused {
            stage: Stage::Publish,
            protocol: Some(HTTPS),
            owner: Some(Owner::of(&peer)),
            ..arrival.refused(Cause::Topic(topic.to_owned(), refusal.clone()))
        });
        return Err(deny(StatusCode::FORBIDDEN, "forbidden", &refusal.to_string()));
    }
    let (sender, receiver) = oneshot::channel();
    let to: Arc<dyn Answered> = Arc::new(Single(Mutex::new(Some(sender))));
    let message = Inbound {
        peer: peer.clone(),
        client_id: "".into(),
        topic: topic.to_owned(),
        payload,
        received_at: core.app.clock.now(),
        qos2_id: None,
        largest_reply: usize::MAX,
    };
    core.ingest.give(&peer, Delivery { messages: vec![message], to: Some(to) }).await;
    receiver.await.map_err(|_| unavailable("the server is shutting down"))
}

fn reply(topic: &str, outcome: Outcome) -> Response<Body> {
    let Outcome { acknowledgement, replies } = outcome;
    let accepted = format!("{topic}/accepted");
    let rejected = format!("{topic}/rejected");
    for reply in replies {
        if reply.topic == accepted {
            return json_answer(StatusCode::OK, reply.payload);
        }
        if reply.topic == rejected {
            return json_answer(status_of_rejection(&reply.payload), reply.payload);
        }
    }
    match acknowledgement {
        Acknowledgement::Accepted => json_answer(StatusCode::OK, "{}"),
        Acknowledgement::PayloadRejected(why) => problem(StatusCode::BAD_REQUEST, "payload.rejected", &why),
        Acknowledgement::Unavailable(why) => *unavailable(&why),
    }
}

async fn shadow_names(
    core: &Core,
    device: Arc<DevicePeer>,
    thing: &str,
    page_size: Option<&str>,
    next_token: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    let page_size = page_size
        .map(|text| text.parse::<u32>().ok().filter(|size| (1..=100).contains(size)))
        .map(|size| {
            size.ok_or_else(|| {
                deny(StatusCode::BAD_REQUEST, "page_size", "pageSize is a number from 1 to 100")
            })
        })
        .transpose()?;
    let owner =
        if device.answers_to(thing) { Some(device.device) } else { core.app.child_of(&device, thing) };
    let Some(owner) = owner else {
        return Err(deny(StatusCode::FORBIDDEN, "forbidden", "a device may ask for its own shadows only"));
    };
    match core.app.shadow_names(owner, page_size, next_token).await {
        Ok(body) => Ok(json_answer(StatusCode::OK, body)),
        Err(error @ AppError::Invalid(_)) => {
            Err(deny(StatusCode::BAD_REQUEST, error.code(), &error.to_string()))
        }
        Err(error) => {
            tracing::warn!(
                device.name = device.name.as_str(),
                error = %chain(&error),
                "a device's shadows could not be listed"
            );
            Err(unavailable("the shadows cannot be read just now"))
        }
    }
}
