//! Many devices from a file: first judged as a whole, then imported in transactions of bounded size.
//!
//! A row registers a device, or adds to one that is there: what a row says is set, nothing is ever removed. Gateways
//! come first, so that children may name a gateway of the same file. Knows no file format: rows come from an
//! [`ImportSource`], which is read several times.

mod judge;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use serde_json::json;
use windlass_domain::device::DeviceKind;
use windlass_domain::ids::DeviceId;
use windlass_domain::permission::{Permission, Principal};

use super::bulk::CHUNK;
use crate::app::App;
use crate::audit;
use crate::error::{AppError, FieldProblem};
use crate::permit::demand;

use judge::{Judge, Known, carry_out, learn};

/// Most problems that are listed.
const MOST_PROBLEMS: usize = 1_000;
/// Rows that are shown as they were understood.
const PREVIEW: usize = 20;

/// What a row says of a device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportSpec {
    /// Name of an existing type.
    pub device_type: Option<String>,
    /// What it is to others.
    pub kind: Option<DeviceKind>,
    /// Name of a gateway that is there or in the same file.
    pub parent: Option<String>,
    /// To set.
    pub attributes: BTreeMap<String, String>,
    /// To add.
    pub tags: BTreeSet<String>,
    /// Static groups to put it into.
    pub groups: BTreeSet<String>,
}

/// One row with data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportRow {
    /// Which one; 1 is the first.
    pub row: u64,
    /// Its line in the file, where the format has lines.
    pub line: Option<u64>,
    /// The name of the device, as it was written.
    pub name: String,
    /// What it says, or why it cannot be read.
    pub spec: Result<ImportSpec, Vec<FieldProblem>>,
}

/// Where rows come from. Every call of `rows` begins anew and gives the same ones.
pub trait ImportSource: fmt::Debug + Send + Sync {
    /// The rows, in order.
    fn rows(&self) -> Box<dyn Iterator<Item = ImportRow> + Send + '_>;

    /// SHA-256 of the file, hex, for the audit record.
    fn digest(&self) -> String;
}

/// How to import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Import {
    /// Only say what would happen.
    pub dry_run: bool,
    /// Import the good rows though there are bad ones; else nothing is imported then.
    pub skip_bad: bool,
}

/// What a row does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportAction {
    /// Registers a device.
    Create,
    /// Changes one that is there.
    Update,
    /// The device is as the row says.
    Unchanged,
    /// Cannot be taken.
    Error,
}

/// One thing wrong with one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProblem {
    /// Which row.
    pub row: u64,
    /// Its line in the file.
    pub line: Option<u64>,
    /// The name in it.
    pub name: String,
    /// What is wrong, and with which column.
    pub problem: FieldProblem,
}

/// One of the first rows, as it was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportPreview {
    /// Which row.
    pub row: u64,
    /// The device.
    pub name: String,
    /// What it does.
    pub action: ImportAction,
    /// What it says.
    pub spec: ImportSpec,
}

/// What an import did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOutcome {
    /// Rows with data.
    pub rows: u64,
    /// Rows that would register a device.
    pub to_create: u64,
    /// Rows that would change one.
    pub to_update: u64,
    /// Devices that were registered.
    pub created: u64,
    /// Devices that were changed.
    pub updated: u64,
    /// Devices that were as their row says.
    pub unchanged: u64,
    /// Rows that cannot be taken.
    pub failed: u64,
    /// Whether nothing was imported because of bad rows.
    pub aborted: bool,
    /// Why the import stopped before its end, if the store failed: what the counts say was imported stays.
    pub stopped: Option<String>,
    /// What is wrong, at most the first 1,000.
    pub problems: Vec<ImportProblem>,
    /// How many more there are.
    pub problems_omitted: u64,
    /// The first rows.
    pub preview: Vec<ImportPreview>,
}

impl ImportOutcome {
    fn say(&mut self, row: &ImportRow, problems: Vec<FieldProblem>) {
        for problem in problems {
            if self.problems.len() < MOST_PROBLEMS {
                let ImportRow { row, line, name, spec: _ } = row;
                self.problems.push(ImportProblem { row: *row, line: *line, name: name.clone(), problem });
            } else {
                self.problems_omitted += 1;
            }
        }
    }

    fn show(&mut self, row: &ImportRow, action: ImportAction) {
        if self.preview.len() < PREVIEW {
            let spec = row.spec.clone().unwrap_or_default();
            self.preview.push(ImportPreview { row: row.row, name: row.name.clone(), action, spec });
        }
    }
}

type Verdicts = Vec<Result<ImportAction, Vec<FieldProblem>>>;

impl App {
    /// Imports devices, or only says what that would do. Every row is judged before the first is written; with bad rows
    /// nothing is imported, unless they are to be skipped.
    ///
    /// # Errors
    /// Forbidden, too many rows, or that the store failed before anything was imported.
    pub async fn device_import(
        &self,
        by: &Principal,
        source: Arc<dyn ImportSource>,
        how: Import,
    ) -> Result<ImportOutcome, AppError> {
        demand(by, Permission::DeviceWrite)?;
        let known = Arc::new(learn(&*source)?);
        let mut outcome = ImportOutcome { rows: known.rows, ..ImportOutcome::default() };
        let bad = self.import_judged(by, &source, &known, &mut outcome).await?;
        outcome.failed = u64::try_from(bad.len()).unwrap_or(u64::MAX);
        if how.dry_run {
            return Ok(outcome);
        }
        if !bad.is_empty() && !how.skip_bad {
            outcome.aborted = true;
            return Ok(outcome);
        }
        outcome.unchanged = 0;
        let mut record = Some(json!({
            "rows": outcome.rows, "toCreate": outcome.to_create, "toUpdate": outcome.to_update,
            "failed": outcome.failed, "file": source.digest(),
        }));
        for gateways in [true, false] {
            let mut rows = source.rows().filter(|row| {
                let is = row.spec.as_ref().is_ok_and(|spec| spec.kind == Some(DeviceKind::Gateway));
                is == gateways && !bad.contains(&row.row)
            });
            loop {
                let chunk: Arc<Vec<ImportRow>> = Arc::new(rows.by_ref().take(CHUNK).collect());
                if chunk.is_empty() {
                    break;
                }
                if let Err(error) = self.import_chunk(by, &known, &chunk, &mut record, &mut outcome).await {
                    tracing::error!(error = %crate::error::chain(&error), "an import stopped on the way");
                    let first = chunk.first().map_or(0, |row| row.row);
                    let done = if gateways {
                        format!("gateways before row {first} were imported, nothing else was")
                    } else {
                        format!("all gateways and the rows before row {first} were imported, no others were")
                    };
                    outcome.stopped = Some(format!("{error}; {done}; send the file again"));
                    return Ok(outcome);
                }
            }
        }
        Ok(outcome)
    }

    /// Judges every row. Gives the rows that cannot be taken.
    async fn import_judged(
        &self,
        by: &Principal,
        source: &Arc<dyn ImportSource>,
        known: &Arc<Known>,
        outcome: &mut ImportOutcome,
    ) -> Result<HashSet<u64>, AppError> {
        let (now, mut bad) = (self.clock.now(), HashSet::new());
        let mut rows = source.rows();
        loop {
            let chunk: Arc<Vec<ImportRow>> = Arc::new(rows.by_ref().take(CHUNK).collect());
            if chunk.is_empty() {
                return Ok(bad);
            }
            let (app, who, known, asked) = (self.clone(), by.clone(), Arc::clone(known), Arc::clone(&chunk));
            let verdicts: Verdicts = self
                .store
                .read(move |tx| {
                    let (app, by, known, rows) =
                        (app.clone(), who.clone(), Arc::clone(&known), Arc::clone(&asked));
                    Box::pin(async move {
                        let judge = Judge { app: &app, by: &by, known: &known, ahead: true };
                        let mut verdicts = Vec::with_capacity(rows.len());
                        for row in rows.iter() {
                            verdicts.push(judge.row(tx, row, now).await?.map(|step| step.action()));
                        }
                        Ok::<_, AppError>(verdicts)
                    })
                })
                .await?;
            for (row, verdict) in chunk.iter().zip(verdicts) {
                match verdict {
                    Ok(action) => {
                        outcome.show(row, action);
                        match action {
                            ImportAction::Create => outcome.to_create += 1,
                            ImportAction::Update => outcome.to_update += 1,
                            ImportAction::Unchanged | ImportAction::Error => outcome.unchanged += 1,
                        }
                    }
                    Err(problems) => {
                        outcome.show(row, ImportAction::Error);
                        outcome.say(row, problems);
                        bad.insert(row.row);
                    }
                }
            }
        }
    }

    /// Imports some rows in one transaction; what turned bad since it was judged is skipped and named.
    async fn import_chunk(
        &self,
        by: &Principal,
        known: &Arc<Known>,
        chunk: &Arc<Vec<ImportRow>>,
        record: &mut Option<serde_json::Value>,
        outcome: &mut ImportOutcome,
    ) -> Result<(), AppError> {
        let now = self.clock.now();
        let details = record.clone();
        let (app, who, known, asked) = (self.clone(), by.clone(), Arc::clone(known), Arc::clone(chunk));
        let (verdicts, touched): (Verdicts, Vec<DeviceId>) = self
            .store
            .write(move |tx| {
                let (app, by, known, rows, details) =
                    (app.clone(), who.clone(), Arc::clone(&known), Arc::clone(&asked), details.clone());
                Box::pin(async move {
                    let judge = Judge { app: &app, by: &by, known: &known, ahead: false };
                    let (mut verdicts, mut touched) = (Vec::with_capacity(rows.len()), Vec::new());
                    for row in rows.iter() {
                        match judge.row(tx, row, now).await? {
                            Ok(step) => {
                                verdicts.push(Ok(step.action()));
                                touched.extend(carry_out(tx, step, now).await?);
                            }
                            Err(problems) => verdicts.push(Err(problems)),
                        }
                    }
                    if let Some(details) = details.filter(|_| !touched.is_empty()) {
                        // The record of the act goes with its first change.
                        audit::record(tx, &by, "device.import", "devices", details, now).await?;
                    }
                    Ok::<_, AppError>((verdicts, touched))
                })
            })
            .await?;
        if !touched.is_empty() {
            *record = None;
        }
        for (row, verdict) in chunk.iter().zip(verdicts) {
            match verdict {
                Ok(ImportAction::Create) => outcome.created += 1,
                Ok(ImportAction::Update) => outcome.updated += 1,
                Ok(ImportAction::Unchanged | ImportAction::Error) => outcome.unchanged += 1,
                Err(problems) => {
                    outcome.failed += 1;
                    outcome.say(row, problems);
                }
            }
        }
        // Committed: what the index cannot read now it hears of through the change feed.
        if let Err(error) = self.fleet.refresh_devices(&self.store, touched).await {
            tracing::warn!(error = %crate::error::chain(&error), "the index will hear of imported devices later");
        }
        Ok(())
    }
}
