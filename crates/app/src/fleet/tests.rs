use std::collections::BTreeMap;
use std::time::Duration;

use windlass_domain::device::{DeviceKind, Lifecycle, Presence};
use windlass_domain::device_type::TypeSpec;
use windlass_domain::permission::Role;
use windlass_query::parse;

use super::*;

pub(super) const TENANT: TenantId = TenantId::new(1);

#[derive(Debug, Clone, Default)]
pub(super) struct Heard(pub(super) BTreeMap<i64, Contact>);

impl Contacts for Heard {
    fn contact(&self, device: DeviceId) -> Contact {
        self.0.get(&device.get()).cloned().unwrap_or_default()
    }

    fn connected(&self) -> RoaringTreemap {
        let connected = self.0.iter().filter(|(_, contact)| contact.connections > 0);
        connected.map(|(id, _)| number(DeviceId::new(*id))).collect()
    }

    fn each_last_contact(&self, each: &mut dyn FnMut(DeviceId, Timestamp)) {
        for (id, contact) in &self.0 {
            if let Some(at) = contact.last_at {
                each(DeviceId::new(*id), at);
            }
        }
    }

    fn told(&self, device: DeviceId) -> Option<Duration> {
        // Devices of the second half of a hundred poll, once in ten minutes.
        (device.get() < 1_000 && device.get() % 100 >= 50).then_some(Duration::from_secs(600))
    }

    fn each_told(&self, each: &mut dyn FnMut(DeviceId, Duration)) {
        for id in (0..1_000).map(DeviceId::new) {
            if let Some(told) = self.told(id) {
                each(id, told);
            }
        }
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

pub(super) fn entry(id: i64, name: &str) -> Entry {
    Entry {
        device: Device {
            id: DeviceId::new(id),
            tenant: TENANT,
            name: name.parse().unwrap(),
            device_type: None,
            kind: DeviceKind::Device,
            parent: None,
            lifecycle: Lifecycle::Active,
            attributes: BTreeMap::new(),
            inventory: BTreeMap::new(),
            tags: BTreeSet::new(),
            version: 1,
            created_at: at(id),
            updated_at: at(id),
            first_seen_at: None,
            reprovision_until: None,
            leaving: None,
        },
        aliases: BTreeSet::new(),
        groups: BTreeSet::new(),
        running: BTreeSet::new(),
    }
}

/// Ten devices d0 … d9; even ones are tagged, `size` falls as the number rises, d9 has none.
fn fleet() -> Fleet {
    let fleet = Fleet::default();
    {
        let mut index = fleet.change();
        index.types.insert(
            TypeId::new(1),
            Arc::new(DeviceTypeRecord {
                id: TypeId::new(1),
                tenant: TENANT,
                name: "Pump".parse().unwrap(),
                spec: TypeSpec { contact_interval: Duration::from_secs(60), ..TypeSpec::default() },
                version: 1,
                created_at: at(0),
                updated_at: at(0),
            }),
        );
        index.groups.insert(GroupId::new(1), "eu/berlin".parse().unwrap());
        index.groups.insert(GroupId::new(2), "eu/paris".parse().unwrap());
        for number in 0..10 {
            let mut entry = entry(number + 1, &format!("d{number}"));
            if number % 2 == 0 {
                entry.device.tags.insert("even".parse().unwrap());
            }
            if number < 9 {
                let size = (100 - number * 10).to_string();
                entry.device.attributes.insert("Size".parse().unwrap(), size);
            }
            match number {
                0 => entry.device.kind = DeviceKind::Gateway,
                1 => {
                    entry.device.parent = Some(DeviceId::new(1));
                    entry
                        .aliases
                        .insert(Alias { protocol: "aws".to_owned(), external_id: "Thing".to_owned() });
                }
                2 => entry.device.device_type = Some(TypeId::new(1)),
                3 => {
                    entry.groups.insert(GroupId::new(1));
                }
                4 => {
                    entry.groups.extend([GroupId::new(1), GroupId::new(2)]);
                }
                _ => {}
            }
            index.put(entry);
        }
        let mut stranger = entry(99, "stranger");
        stranger.device.tenant = TenantId::new(2);
        index.put(stranger);
    }
    fleet
}

pub(super) fn everyone() -> Principal {
    Principal::user(TENANT, "ann", Role::Admin)
}

fn scoped(query: &str) -> Principal {
    Principal { scope: Some(query.to_owned()), ..everyone() }
}

fn ask(q: &str) -> ListRequest {
    ListRequest { q: Some(q.to_owned()), ..ListRequest::default() }
}

fn names(page: &Page) -> Vec<&str> {
    page.items.iter().map(|item| item.device.name.as_str()).collect()
}

#[track_caller]
fn found(q: &str) -> Vec<String> {
    let page = fleet().list(&everyone(), &ask(q), 1_000, &Heard::default(), at(1_000)).unwrap();
    assert_eq!(page.total, u64::try_from(page.items.len()).unwrap());
    names(&page).into_iter().map(ToOwned::to_owned).collect()
}

#[test]
fn every_field_can_be_asked_for() {
    for (q, expected) in [
        ("name==D3", vec!["d3"]),
        ("type==pump", vec!["d2"]),
        ("kind==gateway", vec!["d0"]),
        ("parent==d0", vec!["d1"]),
        ("alias==thing", vec!["d1"]),
        ("tag==even;attribute.size<70", vec!["d4", "d6", "d8"]),
        ("group==eu/berlin", vec!["d3", "d4"]),
        ("group==eu", vec!["d3", "d4"]),
        ("group==eu/paris", vec!["d4"]),
        ("ATTRIBUTE.SIZE=is=null", vec!["d9"]),
        ("createdAt<1970-01-01T00:00:02Z", vec!["d0"]),
        ("lifecycle!=active", vec![]),
        ("version>1", vec![]),
        ("inventory.fw==1", vec![]),
        ("firstSeenAt=not=null", vec![]),
    ] {
        assert_eq!(found(q), expected, "{q}");
    }
}

#[test]
fn presence_comes_from_contacts_and_the_types_interval() {
    let now = at(10_000);
    let contact = |connections, ago: Option<i64>| Contact {
        connections,
        last_at: ago.map(|ago| at(10_000 - ago)),
        last_disconnect: Some("keep-alive timeout".to_owned()),
    };
    // d2's type expects contact every minute, d1 has the default of an hour.
    let heard = Heard(BTreeMap::from([
        (1, contact(1, None)),
        (2, contact(0, Some(149))),
        (3, contact(0, Some(151))),
    ]));
    let fleet = fleet();
    let list = |q: &str| {
        let page = fleet.list(&everyone(), &ask(q), 1_000, &heard, now).unwrap();
        names(&page).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list("presence==connected"), ["d0"]);
    assert_eq!(list("presence==reachable"), ["d1"]);
    assert_eq!(list("presence==overdue"), ["d2"]);
    assert_eq!(list("online==true"), ["d0", "d1"]);
    assert_eq!(list("presence==never").len(), 7);
    assert_eq!(list("lastSeen>=1970-01-01T02:44:11Z"), ["d1"]);
    let shown = fleet.get(&everyone(), &"d0".parse().unwrap(), &heard, now).unwrap();
    assert_eq!((shown.presence, shown.last_disconnect), (Presence::Connected, None));
    let shown = fleet.get(&everyone(), &"d2".parse().unwrap(), &heard, now).unwrap();
    assert_eq!(shown.last_disconnect.as_deref(), Some("keep-alive timeout"));
    assert_eq!(shown.type_name.unwrap().as_str(), "Pump");
}

#[test]
fn pages_follow_one_another_in_any_order_without_gap_or_repetition() {
    let fleet = fleet();
    for (sort, first, last) in [
        (None, "d0", "d9"),
        (Some("-name"), "d9", "d0"),
        (Some("attribute.size"), "d8", "d9"),
        (Some("-attribute.size"), "d0", "d9"),
        (Some("tag"), "d0", "d9"),
        (Some("-createdAt"), "d9", "d0"),
    ] {
        for limit in [1, 3, 10] {
            let mut request = ListRequest {
                sort: sort.map(ToOwned::to_owned),
                limit: Some(limit),
                ..ListRequest::default()
            };
            let mut all: Vec<String> = Vec::new();
            loop {
                let page = fleet.list(&everyone(), &request, 10, &Heard::default(), at(0)).unwrap();
                assert!(page.items.len() <= limit);
                assert_eq!(page.total, 10);
                all.extend(names(&page).into_iter().map(ToOwned::to_owned));
                request.cursor = page.cursor;
                if request.cursor.is_none() {
                    break;
                }
            }
            assert_eq!(all.len(), 10, "{sort:?} {limit}");
            assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 10, "{sort:?} {limit}");
            assert_eq!((all[0].as_str(), all[9].as_str()), (first, last), "{sort:?} {limit}");
        }
    }
}

#[test]
fn a_device_that_appears_between_two_pages_disturbs_neither() {
    let fleet = fleet();
    let mut request = ListRequest { limit: Some(5), ..ListRequest::default() };
    let first = fleet.list(&everyone(), &request, 10, &Heard::default(), at(0)).unwrap();
    fleet.change().put(entry(50, "a-new-one"));
    fleet.change().remove(DeviceId::new(1));
    request.cursor = first.cursor;
    let second = fleet.list(&everyone(), &request, 10, &Heard::default(), at(0)).unwrap();
    assert_eq!(names(&second), ["d5", "d6", "d7", "d8", "d9"]);
}

#[test]
fn facets_count_every_match_not_only_the_page() {
    let request = ListRequest {
        limit: Some(1),
        facets: vec!["tag".to_owned(), "group".to_owned(), "kind".to_owned()],
        ..ListRequest::default()
    };
    let page = fleet().list(&everyone(), &request, 10, &Heard::default(), at(0)).unwrap();
    let counts = |name: &str| {
        page.facets[name].iter().map(|facet| (facet.value.as_str(), facet.count)).collect::<Vec<_>>()
    };
    assert_eq!(counts("tag"), [("even", 5)]);
    assert_eq!(counts("group"), [("eu", 2), ("eu/berlin", 2), ("eu/paris", 1)]);
    assert_eq!(counts("kind"), [("device", 9), ("gateway", 1)]);
}

#[test]
fn every_bad_parameter_of_a_list_is_named() {
    let request = ListRequest {
        q: Some("colour==red".to_owned()),
        sort: Some("shape".to_owned()),
        limit: Some(11),
        cursor: Some("nonsense".to_owned()),
        facets: vec!["weight".to_owned()],
    };
    let error = fleet().list(&everyone(), &request, 10, &Heard::default(), at(0)).unwrap_err();
    let AppError::Invalid(problems) = error else { panic!("{error}") };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["q", "sort", "limit", "cursor", "facets"]);
    let other_order =
        ListRequest { limit: Some(1), sort: Some("-name".to_owned()), ..ListRequest::default() };
    let cursor = fleet().list(&everyone(), &other_order, 10, &Heard::default(), at(0)).unwrap().cursor;
    let mixed = ListRequest { cursor, ..ListRequest::default() };
    assert!(fleet().list(&everyone(), &mixed, 10, &Heard::default(), at(0)).is_err());
}

#[test]
fn another_tenants_devices_do_not_exist() {
    let fleet = fleet();
    assert!(!fleet.is_visible(&everyone(), DeviceId::new(99)));
    assert!(fleet.get(&everyone(), &"stranger".parse().unwrap(), &Heard::default(), at(0)).is_none());
    assert_eq!(fleet.list(&everyone(), &ask("name==*"), 10, &Heard::default(), at(0)).unwrap().total, 10);
    let all = parse("name==*").unwrap();
    assert_eq!(fleet.select(TENANT, &all, &Heard::default(), at(0)).devices.len(), 10);
    assert_eq!(fleet.select(TenantId::new(2), &all, &Heard::default(), at(0)).devices.len(), 1);
    assert_eq!(fleet.select(TenantId::new(3), &all, &Heard::default(), at(0)).devices.len(), 0);
}

#[test]
fn a_scope_ends_every_kind_of_read() {
    let fleet = fleet();
    let by = scoped("tag==even");
    assert!(fleet.is_visible(&by, DeviceId::new(1)) && !fleet.is_visible(&by, DeviceId::new(2)));
    assert!(fleet.get(&by, &"d1".parse().unwrap(), &Heard::default(), at(0)).is_none());
    let page = fleet.list(&by, &ListRequest::default(), 10, &Heard::default(), at(0)).unwrap();
    assert_eq!((names(&page), page.total), (vec!["d0", "d2", "d4", "d6", "d8"], 5));
    assert_eq!(fleet.list(&by, &ask("name==d1"), 10, &Heard::default(), at(0)).unwrap().total, 0);
    assert_eq!(fleet.select_visible(&by, None, &Heard::default(), at(0)).devices.len(), 5);
    assert_eq!(fleet.count_groups(&by).get(&"eu".parse().unwrap()), Some(&1));
}

#[test]
fn groups_are_in_use_where_somebody_is_in_them_who_is_seen_and_not_decommissioned() {
    let fleet = fleet();
    let paths = |by: &Principal| fleet.groups_in_use(by).iter().map(ToString::to_string).collect::<Vec<_>>();
    let before = paths(&everyone());
    assert!(!before.is_empty() && before.is_sorted(), "{before:?}");
    fleet.change().groups.insert(GroupId::new(3), "us".parse().unwrap());
    assert_eq!(paths(&everyone()), before, "nobody is in it");
    let mut alone = entry(50, "alone");
    alone.groups.insert(GroupId::new(3));
    fleet.change().put(alone.clone());
    assert_eq!(paths(&everyone()), [before.clone(), vec!["us".to_owned()]].concat());
    assert!(!paths(&scoped("tag==even")).contains(&"us".to_owned()));
    assert!(paths(&scoped("nonsense")).is_empty());
    alone.device.lifecycle = Lifecycle::Decommissioned;
    fleet.change().put(alone);
    assert_eq!(paths(&everyone()), before);
}

#[test]
fn members_of_a_group_are_those_of_exactly_that_path_or_below_it() {
    let fleet = fleet();
    let count = |path: &str, below| fleet.in_group(TENANT, &path.parse().unwrap(), below).len();
    assert_eq!((count("eu", true), count("eu/berlin", false), count("eu/paris", true)), (2, 2, 1));
    for (path, below) in [("eu", false), ("EU", true), ("e", true), ("eu/ber", true), ("eu/berlin/x", true)] {
        assert_eq!(count(path, below), 0, "{path} {below}");
    }
    assert!(fleet.in_group(TenantId::new(2), &"eu".parse().unwrap(), true).is_empty());
}

/// Names that are known elsewhere, and how often one was asked for.
#[derive(Debug, Default)]
struct Asked(std::cell::Cell<usize>);

impl Beside for Asked {
    fn knows(&self, field: &Field) -> bool {
        field.as_str() == "label"
    }

    fn each(&self, device: DeviceId, _field: &Field, each: &mut dyn FnMut(Value<'_>)) {
        self.0.set(self.0.get() + 1);
        let name = format!("{:03}", 100 - device.get());
        each(Value::Text(name.into()));
    }
}

#[test]
fn whoever_asks_for_some_devices_has_no_others_looked_at() {
    let fleet = fleet();
    let order = [(Field::new("label"), false)];
    let asked = |by: &Principal, among: Option<RoaringTreemap>| {
        let beside = Asked::default();
        let wanted = Wanted { among: among.as_ref(), query: None, order: &order };
        let found = fleet.select_beside(by, wanted, &beside, &Heard::default(), at(100));
        (found.into_iter().map(DeviceId::get).collect::<Vec<_>>(), beside.0.get())
    };
    assert_eq!(asked(&everyone(), None).1, 10);
    let some: RoaringTreemap = [2, 3, 99].into_iter().collect();
    assert_eq!(asked(&everyone(), Some(some.clone())), (vec![3, 2], 2), "99 is nobody");
    assert_eq!(asked(&scoped("tag==even"), Some(some)), (vec![3], 1), "what is out of scope is not there");
    assert_eq!(asked(&everyone(), Some(RoaringTreemap::new())), (vec![], 0));
}

#[test]
fn a_scope_that_cannot_be_used_sees_nothing() {
    let fleet = fleet();
    for scope in ["", "nonsense", "colour==red", "online==true", "name==*,presence==never"] {
        let by = scoped(scope);
        assert!(!fleet.is_visible(&by, DeviceId::new(1)), "{scope}");
        assert!(fleet.select_visible(&by, None, &Heard::default(), at(0)).devices.is_empty(), "{scope}");
    }
    assert!(parse_scope("scope", "online==true").is_err());
    assert!(parse_scope("scope", "tag==a").is_ok());
}

#[test]
fn children_are_found_by_name_and_alias_under_their_own_gateway_only() {
    let fleet = fleet();
    let (gateway, child) = (DeviceId::new(1), DeviceId::new(2));
    assert_eq!(fleet.child_of(TENANT, gateway, "d1"), Some(child));
    assert_eq!(fleet.child_of(TENANT, gateway, "Thing"), Some(child));
    assert_eq!(fleet.child_of(TENANT, gateway, "d2"), None);
    assert_eq!(fleet.child_of(TENANT, DeviceId::new(3), "d1"), None);
    assert_eq!(fleet.child_of(TenantId::new(2), gateway, "d1"), None);
    assert_eq!(fleet.parent_of(child), Some(gateway));
    let mut moved = entry(2, "d1");
    moved.device.parent = None;
    fleet.change().put(moved);
    assert_eq!(fleet.child_of(TENANT, gateway, "d1"), None);
}
