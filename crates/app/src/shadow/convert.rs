//! Between the domain's shadows and those that devices see. Decides nothing.

use serde_json::Value;
use windlass_domain::limits::Limits;
use windlass_domain::shadow::{Documents, Object, Patch, Section, Stamp, Stamps, Update};
use windlass_domain::time::Timestamp;
use windlass_wire::shadow as wire;

pub(super) fn bounds(limits: &Limits) -> wire::Bounds {
    wire::Bounds {
        document: limits.shadow_document,
        nesting: limits.shadow_nesting,
        client_token: limits.client_token,
    }
}

pub(super) fn update(request: &wire::UpdateRequest) -> Update {
    let wire::UpdateRequest { desired, reported, version, client_token: _ } = request;
    Update { desired: patch(desired), reported: patch(reported), expected_version: *version }
}

fn patch(patch: &wire::SectionPatch) -> Patch {
    match patch {
        wire::SectionPatch::Absent => Patch::Keep,
        wire::SectionPatch::Clear => Patch::Clear,
        wire::SectionPatch::Merge(object) => Patch::Merge(object.clone()),
    }
}

pub(super) fn document(documents: &Documents, version: i64) -> wire::Document {
    let Documents { desired, reported } = documents;
    let written = |side: &Section| (!side.values.is_empty()).then(|| section(side));
    wire::Document { desired: written(desired), reported: written(reported), version }
}

pub(super) fn section(Section { values, stamps }: &Section) -> wire::Section {
    wire::Section { state: values.clone(), metadata: metadata(values, stamps) }
}

/// `{"timestamp":…}` for each leaf, arrays item by item.
pub(super) fn metadata(values: &Object, stamps: &Stamps) -> Object {
    values
        .iter()
        .filter_map(|(key, value)| {
            let written = match (value, stamps.get(key)?) {
                (Value::Object(values), Stamp::Keys(keys)) => Value::Object(metadata(values, keys)),
                (value, Stamp::At(at)) => wire::stamp(value, at.seconds())?,
                (_, Stamp::Keys(_)) => return None,
            };
            Some((key.clone(), written))
        })
        .collect()
}

/// The body of `…/update/delta`, if there is a difference.
pub(super) fn delta_body(
    documents: &Documents,
    version: i64,
    now: Timestamp,
    client_token: Option<&str>,
) -> Option<bytes::Bytes> {
    let delta = documents.delta()?;
    Some(wire::delta(&section(&delta), version, now.seconds(), client_token))
}
