//! Figures with their budgets, and the machine they were measured on.

use std::time::Duration;

use serde::Serialize;

use crate::terminal;

/// What a run measured.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    figures: Vec<Figure>,
    /// A group failed.
    pub(crate) incomplete: bool,
}

/// One measured value.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget: Option<&'static str>,
}

/// Figures with what they depend on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Measured {
    machine: Machine,
    build: &'static str,
    figures: Vec<Figure>,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    cores: usize,
    memory: String,
    kernel: String,
}

impl Figures {
    /// A value without a budget.
    pub(crate) fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str) {
        self.push(what.into(), value, unit, None);
    }

    /// A value that has a budget in the design.
    pub(crate) fn add_budgeted(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        budget: &'static str,
    ) {
        self.push(what.into(), value, unit, Some(budget));
    }

    fn push(&mut self, what: String, value: f64, unit: &'static str, budget: Option<&'static str>) {
        terminal::note(&format!("  {what}: {} {unit}", shown(value)));
        self.figures.push(Figure { what, value, unit, budget });
    }

    /// For programs.
    pub(crate) fn with_machine(self) -> Measured {
        Measured { machine: Machine::look(), build: build(), figures: self.figures }
    }

    /// For people.
    pub(crate) fn print(self) -> anyhow::Result<()> {
        let Machine { processor, cores, memory, kernel } = Machine::look();
        terminal::print(&format!("{processor}, {cores} cores, {memory}, Linux {kernel}, {} build", build()))?;
        let rows = self.figures.into_iter().map(|figure| {
            let budget = figure.budget.unwrap_or("").to_owned();
            vec![figure.what, format!("{} {}", shown(figure.value), figure.unit), budget]
        });
        terminal::print_table(&["measured", "value", "budget"], rows.collect())
    }
}

impl Machine {
    fn look() -> Self {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| "unknown processor".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory: field(&read("/proc/meminfo"), "MemTotal").unwrap_or_else(|| "unknown memory".to_owned()),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
        }
    }
}

const fn build() -> &'static str {
    if cfg!(debug_assertions) { "development" } else { "release" }
}

fn shown(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Milliseconds with fractions.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// Lossless enough for figures.
pub(crate) fn number(count: u64) -> f64 {
    u32::try_from(count)
        .map_or_else(|_| f64::from(u32::try_from(count >> 20).unwrap_or(u32::MAX)) * 1_048_576.0, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_counts_become_numbers_without_wrapping() {
        assert!((number(7) - 7.0).abs() < f64::EPSILON);
        let large = 10_u64.pow(12);
        assert!((number(large) / 1e12 - 1.0).abs() < 1e-5);
    }

    #[test]
    fn small_values_keep_their_fractions_and_large_ones_lose_them() {
        assert_eq!(shown(4.256), "4.26");
        assert_eq!(shown(15_000.4), "15000");
    }
}
