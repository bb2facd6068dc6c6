//! The exported form of the chain: JSON lines that carry everything for verification without the server.
//!
//! The first line is `{"type":"header",…}`; then `record`, `other` (a record of another tenant: its digest) and `seal`
//! lines in the order of the chain, then `record` lines without a position, which wait for the sealer.

use std::io::{self, BufRead, Read};

use p256::ecdsa::VerifyingKey;
use p256::pkcs8::DecodePublicKey;
use serde_json::{Value, json};
use windlass_domain::audit::{Entry, Record, Report, Seal, Verifier};
use windlass_domain::ids::{Sha256, TenantId};

const FORMAT: &str = "windlass-audit-1";
/// No line is longer than this.
const LONGEST_LINE: u64 = 1024 * 1024;

/// Why an export cannot be verified at all.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The key is none.
    #[error("the public key is not a P-256 key in PEM")]
    Key,
    /// Reading failed.
    #[error("the export cannot be read")]
    Io(#[from] io::Error),
    /// A line is not what it should be.
    #[error("line {number} of the export cannot be read: {problem}")]
    Line {
        /// From 1.
        number: u64,
        /// What is wrong.
        problem: &'static str,
    },
}

pub(super) fn header(public_key: &str) -> String {
    format!("{}\n", json!({"type": "header", "format": FORMAT, "publicKey": public_key}))
}

/// One line; none for what another tenant has waiting.
pub(super) fn line(entry: Entry, tenant: TenantId) -> Option<String> {
    let value = match entry {
        Entry::Sealed { position, hash, record } if record.tenant == tenant => {
            let mut value = record_value(record);
            if let Some(object) = value.as_object_mut() {
                object.insert("position".to_owned(), position.into());
                object.insert("hash".to_owned(), hash.to_string().into());
            }
            value
        }
        Entry::Sealed { position, hash, record } => other_value(position, &hash, &record.digest()),
        Entry::Hidden { position, hash, digest } => other_value(position, &hash, &digest),
        Entry::Unsealed(record) if record.tenant == tenant => record_value(record),
        Entry::Unsealed(_) => return None,
        Entry::Seal(Seal { first, last, at, hash, signature }) => json!({
            "type": "seal", "first": first, "last": last, "at": at.to_string(), "hash": hash.to_string(),
            "signature": hex::encode(signature),
        }),
    };
    Some(format!("{value}\n"))
}

fn other_value(position: i64, hash: &Sha256, digest: &Sha256) -> Value {
    json!({"type": "other", "position": position, "hash": hash.to_string(), "digest": digest.to_string()})
}

fn record_value(record: Record) -> Value {
    let Record { seq, tenant, at, action, target, body, personal, personal_hash } = record;
    // Texts stay texts: they are hashed byte for byte.
    json!({
        "type": "record", "seq": seq, "tenant": tenant.get(), "at": at.to_string(), "action": action,
        "target": target, "body": body, "personal": personal, "personalHash": personal_hash.to_string(),
    })
}

/// Verifies an export with a public key (PEM) that the reader trusts; the one in the header is not looked at.
///
/// # Errors
/// See [`ExportError`]. What is wrong with the chain is in the report.
pub fn verify(mut lines: impl BufRead, public_key: &str) -> Result<Report, ExportError> {
    let key = VerifyingKey::from_public_key_pem(public_key).map_err(|_| ExportError::Key)?;
    let (mut verifier, mut number, mut line) = (Verifier::default(), 0, String::new());
    loop {
        line.clear();
        number += 1;
        let read = lines.by_ref().take(LONGEST_LINE).read_line(&mut line)?;
        if read == 0 {
            return Ok(verifier.finish());
        }
        if !line.ends_with('\n') {
            return Err(ExportError::Line { number, problem: "it is cut off or too long" });
        }
        if let Some(entry) = parse(&line, number)? {
            verifier.take(&entry, |message, signature| super::is_signed(&key, message, signature));
        }
    }
}

fn parse(line: &str, number: u64) -> Result<Option<Entry>, ExportError> {
    let bad = |problem| ExportError::Line { number, problem };
    let value: Value = serde_json::from_str(line).map_err(|_| bad("it is not JSON"))?;
    let text = |key: &str| value.get(key).and_then(Value::as_str).ok_or(bad("a text is missing"));
    let whole = |key: &str| value.get(key).and_then(Value::as_i64).ok_or(bad("a number is missing"));
    let digest =
        |key: &str| text(key)?.parse::<Sha256>().map_err(|_| bad("a digest is not 64 hex characters"));
    let time = |key: &str| text(key)?.parse().map_err(|_| bad("a time is not RFC 3339"));
    match text("type")? {
        "header" if number == 1 && text("format")? == FORMAT => Ok(None),
        "header" => Err(bad("it is a header of another format, or not at the start")),
        _ if number == 1 => Err(bad("the first line must be a header")),
        "record" => {
            let record = Record {
                seq: whole("seq")?,
                tenant: TenantId::new(whole("tenant")?),
                at: time("at")?,
                action: text("action")?.to_owned(),
                target: text("target")?.to_owned(),
                body: text("body")?.to_owned(),
                personal: value.get("personal").and_then(Value::as_str).map(ToOwned::to_owned),
                personal_hash: digest("personalHash")?,
            };
            Ok(Some(if value.get("position").is_some() {
                Entry::Sealed { position: whole("position")?, hash: digest("hash")?, record }
            } else {
                Entry::Unsealed(record)
            }))
        }
        "other" => Ok(Some(Entry::Hidden {
            position: whole("position")?,
            hash: digest("hash")?,
            digest: digest("digest")?,
        })),
        "seal" => Ok(Some(Entry::Seal(Seal {
            first: whole("first")?,
            last: whole("last")?,
            at: time("at")?,
            hash: digest("hash")?,
            signature: hex::decode(text("signature")?).map_err(|_| bad("the signature is not hex"))?,
        }))),
        _ => Err(bad("it is of no known type")),
    }
}
