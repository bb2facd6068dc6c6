//! What operators do with shadows, and what devices and application clients hear of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use windlass_app::AppError;
use windlass_app::hub::{CloseReason, Link, Registration};
use windlass_app::message::Outbound;
use windlass_app::shadow::{SentVersions, ShadowView};
use windlass_domain::device::Lifecycle;
use windlass_domain::ids::{CredentialId, DeviceId, DeviceName, ShadowName, TenantId};
use windlass_domain::permission::{Principal, Role};
use windlass_domain::shadow::Object;
use windlass_domain::time::Timestamp;
use windlass_store::devices::{device_by_id, device_save};

use crate::bench::{Bench, Device, TENANT};

fn operator() -> Principal {
    Principal::user(TENANT, "olga", Role::Operator)
}

fn viewer() -> Principal {
    Principal::user(TENANT, "victor", Role::Viewer)
}

fn object(value: Value) -> Option<Object> {
    value.as_object().cloned()
}

fn named(name: &str) -> ShadowName {
    name.parse().unwrap()
}

async fn desire(bench: &Bench, device: &Device, desired: Value) -> Result<ShadowView, AppError> {
    bench.app.shadow_update(&operator(), device.name(), None, object(desired), None).await
}

async fn a_pump(name: &str) -> (Bench, Device) {
    let bench = Bench::start(name).await;
    let pump = bench.add(Device::named("pump-1")).await;
    (bench, pump)
}

/// A connection that notes what it is told.
#[derive(Debug, Default)]
struct Probe(Mutex<Vec<String>>);

impl Probe {
    fn note(&self, what: &str) {
        self.0.lock().unwrap().push(what.to_owned());
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Link for Probe {
    fn wake(&self) {
        self.note("wake");
    }

    fn deliver(&self, message: &Arc<Outbound>) {
        self.note(&message.topic);
    }

    fn close(&self, _: CloseReason) {
        self.note("close");
    }
}

fn connect(bench: &Bench, device: DeviceId) -> Arc<Probe> {
    let probe = Arc::new(Probe::default());
    let link: Arc<dyn Link> = Arc::<Probe>::clone(&probe);
    let registration = Registration {
        device,
        client_id: "c".into(),
        credential: CredentialId::new(1),
        expires_at: Timestamp::from_micros(i64::MAX),
        link,
    };
    bench.app.hub.register(registration, 8);
    probe
}

#[tokio::test]
async fn a_desired_change_is_stored_and_the_device_finds_it_as_its_delta() {
    let (bench, pump) = a_pump("desire").await;
    let connection = connect(&bench, pump.id());
    let view = desire(&bench, &pump, json!({"rate": 5, "n": {"a": 1}})).await.unwrap();
    assert_eq!(Value::Object(view.desired.clone()), json!({"rate": 5, "n": {"a": 1}}));
    assert_eq!((view.version, view.name.clone()), (1, None));
    assert_eq!(view.delta, Some(view.desired.clone()));
    let at = json!({"timestamp": bench.now()});
    assert_eq!(view.metadata, json!({"desired": {"rate": at, "n": {"a": at}}}));
    assert_eq!(connection.told(), ["$aws/things/pump-1/shadow/update/documents", "wake"]);

    let own = ["$aws/things/pump-1/shadow/update/delta"];
    let pending = bench.pending(&pump, &own, &mut SentVersions::new()).await;
    let state: Vec<_> = pending.iter().map(|(_, body)| &body["state"]).collect();
    assert_eq!(state, [&json!({"rate": 5, "n": {"a": 1}})]);

    let reported = json!({"state": {"reported": {"rate": 5, "n": {"a": 1}}}});
    bench.send(&pump, "$aws/things/pump-1/shadow/update", &reported).await;
    let view = bench.app.shadow_get(&viewer(), pump.name(), None).await.unwrap();
    assert_eq!((view.version, view.delta), (2, None));
    assert_eq!(Value::Object(view.reported), json!({"rate": 5, "n": {"a": 1}}));
}

#[tokio::test]
async fn a_change_merges_deletes_with_null_and_clears_without_an_object() {
    let (bench, pump) = a_pump("merge").await;
    desire(&bench, &pump, json!({"a": 1, "b": 2})).await.unwrap();
    bench.advance(Duration::from_secs(9));
    let view = desire(&bench, &pump, json!({"a": null, "c": 3})).await.unwrap();
    assert_eq!(Value::Object(view.desired), json!({"b": 2, "c": 3}));
    assert_eq!(view.updated_at.seconds(), bench.now());
    let view = bench.app.shadow_update(&operator(), pump.name(), None, None, None).await.unwrap();
    assert_eq!((view.desired, view.metadata, view.version), (Object::new(), json!({}), 3));
}

#[tokio::test]
async fn a_change_of_another_version_says_which_one_is_current() {
    let (bench, pump) = a_pump("versions").await;
    desire(&bench, &pump, json!({"a": 1})).await.unwrap();
    for (expected, current) in [(0, Some(1)), (2, Some(1)), (1, None)] {
        let change = object(json!({"a": 2}));
        let done = bench.app.shadow_update(&operator(), pump.name(), None, change, Some(expected)).await;
        match (done, current) {
            (Ok(view), None) => assert_eq!(view.version, 2),
            (Err(AppError::VersionMismatch { current }), Some(wanted)) => assert_eq!(current, wanted),
            (other, _) => panic!("{other:?}"),
        }
    }
    let refused = bench.app.shadow_delete(&operator(), pump.name(), None, Some(1)).await;
    assert_eq!(refused.unwrap_err().code(), "version_mismatch");
    bench.app.shadow_delete(&operator(), pump.name(), None, Some(2)).await.unwrap();
    assert_eq!(bench.app.shadow_get(&viewer(), pump.name(), None).await.unwrap_err().code(), "not_found");
    assert_eq!(desire(&bench, &pump, json!({"b": 1})).await.unwrap().version, 3);
}

#[tokio::test]
async fn bounds_hold_for_operators_as_for_devices() {
    let (bench, pump) = a_pump("bounds").await;
    let deep = json!({"1": {"2": {"3": {"4": {"5": {"6": {"7": 1}}}}}}});
    for (desired, code) in [
        (deep, "invalid"),
        (json!({"a": [1, null]}), "invalid"),
        (json!({"a": "x".repeat(9_000)}), "too_large"),
    ] {
        assert_eq!(desire(&bench, &pump, desired).await.unwrap_err().code(), code);
    }
    for number in 1..=26 {
        let name = named(&format!("n-{number}"));
        let change = object(json!({"a": 1}));
        let done = bench.app.shadow_update(&operator(), pump.name(), Some(&name), change, None).await;
        assert_eq!(done.err().map(|error| error.code()), (number == 26).then_some("shadow.count"));
    }
}

#[tokio::test]
async fn who_may_not_write_or_see_the_device_is_told_no_more_than_that() {
    let (bench, pump) = a_pump("rights").await;
    desire(&bench, &pump, json!({"a": 1})).await.unwrap();
    let change = || object(json!({"a": 2}));
    let refused = bench.app.shadow_update(&viewer(), pump.name(), None, change(), None).await;
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    let refused = bench.app.shadow_delete(&viewer(), pump.name(), None, None).await;
    assert_eq!(refused.unwrap_err().code(), "forbidden");
    let device = Principal::device(TENANT, "pump-1");
    assert_eq!(bench.app.shadow_get(&device, pump.name(), None).await.unwrap_err().code(), "forbidden");

    let stranger = Principal::user(TenantId::new(77), "mallory", Role::Admin);
    let nobody: DeviceName = "nobody".parse().unwrap();
    for (by, name) in [(&stranger, pump.name()), (&operator(), &nobody)] {
        let codes = [
            bench.app.shadow_get(by, name, None).await.unwrap_err().code(),
            bench.app.shadow_list(by, name).await.unwrap_err().code(),
            bench.app.shadow_update(by, name, None, change(), None).await.unwrap_err().code(),
            bench.app.shadow_delete(by, name, None, None).await.unwrap_err().code(),
        ];
        assert_eq!(codes, ["not_found"; 4]);
    }
    let view = bench.app.shadow_get(&viewer(), pump.name(), None).await.unwrap();
    assert_eq!((Value::Object(view.desired), view.version), (json!({"a": 1}), 1));
}

#[tokio::test]
async fn a_scope_ends_at_the_devices_it_selects() {
    let (bench, pump) = a_pump("scope").await;
    let valve = bench.add(Device::named("valve-1")).await;
    let scoped = Principal { scope: Some("name==pump-1".to_owned()), ..operator() };
    let change = || object(json!({"a": 1}));
    bench.app.shadow_update(&scoped, pump.name(), None, change(), None).await.unwrap();
    bench.app.shadow_update(&operator(), valve.name(), None, change(), None).await.unwrap();
    let refused = bench.app.shadow_update(&scoped, valve.name(), None, change(), None).await;
    assert_eq!(refused.unwrap_err().code(), "not_found");
    assert_eq!(bench.app.shadow_get(&scoped, valve.name(), None).await.unwrap_err().code(), "not_found");
    assert_eq!(bench.app.shadow_get(&operator(), valve.name(), None).await.unwrap().version, 1);
}

#[tokio::test]
async fn a_decommissioned_device_can_be_read_but_not_configured() {
    let (bench, pump) = a_pump("decommissioned").await;
    desire(&bench, &pump, json!({"a": 1})).await.unwrap();
    let id = pump.id();
    bench
        .app
        .store
        .write(move |tx| {
            Box::pin(async move {
                let mut device = device_by_id(tx, id).await?.unwrap();
                device.lifecycle = Lifecycle::Decommissioned;
                device_save(tx, &mut device, Timestamp::from_seconds(2)).await
            })
        })
        .await
        .unwrap();
    let refused = desire(&bench, &pump, json!({"a": 2})).await.unwrap_err();
    assert_eq!(refused.code(), "device.decommissioned");
    assert_eq!(bench.app.shadow_get(&viewer(), pump.name(), None).await.unwrap().version, 1);
    bench.app.shadow_delete(&operator(), pump.name(), None, None).await.unwrap();
}

#[tokio::test]
async fn the_list_has_every_live_shadow_the_classic_one_first() {
    let (bench, pump) = a_pump("list").await;
    for name in [Some(named("b")), None, Some(named("a"))] {
        let change = object(json!({"a": 1}));
        bench.app.shadow_update(&operator(), pump.name(), name.as_ref(), change, None).await.unwrap();
    }
    bench.app.shadow_delete(&operator(), pump.name(), Some(&named("b")), None).await.unwrap();
    let lines = bench.app.shadow_list(&viewer(), pump.name()).await.unwrap();
    let names: Vec<_> = lines.iter().map(|line| (line.name.clone(), line.version)).collect();
    assert_eq!(names, [(None, 1), (Some(named("a")), 1)]);
}

#[tokio::test]
async fn every_change_leaves_an_audit_record_without_its_values_and_a_refused_one_leaves_none() {
    let (bench, pump) = a_pump("audit").await;
    desire(&bench, &pump, json!({"password": "hush"})).await.unwrap();
    let refused =
        bench.app.shadow_update(&operator(), pump.name(), None, object(json!({"a": 1})), Some(9)).await;
    assert!(refused.is_err());
    bench.app.shadow_delete(&operator(), pump.name(), None, None).await.unwrap();
    let records = bench
        .app
        .store
        .read(|tx| {
            Box::pin(async move {
                windlass_store::audit::list(tx, TENANT, &windlass_store::audit::Filter::default(), 10).await
            })
        })
        .await
        .unwrap();
    let mut told: Vec<_> = records
        .iter()
        .filter(|stored| stored.record.action.starts_with("shadow."))
        .map(|stored| (stored.record.action.as_str(), stored.record.target.as_str()))
        .collect();
    told.sort_unstable();
    assert_eq!(told, [("shadow.delete", "device:pump-1"), ("shadow.update", "device:pump-1")]);
    assert!(!format!("{records:?}").contains("hush"));
    assert!(format!("{records:?}").contains("password"));
}
