//! `/events`, `/devices/{name}/events`: what happened, newest first.

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;
use windlass_api::events::Event;
use windlass_api::page::{NumberCursor, Page, PageQuery};
use windlass_app::events::{EventPage, EventView};
use windlass_domain::ids::DeviceName;
use windlass_domain::permission::Permission;
use windlass_store::events as stored;

use super::Rest;
use super::access::Caller;
use super::credentials::device_name;
use super::error::Refusal;
use super::io::{At, Query};
use super::page::{after_number, limit};
use super::routes::Routes;
use super::view::{severity, time};

pub(super) fn routes(routes: Routes) -> Routes {
    use Permission::EventRead;
    routes
        .tag("events")
        .get("/api/v1/events", EventRead, "listEvents", "List what happened to devices, newest first", list)
        .get(
            "/api/v1/devices/{name}/events",
            EventRead,
            "listDeviceEvents",
            "The time line of a device, newest first",
            of_device,
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
struct DevicePath {
    /// Name of the device.
    name: String,
}

fn show(view: EventView) -> Event {
    let EventView { event, device: name } = view;
    let stored::Event { id, tenant: _, device: _, kind, severity: matters, detail, count, first_at, last_at } =
        event;
    Event {
        id,
        device: name.map(DeviceName::into_string),
        kind,
        severity: severity(matters),
        detail,
        count,
        first_at: time(first_at),
        last_at: time(last_at),
    }
}

fn page(EventPage { items, next }: EventPage) -> Json<Page<Event>> {
    let cursor = next.map(|after| NumberCursor { after }.encode());
    Json(Page { items: items.into_iter().map(show).collect(), total: None, cursor, facets: None })
}

async fn list(
    State(rest): State<Rest>,
    Caller(by): Caller,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Event>>, Refusal> {
    let before = after_number(query.cursor.as_deref())?;
    let most = usize::try_from(limit(query.limit)).unwrap_or(usize::MAX);
    Ok(page(rest.app.event_list(&by, before, most).await?))
}

async fn of_device(
    State(rest): State<Rest>,
    Caller(by): Caller,
    At(DevicePath { name }): At<DevicePath>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<Event>>, Refusal> {
    let before = after_number(query.cursor.as_deref())?;
    let most = usize::try_from(limit(query.limit)).unwrap_or(usize::MAX);
    Ok(page(rest.app.device_events(&by, &device_name(&name)?, before, most).await?))
}
