//! Items, extras and pieces of software, on both engines.

use windlass_domain::ids::{ArtifactId, ComponentId, ReleaseId, TenantId};
use windlass_domain::software::{Component, Release};

use super::items::{self, SetTag, TargetTag};
use super::{Filter, ModuleExtra, SetExtra, Tag, TargetExtra, actions, extras, hidden, software};
use crate::executions::later_of_devices;
use crate::testing::{START, on_each_engine, sqlite_store};
use crate::tx::{Tx, fetch_all};
use crate::{StoreError, releases};

const OURS: TenantId = TenantId::new(1);
const THEIRS: TenantId = TenantId::new(2);

fn filter(query: &str) -> Filter {
    Filter { query: query.to_owned(), ..Filter::default() }
}

#[tokio::test]
async fn items_are_apart_by_tenant_and_kind_and_names_are_taken_once() {
    on_each_engine("management-items", |store| async move {
        store
            .write::<_, crate::StoreError, _>(|tx| {
                Box::pin(async move {
                    let one = items::insert(tx, OURS, "a", &filter("x"), "anna", START).await?.unwrap();
                    assert_eq!(items::insert(tx, OURS, "a", &filter("y"), "anna", START).await?, None);
                    assert!(items::insert(tx, THEIRS, "a", &filter("y"), "bert", START).await?.is_some());
                    let tag = Tag { description: Some("d".to_owned()), colour: None };
                    let tag = items::insert(tx, OURS, "a", &TargetTag(tag), "anna", START).await?.unwrap();
                    assert_eq!(items::get::<SetTag>(tx, OURS, tag).await?, None);
                    assert_eq!(items::get::<TargetTag>(tx, THEIRS, tag).await?, None);
                    let two = items::insert(tx, OURS, "b", &filter("z"), "anna", START).await?.unwrap();
                    let mut item = items::get::<Filter>(tx, OURS, two).await?.unwrap();
                    item.name = "a".to_owned();
                    assert!(!items::save(tx, OURS, &item, "carl", START).await?, "the name is taken");
                    item.name = "c".to_owned();
                    assert!(items::save(tx, OURS, &item, "carl", START).await?);
                    let stored = items::by_name::<Filter>(tx, OURS, "c").await?.unwrap();
                    assert_eq!((stored.id, stored.updated_by.as_str()), (two, "carl"));
                    assert_eq!(items::all::<Filter>(tx, OURS).await?.len(), 2);
                    let everywhere = items::of_all_tenants::<Filter>(tx).await?;
                    assert_eq!(
                        everywhere.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(),
                        [OURS, OURS, THEIRS]
                    );
                    assert!(!items::delete::<Filter>(tx, THEIRS, one).await?);
                    assert!(items::delete::<Filter>(tx, OURS, one).await?);
                    Ok(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_was_never_said_of_a_thing_is_the_default() {
    on_each_engine("management-extras", |store| async move {
        store
            .write::<_, crate::StoreError, _>(|tx| {
                Box::pin(async move {
                    assert_eq!(extras::get::<TargetExtra>(tx, OURS, 7).await?, TargetExtra::default());
                    let said = TargetExtra { name: Some("Pump".to_owned()), ..TargetExtra::default() };
                    extras::put(tx, OURS, 7, &said).await?;
                    let said = TargetExtra { description: Some("yard".to_owned()), ..said };
                    extras::put(tx, OURS, 7, &said).await?;
                    assert_eq!(extras::get::<TargetExtra>(tx, OURS, 7).await?, said);
                    assert_eq!(extras::get::<TargetExtra>(tx, THEIRS, 7).await?, TargetExtra::default());
                    assert_eq!(extras::get::<SetExtra>(tx, OURS, 7).await?, SetExtra::default());
                    assert_eq!(extras::all::<TargetExtra>(tx, OURS).await?.len(), 1);
                    extras::forget::<ModuleExtra>(tx, OURS, 7).await?;
                    extras::forget::<TargetExtra>(tx, OURS, 7).await?;
                    assert!(extras::all::<TargetExtra>(tx, OURS).await?.is_empty());
                    Ok(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn software_is_put_together_and_taken_apart_in_order() {
    on_each_engine("management-software", |store| async move {
        store
            .write::<_, crate::StoreError, _>(|tx| {
                Box::pin(async move {
                    let component = |name: &str| Component {
                        id: ComponentId::new(0),
                        name: name.parse().unwrap(),
                        version: "1".parse().unwrap(),
                        component_type: "os".parse().unwrap(),
                        artifacts: Vec::new(),
                        created_at: START,
                    };
                    let a = releases::insert_component(tx, OURS, &component("a")).await?.unwrap();
                    let b = releases::insert_component(tx, OURS, &component("b")).await?.unwrap();
                    let release = Release {
                        id: ReleaseId::new(0),
                        name: "r".parse().unwrap(),
                        version: "1".parse().unwrap(),
                        device_types: Vec::new(),
                        components: Vec::new(),
                        notes: String::new(),
                        rules: windlass_domain::software::ReleaseRules::default(),
                        created_at: START,
                        created_by: "anna".to_owned(),
                    };
                    let id = releases::insert_release(tx, OURS, &release).await?.unwrap();
                    software::attach_component(tx, id, b).await?;
                    software::attach_component(tx, id, a).await?;
                    let stored = releases::release_by_id(tx, OURS, id).await?.unwrap();
                    assert_eq!(stored.components.iter().map(|one| one.id).collect::<Vec<_>>(), [b, a]);
                    assert_eq!(software::releases_with(tx, a).await?, [id]);
                    assert!(software::detach_component(tx, id, b).await?);
                    assert!(!software::detach_component(tx, id, b).await?);
                    assert!(software::releases_with(tx, b).await?.is_empty());
                    assert!(!software::was_assigned(tx, id).await?);
                    assert!(software::is_type_used(tx, OURS, "os").await?);
                    assert!(!software::is_type_used(tx, THEIRS, "os").await?);
                    assert_eq!(releases::component_by_id(tx, THEIRS, a).await?, None);
                    assert_eq!(releases::insert_component(tx, OURS, &component("a")).await?, None);
                    let firmware =
                        Component { component_type: "firmware".parse().unwrap(), ..component("a") };
                    let other = releases::insert_component(tx, OURS, &firmware).await?.unwrap();
                    let named = releases::components_named(tx, OURS, "a", "1").await?;
                    assert_eq!(named.iter().map(|one| one.id).collect::<Vec<_>>(), [other, a], "by type");
                    assert_eq!(releases::component_by_id(tx, OURS, a).await?.unwrap().id, a);
                    assert!(!software::detach_artifact(tx, a, ArtifactId::new(99)).await?);
                    Ok(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_history_of_a_device_is_found_by_the_device_and_not_by_its_tenant() {
    let test = sqlite_store("device-history").await;
    let of_device: [fn(&Tx<'_>) -> &'static str; 4] =
        [|_| actions::OF_DEVICE, |_| actions::COUNT_OF_DEVICE, |_| hidden::REST_OF_DEVICE, later_of_devices];
    for asks in of_device {
        let (sql, plan) = test
            .store
            .read::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    let sql = asks(tx);
                    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
                    Ok((sql, fetch_all!(tx, (i64, i64, i64, String), explain)?))
                })
            })
            .await
            .unwrap();
        let told: Vec<&str> = plan.iter().map(|(_, _, _, step)| step.as_str()).collect();
        assert!(told.iter().any(|step| step.contains("(device_id=?")), "{sql}: {told:?}");
    }
    test.remove().await;
}
