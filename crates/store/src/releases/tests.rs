use windlass_domain::software::{Component, Release, ReleaseRules};

use super::*;
use crate::testing::{START, on_each_engine};

const TENANT: TenantId = TenantId::new(1);

fn component(name: &str) -> Component {
    Component {
        id: ComponentId::new(0),
        name: name.parse().unwrap(),
        version: "1".parse().unwrap(),
        component_type: "os".parse().unwrap(),
        artifacts: Vec::new(),
        created_at: START,
    }
}

fn a_release(components: Vec<Component>) -> Release {
    Release {
        id: ReleaseId::new(0),
        name: "r".parse().unwrap(),
        version: "1".parse().unwrap(),
        device_types: Vec::new(),
        components,
        notes: String::new(),
        rules: ReleaseRules::default(),
        created_at: START,
        created_by: "anna".to_owned(),
    }
}

#[tokio::test]
async fn what_was_taken_by_an_older_rule_is_still_read_found_and_deleted() {
    on_each_engine("older-names", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let of = |id| Component { id, ..component("fw") };
                    let id = insert_component(tx, TENANT, &component("fw")).await?.unwrap();
                    let release = insert_release(tx, TENANT, &a_release(vec![of(id)])).await?.unwrap();
                    for old in ["1.0<rc2", "<none>", "1<!2", ".", ".."] {
                        execute!(tx, "UPDATE component SET version = $1", old)?;
                        let rules = format!(r#"{{"minimumSource": "{old}", "step": "{old}"}}"#);
                        execute!(tx, "UPDATE software_release SET version = $1, rules = $2", old, rules)?;
                        let listed = releases(tx, TENANT, 0, 10).await?;
                        let [one] = listed.as_slice() else { panic!("{old}: {listed:?}") };
                        assert_eq!((one.version.as_str(), one.components.len()), (old, 1));
                        assert_eq!(one.components.first().unwrap().version.as_str(), old);
                        assert_eq!(one.rules.minimum_source.as_ref().unwrap().as_str(), old);
                        assert_eq!(super::release(tx, TENANT, "r", old).await?.unwrap().id, release);
                        assert_eq!(components_named(tx, TENANT, "fw", old).await?.len(), 1, "{old}");
                        assert_eq!(components(tx, TENANT, 0, 10).await?.len(), 1, "{old}");
                    }
                    delete_release(tx, release, "fetched").await?;
                    delete_component(tx, id).await?;
                    assert!(components(tx, TENANT, 0, 10).await?.is_empty());
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn names_of_components_are_told_once_each_to_their_own_tenant() {
    on_each_engine("component-names", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    for (name, version) in [("펌프", "1"), ("펌프", "2"), ("app", "1"), ("my app", "1")] {
                        let one = Component { version: version.parse().unwrap(), ..component(name) };
                        insert_component(tx, TENANT, &one).await?.unwrap();
                    }
                    let names = async |tx: &mut Tx<'_>, tenant, most| {
                        component_names_in_words(tx, tenant, most).await
                    };
                    assert_eq!(
                        names(tx, TENANT, 10).await?,
                        ["my app", "펌프"],
                        "a key tells its name itself"
                    );
                    assert_eq!(names(tx, TENANT, 1).await?, ["my app"]);
                    assert!(names(tx, TenantId::new(2), 10).await?.is_empty());
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}
