use rcgen::KeyPair;
use serde_json::Value;
use windlass_domain::device::Lifecycle;
use windlass_store::devices::NewDevice;
use windlass_store::{StoreError, devices};

use super::bench::Bench;
use super::*;

mod certificates;
mod claims;
mod provisioning;
mod templates;

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn code(said: &Value) -> (i64, &str) {
    (said["statusCode"].as_i64().unwrap(), said["errorCode"].as_str().unwrap())
}

async fn lifecycle(
    bench: &Bench,
    name: &str,
    to: Option<Lifecycle>,
) -> Option<windlass_domain::device::Device> {
    let (tenant, name) = (bench.admin.tenant, name.parse::<DeviceName>().unwrap());
    bench
        .app
        .store
        .write(move |tx| {
            let name = name.clone();
            Box::pin(async move {
                let mut device = devices::device_by_name(tx, tenant, &name).await?;
                if let (Some(device), Some(to)) = (&mut device, to) {
                    device.lifecycle = to;
                    assert!(devices::device_save(tx, device, windlass_store::testing::START).await?);
                }
                Ok::<_, StoreError>(device)
            })
        })
        .await
        .unwrap()
}

async fn registered(bench: &Bench, name: &str) -> DeviceId {
    let (tenant, name) = (bench.admin.tenant, name.parse::<DeviceName>().unwrap());
    let made = bench
        .app
        .store
        .write(move |tx| {
            let new = NewDevice::named(tenant, name.clone());
            Box::pin(async move { devices::device_insert(tx, &new, windlass_store::testing::START).await })
        })
        .await;
    let made: Option<windlass_domain::device::Device> = made.map_err(|error: StoreError| error).unwrap();
    made.unwrap().id
}
