use std::time::Duration;

use super::*;
use crate::testing::{START, on_each_engine};

fn new(number: u8) -> NewCredential {
    NewCredential {
        tenant: TenantId::new(1),
        device: None,
        claim: Some(ClaimId::new(5)),
        purpose: CredentialPurpose::Device,
        status: CredentialStatus::Pending,
        fingerprint: Sha256::of(&[number]),
        public_key: Sha256::of(&[number, 1]),
        serial: "ab".to_owned(),
        certificate_pem: "pem".to_owned(),
        not_before: START,
        not_after: START.plus(Duration::from_secs(100)),
        ownership: Some((Sha256::of(&[number, 2]), START.plus(Duration::from_secs(10)))),
    }
}

#[tokio::test]
async fn a_certificate_is_found_by_everything_that_names_it() {
    on_each_engine("credentials", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let id = insert(tx, &new(1), START).await?;
                    let found = by_id(tx, TenantId::new(1), id).await?.unwrap();
                    assert_eq!((found.status, found.activated_at), (CredentialStatus::Pending, None));
                    assert_eq!(found.ownership, new(1).ownership);
                    assert_eq!(by_id(tx, TenantId::new(2), id).await?, None);
                    assert_eq!(by_fingerprint(tx, &new(1).fingerprint).await?.as_ref(), Some(&found));
                    assert_eq!(by_fingerprint(tx, &new(2).fingerprint).await?, None);
                    assert_eq!(by_ownership_token(tx, &Sha256::of(&[1, 2])).await?.as_ref(), Some(&found));
                    assert_eq!(by_public_key(tx, &new(1).public_key).await?, [found]);
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn it_lives_from_binding_to_its_end_and_ends_once() {
    on_each_engine("credentials", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let device = DeviceId::new(9);
                    let id = insert(tx, &new(1), START).await?;
                    assert!(!device_has_live(tx, device, START).await?);
                    bind(tx, id, device, true, START).await?;
                    assert!(device_has_live(tx, device, START).await?);
                    assert!(!device_has_live(tx, device, new(1).not_after).await?);
                    assert!(end(tx, id, CredentialStatus::Revoked, "lost", START).await?);
                    assert!(!end(tx, id, CredentialStatus::Revoked, "again", START).await?);
                    assert!(!device_has_live(tx, device, START).await?);
                    let listed = of_device(tx, device).await?;
                    assert_eq!(listed[0].ended, Some((START, "lost".to_owned())));
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_a_claim_made_is_counted_and_swept_when_nobody_provisions_it() {
    on_each_engine("credentials", |store| async move {
        store
            .write(|tx| {
                Box::pin(async move {
                    let claim = ClaimId::new(5);
                    let first = insert(tx, &new(1), START).await?;
                    insert(tx, &new(2), START.plus(Duration::from_secs(30))).await?;
                    let own = NewCredential {
                        purpose: CredentialPurpose::Claim,
                        status: CredentialStatus::Active,
                        ownership: None,
                        ..new(3)
                    };
                    insert(tx, &own, START).await?;
                    assert_eq!(of_claim(tx, claim).await?.len(), 1);
                    assert_eq!(open_of_claim(tx, claim).await?, 2);
                    assert_eq!(made_by_claim_since(tx, claim, START).await?, 1);
                    bind(tx, first, DeviceId::new(9), true, START).await?;
                    assert_eq!(open_of_claim(tx, claim).await?, 1);
                    let before = START.plus(Duration::from_secs(9));
                    assert_eq!(delete_unprovisioned(tx, before, 10).await?, 0);
                    let after = START.plus(Duration::from_secs(10));
                    assert_eq!(delete_unprovisioned(tx, after, 10).await?, 1);
                    assert_eq!(open_of_claim(tx, claim).await?, 0);
                    assert_eq!(of_device(tx, DeviceId::new(9)).await?.len(), 1);
                    Ok::<_, StoreError>(())
                })
            })
            .await
            .unwrap();
    })
    .await;
}
