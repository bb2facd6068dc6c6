//! The stored shape of a rollout's policy. What a row leaves out is as plain as can be, so that rows of older versions
//! read as what they meant.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_domain::ids::AttributeKey;
use windlass_domain::job::{
    Amount, Backoff, Continuous, DownloadRate, FailureThreshold, Handling, MaintenanceWindow, Order,
    Priority, RolloutPolicy, ShareOf, SuccessThreshold, ThresholdScope, Wave,
};
use windlass_domain::time::Timestamp;

use crate::error::StoreError;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum AmountRow {
    Count(u64),
    Percent(u8),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ThresholdRow {
    count: Option<u64>,
    percent: Option<u8>,
    minimum: u64,
    whole_job: bool,
    #[serde(default)]
    of_all: bool,
}

impl ThresholdRow {
    pub(super) fn of(threshold: &FailureThreshold) -> Self {
        let FailureThreshold { count, percent, of, minimum, scope } = threshold;
        Self {
            count: *count,
            percent: *percent,
            minimum: *minimum,
            whole_job: *scope == ThresholdScope::Job,
            of_all: *of == ShareOf::All,
        }
    }

    pub(super) fn read(self) -> FailureThreshold {
        let Self { count, percent, minimum, whole_job, of_all } = self;
        FailureThreshold {
            count,
            percent,
            of: if of_all { ShareOf::All } else { ShareOf::Finished },
            minimum,
            scope: if whole_job { ThresholdScope::Job } else { ThresholdScope::Wave },
        }
    }
}

/// A wave; those of older versions are a bare amount.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum WaveRow {
    Plain(AmountOnly),
    Full(FullWave),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct AmountOnly(AmountRow);

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FullWave {
    amount: AmountRow,
    name: String,
    query: Option<String>,
    success_percent: Option<u8>,
    failure: Option<ThresholdRow>,
    pause_after: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    consent: Option<bool>,
}

impl WaveRow {
    pub(super) fn of(wave: &Wave) -> Self {
        let Wave { name, query, amount, success, failure, pause_after, consent } = wave;
        let amount = match amount {
            Amount::Count(count) => AmountRow::Count(*count),
            Amount::Percent(percent) => AmountRow::Percent(*percent),
        };
        Self::Full(FullWave {
            amount,
            name: name.clone(),
            query: query.clone(),
            success_percent: success.map(|success| success.percent),
            failure: failure.as_ref().map(ThresholdRow::of),
            pause_after: *pause_after,
            consent: *consent,
        })
    }

    pub(super) fn read(self) -> Wave {
        let amount = |row| match row {
            AmountRow::Count(count) => Amount::Count(count),
            AmountRow::Percent(percent) => Amount::Percent(percent),
        };
        match self {
            Self::Plain(AmountOnly(row)) => amount(row).into(),
            Self::Full(FullWave {
                amount: row,
                name,
                query,
                success_percent,
                failure,
                pause_after,
                consent,
            }) => Wave {
                name,
                query,
                amount: amount(row),
                success: success_percent.map(|percent| SuccessThreshold { percent }),
                failure: failure.map(ThresholdRow::read),
                pause_after,
                consent,
            },
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum HandlingRow {
    Soft,
    Forced,
    TimeForced(i64),
    DownloadOnly,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowRow {
    schedule: String,
    seconds: u64,
    zone: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OrderRow {
    Registered,
    Random,
    Attribute { key: String, descending: bool },
    Spread { key: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RateRow {
    bytes_per_second: u64,
    by: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContinuousRow {
    query: String,
    wave_size: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BackoffRow {
    first_seconds: u64,
    longest_seconds: u64,
    codes: Vec<String>,
}

/// See [`RolloutPolicy`].
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RolloutRow {
    handling: Option<HandlingRow>,
    priority: Option<u16>,
    supersede: bool,
    consent: bool,
    window: Option<WindowRow>,
    ends_at: Option<i64>,
    concurrency: Option<u64>,
    download_rate: Option<RateRow>,
    order: Option<OrderRow>,
    success_percent: Option<u8>,
    of_canceled_too: bool,
    continuous: Option<ContinuousRow>,
    approval: bool,
    allow_downgrade: bool,
    backoff: Option<BackoffRow>,
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::corrupt("job.spec", error)
}

fn key(text: &str) -> Result<AttributeKey, StoreError> {
    text.parse().map_err(corrupt)
}

impl RolloutRow {
    pub(super) fn of(policy: &RolloutPolicy) -> Self {
        let RolloutPolicy {
            handling,
            priority,
            supersede,
            consent,
            window,
            ends_at,
            concurrency,
            download_rate,
            order,
            success,
            of_canceled_too,
            continuous,
            approval,
            allow_downgrade,
            backoff,
        } = policy;
        Self {
            handling: Some(match handling {
                Handling::Soft => HandlingRow::Soft,
                Handling::Forced => HandlingRow::Forced,
                Handling::TimeForced { at } => HandlingRow::TimeForced(at.micros()),
                Handling::DownloadOnly => HandlingRow::DownloadOnly,
            }),
            priority: Some(priority.get()),
            supersede: *supersede,
            consent: *consent,
            window: window.as_ref().map(|MaintenanceWindow { schedule, duration, zone }| WindowRow {
                schedule: schedule.to_string(),
                seconds: duration.as_secs(),
                zone: zone.as_ref().map(ToString::to_string),
            }),
            ends_at: ends_at.map(Timestamp::micros),
            concurrency: *concurrency,
            download_rate: download_rate.as_ref().map(|DownloadRate { bytes_per_second, by }| RateRow {
                bytes_per_second: *bytes_per_second,
                by: by.as_ref().map(|key| key.as_str().to_owned()),
            }),
            order: Some(match order {
                Order::Registered => OrderRow::Registered,
                Order::Random => OrderRow::Random,
                Order::Attribute { key, descending } => {
                    OrderRow::Attribute { key: key.as_str().to_owned(), descending: *descending }
                }
                Order::Spread { key } => OrderRow::Spread { key: key.as_str().to_owned() },
            }),
            success_percent: success.map(|success| success.percent),
            of_canceled_too: *of_canceled_too,
            continuous: continuous.as_ref().map(|Continuous { query, wave_size }| ContinuousRow {
                query: query.clone(),
                wave_size: *wave_size,
            }),
            approval: *approval,
            allow_downgrade: *allow_downgrade,
            backoff: backoff.as_ref().map(|Backoff { first, longest, codes }| BackoffRow {
                first_seconds: first.as_secs(),
                longest_seconds: longest.as_secs(),
                codes: codes.clone(),
            }),
        }
    }

    pub(super) fn read(self) -> Result<RolloutPolicy, StoreError> {
        let Self {
            handling,
            priority,
            supersede,
            consent,
            window,
            ends_at,
            concurrency,
            download_rate,
            order,
            success_percent,
            of_canceled_too,
            continuous,
            approval,
            allow_downgrade,
            backoff,
        } = self;
        let window = match window {
            None => None,
            Some(WindowRow { schedule, seconds, zone }) => Some(MaintenanceWindow {
                schedule: schedule.parse().map_err(corrupt)?,
                duration: Duration::from_secs(seconds),
                zone: zone.map(|zone| zone.parse()).transpose().map_err(corrupt)?,
            }),
        };
        Ok(RolloutPolicy {
            handling: match handling {
                None | Some(HandlingRow::Forced) => Handling::Forced,
                Some(HandlingRow::Soft) => Handling::Soft,
                Some(HandlingRow::TimeForced(at)) => Handling::TimeForced { at: Timestamp::from_micros(at) },
                Some(HandlingRow::DownloadOnly) => Handling::DownloadOnly,
            },
            priority: match priority {
                None => Priority::default(),
                Some(value) => Priority::new(value).ok_or_else(|| corrupt(format!("priority {value}")))?,
            },
            supersede,
            consent,
            window,
            ends_at: ends_at.map(Timestamp::from_micros),
            concurrency,
            download_rate: match download_rate {
                None => None,
                Some(RateRow { bytes_per_second, by }) => {
                    Some(DownloadRate { bytes_per_second, by: by.as_deref().map(key).transpose()? })
                }
            },
            order: match order {
                None | Some(OrderRow::Registered) => Order::Registered,
                Some(OrderRow::Random) => Order::Random,
                Some(OrderRow::Attribute { key: text, descending }) => {
                    Order::Attribute { key: key(&text)?, descending }
                }
                Some(OrderRow::Spread { key: text }) => Order::Spread { key: key(&text)? },
            },
            success: success_percent.map(|percent| SuccessThreshold { percent }),
            of_canceled_too,
            continuous: continuous.map(|ContinuousRow { query, wave_size }| Continuous { query, wave_size }),
            approval,
            allow_downgrade,
            backoff: backoff.map(|BackoffRow { first_seconds, longest_seconds, codes }| Backoff {
                first: Duration::from_secs(first_seconds),
                longest: Duration::from_secs(longest_seconds),
                codes,
            }),
        })
    }
}
