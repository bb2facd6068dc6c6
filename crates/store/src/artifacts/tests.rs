//! Artifacts, what hangs on them, and uploads in parts, on each engine.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_domain::ids::{ArtifactId, ExecutionId, Md5, Sha1, Sha256, UploadId};
use windlass_domain::software::inspection::{Format, Inspection, Seal};
use windlass_domain::software::{Artifact, Sums};

use super::*;
use crate::downloads::{self, Sent};
use crate::tenants::{tenant_default, tenant_ensure};
use crate::testing::{START, on_each_engine};
use crate::uploads::{self, PartUpload};

fn artifact(name: &str) -> Artifact {
    Artifact {
        id: ArtifactId::new(0),
        name: name.parse().unwrap(),
        sha256: Sha256::of(b"bytes"),
        sums: None,
        size: 5,
        signature: None,
        created_at: START,
        created_by: "olga".to_owned(),
    }
}

#[tokio::test]
async fn what_hangs_on_an_artifact_is_kept_for_its_tenant_only() {
    on_each_engine("artifacts", |store| async move {
        let work = store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                let tenant = tenant_default(tx).await?.id;
                let other = tenant_ensure(tx, &"acme".parse().unwrap(), START).await?.id;
                let id = insert(tx, tenant, &artifact("a.bin")).await?;
                let twin = insert(tx, other, &artifact("b.bin")).await?;
                let sums = Sums { sha1: Sha1::new([1; 20]), md5: Md5::new([2; 16]) };
                keep_sums(tx, &Sha256::of(b"bytes"), &sums).await?;
                assert_eq!(get(tx, tenant, id).await?.unwrap().sums, Some(sums));
                assert_eq!(get(tx, other, twin).await?.unwrap().sums, Some(sums), "the same bytes");

                let found = Inspection {
                    format: Format::SwUpdate,
                    version: Some("1".to_owned()),
                    compatible: vec![],
                    components: vec![],
                    listed: vec![],
                    seal: Seal::None,
                };
                assert_eq!(inspection(tx, tenant, id).await?, None);
                keep_inspection(tx, id, &found).await?;
                assert_eq!(inspection(tx, tenant, id).await?, Some(found));
                assert_eq!(inspection(tx, other, id).await?, None);

                assert_eq!(link(tx, tenant, id).await?, None);
                set_link(tx, other, id, Some(&[7; 32])).await?;
                assert_eq!(link(tx, tenant, id).await?, None, "another tenant gives it none");
                set_link(tx, tenant, id, Some(&[7; 32])).await?;
                assert_eq!(link(tx, tenant, id).await?, Some(vec![7; 32]));
                assert_eq!(by_link(tx, &[7; 32]).await?.unwrap().id, id);
                set_link(tx, tenant, id, None).await?;
                assert_eq!(by_link(tx, &[7; 32]).await?, None);
                Ok(())
            })
        });
        work.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_upload_moves_on_from_where_it_stands_and_from_nowhere_else() {
    on_each_engine("uploads", |store| async move {
        let work = store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                let tenant = tenant_default(tx).await?.id;
                let other = tenant_ensure(tx, &"acme".parse().unwrap(), START).await?.id;
                let later = START.plus(Duration::from_secs(60));
                let new = PartUpload {
                    id: UploadId::new(0),
                    name: "a.bin".parse().unwrap(),
                    size: 10,
                    sha256: Some(Sha256::of(b"x")),
                    signature: Some("sig".to_owned()),
                    received: 0,
                    artifact: None,
                    created_at: START,
                    created_by: "olga".to_owned(),
                    expires_at: later,
                };
                let id = uploads::insert(tx, tenant, &new).await?;
                assert_eq!(uploads::get(tx, tenant, id).await?, Some(PartUpload { id, ..new }));
                assert_eq!(uploads::get(tx, other, id).await?, None);
                assert_eq!((uploads::open(tx, tenant).await?, uploads::open(tx, other).await?), (1, 0));
                assert!(uploads::receive(tx, id, 0, 4, later).await?);
                assert!(!uploads::receive(tx, id, 0, 5, later).await?, "it stands at 4");
                assert!(uploads::wants(tx, id).await?);
                assert_eq!(bytes(tx, tenant).await?, 10, "what was announced counts");
                let made = insert(tx, tenant, &artifact("a.bin")).await?;
                assert!(uploads::finish(tx, id, made).await?);
                assert!(!uploads::finish(tx, id, made).await?, "it became one artifact");
                assert_eq!((bytes(tx, tenant).await?, bytes(tx, other).await?), (5, 0));
                assert!(!uploads::receive(tx, id, 4, 5, later).await?, "it is an artifact");
                assert!(!uploads::wants(tx, id).await?);
                let listed = uploads::list(tx, tenant, 0, 10).await?;
                assert_eq!(
                    listed.iter().map(|one| (one.received, one.artifact)).collect::<Vec<_>>(),
                    [(4, Some(made))]
                );
                assert!(!uploads::delete(tx, other, id).await?);
                assert_eq!(uploads::expire(tx, START).await?, 0);
                assert_eq!(uploads::expire(tx, later).await?, 1);
                assert_eq!(uploads::get(tx, tenant, id).await?, None);
                Ok(())
            })
        });
        work.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_went_out_adds_up_and_goes_with_its_execution() {
    on_each_engine("downloads", |store| async move {
        let work = store.write::<_, StoreError, _>(|tx| {
            Box::pin(async move {
                let (execution, file) = (ExecutionId::new(7), ArtifactId::new(3));
                let sent = |reached, bytes| BTreeMap::from([(file, Sent { reached, bytes })]);
                downloads::add(tx, execution, &sent(100, 100)).await?;
                downloads::add(tx, execution, &sent(50, 20)).await?;
                assert_eq!(downloads::of_execution(tx, execution).await?, sent(100, 120));
                assert_eq!(downloads::of_execution(tx, ExecutionId::new(8)).await?, BTreeMap::new());
                assert_eq!(downloads::forget_gone(tx).await?, 1, "there is no such execution");
                assert_eq!(downloads::of_execution(tx, execution).await?, BTreeMap::new());
                Ok(())
            })
        });
        work.await.unwrap();
    })
    .await;
}
