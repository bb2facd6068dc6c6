//! What fields of targets are called, and the values of those that the fleet index does not hold.

use std::collections::HashMap;

use windlass_domain::ids::{DeviceId, JobId, ReleaseId, TypeId};
use windlass_domain::job::Outcome;
use windlass_domain::permission::Permission;
use windlass_domain::time::Timestamp;
use windlass_query::{Field, Fields, Times, Value, parse_rsql, rewrite, translate_rsql};
use windlass_store::management::actions as steps;
use windlass_store::management::{TargetExtra, TargetTypeExtra, extras, past};
use windlass_store::{Tx, ddi, releases, types};

use super::Context;
use super::standing::{Course, Standing};
use super::targets::controller_id;
use crate::error::AppError;
use crate::fleet::{Beside, Contacts, Wanted, parse_query, parse_scope};
use crate::jobs::verify::FETCHED;
use crate::permit::demand;

/// Steps of a tenant that are read at once.
const PAGE: u32 = 5_000;
/// Targets of which is read at once what is left of updates that are gone.
const DEVICES: usize = 1_000;
/// What fields that the index does not hold begin with.
const OWN: &str = "hawkbit.";

/// What a field of a target is called here, as hawkBit's clients write it.
pub fn target_field(field: &Field) -> Option<Field> {
    let own = |name: &str| Some(Field::new(&format!("{OWN}{name}")));
    match field.split() {
        ("id" | "controllerid", None) => own("controllerid"),
        ("createdat", None) => Some(Field::new("createdAt")),
        ("lastmodifiedat", None) => Some(Field::new("updatedAt")),
        ("lastcontrollerrequestat", None) => Some(Field::new("lastContactAt")),
        ("group", None) => Some(Field::new("group")),
        ("tag", None | Some("name")) => Some(Field::new("tag")),
        ("type" | "targettype", None | Some("key")) => Some(Field::new("type")),
        ("type" | "targettype", Some("id")) => own("typeid"),
        ("type" | "targettype", Some("name")) => own("typename"),
        ("type" | "targettype", Some("description")) => own("typedescription"),
        ("attribute" | "controllerattributes", Some(key)) => Some(Field::new(&format!("inventory.{key}"))),
        ("metadata", Some(key)) => Some(Field::new(&format!("attribute.{key}"))),
        (
            "name" | "description" | "address" | "ipaddress" | "updatestatus" | "createdby"
            | "lastmodifiedby" | "installedat" | "failedrollout" | "requestattributes" | "autoconfirm",
            None,
        )
        | ("assignedds" | "installedds", Some("name" | "version" | "id")) => own(field.as_str()),
        _ => None,
    }
}

/// As [`target_field`], for queries that are kept and asked again where only the fleet index is at hand.
pub(super) fn kept_field(field: &Field) -> Option<Field> {
    match field.as_str() {
        "id" | "controllerid" | "name" => Some(Field::new("name")),
        _ => target_field(field).filter(|field| !field.as_str().starts_with(OWN)),
    }
}

/// The key of no type: keys have no spaces.
const NO_KEY: &str = "' '";

/// A type of which only the name is asked, or none.
struct Called<'n>(Option<&'n str>);

impl Fields for Called<'_> {
    fn each(&self, _field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        self.0.into_iter().for_each(|name| each(name.into()));
    }
}

/// RSQL that asks for types by their keys, as the index knows them, where it asks for what people call them: `types` are
/// keys and names of now.
pub(super) fn by_key(text: &str, types: &[(String, String)]) -> String {
    let instead = |field: &Field, holds: &dyn Fn(&dyn Fields) -> bool| {
        target_field(field).filter(|field| field.as_str() == "hawkbit.typename")?;
        // Of a target without a type it holds or not; named are the types of which it is the other way about.
        let of_none = holds(&Called(None));
        let others = types.iter().filter(|(_, name)| holds(&Called(Some(name))) != of_none);
        let mut keys: Vec<String> = others.map(|(key, _)| format!("'{key}'")).collect();
        keys.push(NO_KEY.to_owned());
        Some(format!("type{}({})", if of_none { "=out=" } else { "=in=" }, keys.join(",")))
    };
    rewrite(text, &instead).unwrap_or_else(|_| text.to_owned())
}

/// What can be asked at every poll, of hawkBit's names.
const AT_HAND: &str =
    "controllerId, createdAt, lastModifiedAt, group, tag, type, attribute.<key> and metadata.<key>";

/// A query as the fleet index reads it: RSQL in hawkBit's names about what the index holds, or one in the index's own words.
/// Where both languages have a field it is hawkBit's, as in `q=`: `attribute.<key>` is what the device sent.
///
/// # Errors
/// What is wrong with it in the index's words where it is neither; that it asks for something else, or hangs on a time that moves.
pub(crate) fn fleet_query(field: &str, text: &str) -> Result<String, AppError> {
    let start = Timestamp::from_millis(0);
    let times = Times { now: start, overdue: start };
    let translated = translate_rsql(text, times, &kept_field, "another");
    if let Ok(kept) = &translated
        && !text.contains("${")
        && parse_query(field, kept).is_ok()
    {
        return Ok(kept.clone());
    }
    let Err(problem) = parse_query(field, text) else { return Ok(text.to_owned()) };
    match translated {
        Ok(translated) if !text.contains("${") => {
            parse_query(field, &translated)?;
            Ok(translated)
        }
        Ok(_) => Err(AppError::invalid(field, "must not hang on a time that moves")),
        Err(_) if parse_rsql(text, times, &target_field, TARGET_FIELDS).is_ok() => {
            let detail =
                format!("{text}: of hawkBit's fields only {AT_HAND} are at hand whenever a device asks");
            Err(AppError::invalid(field, detail))
        }
        Err(_) => Err(problem),
    }
}

/// Refuses a query about when a device was in contact: whoever asks is.
pub(crate) fn not_of_contact(field: &str, query: &str) -> Result<(), AppError> {
    parse_scope(field, query).map(drop).map_err(|_| {
        let text = "must not ask for presence, online or the last contact: a device that asks how long to wait is in contact";
        AppError::invalid(field, text)
    })
}

/// The fields there are, for whoever wrote another one.
pub const TARGET_FIELDS: &str = "one of controllerId, name, description, createdAt, createdBy, lastModifiedAt, \
     lastModifiedBy, updateStatus, ipAddress, address, group, assignedDs.name, assignedDs.version, installedDs.name, \
     installedDs.version, tag, type, type.id, type.name, type.description, attribute.<key>, metadata.<key>, lastControllerRequestAt, installedAt, \
     autoConfirm, requestAttributes, failedRollout";

/// What a target is called, and what that hangs on.
#[derive(Debug)]
struct Named {
    controller_id: String,
    device_type: Option<TypeId>,
    seen: bool,
}

/// What the index does not know of targets.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: HashMap<DeviceId, Named>,
    extras: HashMap<i64, TargetExtra>,
    types: HashMap<TypeId, (String, String)>,
    targets: HashMap<DeviceId, ddi::Target>,
    addresses: HashMap<DeviceId, String>,
    standings: HashMap<DeviceId, Standing>,
    releases: HashMap<ReleaseId, (String, String)>,
    failed: HashMap<DeviceId, Vec<JobId>>,
}

impl Known {
    fn standing(&self, device: DeviceId) -> Standing {
        let seen = self.names.get(&device).is_some_and(|named| named.seen);
        self.standings.get(&device).cloned().unwrap_or_else(|| Standing::none(seen))
    }

    /// A field of the set that a target has, or is to have.
    fn of_set(&self, device: DeviceId, installed: bool, member: &str, each: &mut dyn FnMut(Value<'_>)) {
        let at = self.standing(device);
        let Some(id) = (if installed { at.installed } else { at.assigned }) else { return };
        let Some((name, version)) = self.releases.get(&id) else { return };
        match member {
            "name" => each(name.as_str().into()),
            "version" => each(version.as_str().into()),
            _ => each(id.to_string().as_str().into()),
        }
    }
}

impl Beside for Known {
    fn knows(&self, field: &Field) -> bool {
        field.as_str().starts_with(OWN)
    }

    fn each(&self, device: DeviceId, field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        let Some(name) = field.as_str().strip_prefix(OWN) else { return };
        let extra = self.extras.get(&device.get());
        let named = self.names.get(&device);
        let device_type = named.and_then(|named| named.device_type);
        let of_type = device_type.and_then(|id| self.types.get(&id));
        if let Some(member) = name.strip_prefix("assignedds.") {
            return self.of_set(device, false, member, each);
        }
        if let Some(member) = name.strip_prefix("installedds.") {
            return self.of_set(device, true, member, each);
        }
        let mut text = |text: Option<&str>| text.into_iter().for_each(|text| each(text.into()));
        let id = named.map(|named| named.controller_id.as_str());
        let address = self.addresses.get(&device).map(String::as_str);
        let system = "system";
        match name {
            "controllerid" => text(id),
            "name" => text(extra.and_then(|extra| extra.name.as_deref()).or(id)),
            "typeid" => text(device_type.map(|id| id.to_string()).as_deref()),
            "typename" => text(of_type.map(|(name, _)| name.as_str())),
            "typedescription" => text(of_type.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())),
            "description" => text(extra.and_then(|extra| extra.description.as_deref())),
            "ipaddress" => text(address),
            "address" => match extra.and_then(|extra| extra.address.as_deref()) {
                Some(address) => text(Some(address)),
                None => text(address.map(|address| format!("http://{address}")).as_deref()),
            },
            "createdby" => text(Some(extra.and_then(|extra| extra.created_by.as_deref()).unwrap_or(system))),
            "lastmodifiedby" => {
                let by = extra.and_then(|extra| extra.updated_by.as_deref().or(extra.created_by.as_deref()));
                text(Some(by.unwrap_or(system)));
            }
            "requestattributes" => {
                each(Value::Truth(self.targets.get(&device).is_none_or(|target| target.attributes_wanted)));
            }
            "autoconfirm" => {
                each(Value::Truth(
                    self.targets.get(&device).is_some_and(|target| target.auto_confirm.is_some()),
                ));
            }
            "updatestatus" => text(Some(self.standing(device).status.as_str())),
            "installedat" => {
                self.standing(device).installed_at.into_iter().for_each(|at| each(Value::Time(at)))
            }
            "failedrollout" => {
                for job in self.failed.get(&device).into_iter().flatten() {
                    text(Some(&job.to_string()));
                }
            }
            _ => {}
        }
    }
}

/// Whether a field tells what a set is called.
fn is_of_sets(field: &Field) -> bool {
    let name = field.as_str().strip_prefix(OWN).unwrap_or_default();
    name.starts_with("assignedds.") || name.starts_with("installedds.")
}

/// Whether a field hangs on what a target was told to do.
fn is_of_updates(field: &Field) -> bool {
    let name = field.as_str().strip_prefix(OWN).unwrap_or_default();
    matches!(name, "updatestatus" | "installedat" | "failedrollout") || is_of_sets(field)
}

/// What the index does not know and a question asks for.
pub(super) async fn known(tx: &mut Tx<'_>, cx: &Context, wanted: Wanted<'_>) -> Result<Known, AppError> {
    let Wanted { among, query, order } = wanted;
    let asks = |which: &dyn Fn(&Field) -> bool| {
        query.is_some_and(|query| query.asks_for(which)) || order.iter().any(|(field, _)| which(field))
    };
    let mut known = Known::default();
    if !asks(&|field| field.as_str().starts_with(OWN)) {
        return Ok(known);
    }
    let tenant = cx.by.tenant;
    let (all, none) = (Wanted { among, ..Wanted::default() }, Known::default());
    for device in cx.app.fleet.select_beside(&cx.by, all, &none, &cx.app, cx.now) {
        let Some(entry) = cx.app.fleet.entry(device) else { continue };
        let controller_id = controller_id(&entry.device.name, &entry.aliases);
        let seen = entry.device.first_seen_at.is_some() || cx.app.contact(device).last_at.is_some();
        known.names.insert(device, Named { controller_id, device_type: entry.device.device_type, seen });
        if let Some(contact) = cx.app.ddi_contact(device) {
            known.addresses.insert(device, contact.address.to_string());
        }
    }
    if asks(&is_of_sets) {
        demand(&cx.by, Permission::ReleaseRead)?;
    }
    let of_updates = asks(&is_of_updates);
    if asks(&|field| field.as_str().starts_with(OWN) && !is_of_updates(field)) {
        known.extras = extras::all(tx, tenant).await?;
        let mut of_types = extras::all::<TargetTypeExtra>(tx, tenant).await?;
        for record in types::types(tx, tenant).await? {
            let extra = of_types.remove(&record.id.get()).unwrap_or_default();
            let name = extra.name.unwrap_or_else(|| record.name.to_string());
            known.types.insert(record.id, (name, extra.description.unwrap_or(record.spec.description)));
        }
    }
    let is_of_target =
        |field: &Field| matches!(field.as_str().strip_prefix(OWN), Some("requestattributes" | "autoconfirm"));
    if of_updates || asks(&is_of_target) {
        known.targets = ddi::targets_of_tenant(tx, tenant).await?;
    }
    if of_updates {
        let by_rollout = asks(&|field| field.as_str().strip_prefix(OWN) == Some("failedrollout"));
        learn_updates(tx, cx, &mut known, by_rollout).await?;
    }
    Ok(known)
}

/// Reads every update of the tenant, a page at a time, and keeps of each target what it comes to.
async fn learn_updates(
    tx: &mut Tx<'_>,
    cx: &Context,
    known: &mut Known,
    by_rollout: bool,
) -> Result<(), AppError> {
    let (mut courses, mut after) = (HashMap::<DeviceId, Course>::new(), 0);
    loop {
        let page = steps::outlines(tx, cx.by.tenant, FETCHED, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.get();
        for update in page {
            if !known.names.contains_key(&update.device) {
                continue;
            }
            courses.entry(update.device).or_default().take(&update);
            if by_rollout && update.outcome == Outcome::Failed {
                known.failed.entry(update.device).or_default().extend(update.job);
            }
        }
    }
    let mut devices: Vec<DeviceId> = known.names.keys().copied().collect();
    devices.sort_unstable();
    let mut after = DeviceId::new(0);
    for some in devices.chunks(DEVICES) {
        let Some(last) = some.last() else { break };
        for update in past::between(tx, cx.by.tenant, after, *last, FETCHED).await? {
            if known.names.contains_key(&update.device) {
                courses.entry(update.device).or_default().take(&update);
            }
        }
        after = *last;
    }
    let mut told = HashMap::<(String, String), Option<ReleaseId>>::new();
    for device in devices {
        let course = courses.remove(&device).unwrap_or_default();
        let said = known.targets.get(&device).and_then(|target| target.installed.as_ref());
        let said = match said {
            None => None,
            Some(said) => {
                let key = (said.name.clone(), said.version.clone());
                let release = match told.get(&key) {
                    Some(release) => *release,
                    None => {
                        let found = releases::release(tx, cx.by.tenant, &key.0, &key.1).await?;
                        *told.entry(key).or_insert(found.map(|release| release.id))
                    }
                };
                release.map(|release| (release, said.at))
            }
        };
        let seen = known.names.get(&device).is_some_and(|named| named.seen);
        let standing = course.standing(seen, said);
        for id in standing.assigned.into_iter().chain(standing.installed) {
            if !known.releases.contains_key(&id)
                && let Some(name) = releases::release_name(tx, cx.by.tenant, id).await?
            {
                known.releases.insert(id, name);
            }
        }
        known.standings.insert(device, standing);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_are_called_so_now_are_asked_for_by_key() {
        let types = [("pt", "Pump Type"), ("other", "Other")].map(|(key, name)| (key.into(), name.into()));
        for (text, wanted) in [
            ("type.name=='pump*'", "type=in=('pt',' ')"),
            ("tag==a;targetType.name!=other", "tag==a;type=out=('other',' ')"),
            ("type.name=in=('Pump Type',other)", "type=in=('pt','other',' ')"),
            ("type.name==nobody", "type=in=(' ')"),
            ("type.name!=nobody", "type=out=(' ')"),
            ("type.name=is=null", "type=out=('pt','other',' ')"),
            ("type.name=not=null", "type=in=('pt','other',' ')"),
            ("type.key==pt,type==pt", "type.key==pt,type==pt"),
            ("type.name==", "type.name=="),
        ] {
            assert_eq!(by_key(text, &types), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_not_at_hand_at_every_poll_is_refused_by_what_is() {
        let refused = |text: &str| {
            let Err(AppError::Invalid(problems)) = fleet_query("pollingTime", text) else { panic!("{text}") };
            problems[0].problem.clone()
        };
        let told = refused("updatestatus==pending");
        assert!(told.starts_with("updatestatus==pending: of hawkBit's fields only controllerId, "), "{told}");
        assert!(refused("lastControllerRequestAt=lt=${NOW_TS}").contains("a time that moves"));
        assert!(!refused("colour==red").contains("hawkBit"), "that is a field of nothing");
        for (query, fits) in
            [("tag==lab", true), ("presence==overdue", false), ("tag==a,lastContactAt<9", false)]
        {
            assert_eq!(not_of_contact("pollingTime", query).is_ok(), fits, "{query}");
        }
    }

    #[test]
    fn a_query_in_either_language_becomes_one_of_the_index() {
        let read = |text: &str| fleet_query("pollingTime", text).ok();
        for (text, wanted) in [
            ("tag==lab", Some("tag==lab")),
            ("controllerid == 4711", Some("name == 4711")),
            ("id==pump-1", Some("name==pump-1")),
            ("ID=in=(pump-1,4711);id!=pump-2", Some("name=in=(pump-1,4711);name!=pump-2")),
            ("group == 'Europe'", Some("group == 'Europe'")),
            ("metadata.site==b;controllerId==d*", Some("attribute.site==b;name==d*")),
            ("attribute.hw==REV1", Some("inventory.hw==REV1")),
            ("inventory.hw==REV1;attribute.site==b", Some("inventory.hw==REV1;attribute.site==b")),
            ("colour==red", None),
            ("updatestatus==pending", None),
            ("lastControllerRequestAt=lt=${NOW_TS}", None),
            ("name==", None),
        ] {
            assert_eq!(read(text).as_deref(), wanted, "{text}");
        }
    }
}
