//! From what use cases answer to what hawkBit's clients read. Every structure is taken apart, so that a new field stops
//! the build until someone decides.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use windlass_app::hawkbit::stored::items::Item;
use windlass_app::hawkbit::stored::{ModuleExtra, ModuleType, SetExtra, SetType, TargetExtra};
use windlass_app::hawkbit::{ModuleView, SetView, TargetView};
use windlass_domain::software::{self, Sums};
use windlass_domain::time::Timestamp;
use windlass_wire::management::common::{Link, Links, Stamp};
use windlass_wire::management::{software as wire, targets};

use super::BASE;
use crate::rest::browser::Browser;
use crate::rest::io::part;

/// A page of the newest, as links ask for it.
pub(crate) const NEWEST: &str = "?offset=0&limit=50&sort=id%3ADESC";
/// A page, as links ask for it.
pub(crate) const FIRST: &str = "?offset=0&limit=50";

/// The start of links, as the client wrote it.
#[derive(Debug, Clone)]
pub(crate) struct Base(String);

impl<S: Sync> FromRequestParts<S> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<Browser>().map(|browser| browser.base.clone()).unwrap_or_default()))
    }
}

impl Base {
    pub(crate) fn link(&self, path: &str) -> Link {
        Link { href: format!("{}{BASE}{path}", self.0), name: None }
    }

    /// A link to what people call by this name.
    pub(crate) fn named(&self, path: &str, name: String) -> Link {
        Link { name: Some(name), ..self.link(path) }
    }

    /// Links below one path by relation; an empty tail is the path itself.
    pub(crate) fn links<const N: usize>(&self, path: &str, tails: [(&'static str, &str); N]) -> Links {
        tails.into_iter().map(|(relation, tail)| (relation, self.link(&format!("{path}{tail}")))).collect()
    }
}

/// Who acted, without what kind of actor it was.
pub(crate) fn actor(text: &str) -> String {
    match text.split_once(' ') {
        Some(("user" | "token" | "system" | "device", name)) => name.to_owned(),
        _ => text.to_owned(),
    }
}

pub(crate) fn stamp(
    created_by: &str,
    created_at: Timestamp,
    updated_by: Option<&str>,
    updated_at: Option<Timestamp>,
) -> Stamp {
    let created_by = actor(if created_by.is_empty() { "system" } else { created_by });
    Stamp {
        last_modified_by: updated_by.map_or_else(|| created_by.clone(), actor),
        created_by,
        created_at: created_at.millis(),
        last_modified_at: updated_at.unwrap_or(created_at).millis(),
    }
}

pub(crate) fn item_stamp<B>(item: &Item<B>) -> Stamp {
    stamp(&item.created_by, item.created_at, Some(&item.updated_by), Some(item.updated_at))
}

pub(crate) fn module_type(item: Item<ModuleType>, base: &Base) -> wire::Type {
    let stamp = item_stamp(&item);
    let Item { id, name: key, body, .. } = item;
    let ModuleType { name, description, colour, max_assignments, deleted } = body;
    let max_assignments = Some(max_assignments);
    let links = base.links(&format!("/softwaremoduletypes/{id}"), [("self", "")]);
    wire::Type { stamp, id, key, name, description, colour, max_assignments, deleted, links }
}

pub(crate) fn set_type(item: Item<SetType>, base: &Base) -> wire::Type {
    let stamp = item_stamp(&item);
    let Item { id, name: key, body, .. } = item;
    let SetType { name, description, colour, mandatory: _, optional: _, deleted } = body;
    let links = base.links(
        &format!("/distributionsettypes/{id}"),
        [
            ("self", ""),
            ("mandatorymodules", "/mandatorymoduletypes"),
            ("optionalmodules", "/optionalmoduletypes"),
        ],
    );
    wire::Type { stamp, id, key, name, description, colour, max_assignments: None, deleted, links }
}

/// Links, with that to the type where there is one.
fn with_type(mut links: Links, kind: &str, id: Option<i64>, base: &Base) -> Links {
    links.extend(id.map(|id| ("type", base.link(&format!("/{kind}/{id}")))));
    links
}

pub(crate) fn module(view: ModuleView, base: &Base) -> wire::Module {
    let ModuleView { component, extra, type_id, type_name } = view;
    let software::Component { id, name, version, component_type, artifacts, created_at } = component;
    let ModuleExtra {
        description,
        vendor,
        encrypted,
        locked,
        deleted,
        created_by,
        updated_at,
        updated_by,
        metadata: _,
    } = extra;
    let updated_at = updated_at.map(Timestamp::from_micros);
    let links = base.links(
        &format!("/softwaremodules/{id}"),
        [("self", ""), ("artifacts", "/artifacts"), ("metadata", "/metadata")],
    );
    wire::Module {
        stamp: stamp(&created_by, created_at, updated_by.as_deref(), updated_at),
        id: id.get(),
        name: name.into_string(),
        version: version.into_string(),
        module_type: component_type.into_string(),
        type_name,
        description,
        vendor,
        deleted,
        encrypted,
        locked,
        complete: !artifacts.is_empty(),
        links: with_type(links, "softwaremoduletypes", type_id, base),
    }
}

pub(crate) fn artifact(artifact: software::Artifact, sums: Sums, module: i64, base: &Base) -> wire::Artifact {
    let software::Artifact { id, name, sha256, sums: _, size, signature: _, created_at, created_by } =
        artifact;
    wire::Artifact {
        stamp: stamp(&created_by, created_at, None, None),
        id: id.get(),
        hashes: wire::Hashes {
            sha1: Some(sums.sha1.to_string()),
            md5: Some(sums.md5.to_string()),
            sha256: sha256.to_string(),
        },
        provided_filename: name.into_string(),
        size,
        links: base.links(
            &format!("/softwaremodules/{module}/artifacts/{id}"),
            [("self", ""), ("download", "/download")],
        ),
    }
}

pub(crate) fn set(view: SetView, base: &Base) -> wire::Set {
    let SetView { release, extra, type_id, set_type: (set_type, type_name), modules, complete } = view;
    let software::Release {
        id,
        name,
        version,
        device_types: _,
        components: _,
        notes,
        created_at,
        created_by,
        rules: _,
    } = release;
    let SetExtra {
        set_type: _,
        description,
        required_migration_step,
        locked,
        deleted,
        invalid,
        updated_at,
        updated_by,
        metadata: _,
        tags: _,
    } = extra;
    let updated_at = updated_at.map(Timestamp::from_micros);
    let links = base.links(
        &format!("/distributionsets/{id}"),
        [("self", ""), ("modules", "/assignedSM"), ("metadata", "/metadata")],
    );
    wire::Set {
        stamp: stamp(&created_by, created_at, updated_by.as_deref(), updated_at),
        id: id.get(),
        name: name.into_string(),
        version: version.into_string(),
        set_type,
        type_name,
        description: description.or(Some(notes).filter(|notes| !notes.is_empty())),
        modules: modules.into_iter().map(|one| module(one, base)).collect(),
        complete,
        required_migration_step,
        deleted,
        valid: !invalid,
        locked,
        links: with_type(links, "distributionsettypes", type_id, base),
    }
}

/// What only a target's own page shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Private {
    pub(crate) security_token: Option<String>,
    pub(crate) auto_confirm: Option<bool>,
}

/// When targets are expected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    pub(crate) now: Timestamp,
    pub(crate) interval: std::time::Duration,
    pub(crate) overdue: std::time::Duration,
}

pub(crate) fn target(view: TargetView, private: Private, expected: Expected, base: &Base) -> targets::Target {
    let TargetView { controller_id, device, extra, standing, target, type_name, address: ip_address } = view;
    let TargetExtra { name, description, address, created_by, updated_by, request_attributes: _ } = extra;
    let ip_address = ip_address.map(|address| address.to_string());
    let record = &device.device;
    let last = device.last_contact_at.or(record.first_seen_at);
    let poll = last.map(|at| {
        let next = at.plus(expected.interval);
        targets::PollStatus {
            last_request_at: at.millis(),
            next_expected_request_at: next.millis(),
            overdue: next.plus(expected.overdue) < expected.now,
        }
    });
    let path = format!("/targets/{}", part(&controller_id));
    let mut links = base.links(
        &path,
        [
            ("self", ""),
            ("assignedDS", "/assignedDS"),
            ("installedDS", "/installedDS"),
            ("attributes", "/attributes"),
            ("actions", &format!("/actions{NEWEST}")),
            ("metadata", "/metadata"),
        ],
    );
    if let Some(id) = record.device_type {
        links.insert("targetType", base.link(&format!("/targettypes/{id}")));
    }
    if private.auto_confirm.is_some() {
        links.insert("autoConfirm", base.link(&format!("{path}/autoConfirm")));
    }
    targets::Target {
        stamp: stamp(
            created_by.as_deref().unwrap_or_default(),
            record.created_at,
            updated_by.as_deref(),
            Some(record.updated_at),
        ),
        name: name.unwrap_or_else(|| controller_id.clone()),
        description,
        group: device.groups.first().map(ToString::to_string),
        update_status: standing.status.as_str(),
        last_controller_request_at: last.map(Timestamp::millis),
        installed_at: standing.installed_at.map(Timestamp::millis),
        address: address.or_else(|| ip_address.as_ref().map(|ip| format!("http://{ip}"))),
        ip_address,
        poll_status: poll,
        security_token: private.security_token,
        request_attributes: target.attributes_wanted,
        target_type: record.device_type.map(windlass_domain::ids::TypeId::get),
        target_type_name: type_name.or_else(|| device.type_name.as_ref().map(ToString::to_string)),
        auto_confirm_active: private.auto_confirm,
        links,
        controller_id,
    }
}
