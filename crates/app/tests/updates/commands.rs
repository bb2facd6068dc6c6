//! Commands: handed out until they expire, waited for, answered, kept.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use windlass_app::AppError;
use windlass_app::jobs::{Begin, ExecutionView, NewCommand, NewJob, NewTargets, NewWhat, Waited};
use windlass_app::message::{Inbound, Peer, RequestContext};
use windlass_app::{App, jobs};
use windlass_domain::ids::{DeviceId, JobId};
use windlass_domain::job::{CommandTemplate, ExecutionState, JobState, Outcome, Timeouts, Verdict, command};
use windlass_domain::limits::Limits;
use windlass_domain::permission::{Principal, Role};
use windlass_store::devices::{self, NewDevice};
use windlass_wire::topic::{DeviceTopic, parse};

use crate::world::{START, World, body};

const HOUR: u64 = 3600;

fn command_named(name: &str) -> NewCommand {
    NewCommand { command: Some(name.to_owned()), ..NewCommand::default() }
}

fn command_job(new: NewCommand, targets: NewTargets) -> NewJob {
    NewJob {
        description: String::new(),
        what: NewWhat::Command(new),
        targets,
        waves: vec![],
        threshold: None,
        timeouts: Timeouts::default(),
        retries: 0,
        begin: Begin::Now,
        rollout: windlass_domain::job::RolloutPolicy::default(),
    }
}

impl World {
    async fn send(&self, name: &str, new: NewCommand, wait: u64) -> Waited {
        self.app().command_send(&self.by, name, new, Duration::from_secs(wait)).await.unwrap()
    }

    /// Publishes as a connection would, with everything that follows a commit.
    async fn publish(&self, name: &str, rest: &str, payload: Value) -> Value {
        let outcomes = self
            .app()
            .handle(vec![Inbound {
                peer: Peer::Device(self.peer(name)),
                client_id: name.into(),
                topic: format!("$aws/things/thing-{name}/jobs/{rest}"),
                payload: payload.to_string().into(),
                received_at: windlass_app::clock::Clock::now(&*self.clock),
                qos2_id: None,
                largest_reply: usize::MAX,
            }])
            .await;
        body(&outcomes[0].replies[0].payload)
    }

    /// Asks for work until there is some.
    async fn picks_up(&self, name: &str) -> String {
        loop {
            let reply = self.publish(name, "start-next", json!({})).await;
            if let Some(job) = reply["execution"]["jobId"].as_str() {
                return job.to_owned();
            }
            tokio::task::yield_now().await;
        }
    }

    async fn answers(&self, name: &str, job: &str, status: &str, details: Value) {
        let reply = self
            .publish(name, &format!("{job}/update"), json!({"status": status, "statusDetails": details}))
            .await;
        assert!(reply.get("code").is_none(), "{reply}");
    }

    async fn view(&self, job: JobId) -> ExecutionView {
        let found = self.app().execution_list(&self.by, job, jobs::ExecutionFilter::default(), 10).await;
        found.unwrap().remove(0)
    }
}

#[tokio::test]
async fn a_device_gets_the_document_of_the_contract_and_its_answer_is_kept() {
    let mut world = World::new().await;
    world.devices(1).await;
    let arguments = json!({"lines": 3}).as_object().unwrap().clone();
    let new = NewCommand { arguments, ..command_named("log") };
    let sent = world.send("d000", new, 0).await;
    assert!(!sent.has_ended);
    let execution = world.start_next("d000").await;
    assert_eq!(
        execution["jobDocument"],
        json!({
            "operation": "command", "command": "log", "arguments": {"lines": 3},
            "expires": START.seconds() + 3600,
        })
    );
    let job = sent.view.execution.job;
    world.answers("d000", &job.to_string(), "SUCCEEDED", json!({"exitCode": "0", "output": "a\nb\nc"})).await;
    world.settle().await;
    let view = world.view(job).await;
    assert_eq!((view.execution.verdict, view.execution.outcome()), (Verdict::Verified, Outcome::Succeeded));
    let answer = command::answer(&view.execution.details);
    assert_eq!((answer.exit_code, answer.output.as_deref()), (Some(0), Some("a\nb\nc")));
    assert_eq!(view.why.sentence, "The command ended with exit code 0.");
    assert_eq!(world.job(job).await.job.state, JobState::Completed);
    let listed = world.app().device_commands(&world.by, "d000", None, 10).await.unwrap();
    assert_eq!(listed.iter().map(|view| view.execution.job).collect::<Vec<_>>(), [job]);
}

#[tokio::test]
async fn another_exit_code_than_0_is_a_failure_whatever_the_device_calls_it() {
    let mut world = World::new().await;
    world.devices(1).await;
    let job = world.send("d000", command_named("check"), 0).await.view.execution.job;
    world.start_next("d000").await;
    world.answers("d000", &job.to_string(), "SUCCEEDED", json!({"exitCode": "2", "output": "no"})).await;
    world.settle().await;
    let view = world.view(job).await;
    assert_eq!(view.execution.state, ExecutionState::Succeeded, "what the device said stays what it said");
    assert_eq!((view.execution.verdict, view.execution.outcome()), (Verdict::Refuted, Outcome::Failed));
    assert_eq!(view.why.sentence, "The device reported success, but the command ended with exit code 2.");
    assert_eq!(world.job(job).await.standing.failed, 1);
    assert_eq!(world.app().job_failures(&world.by, job).await.unwrap()[0].count, 1);
}

#[tokio::test]
async fn an_expired_command_is_never_handed_out_also_before_the_server_has_noticed() {
    let mut world = World::new().await;
    world.devices(1).await;
    let job = world.send("d000", command_named("reboot"), 0).await.view.execution.job;
    world.advance(HOUR);
    // The reconciler has not run since.
    assert_eq!(world.accepted("d000", "start-next", json!({})).await.get("execution"), None);
    assert_eq!(world.accepted("d000", "get", json!({})).await["queuedJobs"], json!([]));
    for (rest, payload) in [("get", json!({})), ("update", json!({"status": "IN_PROGRESS"}))] {
        let (code, _) = world.rejected("d000", &format!("{job}/{rest}"), payload).await;
        assert_eq!(code, "TerminalStateReached", "{rest}");
    }
    world.settle().await;
    let view = world.view(job).await;
    assert_eq!(view.execution.state, ExecutionState::TimedOut);
    assert_eq!(
        view.execution.reason,
        "the command expired at 2026-01-01 01:00 UTC; the device had not taken it up"
    );
    assert_eq!(world.job(job).await.job.state, JobState::Completed);
    let retried = world.app().job_retry_failed(&world.by, job, None).await.unwrap_err();
    assert_eq!(retried.code(), "command.expired");
}

#[tokio::test]
async fn a_pause_does_not_make_a_command_good_for_longer() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    let id = world.create(command_job(command_named("reboot"), NewTargets::Devices(names))).await;
    world.settle().await;
    world.app().job_pause(&world.by, id, None).await.unwrap();
    world.advance(HOUR - 1);
    world.app().job_resume(&world.by, id, None).await.unwrap();
    world.settle().await;
    assert_eq!(world.executions(id).await[0].state, ExecutionState::Queued);
    world.advance(1);
    world.settle().await;
    assert_eq!(world.executions(id).await[0].state, ExecutionState::TimedOut);
}

#[tokio::test]
async fn a_command_counts_its_time_from_when_its_job_begins() {
    let mut world = World::new().await;
    let names = world.devices(1).await;
    let job = command_job(command_named("reboot"), NewTargets::Devices(names));
    let id = world.create(NewJob { begin: Begin::Manually, ..job }).await;
    assert_eq!(world.job(id).await.job.expires_at(), None);
    world.advance(10 * HOUR);
    world.app().job_start(&world.by, id, None).await.unwrap();
    world.settle().await;
    let expires = START.plus(Duration::from_secs(11 * HOUR)).seconds();
    assert_eq!(world.start_next("d000").await["jobDocument"]["expires"], expires);
}

#[tokio::test]
async fn a_caller_who_waits_is_told_when_the_device_has_answered() {
    let mut world = World::new().await;
    world.devices(1).await;
    let (waited, ()) = tokio::join!(world.send("d000", command_named("uptime"), 60), async {
        let job = world.picks_up("d000").await;
        world.answers("d000", &job, "SUCCEEDED", json!({"exitCode": "0", "output": "up 3 days"})).await;
    });
    assert!(waited.has_ended);
    assert_eq!(waited.view.execution.details["output"], "up 3 days");
}

#[tokio::test]
async fn a_caller_who_waits_is_told_when_the_command_expires() {
    let mut world = World::new().await;
    world.devices(1).await;
    let new = NewCommand { expires_in: Some(Duration::from_secs(5)), ..command_named("uptime") };
    let (waited, ()) = tokio::join!(world.send("d000", new, 60), async {
        let is_offered = |views: Vec<jobs::JobView>| views.iter().any(|view| view.standing.queued == 1);
        while !is_offered(world.app().job_list(&world.by, jobs::JobPick::default(), 1).await.unwrap().views) {
            tokio::task::yield_now().await;
        }
        world.advance(5);
        world.settle().await;
    });
    assert_eq!(waited.view.execution.state, ExecutionState::TimedOut);
}

#[tokio::test]
async fn a_caller_who_goes_away_cancels_nothing() {
    let mut world = World::new().await;
    world.devices(1).await;
    let job = {
        let sending = world.send("d000", command_named("reboot"), 60);
        tokio::pin!(sending);
        tokio::select! {
            _ = &mut sending => panic!("nobody answered"),
            job = world.picks_up("d000") => job,
        }
    };
    world.answers("d000", &job, "SUCCEEDED", json!({"exitCode": "0"})).await;
    world.settle().await;
    assert_eq!(world.job(job.parse().unwrap()).await.job.state, JobState::Completed);
}

#[tokio::test]
async fn whoever_finds_no_place_to_wait_is_answered_at_once() {
    let mut world = World::with(Limits { command_waits: 0, ..Limits::default() }).await;
    world.devices(1).await;
    assert!(!world.send("d000", command_named("reboot"), 60).await.has_ended);
}

#[tokio::test]
async fn a_device_that_may_not_connect_is_told_of_at_once() {
    let mut world = World::new().await;
    world.devices(1).await;
    let device = world.peer("d000").device;
    world
        .write(move |tx| {
            Box::pin(async move {
                let mut found = devices::device_by_id(tx, device).await?.unwrap();
                found.lifecycle = windlass_domain::device::Lifecycle::Suspended;
                devices::device_save(tx, &mut found, START).await.map(drop)
            })
        })
        .await;
    let waited = world.send("d000", command_named("reboot"), 60).await;
    assert!(waited.has_ended);
    assert_eq!(waited.view.why.sentence, "Skipped: the device is suspended.");
}

#[tokio::test]
async fn only_those_who_may_make_jobs_send_commands_and_only_to_what_they_see() {
    let mut world = World::new().await;
    world.devices(2).await;
    world.refresh().await;
    let viewer = Principal::user(world.tenant, "vera", Role::Viewer);
    let send = |by: Principal, name: &'static str| {
        let app = world.app().clone();
        async move { app.command_send(&by, name, command_named("reboot"), Duration::ZERO).await }
    };
    assert_eq!(send(viewer, "d000").await.unwrap_err().code(), "forbidden");
    let scoped = Principal { scope: Some("name==d000".to_owned()), ..world.by.clone() };
    assert_eq!(send(scoped.clone(), "d001").await.unwrap_err().code(), "not_found");
    let hidden = world.app().device_commands(&scoped, "d001", None, 10).await;
    assert!(matches!(hidden, Err(AppError::NotFound { .. })));
    assert!(send(scoped, "d000").await.is_ok());
    let stranger = Principal::user(windlass_domain::ids::TenantId::new(2), "sven", Role::Admin);
    assert_eq!(send(stranger, "d000").await.unwrap_err().code(), "not_found");
}

#[tokio::test]
async fn a_template_for_other_types_skips_those_that_it_is_not_for() {
    let mut world = World::new().await;
    let pump = world.device_type("pump", vec![]).await;
    world.device("p", Some(pump)).await;
    world.device("v", None).await;
    let name = "flush".parse().unwrap();
    let template = CommandTemplate {
        description: String::new(),
        command: "flush".parse().unwrap(),
        parameters: vec![],
        fixed: serde_json::Map::new(),
        expires_in: Some(Duration::from_secs(60)),
        device_types: vec!["pump".parse().unwrap()],
    };
    world.app().command_template_put(&world.by, &name, template, Some(0)).await.unwrap();
    world.refresh().await;
    let new = NewCommand { template: Some("flush".to_owned()), ..NewCommand::default() };
    let refused = world.app().command_send(&world.by, "v", new.clone(), Duration::ZERO).await.unwrap_err();
    assert!(refused.to_string().contains("template"), "{refused}");
    let id = world.create(command_job(new, NewTargets::Query("name==*".to_owned()))).await;
    world.settle().await;
    let ends: Vec<_> = world.executions(id).await.into_iter().map(|e| (e.state, e.reason)).collect();
    assert_eq!(ends[0], (ExecutionState::Queued, String::new()));
    let skipped = "the command is not for devices of no type".to_owned();
    assert_eq!(ends[1], (ExecutionState::Removed, skipped));
}

/// Makes devices in one transaction; they are only there, not connected.
async fn fleet(world: &World, count: usize) -> Vec<DeviceId> {
    let tenant = world.tenant;
    world
        .write(move |tx| {
            Box::pin(async move {
                let mut ids = Vec::with_capacity(count);
                for index in 0..count {
                    let new = NewDevice {
                        tags: std::iter::once("fleet".parse().unwrap()).collect(),
                        ..NewDevice::named(tenant, format!("f{index:05}").parse().unwrap())
                    };
                    ids.push(devices::device_insert(tx, &new, START).await?.unwrap().id);
                }
                Ok(ids)
            })
        })
        .await
}

/// These devices take their next job up and answer it, all in one transaction.
async fn all_answer(world: &World, app: &App, ids: &[DeviceId]) {
    let (app, ids, template, now) =
        (app.clone(), ids.to_vec(), world.peer("d000"), windlass_app::clock::Clock::now(&*world.clock));
    world
        .write(move |tx| {
            let (app, ids, template) = (app.clone(), ids.clone(), Arc::clone(&template));
            Box::pin(async move {
                let Some(DeviceTopic::Jobs(next)) = parse("$aws/things/f/jobs/$next/update") else {
                    panic!()
                };
                let payload = br#"{"status":"SUCCEEDED","statusDetails":{"exitCode":"0"}}"#;
                for device in ids {
                    let peer = windlass_app::message::DevicePeer { device, ..(*template).clone() };
                    let ctx = RequestContext { app: &app, peer: &peer, device, thing: "f", payload, now };
                    let effects = jobs::device::handle(tx, &ctx, &next).await?;
                    assert!(effects.replies[0].topic.ends_with("/accepted"), "{:?}", effects.replies);
                }
                Ok(())
            })
        })
        .await;
}

#[tokio::test]
async fn ten_thousand_devices_of_which_half_are_away_are_served_and_the_rest_expires() {
    let mut world = World::new().await;
    world.devices(1).await;
    let ids = fleet(&world, 10_000).await;
    let id = world.create(command_job(command_named("sync"), NewTargets::Tag("fleet".to_owned()))).await;
    world.settle().await;
    assert_eq!(world.job(id).await.standing.queued, 10_000, "everybody is offered it at once");
    for some in ids[..5_000].chunks(1_000) {
        all_answer(&world, &world.app().clone(), some).await;
    }
    let halfway = world.job(id).await;
    assert_eq!((halfway.standing.succeeded, halfway.standing.queued), (5_000, 5_000));
    assert_eq!(halfway.job.state, JobState::Running);
    world.advance(HOUR);
    world.settle().await;
    let view = world.job(id).await;
    assert_eq!((view.standing.succeeded, view.standing.failed), (5_000, 5_000));
    assert_eq!(view.job.state, JobState::Completed);
    let failures = world.app().job_failures(&world.by, id).await.unwrap();
    assert_eq!(
        failures.iter().map(|why| (why.state, why.count)).collect::<Vec<_>>(),
        [(ExecutionState::TimedOut, 5_000)]
    );
    assert!(failures[0].reason.starts_with("the command expired at"), "{}", failures[0].reason);
}
