//! What facts mean, and what to do about them. Pure.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use windlass_app::authority::CertificateFacts;
use windlass_domain::time::Timestamp;

use super::look::Space;
use super::{
    BackupFacts, Check, ClockFacts, Facts, Permissions, PlainFacts, Port, PortFound, Presented, Schema, State,
};

const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Server certificates are renewed four months before their end; one that comes this close is not.
const NEAR_ITS_END: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Clocks of file systems and of ours may differ by this.
const SKEW: Duration = Duration::from_secs(300);
/// Nothing was ever written before this: 2026-01-01T00:00:00Z.
const FIRST_LIGHT: Timestamp = Timestamp::from_seconds(1_767_225_600);
/// Every acknowledgement waits for one of these.
const SLOW_SYNC: Duration = Duration::from_millis(50);
const STUCK_SYNC: Duration = Duration::from_millis(500);
/// Files beside connections: databases, listeners, logs, uploads, operators.
const OTHER_FILES: u64 = 256;
/// Fewer than this is too few for a fleet that grows.
const FEW_FILES: u64 = 4_096;
/// Without a schedule, a backup is old after this.
const OLD_BACKUP: Duration = Duration::from_secs(7 * 24 * 3_600);

fn good(name: &'static str, detail: impl Into<String>) -> Check {
    Check { name, state: State::Good, detail: detail.into(), action: String::new() }
}

fn bad(name: &'static str, state: State, detail: impl Into<String>, action: impl Into<String>) -> Check {
    Check { name, state, detail: detail.into(), action: action.into() }
}

/// All checks.
pub(super) fn judge(facts: &Facts) -> Vec<Check> {
    let Facts {
        now,
        certificates,
        promised,
        clock: clock_facts,
        space,
        sync: sync_time,
        files,
        devices,
        permissions: modes,
        ports: found_ports,
        schemas,
        backup: backup_facts,
        plain,
        database: (engine, answers),
    } = facts;
    let mut checks: Vec<Check> =
        certificates.iter().map(|presented| certificate(presented, promised, *now)).collect();
    checks.extend([
        clock(clock_facts, *now),
        disk(space),
        sync(sync_time),
        open_files(*files, *devices),
        permissions(modes),
    ]);
    checks.extend(found_ports.iter().map(port));
    checks.extend(schemas.iter().map(schema));
    checks.extend([backup(backup_facts, *now), plain_http(plain), database(engine, answers)]);
    checks
}

/// Nothing to look at.
pub(super) fn no_directory(data: &Path) -> Check {
    bad(
        "directory",
        State::Warning,
        format!("there is no data directory at {}", data.display()),
        "give the one that windlass serve uses with --data; windlass serve makes a new one",
    )
}

fn days(span: Duration) -> u64 {
    span.as_secs() / DAY.as_secs()
}

/// Whether a name of a certificate stands for a host: itself, or all names one level below `*.`.
fn covers(name: &str, host: &str) -> bool {
    let (name, host) = (name.to_ascii_lowercase(), host.to_ascii_lowercase());
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => name == host,
    }
}

fn certificate(presented: &Presented, promised: &[String], now: Timestamp) -> Check {
    const NAME: &str = "certificate";
    let Presented { what, facts } = presented;
    let CertificateFacts { names, not_before, not_after } = match facts {
        Ok(facts) => facts,
        Err(problem) => {
            return bad(
                NAME,
                State::Problem,
                format!("the certificate of the {what} cannot be read: {problem}"),
                "restore the file from a backup, or correct tls_cert",
            );
        }
    };
    if *not_after <= now {
        return bad(
            NAME,
            State::Problem,
            format!("the certificate of the {what} ended at {not_after}"),
            "start the server, which renews its own; put a new file at tls_cert, if you bring one",
        );
    }
    if now < *not_before {
        return bad(
            NAME,
            State::Problem,
            format!("the certificate of the {what} begins only at {not_before}"),
            "set the clock of this machine",
        );
    }
    let missing: Vec<&str> = promised
        .iter()
        .filter(|host| !names.iter().any(|name| covers(name, host)))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return bad(
            NAME,
            State::Problem,
            format!("the certificate of the {what} is not for {}", missing.join(", ")),
            "restart the server, which makes one with all names; put a fitting file at tls_cert, if you bring one",
        );
    }
    let left = not_after.since(now);
    if left < NEAR_ITS_END {
        return bad(
            NAME,
            State::Warning,
            format!("the certificate of the {what} ends in {} days, at {not_after}", days(left)),
            "look into the log why it is not renewed; put a newer file at tls_cert, if you bring one",
        );
    }
    good(
        NAME,
        format!("the certificate of the {what} is good for {} days and has all configured names", days(left)),
    )
}

fn clock(facts: &ClockFacts, now: Timestamp) -> Check {
    const NAME: &str = "clock";
    const SET: &str = "set the clock, and keep it right with NTP (systemd-timesyncd, chrony)";
    let ClockFacts { newest, node } = facts;
    if now < FIRST_LIGHT {
        return bad(NAME, State::Problem, format!("the clock says {now}: it was never set"), SET);
    }
    if let Some(newest) = newest.filter(|newest| now.plus(SKEW) < *newest) {
        let behind = newest.since(now).as_secs();
        let detail = format!("the clock says {now}, {behind} seconds before what was last written here");
        return bad(NAME, State::Problem, detail, SET);
    }
    if let Some(back) = node.map(|node| node.since(now)).filter(|back| *back > Duration::from_secs(1)) {
        let detail = format!(
            "the clock was set back by {} seconds since the server started; it waits",
            back.as_secs()
        );
        return bad(NAME, State::Warning, detail, SET);
    }
    good(NAME, format!("the clock says {now}, after everything that was written here"))
}

fn mebibytes(bytes: u64) -> u64 {
    bytes >> 20
}

fn disk(space: &Result<Space, String>) -> Check {
    const NAME: &str = "disk";
    const FREE: &str = "free space, or shorten limits.retention";
    match space {
        Err(problem) => bad(
            NAME,
            State::Problem,
            format!("the disk does not say how full it is: {problem}"),
            "look at the disk",
        ),
        Ok(Space { free, total, low, nearly_low }) => {
            let found = format!("{} of {} MiB are free", mebibytes(*free), mebibytes(*total));
            if *low {
                let detail = format!("{found}: telemetry and uploads are refused");
                bad(NAME, State::Problem, detail, FREE)
            } else if *nearly_low {
                let detail = format!("{found}: soon telemetry and uploads will be refused");
                bad(NAME, State::Warning, detail, FREE)
            } else {
                good(NAME, found)
            }
        }
    }
}

fn sync(time: &Result<Duration, String>) -> Check {
    const NAME: &str = "diskSpeed";
    match time {
        Err(problem) => bad(
            NAME,
            State::Problem,
            format!("the data directory cannot be written: {problem}"),
            "correct its owner, or mount it for writing",
        ),
        Ok(time) => {
            let millis = time.as_secs_f64() * 1_000.0;
            let detail = format!("a durable write takes {millis:.1} ms; every acknowledgement waits for one");
            let state = if *time >= STUCK_SYNC {
                State::Problem
            } else if *time >= SLOW_SYNC {
                State::Warning
            } else {
                return good(NAME, detail);
            };
            bad(NAME, state, detail, "move the data directory to a faster local disk")
        }
    }
}

fn open_files(files: Option<u64>, devices: Option<u64>) -> Check {
    const NAME: &str = "openFiles";
    const RAISE: &str =
        "raise it: LimitNOFILE= of the systemd unit, --ulimit nofile of the container, or ulimit -Hn";
    let Some(files) = files else {
        return good(NAME, "this system does not tell the limit of open files");
    };
    let needed = devices.unwrap_or(0).saturating_add(OTHER_FILES);
    if files < needed {
        let detail = format!(
            "{files} files may be open, and {} devices need one each when all are connected",
            devices.unwrap_or(0)
        );
        return bad(NAME, State::Problem, detail, RAISE);
    }
    if files < FEW_FILES {
        return bad(
            NAME,
            State::Warning,
            format!("only {files} files may be open: one for each device"),
            RAISE,
        );
    }
    let fleet = devices.map(|devices| format!("; there are {devices} devices")).unwrap_or_default();
    good(NAME, format!("{files} files may be open{fleet}"))
}

fn permissions(facts: &Permissions) -> Check {
    const NAME: &str = "permissions";
    const OTHERS: &str = "correct the owner: chown -R the user that runs the server";
    let Permissions { loose, error } = facts;
    if let Some(problem) = error {
        return bad(
            NAME,
            State::Problem,
            format!("the data directory cannot be looked at: {problem}"),
            OTHERS,
        );
    }
    let Some((first, mode)) = loose.first() else {
        return good(NAME, "nobody but the owner can use the data directory and its keys");
    };
    let mut detail = format!("others can use {} (mode {mode:o})", first.display());
    if loose.len() > 1 {
        // Writing to a String cannot fail.
        let _infallible = write!(detail, " and {} more", loose.len().saturating_sub(1));
    }
    let commands: Vec<String> = loose
        .iter()
        .map(|(path, _)| format!("chmod {} {}", if path.is_dir() { "700" } else { "600" }, path.display()))
        .collect();
    bad(NAME, State::Problem, detail, format!("run: {}", commands.join("; ")))
}

fn port(port: &Port) -> Check {
    const NAME: &str = "ports";
    let Port { what, address, found } = port;
    match found {
        PortFound::Ours => good(NAME, format!("the {what} listens on {address}")),
        PortFound::Free => good(NAME, format!("{address} is free for the {what}")),
        PortFound::NotOurs => bad(
            NAME,
            State::Warning,
            format!("a server runs on this directory, and its {what} does not listen on {address}"),
            "give doctor the server's own --config, or correct the address and restart",
        ),
        PortFound::Taken => bad(
            NAME,
            State::Problem,
            format!("another program listens on {address}, which the {what} needs"),
            format!(
                "end it (ss -ltnp 'sport = :{}' shows which one), or choose another address",
                address.port()
            ),
        ),
        PortFound::Refused(problem) => bad(
            NAME,
            State::Problem,
            format!("the {what} cannot listen on {address}: {problem}"),
            "choose an address of this machine, and a port above 1023 unless the server may use lower ones",
        ),
    }
}

fn schema(schema: &Schema) -> Check {
    const NAME: &str = "schema";
    let Schema { file, found, known } = schema;
    match found {
        Err(problem) => bad(
            NAME,
            State::Problem,
            format!("{file} cannot be read: {problem}"),
            "restore a backup: windlass restore FILE --data NEWDIR",
        ),
        Ok(found) if found > known => bad(
            NAME,
            State::Problem,
            format!("{file} has schema {found}, and this program knows up to {known}"),
            "use the newer program, or restore the copy that was made before the upgrade",
        ),
        Ok(found) if found < known => good(
            NAME,
            format!("{file} has schema {found} and is brought to {known} at the next start, after a copy"),
        ),
        Ok(found) => good(NAME, format!("{file} has schema {found}, as this program")),
    }
}

fn backup(facts: &BackupFacts, now: Timestamp) -> Check {
    const NAME: &str = "backup";
    let BackupFacts { every, directory, directory_error, same_disk, succeeded_at, problem, error } = facts;
    if let Some(error) = error {
        return bad(
            NAME,
            State::Warning,
            format!("it cannot be told when the last backup was made: {error}"),
            "",
        );
    }
    if let (Some(directory), Some(error)) = (directory, directory_error) {
        let detail = format!("the folder of backups {} cannot be used: {error}", directory.display());
        return bad(NAME, State::Problem, detail, "make it, mount it, or correct backup.directory");
    }
    if let Some(problem) = problem {
        let last = succeeded_at
            .map_or_else(|| "there is none".to_owned(), |at| format!("the last good one is of {at}"));
        let detail = format!("the last backup failed: {problem}; {last}");
        return bad(NAME, State::Problem, detail, "put this right; it is tried again within the hour");
    }
    let Some(at) = succeeded_at else {
        return bad(
            NAME,
            State::Warning,
            "no backup was ever made",
            "set backup.directory and backup.every, or run windlass backup --out FILE",
        );
    };
    let age = now.since(*at);
    let most = every.map_or(OLD_BACKUP, |every| every.saturating_mul(2));
    if age > most {
        let detail = format!("the last backup is of {at}, {} days ago", days(age));
        return bad(
            NAME,
            State::Warning,
            detail,
            "set backup.directory and backup.every, or run windlass backup",
        );
    }
    if *same_disk {
        return bad(
            NAME,
            State::Warning,
            format!("the last backup is of {at}, on the same disk as the data"),
            "put backup.directory on another disk, or copy the backups elsewhere",
        );
    }
    good(NAME, format!("the last backup is of {at}"))
}

fn plain_http(facts: &PlainFacts) -> Check {
    const NAME: &str = "plainHttp";
    let PlainFacts { exposed, public_url } = facts;
    if let Some(address) = exposed {
        return bad(
            NAME,
            State::Problem,
            format!(
                "the console speaks plain HTTP to everybody on {address}: passwords and tokens can be read"
            ),
            "leave http_plain out: the server then serves TLS; behind a proxy name it with trusted_proxy",
        );
    }
    if let Some(url) = public_url {
        return bad(
            NAME,
            State::Warning,
            format!("links lead to {url}, without TLS"),
            "let public_url begin with https://",
        );
    }
    good(NAME, "plain HTTP is spoken on loopback or behind a trusted proxy only")
}

fn database(engine: &str, answers: &Result<(), String>) -> Check {
    const NAME: &str = "database";
    match answers {
        Ok(()) => good(NAME, format!("{engine} answers")),
        Err(problem) => bad(
            NAME,
            State::Problem,
            format!("{engine} does not answer: {problem}"),
            "see whether the database runs and is reached from here, and whether its disk is full",
        ),
    }
}
