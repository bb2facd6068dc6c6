use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use windlass_domain::device::{DeviceKind, Lifecycle};
use windlass_domain::device_type::VersionSource;
use windlass_domain::ids::{CredentialId, DeviceId};
use windlass_domain::limits::Limits;
use windlass_domain::permission::Role;
use windlass_store::tenants::tenant_default;
use windlass_store::testing::{START, feed_is_whole};
use windlass_store::{Location, StoreError};

use super::*;
use crate::app::AppConfig;
use crate::clock::{Clock, FixedClock, SystemEntropy};
use crate::groups::Membership;
use crate::hub::{CloseReason, Link, Registration};
use crate::message::Outbound;
use crate::tasks::Tasks;
use crate::types::NewTypeSpec;

struct Bench {
    app: App,
    by: Principal,
    _directory: tempfile::TempDir,
}

impl Bench {
    async fn fresh() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let config = AppConfig {
            location: Location::Sqlite { directory: data.clone() },
            directory: data,
            limits: Limits::default(),
            hostnames: Vec::new(),
            public_url: None,
            server_side_keys: false,
        };
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::new(START));
        let app = App::start(config, clock, Arc::new(SystemEntropy), Tasks::new("test")).await.unwrap();
        let tenant = app.store.read(|tx| Box::pin(tenant_default(tx))).await.unwrap().id;
        Self { app, by: Principal::user(tenant, "ann", Role::Admin), _directory: directory }
    }

    fn scoped(&self, scope: &str) -> Principal {
        Principal { scope: Some(scope.to_owned()), ..self.by.clone() }
    }

    async fn create(&self, name: &str, spec: DeviceSpec) -> DeviceView {
        self.app.device_create(&self.by, NewDevice { name: name.to_owned(), spec }).await.unwrap()
    }

    async fn seen(&self, id: DeviceId) {
        self.app
            .store
            .write::<_, StoreError, _>(move |tx| Box::pin(devices::device_seen(tx, id, START)))
            .await
            .unwrap();
        self.app.fleet.refresh_devices(&self.app.store, [id]).await.unwrap();
    }

    /// The actions that were audited, in order.
    async fn audited(&self) -> Vec<String> {
        self.app
            .audit_list(&self.by, windlass_store::audit::Filter::default(), 1_000)
            .await
            .unwrap()
            .into_iter()
            .map(|record| record.action)
            .collect()
    }

    fn list(&self, q: &str) -> Vec<String> {
        let request = ListRequest { q: Some(q.to_owned()), ..ListRequest::default() };
        let page = self.app.device_list(&self.by, &request).unwrap();
        page.items.into_iter().map(|item| item.device.name.into_string()).collect()
    }
}

fn name(text: &str) -> DeviceName {
    text.parse().unwrap()
}

fn tags(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn tagged(words: &[&str]) -> DeviceSpec {
    DeviceSpec { tags: tags(words), ..DeviceSpec::default() }
}

fn fields(error: AppError) -> Vec<String> {
    match error {
        AppError::Invalid(problems) => problems.into_iter().map(|problem| problem.field).collect(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_created_device_is_in_the_list_at_once_and_audited() {
    let bench = Bench::fresh().await;
    bench
        .app
        .type_create(
            &bench.by,
            "pump",
            NewTypeSpec {
                default_attributes: BTreeMap::from([
                    ("site".to_owned(), "default".to_owned()),
                    ("line".to_owned(), "1".to_owned()),
                ]),
                ..NewTypeSpec::default()
            },
        )
        .await
        .unwrap();
    let spec = DeviceSpec {
        device_type: Some("pump".to_owned()),
        attributes: BTreeMap::from([("site".to_owned(), "berlin".to_owned())]),
        ..tagged(&["a"])
    };
    let made = bench.create("p1", spec).await;
    assert_eq!(made.type_name.unwrap().as_str(), "pump");
    assert_eq!(made.device.lifecycle, Lifecycle::Registered);
    assert_eq!(bench.list("type==pump;attribute.site==berlin;attribute.line==1;tag==a"), ["p1"]);
    let again =
        bench.app.device_create(&bench.by, NewDevice { name: "p1".to_owned(), ..NewDevice::default() });
    assert!(matches!(again.await, Err(AppError::Exists { .. })));
    let actions = bench.audited().await;
    for action in ["type.create", "device.create"] {
        assert_eq!(actions.iter().filter(|found| *found == action).count(), 1, "{actions:?}");
    }
}

#[tokio::test]
async fn every_bad_field_of_a_device_is_named_and_nothing_is_stored() {
    let bench = Bench::fresh().await;
    let spec = DeviceSpec {
        device_type: Some("bad type".to_owned()),
        kind: None,
        parent: Some("a/b".to_owned()),
        attributes: BTreeMap::from([
            ("bad key".to_owned(), String::new()),
            ("long".to_owned(), "펌".repeat(4_001)),
            ("timezone".to_owned(), "Europe/Berln".to_owned()),
        ]),
        tags: tags(&["bad\ttag"]),
    };
    let refused = bench.app.device_create(&bench.by, NewDevice { name: "a b".to_owned(), spec }).await;
    assert_eq!(
        fields(refused.unwrap_err()),
        ["name", "type", "parent", "attributes.bad key", "attributes.long", "attributes.timezone", "tags.0"]
    );
    let many = DeviceSpec {
        attributes: (0..101).map(|number| (format!("k{number}"), String::new())).collect(),
        tags: (0..101).map(|number| format!("t{number}")).collect(),
        ..DeviceSpec::default()
    };
    let refused = bench.app.device_create(&bench.by, NewDevice { name: "x".to_owned(), spec: many }).await;
    assert_eq!(fields(refused.unwrap_err()), ["attributes", "tags"]);
    let unknown = DeviceSpec {
        device_type: Some("nope".to_owned()),
        parent: Some("nope".to_owned()),
        ..DeviceSpec::default()
    };
    let refused = bench.app.device_create(&bench.by, NewDevice { name: "x".to_owned(), spec: unknown }).await;
    assert_eq!(fields(refused.unwrap_err()), ["type", "parent"]);
    assert!(bench.list("name==*").is_empty());
}

#[tokio::test]
async fn put_creates_or_replaces_and_an_old_version_changes_nothing() {
    let bench = Bench::fresh().await;
    let d = name("d");
    let put = |spec, expected| bench.app.device_put(&bench.by, &d, spec, expected);
    assert!(matches!(put(tagged(&["a"]), Some(3)).await, Err(AppError::VersionMismatch { current: 0 })));
    let (made, created) = put(tagged(&["a"]), None).await.unwrap();
    assert!(created && made.device.version == 1);
    let (replaced, created) = put(tagged(&["b"]), Some(1)).await.unwrap();
    assert!(!created && replaced.device.version == 2);
    assert_eq!(replaced.device.tags, BTreeSet::from(["b".parse().unwrap()]));
    assert!(matches!(put(tagged(&["c"]), Some(1)).await, Err(AppError::VersionMismatch { current: 2 })));
    assert_eq!(bench.list("tag==b"), ["d"]);
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_clears_what_it_nulls() {
    let bench = Bench::fresh().await;
    bench.create("gw", DeviceSpec { kind: Some(DeviceKind::Gateway), ..DeviceSpec::default() }).await;
    let spec = DeviceSpec {
        attributes: BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]),
        ..tagged(&["x", "y"])
    };
    bench.create("d", spec).await;
    let patch = DevicePatch {
        parent: Some(Some("gw".to_owned())),
        attributes: BTreeMap::from([("a".to_owned(), None), ("c".to_owned(), Some("3".to_owned()))]),
        add_tags: tags(&["z"]),
        remove_tags: tags(&["x"]),
        ..DevicePatch::default()
    };
    let changed = bench.app.device_patch(&bench.by, &name("d"), patch, Some(1)).await.unwrap();
    assert_eq!(changed.parent_name, Some(name("gw")));
    let pairs: Vec<_> = changed.device.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(pairs, [("b", "2"), ("c", "3")]);
    assert_eq!(bench.list("tag==z;tag==y;tag!=x;parent==gw"), ["d"]);
    let clear = DevicePatch { parent: Some(None), ..DevicePatch::default() };
    let cleared = bench.app.device_patch(&bench.by, &name("d"), clear, None).await.unwrap();
    assert_eq!(cleared.parent_name, None);
    let stale = bench.app.device_patch(&bench.by, &name("d"), DevicePatch::default(), Some(1)).await;
    assert!(matches!(stale, Err(AppError::VersionMismatch { current: 3 })));
}

#[tokio::test]
async fn a_time_zone_that_nobody_knows_is_refused_where_it_is_set_and_one_can_be_taken_away() {
    let bench = Bench::fresh().await;
    bench.create("d", DeviceSpec::default()).await;
    let zone = |zone: Option<&str>| DevicePatch {
        attributes: BTreeMap::from([("timezone".to_owned(), zone.map(str::to_owned))]),
        ..DevicePatch::default()
    };
    let refused = bench.app.device_patch(&bench.by, &name("d"), zone(Some("Europe/Berln")), None).await;
    let Err(AppError::Invalid(problems)) = refused else { panic!("{refused:?}") };
    assert_eq!(problems[0].field, "attributes.timezone");
    assert!(problems[0].problem.contains("such as Europe/Berlin"), "{}", problems[0].problem);
    for known in [Some("Europe/Berlin"), Some("+02:00"), None] {
        bench.app.device_patch(&bench.by, &name("d"), zone(known), None).await.unwrap();
    }
}

#[tokio::test]
async fn a_parent_is_a_gateway_that_hangs_on_nothing_and_a_gateway_with_children_stays_one() {
    let bench = Bench::fresh().await;
    let gateway = DeviceSpec { kind: Some(DeviceKind::Gateway), ..DeviceSpec::default() };
    let under = |parent: &str| DeviceSpec { parent: Some(parent.to_owned()), ..DeviceSpec::default() };
    bench.create("gw", gateway.clone()).await;
    bench.create("plain", DeviceSpec::default()).await;
    bench.create("child", under("gw")).await;
    for (spec, field) in [
        (under("plain"), "parent"),
        (under("child"), "parent"),
        (DeviceSpec { parent: Some("gw".to_owned()), ..gateway }, "parent"),
    ] {
        let refused = bench.app.device_create(&bench.by, NewDevice { name: "x".to_owned(), spec }).await;
        assert_eq!(fields(refused.unwrap_err()), [field]);
    }
    let refused = bench.app.device_put(&bench.by, &name("gw"), DeviceSpec::default(), None).await;
    assert_eq!(fields(refused.unwrap_err()), ["kind"]);
    let refused = bench.app.device_put(&bench.by, &name("gw"), under("gw"), None).await;
    assert_eq!(fields(refused.unwrap_err()), ["parent", "kind"]);
    let refused = bench.app.device_delete(&bench.by, &name("gw"), None).await.unwrap_err();
    assert_eq!(refused.code(), "device.has_children");
}

#[derive(Debug, Default)]
struct Probe(Mutex<Vec<CloseReason>>);

impl Link for Probe {
    fn wake(&self) {}
    fn deliver(&self, _: &Arc<Outbound>) {}
    fn close(&self, reason: CloseReason) {
        self.0.lock().unwrap().push(reason);
    }
}

#[tokio::test]
async fn suspending_ends_live_connections_within_the_call_and_resuming_lets_the_device_back() {
    let bench = Bench::fresh().await;
    let made = bench.create("d", DeviceSpec::default()).await;
    bench.seen(made.device.id).await;
    let probe = Arc::new(Probe::default());
    let link: Arc<dyn Link> = Arc::<Probe>::clone(&probe);
    bench.app.hub.register(
        Registration {
            device: made.device.id,
            client_id: "c".into(),
            credential: CredentialId::new(1),
            expires_at: Timestamp::from_micros(i64::MAX),
            link,
        },
        8,
    );
    let step = |change| {
        let (app, by) = (bench.app.clone(), bench.by.clone());
        async move { app.device_lifecycle(&by, &name("d"), change, None).await }
    };
    let suspended = step(LifecycleChange::Suspend).await.unwrap();
    assert_eq!(suspended.device.lifecycle, Lifecycle::Suspended);
    assert_eq!(*probe.0.lock().unwrap(), [CloseReason::NotAuthorized]);
    let version = suspended.device.version;
    assert_eq!(step(LifecycleChange::Suspend).await.unwrap().device.version, version, "done before");
    assert_eq!(step(LifecycleChange::Resume).await.unwrap().device.lifecycle, Lifecycle::Active);
    assert_eq!(bench.list("lifecycle==active"), ["d"]);
    let gone = step(LifecycleChange::Decommission).await.unwrap();
    assert_eq!(gone.device.lifecycle, Lifecycle::Decommissioned);
    for change in [LifecycleChange::Resume, LifecycleChange::Suspend] {
        assert_eq!(step(change).await.unwrap_err().code(), "device.lifecycle");
    }
    let events = bench.app.device_events(&bench.by, &name("d"), None, 10).await.unwrap();
    assert!(events.items.iter().any(|item| item.event.kind == "lifecycle"));
    let actions = bench.audited().await;
    for action in ["device.suspend", "device.resume", "device.decommission"] {
        assert!(actions.iter().any(|found| found == action), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn only_a_device_that_was_never_seen_can_be_deleted() {
    let bench = Bench::fresh().await;
    let made = bench.create("seen", DeviceSpec::default()).await;
    bench.create("never", DeviceSpec::default()).await;
    bench.seen(made.device.id).await;
    let refused = bench.app.device_delete(&bench.by, &name("seen"), None).await.unwrap_err();
    assert_eq!(refused.code(), "device.seen");
    assert!(refused.to_string().contains("decommission"), "{refused}");
    bench.app.device_delete(&bench.by, &name("never"), None).await.unwrap();
    assert_eq!(bench.list("name==*"), ["seen"]);
    let missing = bench.app.device_delete(&bench.by, &name("never"), None).await.unwrap_err();
    assert!(matches!(missing, AppError::NotFound { .. }));
}

#[tokio::test]
async fn unknown_and_forbidden_devices_look_the_same() {
    let bench = Bench::fresh().await;
    bench.create("mine", tagged(&["lab"])).await;
    bench.create("theirs", DeviceSpec::default()).await;
    let by = bench.scoped("tag==lab");
    let app = &bench.app;
    for hidden in ["theirs", "nobody"] {
        let hidden = name(hidden);
        let errors = [
            app.device_get(&by, &hidden).unwrap_err(),
            app.device_patch(&by, &hidden, DevicePatch::default(), None).await.unwrap_err(),
            app.device_lifecycle(&by, &hidden, LifecycleChange::Suspend, None).await.unwrap_err(),
            app.device_delete(&by, &hidden, None).await.unwrap_err(),
            app.device_events(&by, &hidden, None, 10).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, AppError::NotFound { what: "device", .. }), "{error}");
        }
    }
    assert!(app.device_get(&by, &name("mine")).is_ok());
}

#[tokio::test]
async fn a_gateway_beyond_a_scope_does_not_exist_for_whoever_hangs_devices_on_one() {
    let bench = Bench::fresh().await;
    let lab = |parent: Option<&str>| DeviceSpec {
        tags: BTreeSet::from(["lab".to_owned()]),
        parent: parent.map(str::to_owned),
        ..DeviceSpec::default()
    };
    let gateway = |tag: &str| DeviceSpec {
        kind: Some(DeviceKind::Gateway),
        tags: BTreeSet::from([tag.to_owned()]),
        ..DeviceSpec::default()
    };
    bench.create("gw-lab", gateway("lab")).await;
    bench.create("gw-plant", gateway("plant")).await;
    bench.create("pump-plant", DeviceSpec::default()).await;
    bench.create("pump-1", lab(Some("gw-plant"))).await;
    let by = bench.scoped("tag==lab");
    let name = |text: &str| text.parse::<DeviceName>().unwrap();
    for beyond in ["gw-plant", "pump-plant", "ghost"] {
        let new = NewDevice { name: "pump-2".to_owned(), spec: lab(Some(beyond)) };
        let AppError::Invalid(problems) = bench.app.device_create(&by, new).await.unwrap_err() else {
            panic!("{beyond} can be seen")
        };
        assert_eq!(problems[0].problem, format!("device {beyond} does not exist"));
    }
    let new = NewDevice { name: "pump-2".to_owned(), spec: lab(Some("gw-lab")) };
    bench.app.device_create(&by, new).await.unwrap();
    let patch = DevicePatch { parent: Some(Some("gw-plant".to_owned())), ..DevicePatch::default() };
    let refused = bench.app.device_patch(&by, &name("pump-2"), patch, None).await.unwrap_err();
    assert_eq!(refused.code(), "invalid");
    // What others hung there may be said again as it is.
    bench.app.device_put(&by, &name("pump-1"), lab(Some("gw-plant")), None).await.unwrap();
}

#[tokio::test]
async fn a_scope_cannot_be_left_or_widened_by_a_change() {
    let bench = Bench::fresh().await;
    bench.create("mine", tagged(&["lab"])).await;
    let by = bench.scoped("tag==lab");
    let outside = NewDevice { name: "x".to_owned(), spec: DeviceSpec::default() };
    let refused = bench.app.device_create(&by, outside).await.unwrap_err();
    assert_eq!(refused.code(), "device.outside_scope");
    let inside = NewDevice { name: "y".to_owned(), spec: tagged(&["lab"]) };
    bench.app.device_create(&by, inside).await.unwrap();
    let leave = DevicePatch { remove_tags: tags(&["lab"]), ..DevicePatch::default() };
    let refused = bench.app.device_patch(&by, &name("mine"), leave, None).await.unwrap_err();
    assert_eq!(refused.code(), "device.outside_scope");
    assert_eq!(bench.list("tag==lab"), ["mine", "y"]);
    assert_eq!(bench.list("name==x"), Vec::<String>::new(), "nothing was stored");
}

#[tokio::test]
async fn whoever_lacks_the_permission_is_refused_before_anything_is_read() {
    let bench = Bench::fresh().await;
    let viewer = Principal { role: Role::Viewer, ..bench.by.clone() };
    let bad = NewDevice { name: "not a name".to_owned(), spec: DeviceSpec::default() };
    let refused = bench.app.device_create(&viewer, bad).await.unwrap_err();
    assert!(matches!(refused, AppError::Forbidden("device.write")));
    let device = Principal::device(bench.by.tenant, "d");
    assert!(matches!(bench.app.device_get(&device, &name("d")), Err(AppError::Forbidden("device.read"))));
}

#[tokio::test]
async fn aliases_are_shown_searched_and_unique() {
    let bench = Bench::fresh().await;
    bench.create("one", DeviceSpec::default()).await;
    bench.create("other", DeviceSpec::default()).await;
    let alias = |id: &str| Alias { protocol: "aws".to_owned(), external_id: id.to_owned() };
    let shown = bench.app.device_alias_add(&bench.by, &name("one"), alias("Thing 1")).await.unwrap();
    assert_eq!(shown.aliases, BTreeSet::from([alias("Thing 1")]));
    assert_eq!(bench.list("alias=='thing 1'"), ["one"]);
    let taken = bench.app.device_alias_add(&bench.by, &name("other"), alias("Thing 1")).await;
    assert!(matches!(taken, Err(AppError::Exists { .. })));
    let bad = Alias { protocol: "A W S".to_owned(), external_id: "a/b".to_owned() };
    let refused = bench.app.device_alias_add(&bench.by, &name("one"), bad).await;
    assert_eq!(fields(refused.unwrap_err()), ["protocol", "externalId"]);
    let shown = bench.app.device_alias_remove(&bench.by, &name("one"), alias("Thing 1")).await.unwrap();
    assert!(shown.aliases.is_empty());
    let missing = bench.app.device_alias_remove(&bench.by, &name("one"), alias("Thing 1")).await;
    assert!(matches!(missing, Err(AppError::NotFound { .. })));
}

#[tokio::test]
async fn bulk_tags_change_every_match_with_one_audit_record() {
    let bench = Bench::fresh().await;
    for number in 0..5 {
        bench.create(&format!("d{number}"), tagged(if number < 2 { &["done"] } else { &[] })).await;
    }
    let result =
        bench.app.device_tag_all(&bench.by, "name==d*", &tags(&["done"]), &tags(&["old"])).await.unwrap();
    assert_eq!(result, BulkResult { matched: 5, changed: 3 });
    assert_eq!(bench.list("tag==done").len(), 5);
    let actions = bench.audited().await;
    assert_eq!(actions.iter().filter(|action| *action == "device.tag").count(), 1);
    let refused = bench.app.device_tag_all(&bench.by, "name==*", &tags(&["<b>"]), &tags(&[])).await;
    assert_eq!(fields(refused.unwrap_err()), ["add.0"]);
    let refused = bench.app.device_tag_all(&bench.by, "name=", &tags(&["a"]), &tags(&[])).await;
    assert_eq!(fields(refused.unwrap_err()), ["q"]);
}

#[tokio::test]
async fn groups_are_made_filled_counted_with_what_is_below_them_and_removed() {
    let bench = Bench::fresh().await;
    for device in ["a", "b", "c"] {
        bench.create(device, DeviceSpec::default()).await;
    }
    let (app, by) = (&bench.app, &bench.by);
    app.group_create(by, "eu", "Europe").await.unwrap();
    app.group_create(by, "eu/berlin", "").await.unwrap();
    assert!(matches!(app.group_create(by, "eu", "").await, Err(AppError::Exists { .. })));
    assert_eq!(
        fields(app.group_create(by, "a//b", &"x".repeat(3_000)).await.unwrap_err()),
        ["path", "description"]
    );
    let (eu, berlin) = ("eu".parse().unwrap(), "eu/berlin".parse().unwrap());
    let change =
        Membership { add: tags(&["a"]), add_matching: Some("name==b".to_owned()), ..Membership::default() };
    let result = app.group_change_members(by, &berlin, &change).await.unwrap();
    assert_eq!(result, BulkResult { matched: 2, changed: 2 });
    assert_eq!(bench.list("group==eu"), ["a", "b"]);
    assert_eq!(app.group_get(by, &eu).await.unwrap().device_count, 2);
    let counts: Vec<_> =
        app.group_list(by).await.unwrap().into_iter().map(|view| view.device_count).collect();
    assert_eq!(counts, [2, 2]);
    let bad = Membership {
        add: tags(&["nobody"]),
        remove: tags(&["nothing"]),
        add_matching: Some("colour==red".to_owned()),
    };
    let refused = app.group_change_members(by, &berlin, &bad).await.unwrap_err();
    assert_eq!(fields(refused), ["add", "remove", "addMatching"]);
    let change = Membership { remove: tags(&["a"]), ..Membership::default() };
    app.group_change_members(by, &berlin, &change).await.unwrap();
    assert_eq!(bench.list("group==eu"), ["b"]);
    let (view, created) = app.group_put(by, &berlin, "capital").await.unwrap();
    assert!(!created && view.group.description == "capital");
    app.group_delete(by, &berlin).await.unwrap();
    assert!(bench.list("group==eu").is_empty());
    assert_eq!(bench.list("name==*").len(), 3, "its devices stay");
    assert!(matches!(app.group_get(by, &berlin).await, Err(AppError::NotFound { .. })));
}

#[tokio::test]
async fn a_type_in_use_is_not_removed_and_versions_are_checked() {
    let bench = Bench::fresh().await;
    let (app, by, pump) = (&bench.app, &bench.by, "pump".parse().unwrap());
    let (made, created) = app.type_put(by, &pump, NewTypeSpec::default(), None).await.unwrap();
    assert!(created && made.version == 1);
    bench.create("d", DeviceSpec { device_type: Some("pump".to_owned()), ..DeviceSpec::default() }).await;
    assert_eq!(app.type_delete(by, &pump, None).await.unwrap_err().code(), "type.in_use");
    let spec = NewTypeSpec { version_sources: Some(vec![VersionSource::Nowhere]), ..NewTypeSpec::default() };
    let stale = app.type_put(by, &pump, spec.clone(), Some(9)).await;
    assert!(matches!(stale, Err(AppError::VersionMismatch { current: 1 })));
    let (changed, created) = app.type_put(by, &pump, spec, Some(1)).await.unwrap();
    assert!(!created && changed.version == 2);
    assert_eq!(app.type_get(by, &pump).await.unwrap(), changed);
    let bare = DevicePatch { device_type: Some(None), ..DevicePatch::default() };
    app.device_patch(by, &name("d"), bare, None).await.unwrap();
    app.type_delete(by, &pump, Some(2)).await.unwrap();
    assert!(app.type_list(by).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_index_follows_more_than_a_page_of_changes_with_all_that_is_known_of_each_device() {
    let bench = Bench::fresh().await;
    let tenant = bench.by.tenant;
    let path: windlass_domain::ids::GroupPath = "eu".parse().unwrap();
    bench.app.group_put(&bench.by, &path, "").await.unwrap();
    let alias = devices::Alias { protocol: "modbus".to_owned(), external_id: "17".to_owned() };
    bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            let (path, alias) = (path.clone(), alias.clone());
            Box::pin(async move {
                let group = windlass_store::groups::group_by_path(tx, tenant, &path).await?.unwrap();
                for number in 0..1_500 {
                    let new = devices::NewDevice::named(tenant, name(&format!("d-{number}")));
                    let device = devices::device_insert(tx, &new, START).await?.unwrap();
                    if number % 500 == 0 {
                        windlass_store::groups::member_insert(tx, group.id, device.id).await?;
                        let alias = devices::Alias { external_id: number.to_string(), ..alias.clone() };
                        devices::alias_insert(tx, tenant, device.id, &alias).await?;
                    }
                }
                Ok(())
            })
        })
        .await
        .unwrap();
    feed_is_whole(&bench.app.store).await.unwrap();
    let told = bench.app.fleet.catch_up(&bench.app.store).await.unwrap();
    assert!(told.len() >= 1_500, "{}", told.len());
    assert!(bench.app.fleet.is_current());
    assert_eq!(bench.app.fleet.len(), 1_500);
    assert_eq!(bench.list("group==eu"), ["d-0", "d-1000", "d-500"]);
    assert_eq!(bench.list("alias==1000"), ["d-1000"]);
}

#[tokio::test]
async fn the_index_follows_what_others_commit_and_survives_a_restart() {
    let bench = Bench::fresh().await;
    let tenant = bench.by.tenant;
    let new = devices::NewDevice::named(tenant, name("from-elsewhere"));
    bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| {
            let new = new.clone();
            Box::pin(async move { devices::device_insert(tx, &new, START).await })
        })
        .await
        .unwrap();
    assert!(bench.list("name==*").is_empty(), "not yet");
    feed_is_whole(&bench.app.store).await.unwrap();
    bench.app.fleet.catch_up(&bench.app.store).await.unwrap();
    assert_eq!(bench.list("name==*"), ["from-elsewhere"]);
    assert!(bench.app.fleet.is_current());
    let fresh = crate::fleet::Fleet::default();
    fresh.load(&bench.app.store).await.unwrap();
    assert_eq!(fresh.len(), 1);
    assert!(fresh.catch_up(&bench.app.store).await.unwrap().is_empty(), "what was loaded is not read again");
}
