//! `windlass device versions`: how many devices run which version.

use serde::Serialize;
use windlass_api::devices::Device;
use windlass_api::page::{FacetCount, ListQuery};
use windlass_domain::job::shown::apart;

use super::api::Api;
use super::printer::Printer;
use crate::terminal;

/// The field whose values are `component version`.
const RUNNING: &str = "running";

/// Most values of a field that the server counts.
const FACET_VALUES: usize = 100;

/// How many devices run one version of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Share {
    component: String,
    version: String,
    devices: u64,
}

/// By component; of each the most frequent version first, as the server counts them.
fn shares(counts: Vec<FacetCount>) -> Vec<Share> {
    let split = |FacetCount { value, count }| {
        let (component, version) = apart(&value)?;
        Some(Share { component, version: version.to_owned(), devices: count })
    };
    let mut shares: Vec<Share> = counts.into_iter().filter_map(split).collect();
    shares.sort_by(|one, other| one.component.cmp(&other.component));
    shares
}

/// Shows the distribution among the devices that match.
pub(super) async fn show(api: &Api, query: Option<String>, printer: Printer) -> anyhow::Result<()> {
    let query =
        ListQuery { q: query, sort: None, limit: Some(1), cursor: None, facets: Some(RUNNING.to_owned()) };
    let page = api.all::<Device>(&["devices"], &query, 1).await?;
    let counts = page.facets.unwrap_or_default().remove(RUNNING).unwrap_or_default();
    if counts.len() >= FACET_VALUES {
        terminal::note(&format!(
            "only the {FACET_VALUES} most frequent are shown; narrow the devices with --query"
        ));
    }
    printer.rows(&shares(counts), &["component", "version", "devices"], |share| {
        vec![share.component.clone(), share.version.clone(), share.devices.to_string()]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_by_component_and_may_have_blanks() {
        let count = |value: &str, count| FacetCount { value: value.to_owned(), count };
        let counts = vec![
            count("os 12", 5),
            count("app 2.0 beta", 3),
            count("os 11", 2),
            count("none", 1),
            count("My\u{a0}app 1 b", 1),
        ];
        let told: Vec<_> = shares(counts)
            .into_iter()
            .map(|Share { component, version, devices }| format!("{component}|{version}|{devices}"))
            .collect();
        assert_eq!(told, ["My app|1 b|1", "app|2.0 beta|3", "os|12|5", "os|11|2"]);
    }
}
