//! The index against the plain evaluator: whatever the fleet, its changes and the question, both answer the same.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use windlass_domain::device::{DeviceKind, Lifecycle};
use windlass_domain::device_type::TypeSpec;
use windlass_query::Fields;
use windlass_store::devices::Alias;

use super::tests::{Heard, TENANT, at, entry, everyone};
use super::*;

const NOW: i64 = 10_000;
/// Names differ in case only here and there.
const SPELLINGS: [&str; 2] = ["pump", "Pump"];

fn contact() -> impl Strategy<Value = Contact> {
    (0_usize..3, proptest::option::of(0_i64..12_000)).prop_map(|(connections, ago)| Contact {
        connections: connections.saturating_sub(1),
        last_at: ago.map(|ago| at(NOW - ago)),
        last_disconnect: None,
    })
}

fn device() -> impl Strategy<Value = (Entry, Contact)> {
    let key = prop_oneof![Just("Site"), Just("site"), Just("size")];
    let value =
        prop_oneof![Just("Berlin"), Just("berlin"), Just("Ü"), Just(""), Just("7"), Just("07"), Just("x y")];
    (
        (1_i64..40, any::<bool>(), 0_i64..4, 0_i64..5),
        proptest::collection::btree_set(prop_oneof![Just("a"), Just("B"), Just("c")], 0..3),
        proptest::collection::btree_map(key, value, 0..3),
        proptest::collection::btree_set(1_i64..5, 0..3),
        (0_usize..Lifecycle::ALL.len(), contact()),
    )
        .prop_map(|((id, gateway, of_type, parent), tags, attributes, groups, (lifecycle, contact))| {
            let mut entry = entry(
                id,
                &format!("{}-{id}", if gateway { "Gate" } else { SPELLINGS[usize::from(id % 3 == 0)] }),
            );
            entry.device.kind = if gateway { DeviceKind::Gateway } else { DeviceKind::Device };
            entry.device.device_type = (of_type > 0).then(|| TypeId::new(of_type));
            entry.device.parent = (parent > 0).then(|| DeviceId::new(parent));
            entry.device.lifecycle = Lifecycle::ALL[lifecycle];
            entry.device.tags = tags.into_iter().map(|tag| tag.parse().unwrap()).collect();
            entry.device.attributes =
                attributes.into_iter().map(|(key, value)| (key.parse().unwrap(), value.to_owned())).collect();
            entry.groups = groups.into_iter().map(GroupId::new).collect();
            if id % 3 == 0 {
                for protocol in ["aws", "hawkbit"] {
                    let external_id = format!("EXT-{}", id % 5);
                    entry.aliases.insert(Alias { protocol: protocol.to_owned(), external_id });
                }
            }
            (entry, contact)
        })
}

fn clause() -> impl Strategy<Value = String> {
    let field = prop_oneof![
        Just("name"),
        Just("type"),
        Just("kind"),
        Just("parent"),
        Just("lifecycle"),
        Just("presence"),
        Just("online"),
        Just("lastContactAt"),
        Just("tag"),
        Just("group"),
        Just("alias"),
        Just("version"),
        Just("createdAt"),
        Just("attribute.site"),
        Just("attribute.SIZE"),
        Just("inventory.fw"),
    ];
    let value = prop_oneof![
        Just("pump*"),
        Just("PuMp-1*"),
        Just("gate-*7"),
        Just("g*-1*"),
        Just("ü*"),
        Just("GATE-7"),
        Just("t1"),
        Just("T2"),
        Just("device"),
        Just("active"),
        Just("b"),
        Just("eu"),
        Just("eu/berlin"),
        Just("ext-2"),
        Just("*"),
        Just("''"),
        Just("berlin"),
        Just("ü"),
        Just("7"),
        Just("1"),
        Just("true"),
        Just("connected"),
        Just("overdue"),
        Just("null"),
        Just("1970-01-01T00:00:20Z"),
        Just("'x y'"),
    ];
    let operator = prop_oneof![
        Just("=="),
        Just("!="),
        Just("=is="),
        Just("=not="),
        Just("=in="),
        Just("=out="),
        Just("<"),
        Just(">=")
    ];
    (field, operator, value.clone(), value).prop_map(|(field, operator, one, other)| match operator {
        "=in=" | "=out=" => format!("{field}{operator}({one},{other})"),
        // There is no order among patterns.
        "<" | ">=" => format!("{field}{operator}'{}'", one.replace(['*', '\''], "")),
        _ => format!("{field}{operator}{one}"),
    })
}

fn question() -> impl Strategy<Value = String> {
    clause().prop_recursive(4, 12, 4, |inner| {
        (proptest::collection::vec(inner, 1..4), any::<bool>())
            .prop_map(|(parts, all)| format!("({})", parts.join(if all { ";" } else { "," })))
    })
}

fn filled(devices: &[(Entry, Contact)]) -> (Fleet, Heard) {
    let fleet = Fleet::default();
    let mut heard = BTreeMap::new();
    {
        let mut index = fleet.change();
        for (number, minutes) in [(1, 1), (2, 60), (3, 1)] {
            let id = TypeId::new(number);
            let spec =
                TypeSpec { contact_interval: Duration::from_secs(60 * minutes), ..TypeSpec::default() };
            let name = format!("T{number}").parse().unwrap();
            let record = DeviceTypeRecord {
                id,
                tenant: TENANT,
                name,
                spec,
                version: 1,
                created_at: at(0),
                updated_at: at(0),
            };
            index.types.insert(id, Arc::new(record));
        }
        for (number, path) in [(1, "eu"), (2, "eu/berlin"), (3, "eu/paris"), (4, "us")] {
            index.groups.insert(GroupId::new(number), path.parse().unwrap());
        }
        let mut removed = false;
        for (entry, contact) in devices {
            heard.insert(entry.device.id.get(), contact.clone());
            index.put(entry.clone());
            // One goes and never comes back, another is there twice.
            if !removed && entry.device.id.get() % 7 == 0 {
                index.remove(entry.device.id);
                removed = true;
            }
        }
        let mut stranger = entry(99, "pump-99");
        stranger.device.tenant = TenantId::new(2);
        index.put(stranger);
    }
    (fleet, Heard(heard))
}

proptest! {
    #[test]
    fn the_index_finds_what_asking_every_device_finds(
        devices in proptest::collection::vec(device(), 0..30), q in question(),
    ) {
        let (fleet, heard) = filled(&devices);
        let query = parse_query("q", &q).unwrap();
        let found = fleet.select(TENANT, &query, &heard, at(NOW)).devices;
        let index = fleet.read();
        let expected: RoaringTreemap = index
            .devices
            .values()
            .filter(|entry| entry.device.tenant == TENANT)
            .filter(|entry| query.matches(&Subject::now(&index, entry, &heard, at(NOW))))
            .map(|entry| number(entry.device.id))
            .collect();
        prop_assert_eq!(found, expected, "{}", q);
    }

    #[test]
    fn facets_and_pages_agree_with_asking_every_device(
        devices in proptest::collection::vec(device(), 0..30),
        sort in prop_oneof![Just("name"), Just("-name"), Just("attribute.site"), Just("-type"), Just("lastContactAt")],
        limit in 1_usize..8,
    ) {
        let (fleet, heard) = filled(&devices);
        let facets = ["presence", "online", "tag", "group", "type", "attribute.site", "alias"];
        let mut request = ListRequest {
            sort: Some(sort.to_owned()),
            limit: Some(limit),
            facets: facets.map(ToOwned::to_owned).to_vec(),
            ..ListRequest::default()
        };
        let mut shown: Vec<DeviceName> = Vec::new();
        let page = loop {
            let page = fleet.list(&everyone(), &request, 1_000, &heard, at(NOW)).unwrap();
            shown.extend(page.items.iter().map(|item| item.device.name.clone()));
            match page.cursor.clone() {
                Some(cursor) => request.cursor = Some(cursor),
                None => break page,
            }
        };
        let index = fleet.read();
        let all: Vec<_> = index.devices.values().filter(|entry| entry.device.tenant == TENANT).collect();
        prop_assert_eq!(page.total, u64::try_from(all.len()).unwrap());
        prop_assert_eq!(shown.len(), all.len(), "each device once, in order of {}", sort);
        prop_assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), all.len());
        for field in facets {
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for entry in &all {
                let mut values = BTreeSet::new();
                Subject::now(&index, entry, &heard, at(NOW)).each(&Field::new(field), &mut |value| {
                    values.insert(match value {
                        Value::Text(text) => text.into_owned(),
                        Value::Truth(truth) => truth.to_string(),
                        Value::Number(_) | Value::Time(_) => unreachable!("no facet of this test"),
                    });
                });
                for value in values {
                    *expected.entry(value).or_default() += 1;
                }
            }
            let counted: BTreeMap<String, u64> =
                page.facets[field].iter().map(|facet| (facet.value.clone(), facet.count)).collect();
            prop_assert_eq!(counted, expected, "{}", field);
        }
    }
}
