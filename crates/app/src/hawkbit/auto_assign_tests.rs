//! That the reconciler acts on what a filter is, not on what it was.

use std::collections::BTreeMap;

use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::ids::{ReleaseId, TokenId};
use windlass_domain::permission::{Actor, Principal, Role};
use windlass_store::management::Filter;
use windlass_store::management::items::Item;

use crate::devices::DevicePatch;
use crate::enrol::bench::Bench;
use crate::error::AppError;
use crate::hawkbit::filters::{now_only, read_kept};
use crate::hawkbit::{
    Assignment, AutoAct, NewAutoAssign, NewAutoAssignment, NewModule, NewSet, NewTarget, Standing,
    TargetChange, Terms, UpdateStatus,
};
use crate::jobs::JobPick;
use crate::releases::{ComponentKey, NewRelease, NewRules};

/// An auto assignment that runs, over a target that it finds.
pub(in crate::hawkbit) async fn running(bench: &Bench) -> Item<Filter> {
    let (app, by) = (&bench.app, &bench.admin);
    app.hawkbit_defaults(by).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let module = NewModule {
        name: text("fw"),
        version: text("1"),
        module_type: text("os"),
        description: None,
        vendor: None,
        encrypted: false,
    };
    let modules = app.hawkbit_modules_create(by, vec![module]).await.unwrap();
    let set = NewSet {
        name: text("fw"),
        version: text("1"),
        set_type: text("os"),
        description: None,
        required_migration_step: false,
        modules: modules.iter().map(|view| view.component.id.get()).collect(),
    };
    let set = app.hawkbit_sets_create(by, vec![set]).await.unwrap()[0].release.id.get();
    let target = NewTarget { controller_id: text("pump-1"), token: None, change: TargetChange::default() };
    app.hawkbit_targets_create(by, vec![target]).await.unwrap();
    let new = NewAutoAssignment {
        name: text("pumps"),
        query: text("controllerId==pump-*"),
        assigns: NewAutoAssign { set, ..NewAutoAssign::default() },
        ..NewAutoAssignment::default()
    };
    let made = app.hawkbit_auto_create(by, new).await.unwrap();
    app.hawkbit_auto_act(by, made.id, AutoAct::Start).await.unwrap();
    app.hawkbit_auto_assignment(by, made.id).await.unwrap()
}

#[tokio::test]
async fn what_was_held_changed_or_taken_away_since_it_was_read_assigns_nothing() {
    for bench in Bench::each("auto-stale").await {
        let (app, by) = (&bench.app, &bench.admin);
        let read = running(&bench).await;
        let system = Principal::system(by.tenant, "filter pumps");
        app.hawkbit_auto_act(by, read.id, AutoAct::Pause).await.unwrap();
        assert_eq!(app.hawkbit_assign_found(&system, &read).await.unwrap(), 0, "held");
        app.hawkbit_auto_act(by, read.id, AutoAct::Resume).await.unwrap();
        let other = Some("controllerId==*1".to_owned());
        app.hawkbit_filter_change(by, read.id, None, other).await.unwrap();
        assert_eq!(app.hawkbit_assign_found(&system, &read).await.unwrap(), 0, "asks for others");
        app.hawkbit_auto_delete(by, read.id).await.unwrap();
        assert_eq!(app.hawkbit_assign_found(&system, &read).await.unwrap(), 0, "is not there");
        assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn what_is_as_it_was_read_assigns_and_another_name_changes_nothing() {
    for bench in Bench::each("auto-same").await {
        let (app, by) = (&bench.app, &bench.admin);
        let read = running(&bench).await;
        let named = Some("all pumps".to_owned());
        app.hawkbit_auto_describe(by, read.id, named, None).await.unwrap();
        let system = Principal::system(by.tenant, "filter pumps");
        assert_eq!(app.hawkbit_assign_found(&system, &read).await.unwrap(), 1);
    }
}

/// What `pump-1` is to have, as it is shown.
async fn standing(bench: &Bench) -> Standing {
    bench.app.hawkbit_target(&bench.admin, "pump-1").await.unwrap().standing
}

#[tokio::test]
async fn what_a_target_was_given_outlives_its_job_and_is_not_given_again() {
    for bench in Bench::each("auto-given").await {
        let (app, by) = (&bench.app, &bench.admin);
        let set = running(&bench).await.body.auto_assign.unwrap().set;
        let wanted = || vec![Assignment { target: "pump-1".to_owned(), set, terms: Terms::default() }];
        let given = app.hawkbit_assign(by, wanted(), true).await.unwrap();
        assert_eq!((given.already, given.actions.len()), (0, 1));
        while app.jobs_activate().await.unwrap() {}
        let before = standing(&bench).await;
        let (has, status) = (Some(ReleaseId::new(set)), UpdateStatus::InSync);
        assert_eq!((before.status, before.assigned, before.installed), (status, has, has));

        let jobs = app.job_list(by, JobPick::default(), 10).await.unwrap().views;
        for view in &jobs {
            app.job_delete(by, view.job.id, None).await.unwrap();
        }
        assert_eq!(jobs.len(), 1);
        assert_eq!(standing(&bench).await, before, "it has what it had");
        assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 0, "it had it");
        let again = app.hawkbit_assign(by, wanted(), false).await.unwrap();
        assert_eq!((again.already, again.actions.len()), (1, 0));
        let text = "assignedDs.name==fw and installedDs.version==1 and updateStatus==in_sync";
        let asked = read_kept(text, now_only(app.clock.now())).unwrap();
        let found = app.hawkbit_select(by, asked).await.unwrap();
        assert_eq!(found.len(), 1, "it is found by it");
        app.hawkbit_set_delete(by, set).await.unwrap();
        assert_eq!(standing(&bench).await, before, "the set stays for it, out of sight");
    }
}

/// Has the filter assign a release for one hardware only.
async fn picky(bench: &Bench, filter: i64) -> i64 {
    let (app, by) = (&bench.app, &bench.admin);
    let new = NewRelease {
        name: "fw".to_owned(),
        version: "2".to_owned(),
        components: vec![ComponentKey::from(("fw", "1"))],
        device_types: Vec::new(),
        notes: String::new(),
        rules: NewRules { hardware: vec!["b2".to_owned()], ..NewRules::default() },
    };
    let set = app.release_create(by, new).await.unwrap().id.get();
    let assigns = NewAutoAssign { set, ..NewAutoAssign::default() };
    app.hawkbit_filter_assigns(by, filter, Some(assigns)).await.unwrap();
    set
}

/// Says what hardware `pump-1` is.
async fn is_hardware(bench: &Bench, hardware: &str) {
    let attributes = BTreeMap::from([("hardware".to_owned(), Some(hardware.to_owned()))]);
    let patch = DevicePatch { attributes, ..DevicePatch::default() };
    bench.app.device_patch(&bench.admin, &"pump-1".parse().unwrap(), patch, None).await.unwrap();
}

#[tokio::test]
async fn whom_a_job_would_leave_out_is_given_nothing_until_it_fits() {
    for bench in Bench::each("auto-left-out").await {
        let (app, by) = (&bench.app, &bench.admin);
        let filter = running(&bench).await.id;
        let set = picky(&bench, filter).await;
        assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 0, "nobody knows its hardware");
        assert!(app.job_list(by, JobPick::default(), 10).await.unwrap().views.is_empty(), "nor a job");
        // Somebody assigns it, and it is left out of that job: it was given nothing by that.
        let wanted = Assignment { target: "pump-1".to_owned(), set, terms: Terms::default() };
        app.hawkbit_assign(by, vec![wanted], false).await.unwrap();
        assert_eq!(standing(&bench).await.assigned, None);
        is_hardware(&bench, "a1").await;
        assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 0, "it is for another one");
        is_hardware(&bench, "b2").await;
        assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 1);
        assert_eq!(standing(&bench).await.assigned, Some(ReleaseId::new(set)));
        assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 0, "once");
    }
}

#[tokio::test]
async fn what_is_held_or_gone_when_its_turn_comes_has_no_turn() {
    for bench in Bench::each("auto-turn").await {
        let (app, by) = (&bench.app, &bench.admin);
        let id = running(&bench).await.id;
        let turn = app.hawkbit_auto_turn(by.tenant, id).await.unwrap();
        assert!(turn.is_some_and(|(_, item)| item.id == id));
        app.hawkbit_auto_act(by, id, AutoAct::Pause).await.unwrap();
        assert!(app.hawkbit_auto_turn(by.tenant, id).await.unwrap().is_none());
        app.hawkbit_auto_delete(by, id).await.unwrap();
        assert!(app.hawkbit_auto_turn(by.tenant, id).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn what_nobody_can_tell_who_asked_for_can_be_denied_and_not_approved() {
    for bench in Bench::each("auto-unknown").await {
        let (app, by) = (&bench.app, &bench.admin);
        let id = running(&bench).await.id;
        let approval = BTreeMap::from([(SettingKey::AutoAssignmentApproval, Some(SettingValue::Flag(true)))]);
        app.settings_set(by, approval).await.unwrap();
        let gone = Principal { actor: Actor::token("gone", TokenId::new(1_000_000)), ..by.clone() };
        app.hawkbit_filter_change(&gone, id, None, Some("controllerId==*".to_owned())).await.unwrap();
        let peter = Principal::user(by.tenant, "peter", Role::Operator);
        let decide = |approved| AutoAct::Decide { approved, remark: String::new(), seen: None };
        for (who, approved, words) in [
            (&peter, true, "nobody can tell who asked for auto assignment"),
            (&gone, true, "nobody can approve it; deny it"),
        ] {
            let refused = app.hawkbit_auto_act(who, id, decide(approved)).await;
            let Err(AppError::Conflict { code: "hawkbit.auto_assign_state", detail }) = refused else {
                panic!("it is approved");
            };
            assert!(detail.contains(words), "{detail}");
        }
        app.hawkbit_auto_act(&peter, id, decide(false)).await.unwrap();
        // One that is known is not denied by somebody of whom nobody can tell who that is.
        app.hawkbit_filter_change(by, id, None, Some("controllerId==p*".to_owned())).await.unwrap();
        let refused = app.hawkbit_auto_act(&gone, id, decide(false)).await;
        let Err(AppError::Conflict { detail, .. }) = refused else { panic!("it is denied") };
        assert!(detail.contains("let somebody who signed in decide"), "{detail}");
    }
}
