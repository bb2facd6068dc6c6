//! `windlass refusals` and `windlass device why`: who was refused on the device port, why, and what to do.

use clap::Args;
use serde::Serialize;
use serde_json::json;
use windlass_api::devices::Device;
use windlass_api::page::{MOST, PageQuery};
use windlass_api::refusals::{Refusal, RefusalQuery, RefusalStage, UnmappedTopics};

use super::api::Api;
use super::printer::{Printer, or_dash, time};
use crate::terminal::{self, Exit};

/// Which refusals.
#[derive(Debug, Args)]
pub(crate) struct Refusals {
    /// How the address begins: `10.1.`
    #[arg(long)]
    address: Option<String>,
    /// A part of what the peer says of itself: certificate, client id, user name.
    #[arg(long)]
    claimed: Option<String>,
    /// Of this device.
    #[arg(long)]
    device: Option<String>,
    /// How far the peer had come: tls, connect, subscribe, publish or http.
    #[arg(long)]
    stage: Option<RefusalStage>,
    /// A part of anything that is shown.
    text: Option<String>,
    /// Most refusals.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// Shows what was refused.
pub(crate) async fn list(api: &Api, question: Refusals, printer: Printer) -> anyhow::Result<Exit> {
    let Refusals { address, claimed, device, stage, text, limit } = question;
    let query = RefusalQuery {
        device,
        address,
        claimed,
        stage,
        q: text,
        limit: Some(limit.clamp(1, MOST)),
        cursor: None,
    };
    let page =
        api.all::<Refusal>(&["refusals"], &query, usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    printer.page(&page, &["last time", "from", "who", "times", "why", "what to do"], |refusal| {
        vec![
            time(refusal.last_at),
            refusal.address.clone(),
            or_dash(refusal.device.as_ref().or(refusal.claimed_name.as_ref())),
            refusal.count.to_string(),
            refusal.detail.clone(),
            refusal.action.clone(),
        ]
    })?;
    Ok(Exit::Success)
}

/// Everything that tells why a device does not connect.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Why {
    device: Device,
    refusals: Vec<Refusal>,
    unmapped_topics: UnmappedTopics,
}

/// Shows why a device does not connect.
pub(crate) async fn why(api: &Api, name: &str, printer: Printer) -> anyhow::Result<()> {
    const LATEST: usize = 20;
    let device: Device = api.show(&["devices", name]).await?;
    let query = PageQuery { limit: u32::try_from(LATEST).ok(), cursor: None };
    let refusals = api.all::<Refusal>(&["devices", name, "refusals"], &query, LATEST).await?.items;
    let unmapped_topics: UnmappedTopics = api.get(&["devices", name, "unmapped-topics"], &json!({})).await?;
    if printer.is_json() {
        return printer.json(&Why { device, refusals, unmapped_topics });
    }
    let contact = device.last_contact_at.map_or_else(|| "never".to_owned(), time);
    let (lifecycle, presence) = (device.lifecycle, device.presence);
    terminal::note(&format!("{name} is {lifecycle} and {presence}; last contact: {contact}"));
    if let Some(reason) = &device.last_disconnect {
        terminal::note(&format!("its last connection ended: {reason}"));
    }
    if refusals.is_empty() {
        terminal::note(
            "nobody of this name was refused on this node since it started: if the device is silent, it does not \
             reach this server (address, port, firewall) or its connection is refused on another node",
        );
    }
    for refusal in &refusals {
        let Refusal { count, address, detail, action, .. } = refusal;
        terminal::print(&format!("{}  {detail}", time(refusal.last_at)))?;
        terminal::print(&format!("    {count} times from {address}"))?;
        terminal::print(&format!("    do: {action}"))?;
    }
    for topic in &unmapped_topics.items {
        terminal::print(&format!(
            "{}  publishes to {} in vain, {} times",
            time(topic.last_at),
            topic.topic,
            topic.count
        ))?;
        terminal::print(&format!("    do: map {} in the topic map of its type", topic.suggested_filter))?;
    }
    Ok(())
}
