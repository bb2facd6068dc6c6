//! That what was read of targets is asked again where something is given to them.

use windlass_domain::permission::Principal;
use windlass_store::devices;

use super::*;
use crate::enrol::bench::Bench;
use crate::hawkbit::auto_assign::tests::running;
use crate::jobs::JobPick;

fn wanted(set: i64) -> Vec<Assignment> {
    vec![Assignment { target: "pump-1".to_owned(), set, terms: Terms::default() }]
}

/// Somebody asks for it.
fn asked() -> How {
    let timeouts = patience(&Settings::of(&BTreeMap::new()).unwrap());
    How { before: Before::Stops, timeouts, offline: false, source: None }
}

#[tokio::test]
async fn of_two_that_ask_for_the_same_at_once_one_begins_it_and_the_other_has_it_already() {
    for bench in Bench::each("assign-twice").await {
        let (app, by) = (&bench.app, &bench.admin);
        let set = running(&bench).await.body.auto_assign.unwrap().set;
        let (found, already) = app.hawkbit_batches(by, wanted(set), false, Unfit::Refuse).await.unwrap();
        assert_eq!((found.len(), already), (1, 0));
        let begun = app.hawkbit_begin(by, found[0].clone(), asked()).await.unwrap();
        assert_eq!((begun.already, begun.actions.len()), (0, 1));
        let again = app.hawkbit_begin(by, found[0].clone(), asked()).await.unwrap();
        assert_eq!(again, Outcome { already: 1, actions: Vec::new() });
        let jobs = app.job_list(by, JobPick::default(), 10).await.unwrap().views;
        assert_eq!(jobs.len(), 1, "there is nothing to do for another job");
        assert_eq!(jobs[0].standing.queued, 1, "what began first goes on");
    }
}

#[tokio::test]
async fn what_a_target_had_since_a_filter_looked_the_filter_does_not_give_it() {
    for bench in Bench::each("assign-had").await {
        let (app, by) = (&bench.app, &bench.admin);
        let filter = running(&bench).await;
        let set = filter.body.auto_assign.as_ref().unwrap().set;
        let source = Source::of(&filter);
        let (found, _) = app.hawkbit_batches(by, wanted(set), false, Unfit::LeaveOut).await.unwrap();
        let given = app.hawkbit_assign(by, wanted(set), false).await.unwrap();
        let (_, action) = given.actions[0];
        app.hawkbit_cancel(by, "pump-1", action, false).await.unwrap();
        app.hawkbit_cancel(by, "pump-1", action, true).await.unwrap();
        let system = Principal::system(by.tenant, "filter pumps");
        let how = How { source, ..asked() };
        let late = app.hawkbit_begin(&system, found[0].clone(), how).await.unwrap();
        assert_eq!(late, Outcome { already: 1, actions: Vec::new() }, "somebody took it away again");
        // Whoever asks for it gets it.
        let again = app.hawkbit_assign(by, wanted(set), false).await.unwrap();
        assert_eq!((again.already, again.actions.len()), (0, 1));
    }
}

#[tokio::test]
async fn what_a_target_says_that_it_runs_it_has_already() {
    for bench in Bench::each("assign-told").await {
        let (app, by) = (&bench.app, &bench.admin);
        let set = running(&bench).await.body.auto_assign.unwrap().set;
        let (tenant, at) = (by.tenant, app.clock.now());
        let says = async |version: &'static str| {
            let said = app.store.write(move |tx| {
                Box::pin(async move {
                    let name = "pump-1".parse().unwrap();
                    let device = devices::device_by_name(tx, tenant, &name).await?.unwrap().id;
                    let installed = ddi::Installed {
                        name: "fw".to_owned(),
                        version: version.to_owned(),
                        execution: None,
                        at,
                    };
                    let target = ddi::Target { installed: Some(installed), ..ddi::Target::default() };
                    ddi::target_put(tx, device, &target).await
                })
            });
            said.await.unwrap();
        };
        says("1").await;
        let told = app.hawkbit_assign(by, wanted(set), false).await.unwrap();
        assert_eq!(told, Outcome { already: 1, actions: Vec::new() });
        assert_eq!(app.hawkbit_auto_assign().await.unwrap(), 0, "nor does a filter give it");
        says("0").await;
        let told = app.hawkbit_assign(by, wanted(set), false).await.unwrap();
        assert_eq!((told.already, told.actions.len()), (0, 1));
    }
}
