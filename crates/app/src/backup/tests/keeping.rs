//! Backups of a running node: when they are made, how many stay, and what is told of them.

use super::*;
use crate::error::AppError;

#[tokio::test]
async fn the_schedule_makes_backups_keeps_some_and_tells_of_failures() {
    let bench = Bench::fresh().await;
    let settings = bench.settings(2);
    let backups = bench.backups(Some(settings.clone()));
    for _ in 0..4 {
        assert!(backups.follow_schedule().await.unwrap());
        assert!(!backups.follow_schedule().await.unwrap(), "not due again");
        bench.clock.advance(Duration::from_secs(86_400));
    }
    let listed = backups.list(&bench.by).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    assert!(
        listed
            .items
            .iter()
            .all(|item| item.state == ShownState::Complete { warning: None } && item.version == "0.1.0")
    );
    assert_eq!(listed.items[0].created_at, START.plus(Duration::from_secs(3 * 86_400)));
    assert_eq!(backups.outcome().await.unwrap().unwrap().succeeded_at, Some(listed.items[0].created_at));
    let gone = bench.path("elsewhere");
    fs::rename(&settings.directory, &gone).unwrap();
    assert!(backups.follow_schedule().await.unwrap());
    assert!(!backups.follow_schedule().await.unwrap(), "a failure is not tried again at once");
    let outcome = backups.outcome().await.unwrap().unwrap();
    assert!(outcome.problem.is_some() && outcome.succeeded_at.is_some(), "{outcome:?}");
    let failed = &backups.list(&bench.by).await.unwrap().items[0];
    assert!(matches!(&failed.state, ShownState::Failed { detail } if detail.contains("shelf")), "{failed:?}");
    fs::rename(&gone, &settings.directory).unwrap();
    bench.clock.advance(Duration::from_secs(3_600));
    assert!(backups.follow_schedule().await.unwrap());
    assert_eq!(backups.outcome().await.unwrap().unwrap().problem, None);
    let listed = backups.list(&bench.by).await.unwrap();
    assert_eq!(listed.items.len(), 2);
    let newest = settings.directory.join(&listed.items[0].name);
    restore(&newest, &Key::None, &bench.path("target")).unwrap();
    let audit = bench.app.audit_list(&bench.by, Default::default(), 100).await.unwrap();
    let count = |action: &str| audit.iter().filter(|record| record.action == action).count();
    assert_eq!((count("backup.create"), count("backup.fail")), (5, 1));
}

#[tokio::test]
async fn a_backup_is_good_though_an_old_one_cannot_be_deleted_and_the_warning_is_shown_until_it_can() {
    let bench = Bench::fresh().await;
    let settings = bench.settings(1);
    let backups = Backups::removing_with(bench.app.clone(), Some(settings.clone()), |_| {
        Err(std::io::ErrorKind::ReadOnlyFilesystem.into())
    });
    assert!(backups.follow_schedule().await.unwrap());
    bench.clock.advance(Duration::from_secs(86_400));
    assert!(backups.follow_schedule().await.unwrap());
    let listed = backups.list(&bench.by).await.unwrap();
    let ShownState::Complete { warning: Some(warning) } = &listed.items[0].state else {
        panic!("{:?}", listed.items)
    };
    assert!(warning.contains(&listed.items[1].name) && warning.contains("delete them by hand"), "{warning}");
    assert_eq!(listed.items[1].state, ShownState::Complete { warning: None });
    let outcome = backups.outcome().await.unwrap().unwrap();
    assert_eq!((outcome.problem, outcome.succeeded_at), (None, Some(listed.items[0].created_at)));
    let audit = bench.app.audit_list(&bench.by, Default::default(), 100).await.unwrap();
    assert!(audit.iter().any(|record| record.details.to_string().contains("delete them by hand")));
    let backups = bench.backups(Some(settings));
    bench.clock.advance(Duration::from_secs(86_400));
    assert!(backups.follow_schedule().await.unwrap());
    let listed = backups.list(&bench.by).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(listed.items[0].state, ShownState::Complete { warning: None });
}

#[tokio::test]
async fn backups_are_deleted_by_name_but_never_the_last_one() {
    let bench = Bench::fresh().await;
    let settings = bench.settings(5);
    let backups = bench.backups(Some(settings.clone()));
    backups.follow_schedule().await.unwrap();
    bench.clock.advance(Duration::from_secs(86_400));
    backups.follow_schedule().await.unwrap();
    fs::write(settings.directory.join("windlass-0.1.0-20200101T000000Z.backup"), b"").unwrap();
    let names: Vec<_> =
        backups.list(&bench.by).await.unwrap().items.into_iter().map(|item| item.name).collect();
    for bad in [
        "../data/state.db",
        "windlass-0.1.0-20000101T000000Z.backup",
        "windlass-0.1.0-20200101T000000Z.backup",
    ] {
        assert!(matches!(backups.delete(&bench.by, bad).await, Err(AppError::NotFound { .. })), "{bad}");
    }
    backups.delete(&bench.by, &names[1]).await.unwrap();
    let last = backups.delete(&bench.by, &names[0]).await.unwrap_err();
    assert_eq!(last.code(), "backup.last");
    assert_eq!(backups.list(&bench.by).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn one_backup_is_made_at_a_time_and_only_by_the_tenant_that_runs_the_server() {
    let bench = Bench::fresh().await;
    let none = bench.backups(None);
    assert_eq!(none.start(&bench.by).await.unwrap_err().code(), "backup.not_configured");
    assert_eq!(none.list(&bench.by).await.unwrap(), Listed::default());
    let backups = bench.backups(Some(bench.settings(2)));
    let held = backups.stage().await.unwrap();
    assert_eq!(backups.start(&bench.by).await.unwrap_err().code(), "backup.running");
    assert!(matches!(backups.stage().await, Err(BackupError::Running)));
    assert!(!backups.follow_schedule().await.unwrap());
    drop(held);
    let stranger = Principal { tenant: windlass_domain::ids::TenantId::new(77), ..bench.by.clone() };
    assert_eq!(backups.start(&stranger).await.unwrap_err().code(), "forbidden");
    assert_eq!(backups.list(&stranger).await.unwrap(), Listed::default());
    let shown = backups.start(&bench.by).await.unwrap();
    assert_eq!(shown.state, ShownState::Running);
    assert!(bench.app.tasks.drain(Duration::from_secs(60)).await);
    let viewer = Principal { role: Role::Viewer, ..bench.by.clone() };
    assert_eq!(backups.start(&viewer).await.unwrap_err().code(), "forbidden");
}

#[tokio::test]
async fn what_a_killed_process_left_staged_goes_at_the_next_backup() {
    let bench = Bench::fresh().await;
    let stale = bench.path("data/backup-staging");
    fs::create_dir(&stale).unwrap();
    fs::write(stale.join("state.db"), vec![0; 1_000]).unwrap();
    let backup = bench.backup("plain", &Seal::Plain).await;
    restore(&backup, &Key::None, &bench.path("target")).unwrap();
    assert!(!stale.exists());
}
