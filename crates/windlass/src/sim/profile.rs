//! What simulated devices measure: smooth, seeded curves per device, formatted as native telemetry. Pure.

use std::f64::consts::TAU;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

/// A kind of device, as far as its telemetry goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Profile {
    /// Temperature, humidity, battery: a small sensor.
    #[default]
    Sensor,
    /// Pressure, flow, speed, current, a running flag and a mode: a machine.
    Pump,
    /// One number: the smallest message there is.
    Minimal,
}

/// The curve generator of one device.
#[derive(Debug)]
pub(crate) struct Readings {
    profile: Profile,
    random: StdRng,
    phase: f64,
    count: u64,
}

impl Readings {
    /// The readings of device number `device` in a run with this seed.
    pub(crate) fn new(profile: Profile, seed: u64, device: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed.rotate_left(17) ^ device);
        let phase = random.random::<f64>() * TAU;
        Self { profile, random, phase, count: 0 }
    }

    /// How many points one reading has.
    pub(crate) const fn points_per_reading(profile: Profile) -> u64 {
        match profile {
            Profile::Sensor => 3,
            Profile::Pump => 6,
            Profile::Minimal => 1,
        }
    }

    /// One message with `readings` readings, `step_ms` apart, the last one at `now_ms`.
    pub(crate) fn message(&mut self, readings: usize, now_ms: i64, step_ms: i64) -> Bytes {
        let document = if readings == 1 {
            json!({ "ts": now_ms, "values": self.next() })
        } else {
            let count = i64::try_from(readings).unwrap_or(1);
            (0..count)
                .map(|index| json!({ "ts": now_ms - (count - 1 - index) * step_ms, "values": self.next() }))
                .collect::<Value>()
        };
        Bytes::from(document.to_string())
    }

    fn next(&mut self) -> Map<String, Value> {
        self.count += 1;
        let turn = f64::from(u32::try_from(self.count % 1_440).unwrap_or(0)) / 1_440.0;
        let wave = (TAU * turn + self.phase).sin();
        let mut noise = |range: f64| (self.random.random::<f64>() - 0.5) * range;
        let pairs = match self.profile {
            Profile::Sensor => vec![
                ("temperature", json!(rounded(21.0 + 6.0 * wave + noise(0.4)))),
                ("humidity", json!(rounded(48.0 - 12.0 * wave + noise(1.0)))),
                ("battery", json!(rounded(3.7 - 0.4 * turn + noise(0.01)))),
            ],
            Profile::Pump => {
                let running = wave > -0.8;
                let load = if running { 0.6 + 0.3 * wave } else { 0.0 };
                vec![
                    ("pressure", json!(rounded(5.0 * load + noise(0.05)))),
                    ("flow", json!(rounded(120.0 * load + noise(1.0)))),
                    ("speed", json!(rounded(2_900.0 * load + noise(5.0)))),
                    ("motor.current", json!(rounded(14.0 * load + noise(0.1)))),
                    ("running", json!(running)),
                    ("mode", json!(if running { "auto" } else { "standby" })),
                ]
            }
            Profile::Minimal => vec![("value", json!(rounded(wave + noise(0.01))))],
        };
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(profile: Profile, readings: usize) -> Value {
        let message = Readings::new(profile, 1, 2).message(readings, 1_000_000, 500);
        serde_json::from_slice(&message).unwrap()
    }

    #[test]
    fn a_single_reading_is_one_object_with_its_time() {
        let message = parsed(Profile::Sensor, 1);
        assert_eq!(message["ts"], 1_000_000);
        assert_eq!(message["values"].as_object().unwrap().len(), 3);
    }

    #[test]
    fn a_batch_is_an_array_that_ends_now() {
        let message = parsed(Profile::Pump, 4);
        let times: Vec<i64> = message.as_array().unwrap().iter().map(|m| m["ts"].as_i64().unwrap()).collect();
        assert_eq!(times, [998_500, 999_000, 999_500, 1_000_000]);
    }

    #[test]
    fn each_profile_has_as_many_points_as_it_says() {
        for profile in [Profile::Sensor, Profile::Pump, Profile::Minimal] {
            let points = parsed(profile, 1)["values"].as_object().unwrap().len();
            assert_eq!(u64::try_from(points).unwrap(), Readings::points_per_reading(profile), "{profile:?}");
        }
    }

    #[test]
    fn the_same_device_of_the_same_seed_measures_the_same() {
        let draw = |seed, device| Readings::new(Profile::Sensor, seed, device).message(5, 0, 1);
        assert_eq!(draw(1, 1), draw(1, 1));
        assert_ne!(draw(1, 1), draw(1, 2));
        assert_ne!(draw(1, 1), draw(2, 1));
    }
}
