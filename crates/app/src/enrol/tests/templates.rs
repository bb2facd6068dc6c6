//! Templates: what they give a device, what they ask for, and who may change them.

use serde_json::json;
use windlass_domain::device::ATTRIBUTE_BYTES;
use windlass_domain::device_type::TypeSpec;
use windlass_domain::permission::{Principal, Role};
use windlass_store::{groups, types};

use super::*;
use crate::enrol::bench::{pumps, request};

#[tokio::test]
async fn templates_that_are_unknown_disabled_or_not_the_claims_are_refused() {
    for bench in Bench::each("enrol").await {
        let line = bench.line().await;
        bench.template("valves", pumps()).await;
        let valves = bench.claim("valves-only", &["valves"]).await;
        let (_, made) = bench.csr(&line.peer, &request(&key())).await;
        let token = &made["certificateOwnershipToken"];
        let body = json!({"certificateOwnershipToken": token, "parameters": {"SerialNumber": "a"}});
        let unknown =
            bench.publish(&line.peer, "$aws/provisioning-templates/nope/provision/json", &body).await;
        assert_eq!(code(&unknown.1), (404, "ResourceNotFound"));
        assert_eq!(code(&bench.provision(&valves.peer, token, "a").await.1), (403, "AccessDenied"));
        bench.app.template_put(&bench.admin, &"pumps".parse().unwrap(), &pumps(), false, None).await.unwrap();
        assert_eq!(code(&bench.provision(&line.peer, token, "a").await.1), (403, "AccessDenied"));
        assert!(lifecycle(&bench, "a", None).await.is_none());
    }
}

#[tokio::test]
async fn parameters_that_do_not_fit_the_template_are_refused() {
    for bench in Bench::each("enrol").await {
        let claim = bench.line().await;
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let token = &made["certificateOwnershipToken"];
        let topic = "$aws/provisioning-templates/pumps/provision/json";
        for parameters in [json!({}), json!({"SerialNumber": "a/b"}), json!({"SerialNumber": 7})] {
            let body = json!({"certificateOwnershipToken": token, "parameters": parameters});
            assert_eq!(code(&bench.publish(&claim.peer, topic, &body).await.1), (400, "InvalidPayload"));
        }
        assert!(bench.provision(&claim.peer, token, "pump-1").await.0, "the token is still good");
    }
}

#[tokio::test]
async fn a_template_gives_type_groups_and_overrides_and_names_what_is_missing() {
    for bench in Bench::each("enrol").await {
        let claim = bench.claim("line-1", &[]).await;
        let mut body = pumps();
        let thing = &mut body["Resources"]["thing"];
        thing["Properties"]["ThingTypeName"] = json!("pump");
        thing["Properties"]["ThingGroups"] = json!(["eu/berlin"]);
        thing["OverrideSettings"] =
            json!({"AttributePayload": "MERGE", "ThingTypeName": "REPLACE", "ThingGroups": "REPLACE"});
        bench.template("pumps", body).await;
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let token = &made["certificateOwnershipToken"];
        assert_eq!(code(&bench.provision(&claim.peer, token, "pump-1").await.1), (404, "ResourceNotFound"));
        let tenant = bench.admin.tenant;
        bench
            .app
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let now = windlass_store::testing::START;
                    let spec = TypeSpec {
                        default_attributes: [("colour".parse().unwrap(), "red".to_owned())].into(),
                        ..TypeSpec::default()
                    };
                    types::type_insert(tx, tenant, &"pump".parse().unwrap(), &spec, now).await?;
                    groups::group_insert(tx, tenant, &"eu/berlin".parse().unwrap(), "", now).await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
        assert!(bench.provision(&claim.peer, token, "pump-1").await.0);
        let made = lifecycle(&bench, "pump-1", None).await.unwrap();
        assert!(made.device_type.is_some());
        assert_eq!(made.attributes.len(), 2, "the type's and the template's");
        registered(&bench, "pump-2").await;
        bench.enrolled(&claim.peer, "pump-2").await;
        let attached = lifecycle(&bench, "pump-2", None).await.unwrap();
        assert_eq!((attached.device_type, attached.attributes.len()), (made.device_type, 1));
        let id = attached.id;
        let groups: std::collections::BTreeSet<GroupId> = bench
            .app
            .store
            .read(move |tx| Box::pin(async move { groups::groups_of(tx, id).await }))
            .await
            .map_err(|error: StoreError| error)
            .unwrap();
        assert_eq!(groups.len(), 1);
    }
}

#[tokio::test]
async fn a_template_gives_no_more_than_fits_beside_what_the_type_gives() {
    for bench in Bench::each("enrol").await {
        let claim = bench.claim("line-1", &[]).await;
        let mut body = pumps();
        body["Resources"]["thing"]["Properties"]["ThingTypeName"] = json!("pump");
        bench.template("pumps", body).await;
        let tenant = bench.admin.tenant;
        let full = "x".repeat(ATTRIBUTE_BYTES - "colour".len());
        bench
            .app
            .store
            .write(move |tx| {
                let full = full.clone();
                Box::pin(async move {
                    let spec = TypeSpec {
                        default_attributes: [("colour".parse().unwrap(), full)].into(),
                        ..TypeSpec::default()
                    };
                    let now = windlass_store::testing::START;
                    types::type_insert(tx, tenant, &"pump".parse().unwrap(), &spec, now).await?;
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
        let (_, made) = bench.csr(&claim.peer, &request(&key())).await;
        let refused = bench.provision(&claim.peer, &made["certificateOwnershipToken"], "pump-1").await.1;
        assert_eq!(code(&refused), (403, "AccessDenied"));
        assert!(lifecycle(&bench, "pump-1", None).await.is_none());
    }
}

#[tokio::test]
async fn templates_are_checked_versioned_and_kept_from_those_without_rights() {
    for bench in Bench::each("enrol").await {
        let name: TemplateName = "pumps".parse().unwrap();
        let put = |body: Value, version| {
            let (app, by, name) = (bench.app.clone(), bench.admin.clone(), name.clone());
            async move { app.template_put(&by, &name, &body, true, version).await }
        };
        let AppError::Invalid(problems) = put(json!({"Resources": {}}), None).await.unwrap_err() else {
            panic!("invalid")
        };
        assert_eq!(problems[0].field, "body.Resources");
        assert_eq!(put(pumps(), Some(0)).await.unwrap().version, 1);
        assert_eq!(put(pumps(), Some(0)).await.unwrap_err().code(), "version_mismatch");
        assert_eq!(put(pumps(), Some(1)).await.unwrap().version, 2);
        let huge = json!({"Description": "x".repeat(20_000)});
        assert_eq!(put(huge, None).await.unwrap_err().code(), "invalid");
        assert_eq!(bench.app.template_list(&bench.admin).await.unwrap().len(), 1);
        assert_eq!(bench.app.template_get(&bench.admin, &name).await.unwrap().body, pumps());
        let viewer = Principal::user(bench.admin.tenant, "vera", Role::Viewer);
        assert_eq!(bench.app.template_delete(&viewer, &name).await.unwrap_err().code(), "forbidden");
        bench.app.template_delete(&bench.admin, &name).await.unwrap();
        assert_eq!(bench.app.template_get(&bench.admin, &name).await.unwrap_err().code(), "not_found");
        assert_eq!(bench.app.template_delete(&bench.admin, &name).await.unwrap_err().code(), "not_found");
    }
}
