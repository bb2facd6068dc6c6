use std::time::Duration;

use windlass_domain::permission::{ActorKind, Role};
use windlass_store::testing::START;

use super::*;
use crate::enrol::bench::Bench;

const PASSWORD: &str = "correct horse battery";

fn address() -> IpAddr {
    IpAddr::from([10, 0, 0, 1])
}

fn new_user(name: &str, role: Role) -> NewUser {
    NewUser { name: name.to_owned(), password: PASSWORD.to_owned(), role }
}

fn new_token(role: Role) -> NewToken {
    NewToken { name: "ci".to_owned(), role, scope: None, expires_at: None }
}

fn to<'a>(new: &'a str, current: Option<&'a str>) -> PasswordChange<'a> {
    PasswordChange { new, current, address: address() }
}

async fn sign_in(bench: &Bench, user: &str, password: &str) -> Result<Principal, SignInError> {
    bench.app.identify_password(bench.admin.tenant, user, password, address()).await
}

#[test]
fn a_password_has_as_many_characters_as_the_server_demands() {
    for (password, least, good) in [
        ("admin", 12, false),
        ("admin", 5, true),
        ("", 0, false),
        ("hunter2hunte", 12, true),
        ("hunter2hunt", 12, false),
        ("x", usize::MAX, false),
    ] {
        assert_eq!(check_password(password, least).is_none(), good, "{password} of {least}");
    }
    assert!(check_password(&"x".repeat(257), 5).is_some());
}

#[tokio::test]
async fn the_first_administrator_is_made_once_from_the_given_password() {
    for bench in Bench::each("access").await {
        let app = &bench.app;
        assert_eq!(app.bootstrap_admin(None).await.unwrap(), Bootstrap::NoAdministrator);
        assert_eq!(app.bootstrap_admin(Some("short\n")).await.unwrap_err().code(), "invalid");
        let line = format!("{PASSWORD}\n");
        assert_eq!(app.bootstrap_admin(Some(&line)).await.unwrap(), Bootstrap::Created);
        assert_eq!(app.bootstrap_admin(Some("another password")).await.unwrap(), Bootstrap::UsersExist);
        let admin = sign_in(&bench, "admin", PASSWORD).await.unwrap();
        assert_eq!(admin, Principal::user(bench.admin.tenant, "admin", Role::Admin));
        assert!(matches!(sign_in(&bench, "admin", "another password").await, Err(SignInError::Wrong)));
    }
}

#[tokio::test]
async fn users_are_made_listed_disabled_and_sign_in_with_the_password_of_the_moment() {
    for bench in Bench::each("access").await {
        let (app, admin) = (&bench.app, &bench.admin);
        app.user_create(admin, new_user("otto", Role::Operator)).await.unwrap();
        assert_eq!(app.user_create(admin, new_user("otto", Role::Admin)).await.unwrap_err().code(), "exists");
        assert_eq!(sign_in(&bench, "otto", PASSWORD).await.unwrap().role, Role::Operator);
        app.user_set_password(admin, "otto", to("a new password", None)).await.unwrap();
        assert!(
            matches!(sign_in(&bench, "otto", PASSWORD).await, Err(SignInError::Wrong)),
            "remembered pairs too"
        );
        assert!(sign_in(&bench, "otto", "a new password").await.is_ok());
        let view = app.user_set_disabled(admin, "otto", true).await.unwrap();
        assert_eq!(view.disabled_at, Some(START));
        assert!(matches!(sign_in(&bench, "otto", "a new password").await, Err(SignInError::Wrong)));
        app.user_set_disabled(admin, "otto", false).await.unwrap();
        assert!(sign_in(&bench, "otto", "a new password").await.is_ok());
        assert!(matches!(sign_in(&bench, "nobody", PASSWORD).await, Err(SignInError::Wrong)));
        let names: Vec<_> = app.user_list(admin).await.unwrap().into_iter().map(|user| user.name).collect();
        assert_eq!(names, ["otto"]);
        assert_eq!(bench.actions().await, ["user.create", "user.password", "user.disable", "user.enable"]);
    }
}

#[tokio::test]
async fn a_link_made_before_a_password_was_set_or_its_user_was_disabled_opens_nothing() {
    for bench in Bench::each("access").await {
        let (app, admin) = (&bench.app, &bench.admin);
        app.user_create(admin, new_user("otto", Role::Operator)).await.unwrap();
        let visitor = Visitor { address: address(), user_agent: String::new() };
        let link = async || match app.console_link(Some("otto")).await.unwrap() {
            ConsoleLink::SignIn { secret, .. } => secret,
            ConsoleLink::SetUp { .. } => panic!("there is a user"),
        };
        let before = link().await;
        app.user_set_password(admin, "otto", to("a new password", None)).await.unwrap();
        let refused = app.console_session_open_by_link(&before, &visitor).await;
        assert!(matches!(refused, Err(LinkError::NotGood)), "{refused:?}");
        let before = link().await;
        app.user_set_disabled(admin, "otto", true).await.unwrap();
        app.user_set_disabled(admin, "otto", false).await.unwrap();
        let refused = app.console_session_open_by_link(&before, &visitor).await;
        assert!(matches!(refused, Err(LinkError::NotGood)), "{refused:?}");
        app.console_session_open_by_link(&link().await, &visitor).await.unwrap();
    }
}

#[tokio::test]
async fn the_last_administrator_stays() {
    for bench in Bench::each("access").await {
        let (app, admin) = (&bench.app, &bench.admin);
        app.user_create(admin, new_user("anna", Role::Admin)).await.unwrap();
        let refused = app.user_set_disabled(admin, "anna", true).await.unwrap_err();
        assert_eq!(refused.code(), "user.last_admin");
        app.user_create(admin, new_user("bert", Role::Admin)).await.unwrap();
        app.user_set_disabled(admin, "anna", true).await.unwrap();
        let refused = app.user_set_disabled(admin, "bert", true).await.unwrap_err();
        assert_eq!(refused.code(), "user.last_admin");
    }
}

#[tokio::test]
async fn people_may_change_their_own_password_and_nobody_elses() {
    for bench in Bench::each("access").await {
        let (app, admin) = (&bench.app, &bench.admin);
        app.user_create(admin, new_user("vera", Role::Viewer)).await.unwrap();
        let vera = sign_in(&bench, "vera", PASSWORD).await.unwrap();
        let change = to("a new password", Some(PASSWORD));
        app.user_set_password(&vera, "vera", change).await.unwrap();
        let refused = app.user_set_password(&vera, "vera", change).await.unwrap_err();
        assert!(matches!(&refused, SignInError::Failed(AppError::Invalid(fields)) if fields.len() == 1));
        let refused = app.user_set_password(&vera, "anna", change).await.unwrap_err();
        assert!(matches!(refused, SignInError::Failed(AppError::Forbidden(_))), "{refused:?}");
        let mut token = vera;
        token.actor = Actor { kind: ActorKind::Token, name: "vera".to_owned() };
        let refused = app.user_set_password(&token, "vera", change).await.unwrap_err();
        let forbidden = matches!(refused, SignInError::Failed(AppError::Forbidden(_)));
        assert!(forbidden, "a token of that name is not the user");
        assert_eq!(app.user_list(&token).await.unwrap_err().code(), "forbidden");
    }
}

#[tokio::test]
async fn tokens_have_a_bound_that_counts_those_in_force_and_ended_ones_are_forgotten_in_time() {
    let limits = windlass_domain::limits::Limits { api_tokens: 2, ..Default::default() };
    for bench in Bench::each_with("access", limits).await {
        let (app, admin) = (&bench.app, &bench.admin);
        let make = || app.token_create(admin, new_token(Role::Viewer));
        let first = make().await.unwrap();
        let end = START.plus(Duration::from_secs(60));
        app.token_create(admin, NewToken { expires_at: Some(end), ..new_token(Role::Viewer) }).await.unwrap();
        let refused = make().await.unwrap_err();
        assert_eq!(refused.code(), "token.most");
        assert!(refused.to_string().contains("revoke those that nobody uses"), "{refused}");
        app.token_revoke(admin, first.token.id).await.unwrap();
        make().await.unwrap();
        assert_eq!(make().await.unwrap_err().code(), "token.most");
        bench.advance(61);
        for _ in 0..4 {
            let made = make().await.unwrap();
            app.token_revoke(admin, made.token.id).await.unwrap();
        }
        make().await.unwrap();
        let kept = app.token_list(admin).await.unwrap();
        let ended = kept.iter().filter(|token| token.revoked_at.is_some() || token.expires_at.is_some());
        assert_eq!((kept.len(), ended.count()), (4, 2), "two in force, and the two that ended last");
        assert!(kept.iter().all(|token| token.id != first.token.id));
    }
}

#[tokio::test]
async fn every_bad_field_of_a_user_is_named() {
    let bench = Bench::each("access").await.remove(0);
    let bad = NewUser { name: "a b".to_owned(), password: "short".to_owned(), role: Role::Viewer };
    let AppError::Invalid(problems) = bench.app.user_create(&bench.admin, bad).await.unwrap_err() else {
        panic!("invalid")
    };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["name", "password"]);
}

#[tokio::test]
async fn a_token_is_good_until_it_ends_or_is_revoked() {
    for bench in Bench::each("access").await {
        let (app, admin) = (&bench.app, &bench.admin);
        let end = START.plus(Duration::from_secs(60));
        let new = NewToken { expires_at: Some(end), ..new_token(Role::Viewer) };
        let made = app.token_create(admin, new).await.unwrap();
        assert!(made.secret.starts_with("wl_") && made.secret.len() == 46, "{}", made.secret);
        assert!(made.secret.starts_with(&made.token.hint));
        let principal = app.identify_token(&made.secret).await.unwrap();
        assert_eq!(principal.role, Role::Viewer);
        assert_eq!(principal.actor.token_id(), Some(made.token.id));
        let peer = app.identify_application(&made.secret).await.unwrap();
        assert_eq!(peer.expires_at, Some(end));
        for wrong in ["", "wl_", "nonsense", &made.secret[..45], &format!("{}x", made.secret)] {
            assert_eq!(app.identify_token(wrong).await.unwrap_err(), ConnectRefusal::BadToken, "{wrong}");
        }
        bench.advance(60);
        assert_eq!(app.identify_token(&made.secret).await.unwrap_err(), ConnectRefusal::BadToken);

        let made = app.token_create(admin, new_token(Role::Viewer)).await.unwrap();
        assert!(app.identify_token(&made.secret).await.is_ok());
        let revoked = app.token_revoke(admin, made.token.id).await.unwrap();
        assert!(revoked.revoked_at.is_some());
        assert_eq!(app.token_revoke(admin, made.token.id).await.unwrap(), revoked);
        assert_eq!(app.identify_token(&made.secret).await.unwrap_err(), ConnectRefusal::BadToken);
        assert_eq!(app.token_list(admin).await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_token_gives_no_more_and_lives_no_longer_than_its_creator() {
    for bench in Bench::each("access").await {
        let app = &bench.app;
        let operator = Principal::user(bench.admin.tenant, "otto", Role::Operator);
        let refused = app.token_create(&operator, new_token(Role::Viewer)).await.unwrap_err();
        assert_eq!(refused.code(), "forbidden");
        let end = START.plus(Duration::from_secs(60));
        let new = NewToken { expires_at: Some(end), ..new_token(Role::Admin) };
        let parent = app.token_create(&bench.admin, new).await.unwrap();
        let parent = app.identify_token(&parent.secret).await.unwrap();
        let child = app.token_create(&parent, new_token(Role::Admin)).await.unwrap();
        assert_eq!(child.token.expires_at, Some(end));
        let scoped = NewToken { scope: Some("tag==lab".to_owned()), ..new_token(Role::Admin) };
        let scoped = app.token_create(&bench.admin, scoped).await.unwrap();
        let scoped = app.identify_token(&scoped.secret).await.unwrap();
        assert_eq!(scoped.scope.as_deref(), Some("tag==lab"));
        let refused = app.token_create(&scoped, new_token(Role::Viewer)).await.unwrap_err();
        assert_eq!(refused.code(), "forbidden");
    }
}

#[tokio::test]
async fn every_bad_field_of_a_token_is_named() {
    let bench = Bench::each("access").await.remove(0);
    let bad = NewToken {
        name: "a#1".to_owned(),
        role: Role::Viewer,
        scope: Some("((".to_owned()),
        expires_at: Some(START),
    };
    let AppError::Invalid(problems) = bench.app.token_create(&bench.admin, bad).await.unwrap_err() else {
        panic!("invalid")
    };
    let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
    assert_eq!(fields, ["name", "expiresAt", "scope"]);
    let fickle = NewToken { scope: Some("online==true".to_owned()), ..new_token(Role::Viewer) };
    let AppError::Invalid(problems) = bench.app.token_create(&bench.admin, fickle).await.unwrap_err() else {
        panic!("invalid")
    };
    assert!(problems[0].problem.starts_with("must not ask for presence, online"), "{problems:?}");
}

#[tokio::test]
async fn whoever_holds_the_data_directory_can_make_a_first_token() {
    for bench in Bench::each("access").await {
        let made = bench.app.bootstrap_token("first", None).await.unwrap();
        let principal = bench.app.identify_token(&made.secret).await.unwrap();
        assert_eq!((principal.role, principal.tenant), (Role::Admin, bench.admin.tenant));
        assert_eq!(made.token.created_by, "system:data directory");
        assert_eq!(bench.actions().await, ["token.create"]);
    }
}
