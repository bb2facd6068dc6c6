//! The audit chain, pure: what is hashed, in what order, and what proves that nothing was changed.
//!
//! Each record has a digest over its fields; a person's fields count only through a salted hash, so that they (and
//! their salt) can be erased without breaking anything. Records get a position when they are sealed, and each link
//! hashes the link before it with the record's digest. A seal signs the link at its last position.
//!
//! Knows neither keys nor rows nor a text format: signatures are judged by a function that is passed in.

use sha2::{Digest, Sha256 as Hasher};

use crate::ids::{Sha256, TenantId};
use crate::time::Timestamp;

/// The link before the first record.
pub const GENESIS: Sha256 = Sha256::new([0; 32]);

/// What one record says, as chained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Row number.
    pub seq: i64,
    /// Whose.
    pub tenant: TenantId,
    /// When it happened.
    pub at: Timestamp,
    /// `noun.verb`.
    pub action: String,
    /// What was changed.
    pub target: String,
    /// JSON text, hashed byte for byte.
    pub body: String,
    /// JSON text with the salt and the person's fields; `None` once erased.
    pub personal: Option<String>,
    /// Hash of `personal` as it was written.
    pub personal_hash: Sha256,
}

/// Hash of a person's fields. The text contains a random salt, without which short names could be guessed.
pub fn personal_hash(personal: &str) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(b"windlass audit personal 1\0");
    hasher.update(personal.as_bytes());
    Sha256::new(hasher.finalize().into())
}

fn field(hasher: &mut Hasher, bytes: &[u8]) {
    hasher.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(bytes);
}

impl Record {
    /// Digest over every field; a person's fields through their hash only.
    pub fn digest(&self) -> Sha256 {
        let Self { seq, tenant, at, action, target, body, personal: _, personal_hash } = self;
        let mut hasher = Hasher::new();
        hasher.update(b"windlass audit record 1\0");
        hasher.update(seq.to_be_bytes());
        hasher.update(tenant.get().to_be_bytes());
        hasher.update(at.micros().to_be_bytes());
        field(&mut hasher, action.as_bytes());
        field(&mut hasher, target.as_bytes());
        field(&mut hasher, body.as_bytes());
        hasher.update(personal_hash.as_bytes());
        Sha256::new(hasher.finalize().into())
    }
}

/// The link at `position`: the link before it, bound to the digest of the record there.
pub fn link(previous: &Sha256, position: i64, digest: &Sha256) -> Sha256 {
    let mut hasher = Hasher::new();
    hasher.update(b"windlass audit link 1\0");
    hasher.update(previous.as_bytes());
    hasher.update(position.to_be_bytes());
    hasher.update(digest.as_bytes());
    Sha256::new(hasher.finalize().into())
}

/// A signature over the chain up to a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// First position that no earlier seal covers.
    pub first: i64,
    /// Last position that it covers.
    pub last: i64,
    /// When it was made.
    pub at: Timestamp,
    /// The link at `last`.
    pub hash: Sha256,
    /// Over [`Seal::message`].
    pub signature: Vec<u8>,
}

impl Seal {
    /// The bytes that are signed.
    pub fn message(first: i64, last: i64, at: Timestamp, hash: &Sha256) -> Vec<u8> {
        let mut message = b"windlass audit seal 1\0".to_vec();
        message.extend_from_slice(&first.to_be_bytes());
        message.extend_from_slice(&last.to_be_bytes());
        message.extend_from_slice(&at.micros().to_be_bytes());
        message.extend_from_slice(hash.as_bytes());
        message
    }
}

/// One thing that a verifier reads, in the order of positions; a seal comes after the record at its last position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A sealed record with its position and stored link.
    Sealed {
        /// Place in the chain, from 1.
        position: i64,
        /// The link stored with it.
        hash: Sha256,
        /// What it says.
        record: Record,
    },
    /// A sealed record of a tenant whose content is not shown: its digest stands for it.
    Hidden {
        /// Place in the chain.
        position: i64,
        /// The link stored with it.
        hash: Sha256,
        /// Digest of the record.
        digest: Sha256,
    },
    /// A record that the sealer has not come to yet. Only after everything sealed.
    Unsealed(Record),
    /// A signature.
    Seal(Seal),
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The link does not follow from the one before and the record.
    #[error("it was changed, or a record before it was removed or inserted")]
    BrokenLink,
    /// Positions do not rise by one.
    #[error("a record before it is missing")]
    MissingRecord,
    /// The person's fields are not those that were written.
    #[error("its personal fields were changed")]
    PersonalChanged,
    /// The signature is not good.
    #[error("the seal's signature is not good")]
    BadSignature,
    /// The seal does not fit the chain.
    #[error("the seal does not fit the records before it")]
    SealMismatch,
    /// Sealed, but no seal covers it.
    #[error("no seal covers it: the chain was cut after the last seal")]
    NotCovered,
    /// Unsealed before sealed.
    #[error("the records are not in order")]
    OutOfOrder,
}

/// The first bad record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bad {
    /// Place in the chain.
    pub position: i64,
    /// Row number, where known.
    pub seq: Option<i64>,
    /// What is wrong.
    pub problem: Problem,
}

/// What a verifier found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Records read, hidden ones too.
    pub records: u64,
    /// Records whose personal fields were erased.
    pub erased: u64,
    /// Records that wait for the sealer.
    pub unsealed: u64,
    /// Seals whose signature is good.
    pub seals: u64,
    /// The last position that a good seal covers.
    pub sealed_to: i64,
    /// The first bad record, if any.
    pub first_bad: Option<Bad>,
}

/// Reads entries one by one and finds the first that is bad.
#[derive(Debug)]
pub struct Verifier {
    position: i64,
    link: Sha256,
    last_seq: Option<i64>,
    unsealed_seen: bool,
    report: Report,
}

impl Default for Verifier {
    fn default() -> Self {
        Self { position: 0, link: GENESIS, last_seq: None, unsealed_seen: false, report: Report::default() }
    }
}

impl Verifier {
    /// Looks at the next entry. `good` judges a signature over a message. After the first bad entry nothing more
    /// is judged.
    pub fn take(&mut self, entry: &Entry, good: impl FnOnce(&[u8], &[u8]) -> bool) {
        if self.report.first_bad.is_some() {
            return;
        }
        match entry {
            Entry::Sealed { position, hash, record } => {
                self.last_seq = Some(record.seq);
                self.sealed(*position, hash, &record.digest());
                self.personal(*position, record);
            }
            Entry::Hidden { position, hash, digest } => {
                self.last_seq = None;
                self.sealed(*position, hash, digest);
            }
            Entry::Unsealed(record) => {
                self.unsealed_seen = true;
                self.report.records += 1;
                self.report.unsealed += 1;
                self.last_seq = Some(record.seq);
                self.personal(self.position, record);
            }
            Entry::Seal(seal) => self.seal(seal, good),
        }
    }

    /// The report, once everything was read.
    pub fn finish(mut self) -> Report {
        if self.report.first_bad.is_none() && self.position > self.report.sealed_to {
            let position = self.report.sealed_to + 1;
            self.report.first_bad = Some(Bad { position, seq: None, problem: Problem::NotCovered });
        }
        self.report
    }

    fn bad(&mut self, position: i64, problem: Problem) {
        if self.report.first_bad.is_none() {
            self.report.first_bad = Some(Bad { position, seq: self.last_seq, problem });
        }
    }

    fn sealed(&mut self, position: i64, hash: &Sha256, digest: &Sha256) {
        self.report.records += 1;
        if self.unsealed_seen {
            return self.bad(position, Problem::OutOfOrder);
        }
        if position != self.position + 1 {
            return self.bad(position, Problem::MissingRecord);
        }
        let expected = link(&self.link, position, digest);
        if expected != *hash {
            return self.bad(position, Problem::BrokenLink);
        }
        self.position = position;
        self.link = expected;
    }

    fn personal(&mut self, position: i64, record: &Record) {
        match &record.personal {
            None => self.report.erased += 1,
            Some(personal) if personal_hash(personal) == record.personal_hash => {}
            Some(_) => self.bad(position, Problem::PersonalChanged),
        }
    }

    fn seal(&mut self, seal: &Seal, good: impl FnOnce(&[u8], &[u8]) -> bool) {
        let Seal { first, last, at, hash, signature } = seal;
        let fits = *first == self.report.sealed_to + 1 && *last == self.position && *hash == self.link;
        if !fits {
            self.bad(*last, Problem::SealMismatch);
        } else if !good(&Seal::message(*first, *last, *at, hash), signature) {
            self.bad(*last, Problem::BadSignature);
        } else {
            self.report.seals += 1;
            self.report.sealed_to = *last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: i64) -> Record {
        let personal = format!(r#"{{"salt":"{seq}","actor":"anna"}}"#);
        Record {
            seq,
            tenant: TenantId::new(1),
            at: Timestamp::from_seconds(seq),
            action: "device.create".to_owned(),
            target: format!("device/pump-{seq}"),
            body: "{}".to_owned(),
            personal_hash: personal_hash(&personal),
            personal: Some(personal),
        }
    }

    fn sign(message: &[u8]) -> Vec<u8> {
        [b"signed: ".as_slice(), message].concat()
    }

    fn chain(count: i64) -> Vec<Entry> {
        let (mut entries, mut previous, mut first) = (Vec::new(), GENESIS, 1);
        for position in 1..=count {
            let record = record(position);
            previous = link(&previous, position, &record.digest());
            entries.push(Entry::Sealed { position, hash: previous, record });
            if position % 3 == 0 || position == count {
                let at = Timestamp::from_seconds(position);
                let signature = sign(&Seal::message(first, position, at, &previous));
                entries.push(Entry::Seal(Seal { first, last: position, at, hash: previous, signature }));
                first = position + 1;
            }
        }
        entries
    }

    fn verify(entries: &[Entry]) -> Report {
        let mut verifier = Verifier::default();
        for entry in entries {
            verifier.take(entry, |message, signature| signature == sign(message));
        }
        verifier.finish()
    }

    fn first_bad(entries: &[Entry]) -> Option<(i64, Problem)> {
        verify(entries).first_bad.map(|bad| (bad.position, bad.problem))
    }

    fn with_record(entries: &[Entry], at: i64, change: impl Fn(&mut Record)) -> Vec<Entry> {
        let mut entries = entries.to_vec();
        for entry in &mut entries {
            match entry {
                Entry::Sealed { position, record, .. } if *position == at => change(record),
                Entry::Sealed { .. } | Entry::Hidden { .. } | Entry::Unsealed(_) | Entry::Seal(_) => {}
            }
        }
        entries
    }

    #[test]
    fn an_untouched_chain_is_good() {
        let report = verify(&chain(7));
        assert_eq!(
            report,
            Report { records: 7, erased: 0, unsealed: 0, seals: 3, sealed_to: 7, first_bad: None }
        );
        assert_eq!(verify(&[]), Report::default());
    }

    #[test]
    fn every_changed_field_breaks_the_chain_at_its_record() {
        let good = chain(7);
        let changes: [fn(&mut Record); 7] = [
            |r| r.seq += 100,
            |r| r.tenant = TenantId::new(2),
            |r| r.at = Timestamp::from_seconds(99),
            |r| r.action = "device.creat".to_owned(),
            |r| r.target.push('x'),
            |r| r.body = "{ }".to_owned(),
            |r| r.personal_hash = Sha256::of(b"x"),
        ];
        for change in changes {
            assert_eq!(first_bad(&with_record(&good, 4, change)), Some((4, Problem::BrokenLink)));
        }
    }

    #[test]
    fn text_cannot_move_between_fields() {
        let (mut one, mut other) = (record(1), record(1));
        (one.action, one.target) = ("ab".to_owned(), "c".to_owned());
        (other.action, other.target) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn erasure_keeps_the_chain_and_is_counted() {
        let report = verify(&with_record(&chain(7), 4, |r| r.personal = None));
        assert_eq!((report.erased, report.first_bad), (1, None));
    }

    #[test]
    fn changed_personal_fields_are_found() {
        let forged = with_record(&chain(7), 4, |r| r.personal = Some("{}".to_owned()));
        assert_eq!(first_bad(&forged), Some((4, Problem::PersonalChanged)));
    }

    #[test]
    fn a_removed_record_is_found_wherever_it_was() {
        let good = chain(7);
        let without = |position: i64| -> Vec<Entry> {
            good.iter()
                .filter(|e| !matches!(e, Entry::Sealed { position: p, .. } if *p == position))
                .cloned()
                .collect()
        };
        assert_eq!(first_bad(&without(1)), Some((2, Problem::MissingRecord)));
        assert_eq!(first_bad(&without(4)), Some((5, Problem::MissingRecord)));
        assert_eq!(first_bad(&without(7)), Some((7, Problem::SealMismatch)));
    }

    #[test]
    fn a_chain_rewritten_without_the_key_is_found_at_the_seal() {
        let mut forged = chain(3);
        let mut previous = GENESIS;
        for entry in &mut forged {
            match entry {
                Entry::Sealed { position, hash, record } => {
                    record.target = "device/other".to_owned();
                    previous = link(&previous, *position, &record.digest());
                    *hash = previous;
                }
                Entry::Seal(seal) => seal.hash = previous,
                Entry::Hidden { .. } | Entry::Unsealed(_) => {}
            }
        }
        assert_eq!(first_bad(&forged), Some((3, Problem::BadSignature)));
    }

    #[test]
    fn a_removed_seal_is_found() {
        let good = chain(7);
        let without_first: Vec<_> =
            good.iter().filter(|e| !matches!(e, Entry::Seal(s) if s.last == 3)).cloned().collect();
        assert_eq!(first_bad(&without_first), Some((6, Problem::SealMismatch)));
        let without_last = good.split_last().unwrap().1;
        assert_eq!(first_bad(without_last), Some((7, Problem::NotCovered)));
    }

    #[test]
    fn hidden_records_of_others_keep_the_chain() {
        let hidden: Vec<_> = chain(4)
            .into_iter()
            .map(|entry| match entry {
                Entry::Sealed { position: 2, hash, record } => {
                    Entry::Hidden { position: 2, hash, digest: record.digest() }
                }
                other => other,
            })
            .collect();
        assert_eq!(first_bad(&hidden), None);
    }

    #[test]
    fn records_that_wait_for_the_sealer_come_last_and_are_counted() {
        let mut entries = chain(3);
        entries.push(Entry::Unsealed(record(9)));
        let report = verify(&entries);
        assert_eq!((report.unsealed, report.first_bad), (1, None));
        entries.insert(0, Entry::Unsealed(record(9)));
        assert_eq!(first_bad(&entries), Some((1, Problem::OutOfOrder)));
    }
}
