//! A large registered fleet: how long the server takes to start with it, to answer lists, and to begin a job over it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;
use windlass_api::jobs::Job;
use windlass_app::clock::{Clock, SystemClock};
use windlass_domain::device_type::TypeSpec;
use windlass_domain::ids::{DeviceName, TypeId};
use windlass_domain::time::Timestamp;
use windlass_store::devices::{NewDevice, device_insert};
use windlass_store::{Location, Store, StoreError, tenants, types};

use super::figures::{Figures, millis, number};
use crate::place::Process;
use crate::sim::measure::Histogram;
use crate::terminal;

/// Devices that one transaction registers.
const BATCH: u64 = 5_000;
/// Times that each question is asked.
const ASKED: usize = 100;
const TYPES: u64 = 8;
const SITES: u64 = 50;
const TAGS: u64 = 12;

/// What a person at the console asks for.
#[derive(Debug, Serialize)]
struct Question {
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<&'static str>,
    sort: &'static str,
    limit: u32,
    facets: &'static str,
}

#[derive(Debug, Deserialize)]
struct Answer {
    total: u64,
}

const FACETS: &str = "type,tag,lifecycle";
const QUESTIONS: [(&str, Option<&str>, &str, &str); 5] = [
    ("everything by name", None, "name", FACETS),
    ("3 clauses", Some("type==model-3;tag==batch-4;attribute.site!=site-7"), "name", FACETS),
    (
        "3 clauses, last contact first",
        Some("type==model-3;tag==batch-4;lifecycle==registered"),
        "-lastContactAt",
        FACETS,
    ),
    ("online only", Some("presence==never;type=in=(model-1,model-2)"), "name", "presence,type,tag"),
    ("a name's beginning", Some("name==unit-0000*"), "name", FACETS),
];

/// Registers fleets of these sizes and measures each.
pub(crate) async fn fleet(directory: &Path, sizes: &[u64], figures: &mut Figures) -> anyhow::Result<()> {
    for size in sizes {
        terminal::note(&format!("a fleet of {size} registered devices"));
        let own = directory.join(size.to_string());
        std::fs::create_dir_all(&own)?;
        // A server makes the directory and everything in it.
        ensure!(Process::start(&own, &[]).await?.stop().await?, "the server did not end well");
        register(&own.join("data"), *size).await?;
        measure(&own, *size, figures).await?;
    }
    Ok(())
}

/// Straight into the store: nobody registers a million devices one request at a time.
async fn register(data: &Path, size: u64) -> anyhow::Result<()> {
    let now = SystemClock::default().now();
    let store = Store::open(&Location::Sqlite { directory: data.to_owned() }, now).await?;
    let models = models(&store, now).await?;
    let bar = terminal::progress(size, "registering");
    let mut from = 0;
    while from < size {
        let to = size.min(from.saturating_add(BATCH));
        let models = models.clone();
        store
            .write::<_, StoreError, _>(move |tx| {
                let models = models.clone();
                Box::pin(async move {
                    for number in from..to {
                        device_insert(tx, &device(number, &models)?, now).await?;
                    }
                    Ok(())
                })
            })
            .await?;
        bar.set_position(to);
        from = to;
    }
    bar.finish_and_clear();
    store.close().await;
    Ok(())
}

async fn models(store: &Store, now: Timestamp) -> anyhow::Result<Vec<TypeId>> {
    let made = store
        .write::<_, StoreError, _>(move |tx| {
            Box::pin(async move {
                let tenant = tenants::tenant_ensure(tx, &parsed("default")?, now).await?.id;
                let mut models = Vec::new();
                for number in 0..TYPES {
                    let name = parsed(&format!("model-{number}"))?;
                    if let Some(made) =
                        types::type_insert(tx, tenant, &name, &TypeSpec::default(), now).await?
                    {
                        models.push(made.id);
                    }
                }
                Ok(models)
            })
        })
        .await?;
    Ok(made)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt("bench", error))
}

fn device(number: u64, models: &[TypeId]) -> Result<NewDevice, StoreError> {
    let name: DeviceName = parsed(&format!("unit-{number:07}"))?;
    // The first tenant of a fresh store.
    let mut new = NewDevice::named(windlass_domain::ids::TenantId::new(1), name);
    // Odd strides, so that type, tag and site are not in step.
    let of = |stride: u64, most: u64| number.wrapping_mul(stride) / 7 % most;
    new.device_type = usize::try_from(of(3, TYPES)).ok().and_then(|index| models.get(index)).copied();
    new.tags.insert(parsed(&format!("batch-{}", of(5, TAGS)))?);
    new.attributes.insert(parsed("site")?, format!("site-{}", of(11, SITES)));
    new.attributes.insert(parsed("serial")?, format!("SN{:010}", number.wrapping_mul(7919)));
    Ok(new)
}

async fn measure(directory: &Path, size: u64, figures: &mut Figures) -> anyhow::Result<()> {
    let server = Process::start(directory, &[]).await?;
    let budget = if size >= 1_000_000 { "< 10 (1M)" } else { "" };
    let add = |figures: &mut Figures, what: String, value: f64, unit: &'static str, budget: &'static str| {
        if budget.is_empty() {
            figures.add(what, value, unit)
        } else {
            figures.add_budgeted(what, value, unit, budget)
        }
    };
    add(figures, format!("start with {size} devices"), server.started_in.as_secs_f64(), "s", budget);
    figures.add(
        format!("resident memory with {size} devices"),
        number(server.resident_kib()?) / 1024.0,
        "MiB",
    );
    let place = server.place().await?;
    for (what, q, sort, facets) in QUESTIONS {
        let times = Histogram::default();
        let mut total = 0;
        for _ in 0..ASKED {
            let began = Instant::now();
            let answer: Answer =
                place.api.get(&["devices"], &Question { q, sort, limit: 100, facets }).await?;
            times.record(began.elapsed());
            total = answer.total;
        }
        let at = |share| times.percentile(share).map_or(0.0, |time: Duration| millis(time));
        let budgeted = what == "3 clauses";
        let named = format!("list of {size}, {what} ({total} match), 3 facets");
        add(figures, format!("{named}, p50"), at(500), "ms", if budgeted { "< 15 (1M)" } else { "" });
        add(figures, format!("{named}, p99"), at(990), "ms", if budgeted { "< 50 (1M)" } else { "" });
    }
    let began = Instant::now();
    let job =
        json!({ "kind": "custom", "document": { "operation": "none" }, "targets": { "query": "name==*" } });
    let made: Job = place.api.write(Method::POST, &["jobs"], &job).await?;
    add(
        figures,
        format!("job over {size} devices: create and start"),
        began.elapsed().as_secs_f64(),
        "s",
        "< 5 (1M)",
    );
    let began = Instant::now();
    let id = made.id.to_string();
    let shown: Value = place.api.get(&["jobs", &id], &json!({})).await.context("the job is not there")?;
    ensure!(
        shown.pointer("/counts/targets").and_then(Value::as_u64) == Some(size),
        "the job has other targets: {shown}"
    );
    figures.add("that job's page", millis(began.elapsed()), "ms");
    ensure!(server.stop().await?, "the server did not end well");
    Ok(())
}
