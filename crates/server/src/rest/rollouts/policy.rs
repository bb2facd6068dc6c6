//! Policies of rollouts and decisions about them, as the API writes them.

use windlass_api::rollouts::{
    Backoff, Continuous, Decision, DownloadRate, Handling, MaintenanceWindow, MayDecide, Order, OrderBy,
    Rollout, WaveTerms,
};
use windlass_app::jobs::Approval;
use windlass_domain::ids::AttributeKey;
use windlass_domain::job as domain;

use crate::rest::error::sentence;
use crate::rest::fields::Problems;
use crate::rest::jobs::{threshold_in, threshold_out};
use crate::rest::view::{time, timestamp};

fn order_in(order: Order, problems: &mut Problems) -> domain::Order {
    let Order { by, attribute, descending } = order;
    let mut key = || {
        let missing = "is missing; this order needs one".to_owned();
        let text = attribute.as_deref().ok_or(missing);
        let key = text.and_then(|text| text.parse::<AttributeKey>().map_err(|problem| problem.to_string()));
        problems.keep("rollout.order.attribute", key)
    };
    match by {
        OrderBy::Registered => domain::Order::Registered,
        OrderBy::Random => domain::Order::Random,
        OrderBy::Attribute => {
            key().map_or(domain::Order::Registered, |key| domain::Order::Attribute { key, descending })
        }
        OrderBy::Spread => key().map_or(domain::Order::Registered, |key| domain::Order::Spread { key }),
    }
}

fn window_in(window: MaintenanceWindow, problems: &mut Problems) -> Option<domain::MaintenanceWindow> {
    let MaintenanceWindow { schedule, duration_seconds, timezone } = window;
    let schedule = problems.keep("rollout.window.schedule", schedule.parse::<domain::Schedule>());
    let zone = timezone.map(|zone| problems.keep("rollout.window.timezone", zone.parse::<domain::Zone>()));
    let duration = std::time::Duration::from_secs(duration_seconds);
    Some(domain::MaintenanceWindow { schedule: schedule?, duration, zone: zone.flatten() })
}

fn handling_in(
    handling: Handling,
    forced_at: Option<windlass_api::Time>,
    problems: &mut Problems,
) -> domain::Handling {
    if handling != Handling::TimeForced && forced_at.is_some() {
        problems.add("rollout.forcedAt", "goes with handling timeForced only; leave it out");
    }
    match (handling, forced_at) {
        (Handling::Soft, _) => domain::Handling::Soft,
        (Handling::Forced, _) => domain::Handling::Forced,
        (Handling::DownloadOnly, _) => domain::Handling::DownloadOnly,
        (Handling::TimeForced, Some(at)) => domain::Handling::TimeForced { at: timestamp(at) },
        (Handling::TimeForced, None) => {
            problems.add("rollout.forcedAt", "is missing; handling timeForced needs one");
            domain::Handling::Forced
        }
    }
}

/// Reads a policy and puts the terms of its waves onto them. `query`: the job's targets, if they are one.
pub(in crate::rest) fn policy_in(
    rollout: Rollout,
    query: Option<&str>,
    waves: &mut [domain::Wave],
    problems: &mut Problems,
) -> domain::RolloutPolicy {
    let Rollout {
        handling,
        forced_at,
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
        wave_terms,
        continuous,
        approval,
        allow_downgrade,
        backoff,
    } = rollout;
    if wave_terms.len() > waves.len() {
        problems.add("rollout.waveTerms", format!("there are {} waves only", waves.len()));
    }
    for (wave, terms) in waves.iter_mut().zip(wave_terms) {
        let WaveTerms { name, query, success_percent, failure_threshold, pause_after } = terms;
        wave.name = name;
        wave.query = query;
        wave.success = success_percent.map(|percent| domain::SuccessThreshold { percent });
        wave.failure = failure_threshold.map(threshold_in);
        wave.pause_after = pause_after;
    }
    let priority = domain::Priority::new(priority).ok_or("0 to 1000");
    let seconds = std::time::Duration::from_secs;
    domain::RolloutPolicy {
        handling: handling_in(handling, forced_at, problems),
        priority: problems.keep("rollout.priority", priority).unwrap_or_default(),
        supersede,
        consent,
        window: window.and_then(|window| window_in(window, problems)),
        ends_at: ends_at.map(timestamp),
        concurrency,
        download_rate: download_rate.map(|DownloadRate { bytes_per_second, by }| domain::DownloadRate {
            bytes_per_second,
            by: by.and_then(|by| problems.keep("rollout.downloadRate.by", by.parse::<AttributeKey>())),
        }),
        order: order_in(order, problems),
        success: success_percent.map(|percent| domain::SuccessThreshold { percent }),
        of_canceled_too,
        continuous: continuous.map(|Continuous { wave_size }| domain::Continuous {
            query: query.unwrap_or_default().to_owned(),
            wave_size,
        }),
        approval,
        allow_downgrade,
        backoff: backoff.map(|Backoff { first_seconds, longest_seconds, codes }| domain::Backoff {
            first: seconds(first_seconds),
            longest: seconds(longest_seconds),
            codes,
        }),
    }
}

fn order_out(order: domain::Order) -> Order {
    let (by, attribute, descending) = match order {
        domain::Order::Registered => (OrderBy::Registered, None, false),
        domain::Order::Random => (OrderBy::Random, None, false),
        domain::Order::Attribute { key, descending } => (OrderBy::Attribute, Some(key), descending),
        domain::Order::Spread { key } => (OrderBy::Spread, Some(key), false),
    };
    Order { by, attribute: attribute.map(AttributeKey::into_string), descending }
}

fn terms_out(wave: domain::Wave) -> WaveTerms {
    let domain::Wave { name, query, amount: _, success, failure, pause_after, consent: _ } = wave;
    WaveTerms {
        name,
        query,
        success_percent: success.map(|success| success.percent),
        failure_threshold: failure.map(threshold_out),
        pause_after,
    }
}

/// Writes a policy with the terms of its waves.
pub(in crate::rest) fn policy_out(policy: domain::RolloutPolicy, waves: Vec<domain::Wave>) -> Rollout {
    let domain::RolloutPolicy {
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
    let (handling, forced_at) = match handling {
        domain::Handling::Soft => (Handling::Soft, None),
        domain::Handling::Forced => (Handling::Forced, None),
        domain::Handling::TimeForced { at } => (Handling::TimeForced, Some(time(at))),
        domain::Handling::DownloadOnly => (Handling::DownloadOnly, None),
    };
    Rollout {
        handling,
        forced_at,
        priority: priority.get(),
        supersede,
        consent,
        window: window.map(|domain::MaintenanceWindow { schedule, duration, zone }| MaintenanceWindow {
            schedule: schedule.to_string(),
            duration_seconds: duration.as_secs(),
            timezone: zone.map(|zone| zone.to_string()),
        }),
        ends_at: ends_at.map(time),
        concurrency,
        download_rate: download_rate.map(|domain::DownloadRate { bytes_per_second, by }| DownloadRate {
            bytes_per_second,
            by: by.map(AttributeKey::into_string),
        }),
        order: order_out(order),
        success_percent: success.map(|success| success.percent),
        of_canceled_too,
        wave_terms: waves.into_iter().map(terms_out).collect(),
        continuous: continuous.map(|domain::Continuous { query: _, wave_size }| Continuous { wave_size }),
        approval,
        allow_downgrade,
        backoff: backoff.map(|domain::Backoff { first, longest, codes }| Backoff {
            first_seconds: first.as_secs(),
            longest_seconds: longest.as_secs(),
            codes,
        }),
    }
}

/// Writes what may be said.
pub(in crate::rest) fn approval_out(approval: Approval) -> windlass_api::rollouts::Approval {
    let (may, why, nobody_approves) = match approval {
        Approval::Both => (MayDecide::Both, None, false),
        Approval::Deny { why, nobody_approves } => (MayDecide::Deny, Some(why), nobody_approves),
        Approval::Neither { why } => (MayDecide::Neither, Some(why), false),
    };
    windlass_api::rollouts::Approval { may, why: why.as_deref().map(sentence), nobody_approves }
}

/// Writes a decision.
pub(in crate::rest) fn decision_out(decision: domain::Decision) -> Decision {
    let domain::Decision { approved, by, at, remark } = decision;
    Decision { approved, by, at: time(at), remark }
}
