//! What is in the log and in no block yet, in memory, by series.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::log::Logged;
use super::{Backlog, MetricId, Position, Sample};

/// A series: a metric of a device.
pub(super) type Series = (MetricId, i64);

/// A sample and the log row it came in.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) position: i64,
    pub(super) sample: Sample,
}

#[derive(Debug)]
struct RowOf {
    bytes: usize,
    series: Vec<Series>,
}

/// The uncompacted points.
#[derive(Debug, Default)]
pub(super) struct Tail {
    rows: BTreeMap<i64, RowOf>,
    series: HashMap<Series, Vec<Waiting>>,
    backlog: Backlog,
    newest: i64,
}

impl Tail {
    /// Adds what one log row holds. A row that is there already is left alone.
    pub(super) fn insert(&mut self, position: i64, bytes: usize, messages: Vec<Logged>) {
        if self.rows.contains_key(&position) {
            return;
        }
        let mut touched = HashSet::new();
        for Logged { device, points, .. } in messages {
            for (metric, sample) in points {
                touched.insert((metric, device));
                let waiting = self.series.entry((metric, device)).or_default();
                // Rows of concurrent appends may arrive here out of order; the log's order decides.
                let place =
                    waiting.iter().rposition(|other| other.position <= position).map_or(0, |last| last + 1);
                waiting.insert(place, Waiting { position, sample });
                self.backlog.points += 1;
            }
        }
        self.rows.insert(position, RowOf { bytes, series: touched.into_iter().collect() });
        self.backlog.rows += 1;
        self.backlog.bytes += bytes;
        self.newest = self.newest.max(position);
    }

    /// Forgets log rows, since they are in blocks now.
    pub(super) fn remove(&mut self, positions: &[i64]) {
        let gone: HashSet<i64> = positions.iter().copied().collect();
        let mut touched = HashSet::new();
        for position in positions {
            if let Some(row) = self.rows.remove(position) {
                self.backlog.rows -= 1;
                self.backlog.bytes -= row.bytes;
                touched.extend(row.series);
            }
        }
        for series in touched {
            if let Some(waiting) = self.series.get_mut(&series) {
                let before = waiting.len();
                waiting.retain(|waiting| !gone.contains(&waiting.position));
                self.backlog.points -= before - waiting.len();
                if waiting.is_empty() {
                    self.series.remove(&series);
                } else if waiting.capacity() > 4 * waiting.len() {
                    waiting.shrink_to_fit();
                }
            }
        }
    }

    /// What waits of one series from `from` to before `to`, in the order in which it came.
    pub(super) fn samples(&self, series: Series, from: i64, to: i64) -> Vec<Sample> {
        self.series
            .get(&series)
            .into_iter()
            .flatten()
            .filter(|waiting| from <= waiting.sample.at && waiting.sample.at < to)
            .map(|waiting| waiting.sample.clone())
            .collect()
    }

    pub(super) fn rows(&self) -> BTreeSet<i64> {
        self.rows.keys().copied().collect()
    }

    pub(super) const fn newest(&self) -> Position {
        Position(self.newest)
    }

    pub(super) const fn backlog(&self) -> Backlog {
        self.backlog
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_domain::telemetry::{Stamp, Value};

    fn message(device: i64, at: i64, value: f64) -> Logged {
        let sample = Sample { at, stamp: Stamp::Device, value: Value::Number(value) };
        Logged { device, received_at: at, points: vec![(MetricId(1), sample)] }
    }

    fn values(tail: &Tail) -> Vec<f64> {
        tail.samples((MetricId(1), 7), 0, 100).iter().filter_map(|sample| sample.value.as_number()).collect()
    }

    #[test]
    fn rows_are_held_in_the_order_of_the_log_and_let_go_whole() {
        let mut tail = Tail::default();
        tail.insert(2, 10, vec![message(7, 5, 2.0)]);
        tail.insert(1, 10, vec![message(7, 5, 1.0), message(8, 5, 1.0)]);
        tail.insert(1, 10, vec![message(7, 5, 9.0)]);
        assert_eq!(values(&tail), [1.0, 2.0]);
        assert_eq!(tail.backlog(), Backlog { rows: 2, bytes: 20, points: 3 });
        assert_eq!(tail.newest(), Position(2));
        tail.remove(&[1]);
        assert_eq!(values(&tail), [2.0]);
        tail.remove(&[1, 2]);
        assert_eq!(tail.backlog(), Backlog::default());
        assert_eq!(tail.newest(), Position(2), "a position only rises");
    }

    #[test]
    fn a_range_ends_before_its_end() {
        let mut tail = Tail::default();
        tail.insert(
            1,
            1,
            vec![message(7, 0, 0.0), message(7, 99, 1.0), message(7, 100, 2.0), message(7, -1, 3.0)],
        );
        assert_eq!(values(&tail), [0.0, 1.0]);
    }
}
