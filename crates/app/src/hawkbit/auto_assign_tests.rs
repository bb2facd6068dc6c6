//! That the reconciler acts on what a filter is, not on what it was.

use std::collections::BTreeMap;

use windlass_domain::hawkbit::{SettingKey, SettingValue};
use windlass_domain::ids::TokenId;
use windlass_domain::permission::{Actor, Principal, Role};
use windlass_store::management::Filter;
use windlass_store::management::items::Item;

use crate::enrol::bench::Bench;
use crate::error::AppError;
use crate::hawkbit::{AutoAct, NewAutoAssign, NewAutoAssignment, NewModule, NewSet, NewTarget, TargetChange};

/// An auto assignment that runs, over a target that it finds.
async fn running(bench: &Bench) -> Item<Filter> {
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
