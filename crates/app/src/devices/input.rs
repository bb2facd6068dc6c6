//! What operators say of a device, checked as a whole: every field that cannot be taken is named.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use windlass_domain::device::{
    ATTRIBUTE_BYTES, ATTRIBUTE_CHARACTERS, Device, DeviceKind, Lifecycle, attribute_bytes,
};
use windlass_domain::ids::{AttributeKey, DeviceId, DeviceName, Tag, TenantId, TypeId, TypeName};
use windlass_domain::job::window::{ZONE_ATTRIBUTE, Zone};
use windlass_domain::permission::Principal;
use windlass_store::devices::{self, Alias};
use windlass_store::{Tx, types};

use super::sees;
use crate::app::App;
use crate::ddi::{CLIENT_ATTRIBUTE, CLIENTS};
use crate::error::{AppError, FieldProblem};
use crate::hawkbit::ALIAS;

/// Most attributes, and most tags, of one device.
pub(crate) const MOST: usize = 100;
/// Most bytes of an external id.
const EXTERNAL_ID_BYTES: usize = 256;

/// A device to be, as a caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewDevice {
    /// Public id.
    pub name: String,
    /// Everything else about it.
    pub spec: DeviceSpec,
}

/// What an operator says about a device, as a caller wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceSpec {
    /// Name of an existing type.
    pub device_type: Option<String>,
    /// `device` when absent.
    pub kind: Option<DeviceKind>,
    /// Name of an existing gateway.
    pub parent: Option<String>,
    /// At most 100, values of at most [`ATTRIBUTE_CHARACTERS`] characters.
    pub attributes: BTreeMap<String, String>,
    /// At most 100.
    pub tags: BTreeSet<String>,
}

/// A change, as a caller wrote it: absent members stay, `Some(None)` clears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DevicePatch {
    /// Name of an existing type, or none.
    pub device_type: Option<Option<String>>,
    /// Name of an existing gateway, or none.
    pub parent: Option<Option<String>>,
    /// Whether it speaks for children.
    pub kind: Option<DeviceKind>,
    /// Values to set; none removes one.
    pub attributes: BTreeMap<String, Option<String>>,
    /// Tags to add.
    pub add_tags: BTreeSet<String>,
    /// Tags to remove.
    pub remove_tags: BTreeSet<String>,
}

/// A specification whose every part reads; names are not resolved yet.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    device_type: Option<TypeName>,
    kind: DeviceKind,
    parent: Option<DeviceName>,
    attributes: BTreeMap<AttributeKey, String>,
    tags: BTreeSet<Tag>,
}

/// A patch whose every part reads.
#[derive(Debug, Clone)]
pub(super) struct CheckedPatch {
    device_type: Option<Option<TypeName>>,
    parent: Option<Option<DeviceName>>,
    kind: Option<DeviceKind>,
    attributes: BTreeMap<AttributeKey, Option<String>>,
    add_tags: BTreeSet<Tag>,
    remove_tags: BTreeSet<Tag>,
}

/// A specification with its names resolved.
pub(super) struct Resolved {
    device_type: Option<TypeId>,
    kind: DeviceKind,
    parent: Option<DeviceId>,
    attributes: BTreeMap<AttributeKey, String>,
    tags: BTreeSet<Tag>,
}

type Problems = Vec<FieldProblem>;

/// Collects what reads and what does not.
struct Reader(Problems);

impl Reader {
    fn parse<T>(&mut self, field: &str, text: &str) -> Option<T>
    where
        T: std::str::FromStr,
        T::Err: ToString,
    {
        match text.parse() {
            Ok(value) => Some(value),
            Err(problem) => {
                self.0.push(FieldProblem::new(field, problem));
                None
            }
        }
    }

    fn value(&mut self, field: &str, key: &str, value: &str) {
        self.0.extend(value_problem(key, value).map(|problem| FieldProblem::new(field, problem)));
    }

    fn most(&mut self, field: &str, count: usize) {
        if count > MOST {
            self.0.push(FieldProblem::new(field, format!("must be at most {MOST} entries, not {count}")));
        }
    }

    fn tags(&mut self, field: &str, tags: &BTreeSet<String>) -> BTreeSet<Tag> {
        self.most(field, tags.len());
        tags.iter()
            .zip(0..MOST)
            .filter_map(|(tag, position)| self.parse(&format!("{field}.{position}"), tag))
            .collect()
    }
}

/// Why an operator may not give an attribute this value: it is too long, or names a time zone or a hawkBit client
/// that nobody knows. What devices say of themselves is taken as it is.
pub(crate) fn value_problem(key: &str, value: &str) -> Option<String> {
    if value.chars().count() > ATTRIBUTE_CHARACTERS {
        return Some(format!("must be at most {ATTRIBUTE_CHARACTERS} characters"));
    }
    if key == CLIENT_ATTRIBUTE && !CLIENTS.contains(&value) {
        return Some(format!("must be one of {}", CLIENTS.join(", ")));
    }
    let zone = (key == ZONE_ATTRIBUTE).then(|| value.parse::<Zone>());
    zone?.err().map(|problem| problem.to_string())
}

/// Reads a device's name.
pub(super) fn name(text: &str) -> Result<DeviceName, Problems> {
    text.parse().map_err(|problem| vec![FieldProblem::new("name", problem)])
}

/// Both, or the problems of both.
pub(super) fn both<A, B>(one: Result<A, Problems>, other: Result<B, Problems>) -> Result<(A, B), AppError> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(mut problems), Err(more)) => {
            problems.extend(more);
            Err(AppError::Invalid(problems))
        }
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => Err(AppError::Invalid(problems)),
    }
}

/// Reads tags that a bulk act adds or removes.
pub(super) fn tag_sets(
    add: &BTreeSet<String>,
    remove: &BTreeSet<String>,
) -> Result<(BTreeSet<Tag>, BTreeSet<Tag>), AppError> {
    let mut reader = Reader(Vec::new());
    let sets = (reader.tags("add", add), reader.tags("remove", remove));
    if add.is_empty() && remove.is_empty() {
        reader.0.push(FieldProblem::new("add", "or remove must name at least one tag"));
    }
    if reader.0.is_empty() { Ok(sets) } else { Err(AppError::Invalid(reader.0)) }
}

/// Checks an external id. What hawkBit's clients call a device may have the signs that MQTT's filters have: such a name
/// stands in no topic.
pub(crate) fn alias(alias: &Alias) -> Result<(), Problems> {
    let mut problems = Vec::new();
    let Alias { protocol, external_id } = alias;
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if protocol.is_empty() || protocol.len() > 32 || !protocol.chars().all(word) {
        problems.push(FieldProblem::new("protocol", "must be 1 to 32 of a-z, 0-9 and -"));
    }
    let signs: &[char] = if protocol == ALIAS { &['/'] } else { &['/', '+', '#'] };
    if external_id.is_empty()
        || external_id.len() > EXTERNAL_ID_BYTES
        || external_id.chars().any(char::is_control)
        || external_id.contains(signs)
    {
        let signs: Vec<String> = signs.iter().map(ToString::to_string).collect();
        let without = signs.join(" ");
        let problem =
            format!("must be 1 to {EXTERNAL_ID_BYTES} bytes without control characters and {without}");
        problems.push(FieldProblem::new("externalId", problem));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Reads a specification.
pub(super) fn spec(spec: DeviceSpec) -> Result<Checked, Problems> {
    let DeviceSpec { device_type, kind, parent, attributes, tags } = spec;
    let mut reader = Reader(Vec::new());
    let device_type = device_type.and_then(|name| reader.parse("type", &name));
    let parent = parent.and_then(|name| reader.parse("parent", &name));
    reader.most("attributes", attributes.len());
    let mut read = BTreeMap::new();
    for (key, value) in attributes.into_iter().take(MOST) {
        let field = format!("attributes.{key}");
        reader.value(&field, &key, &value);
        if let Some(key) = reader.parse(&field, &key) {
            read.insert(key, value);
        }
    }
    let tags = reader.tags("tags", &tags);
    let problem = bytes_problem(&read);
    reader.0.extend(problem.map(|problem| FieldProblem::new("attributes", problem)));
    if !reader.0.is_empty() {
        return Err(reader.0);
    }
    Ok(Checked { device_type, kind: kind.unwrap_or(DeviceKind::Device), parent, attributes: read, tags })
}

/// Reads a patch.
pub(super) fn patch(patch: DevicePatch) -> Result<CheckedPatch, Problems> {
    let DevicePatch { device_type, parent, kind, attributes, add_tags, remove_tags } = patch;
    let mut reader = Reader(Vec::new());
    let device_type = device_type.map(|name| name.and_then(|name| reader.parse("type", &name)));
    let parent = parent.map(|name| name.and_then(|name| reader.parse("parent", &name)));
    reader.most("attributes", attributes.len());
    let mut read = BTreeMap::new();
    for (key, value) in attributes.into_iter().take(MOST) {
        let field = format!("attributes.{key}");
        if let Some(value) = &value {
            reader.value(&field, &key, value);
        }
        if let Some(key) = reader.parse(&field, &key) {
            read.insert(key, value);
        }
    }
    let add_tags = reader.tags("addTags", &add_tags);
    let remove_tags = reader.tags("removeTags", &remove_tags);
    if !reader.0.is_empty() {
        return Err(reader.0);
    }
    Ok(CheckedPatch { device_type, parent, kind, attributes: read, add_tags, remove_tags })
}

/// Why attributes are too many bytes together.
pub(crate) fn bytes_problem(attributes: &BTreeMap<AttributeKey, String>) -> Option<String> {
    let bytes = attribute_bytes(attributes);
    (bytes > ATTRIBUTE_BYTES)
        .then(|| format!("must be at most {ATTRIBUTE_BYTES} bytes together, not {bytes}"))
}

/// Refuses attributes beyond their number and bytes, as after a type's defaults were added.
pub(super) fn bounded(attributes: &BTreeMap<AttributeKey, String>) -> Result<(), AppError> {
    if attributes.len() > MOST {
        let problem = format!("must be at most {MOST} entries together with the defaults of the type");
        return Err(AppError::invalid("attributes", problem));
    }
    bytes_problem(attributes).map_or(Ok(()), |problem| Err(AppError::invalid("attributes", problem)))
}

/// The type of that name.
async fn find_type(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: Option<&TypeName>,
    problems: &mut Problems,
) -> Result<Option<TypeId>, AppError> {
    let Some(name) = name else { return Ok(None) };
    let found = types::type_by_name(tx, tenant, name).await?;
    if found.is_none() {
        problems.push(FieldProblem::new("type", format!("device type {name} does not exist")));
    }
    Ok(found.map(|record| record.id))
}

/// The gateway of that name, for a device that is (or is not yet) there. One that the caller may not see does not exist,
/// unless the device hangs on it already.
async fn find_parent(
    app: &App,
    tx: &mut Tx<'_>,
    by: &Principal,
    name: Option<&DeviceName>,
    child: Option<&Device>,
    problems: &mut Problems,
) -> Result<Option<DeviceId>, AppError> {
    let Some(name) = name else { return Ok(None) };
    let mut found = devices::device_by_name(tx, by.tenant, name).await?;
    if let Some(parent) = &found
        && child.is_none_or(|child| child.parent != Some(parent.id))
        && !sees(app, tx, by, parent).await?
    {
        found = None;
    }
    let problem = match found {
        None => "does not exist",
        Some(parent) if child.is_some_and(|child| child.id == parent.id) => "is the device itself",
        Some(parent) if parent.kind != DeviceKind::Gateway => "is no gateway",
        Some(parent) if parent.lifecycle == Lifecycle::Decommissioned => "is decommissioned",
        // A tree of one level: whoever speaks for others speaks for itself.
        Some(parent) if parent.parent.is_some() => "hangs on a gateway itself",
        Some(parent) => return Ok(Some(parent.id)),
    };
    problems.push(FieldProblem::new("parent", format!("device {name} {problem}")));
    Ok(None)
}

/// A gateway hangs on nothing, and what has children stays a gateway.
async fn check_kind(
    tx: &mut Tx<'_>,
    kind: DeviceKind,
    parent: Option<DeviceId>,
    device: Option<&Device>,
    problems: &mut Problems,
) -> Result<(), AppError> {
    match kind {
        DeviceKind::Gateway if parent.is_some() => {
            problems.push(FieldProblem::new("parent", "must be absent for a gateway"));
        }
        DeviceKind::Gateway => {}
        DeviceKind::Device => {
            if let Some(device) = device
                && device.kind == DeviceKind::Gateway
                && !devices::device_children(tx, device.id).await?.is_empty()
            {
                problems.push(FieldProblem::new("kind", "must stay gateway while other devices hang on it"));
            }
        }
    }
    Ok(())
}

fn refuse(problems: Problems) -> Result<(), AppError> {
    if problems.is_empty() { Ok(()) } else { Err(AppError::Invalid(problems)) }
}

impl Checked {
    /// Finds what the names stand for.
    pub(super) async fn resolve(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        by: &Principal,
        device: Option<&Device>,
    ) -> Result<Resolved, AppError> {
        let Self { device_type, kind, parent, attributes, tags } = self;
        let mut problems = Vec::new();
        let device_type = find_type(tx, by.tenant, device_type.as_ref(), &mut problems).await?;
        let parent = find_parent(app, tx, by, parent.as_ref(), device, &mut problems).await?;
        check_kind(tx, *kind, parent, device, &mut problems).await?;
        refuse(problems)?;
        Ok(Resolved { device_type, kind: *kind, parent, attributes: attributes.clone(), tags: tags.clone() })
    }

    /// What an audit record says of it.
    pub(super) fn details(&self) -> Value {
        let Self { device_type, kind, parent, attributes, tags } = self;
        json!({
            "type": device_type.as_ref().map(TypeName::as_str),
            "kind": kind.as_str(),
            "parent": parent.as_ref().map(DeviceName::as_str),
            "attributes": attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<BTreeMap<_, _>>(),
            "tags": tags.iter().map(Tag::as_str).collect::<Vec<_>>(),
        })
    }
}

impl Resolved {
    pub(super) fn fill(self, new: &mut devices::NewDevice) {
        let Self { device_type, kind, parent, attributes, tags } = self;
        new.device_type = device_type;
        new.kind = kind;
        new.parent = parent;
        new.attributes = attributes;
        new.tags = tags;
    }

    pub(super) fn replace(self, device: &mut Device) {
        let Self { device_type, kind, parent, attributes, tags } = self;
        device.device_type = device_type;
        device.kind = kind;
        device.parent = parent;
        device.attributes = attributes;
        device.tags = tags;
    }
}

impl CheckedPatch {
    /// Changes the device, all or nothing.
    pub(super) async fn apply(
        &self,
        app: &App,
        tx: &mut Tx<'_>,
        by: &Principal,
        device: &mut Device,
    ) -> Result<(), AppError> {
        let Self { device_type, parent, kind, attributes, add_tags, remove_tags } = self;
        let mut problems = Vec::new();
        let mut changed = device.clone();
        if let Some(name) = device_type {
            changed.device_type = find_type(tx, device.tenant, name.as_ref(), &mut problems).await?;
        }
        if let Some(name) = parent {
            changed.parent = find_parent(app, tx, by, name.as_ref(), Some(device), &mut problems).await?;
        }
        changed.kind = kind.unwrap_or(device.kind);
        check_kind(tx, changed.kind, changed.parent, Some(device), &mut problems).await?;
        for (key, value) in attributes {
            match value {
                Some(value) => drop(changed.attributes.insert(key.clone(), value.clone())),
                None => drop(changed.attributes.remove(key)),
            }
        }
        if changed.attributes.len() > MOST {
            let problem = format!("would be {} entries; at most {MOST}", changed.attributes.len());
            problems.push(FieldProblem::new("attributes", problem));
        }
        // What has more from before may become less.
        if attribute_bytes(&changed.attributes) > attribute_bytes(&device.attributes) {
            let problem = bytes_problem(&changed.attributes);
            problems.extend(problem.map(|problem| FieldProblem::new("attributes", problem)));
        }
        changed.tags.retain(|tag| !remove_tags.contains(tag));
        changed.tags.extend(add_tags.iter().cloned());
        if changed.tags.len() > MOST {
            let problem = format!("would make {} tags; at most {MOST}", changed.tags.len());
            problems.push(FieldProblem::new("addTags", problem));
        }
        refuse(problems)?;
        *device = changed;
        Ok(())
    }

    /// What an audit record says of it: only what was asked.
    pub(super) fn details(&self) -> Value {
        let Self { device_type, parent, kind, attributes, add_tags, remove_tags } = self;
        let mut details = serde_json::Map::new();
        if let Some(name) = device_type {
            details.insert("type".to_owned(), json!(name.as_ref().map(TypeName::as_str)));
        }
        if let Some(name) = parent {
            details.insert("parent".to_owned(), json!(name.as_ref().map(DeviceName::as_str)));
        }
        if let Some(kind) = kind {
            details.insert("kind".to_owned(), json!(kind.as_str()));
        }
        if !attributes.is_empty() {
            let pairs: BTreeMap<_, _> = attributes.iter().map(|(key, value)| (key.as_str(), value)).collect();
            details.insert("attributes".to_owned(), json!(pairs));
        }
        for (word, tags) in [("addTags", add_tags), ("removeTags", remove_tags)] {
            if !tags.is_empty() {
                let tags: Vec<_> = tags.iter().map(Tag::as_str).collect();
                details.insert(word.to_owned(), json!(tags));
            }
        }
        Value::Object(details)
    }
}
