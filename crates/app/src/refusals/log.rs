//! A bounded log of refusals, newest first, repetitions counted. Knows neither clock nor lock, nor who may read it.
//!
//! Each source address has its own share, and a full log drops the oldest entry of whoever has most, so that nobody
//! who knocks again and again drives out what is known of others.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use windlass_domain::time::Timestamp;

use super::Refused;

/// Most entries.
pub(super) const MOST: usize = 10_000;
/// Most entries of one source.
pub(super) const MOST_OF_SOURCE: usize = 1_000;

/// One IPv4 address, or a network of 64 bits of IPv6: what one party has.
type Source = u128;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    code: &'static str,
    address: IpAddr,
    identity: String,
}

/// What is known of one refusal and its repetitions.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Stays with the entry.
    pub(super) id: i64,
    /// Rises whenever the entry comes up again.
    pub(super) turn: i64,
    /// As it was the last time.
    pub(super) refused: Arc<Refused>,
    pub(super) count: u64,
    pub(super) first_at: Timestamp,
    pub(super) last_at: Timestamp,
    source: Source,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Log {
    most: usize,
    most_of_source: usize,
    last_id: i64,
    last_turn: i64,
    entries: HashMap<i64, (Key, Entry)>,
    keys: HashMap<Key, i64>,
    turns: BTreeMap<i64, i64>,
    sources: HashMap<Source, BTreeMap<i64, i64>>,
    sizes: BTreeSet<(usize, Source)>,
}

impl Default for Log {
    fn default() -> Self {
        Self::new(MOST, MOST_OF_SOURCE)
    }
}

fn source(address: IpAddr) -> Source {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        // Global addresses begin at 2000::, so the two kinds never meet.
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

fn key(refused: &Refused) -> Key {
    Key { code: refused.cause.code(), address: refused.address.ip(), identity: refused.claimed.identity() }
}

impl Log {
    pub(super) fn new(most: usize, most_of_source: usize) -> Self {
        Self {
            most,
            most_of_source,
            last_id: 0,
            last_turn: 0,
            entries: HashMap::new(),
            keys: HashMap::new(),
            turns: BTreeMap::new(),
            sources: HashMap::new(),
            sizes: BTreeSet::new(),
        }
    }

    /// Whether the same peer was refused for the same reason before.
    pub(super) fn knows(&self, refused: &Refused) -> bool {
        self.keys.contains_key(&key(refused))
    }

    /// Keeps a refusal, or counts it where it is a repetition. Whose device it is about is kept from before where it
    /// is not said now.
    pub(super) fn note(&mut self, mut refused: Refused, now: Timestamp) {
        let key = key(&refused);
        let count = u64::from(refused.count.max(1));
        if let Some(id) = self.keys.get(&key).copied()
            && let Some((key, mut entry)) = self.remove(id)
        {
            refused.owner = refused.owner.or(entry.refused.owner);
            entry.count = entry.count.saturating_add(count);
            entry.last_at = now;
            entry.refused = Arc::new(refused);
            self.insert(key, entry);
            return;
        }
        let source = source(refused.address.ip());
        self.make_room(source);
        self.last_id += 1;
        let entry = Entry {
            id: self.last_id,
            turn: 0,
            refused: Arc::new(refused),
            count,
            first_at: now,
            last_at: now,
            source,
        };
        self.insert(key, entry);
    }

    fn make_room(&mut self, source: Source) {
        let own = self.sources.get(&source).map_or(0, BTreeMap::len);
        let victim = if own >= self.most_of_source {
            self.sources.get(&source).and_then(oldest)
        } else if self.entries.len() >= self.most {
            match self.sizes.last() {
                Some((many, largest)) if *many > 1 => self.sources.get(largest).and_then(oldest),
                Some(_) | None => oldest(&self.turns),
            }
        } else {
            None
        };
        if let Some(victim) = victim {
            drop(self.remove(victim));
        }
    }

    fn insert(&mut self, key: Key, mut entry: Entry) {
        self.last_turn += 1;
        entry.turn = self.last_turn;
        let of_source = self.sources.entry(entry.source).or_default();
        self.sizes.remove(&(of_source.len(), entry.source));
        of_source.insert(entry.turn, entry.id);
        self.sizes.insert((of_source.len(), entry.source));
        self.turns.insert(entry.turn, entry.id);
        self.keys.insert(key.clone(), entry.id);
        self.entries.insert(entry.id, (key, entry));
    }

    fn remove(&mut self, id: i64) -> Option<(Key, Entry)> {
        let (key, entry) = self.entries.remove(&id)?;
        self.keys.remove(&key);
        self.turns.remove(&entry.turn);
        if let Some(of_source) = self.sources.get_mut(&entry.source) {
            self.sizes.remove(&(of_source.len(), entry.source));
            of_source.remove(&entry.turn);
            if of_source.is_empty() {
                self.sources.remove(&entry.source);
            } else {
                self.sizes.insert((of_source.len(), entry.source));
            }
        }
        Some((key, entry))
    }

    /// Entries whose turn is below `before`, newest first.
    pub(super) fn newest(&self, before: Option<i64>) -> impl Iterator<Item = &Entry> {
        self.turns
            .range(..before.unwrap_or(i64::MAX))
            .rev()
            .filter_map(|(_, id)| self.entries.get(id).map(|(_, entry)| entry))
    }
}

fn oldest(turns: &BTreeMap<i64, i64>) -> Option<i64> {
    turns.first_key_value().map(|(_, id)| *id)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::refusals::{Cause, Claimed, Stage};

    fn refused(address: &str, client_id: &str) -> Refused {
        Refused {
            stage: Stage::Connect,
            cause: Cause::MqttVersion,
            address: SocketAddr::new(address.parse().unwrap(), 40_000),
            protocol: None,
            claimed: Claimed { client_id: Some(client_id.to_owned()), ..Claimed::default() },
            owner: None,
            count: 1,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn clients(log: &Log) -> Vec<String> {
        log.newest(None).map(|entry| entry.refused.claimed.client_id.clone().unwrap()).collect()
    }

    #[test]
    fn repetitions_are_counted_and_come_up_again() {
        let mut log = Log::new(10, 10);
        log.note(refused("10.0.0.1", "a"), at(1));
        log.note(refused("10.0.0.1", "b"), at(2));
        log.note(Refused { count: 3, ..refused("10.0.0.1", "a") }, at(3));
        assert_eq!(clients(&log), ["a", "b"]);
        let first = log.newest(None).next().unwrap();
        assert_eq!((first.id, first.count, first.first_at, first.last_at), (1, 4, at(1), at(3)));
    }

    #[test]
    fn one_flooder_drives_out_nobody_but_himself() {
        let mut log = Log::new(100, 30);
        for quiet in 0..20 {
            log.note(refused(&format!("10.0.0.{quiet}"), "quiet"), at(0));
        }
        for turn in 0..100_000 {
            log.note(refused("192.0.2.1", &format!("flood-{turn}")), at(turn));
        }
        assert_eq!(clients(&log).iter().filter(|client| *client == "quiet").count(), 20);
        assert_eq!(log.entries.len(), 50);
    }

    #[test]
    fn flooders_with_many_addresses_drive_out_each_other_first() {
        let mut log = Log::new(100, 30);
        log.note(refused("10.0.0.1", "quiet"), at(0));
        for turn in 0..10_000 {
            // All of one network of IPv6, and 20 addresses of IPv4.
            log.note(refused(&format!("2001:db8::{:x}", turn + 1), &format!("six-{turn}")), at(turn));
            log.note(refused(&format!("192.0.2.{}", turn % 20), &format!("four-{turn}")), at(turn));
        }
        assert_eq!(clients(&log).last().map(String::as_str), Some("quiet"));
        assert_eq!(log.entries.len(), 100);
        assert!(clients(&log).iter().filter(|client| client.starts_with("six")).count() <= 30);
    }

    #[test]
    fn a_page_goes_on_where_the_one_before_ended() {
        let mut log = Log::new(10, 10);
        for client in ["a", "b", "c"] {
            log.note(refused("10.0.0.1", client), at(1));
        }
        let turn = log.newest(None).nth(1).unwrap().turn;
        let rest: Vec<_> = log.newest(Some(turn)).map(|entry| entry.id).collect();
        assert_eq!(rest, [1]);
    }

    #[test]
    fn nothing_is_left_behind_when_entries_go() {
        let mut log = Log::new(3, 3);
        for turn in 0..50 {
            log.note(refused(&format!("10.0.{}.1", turn % 7), &format!("{turn}")), at(turn));
        }
        assert_eq!((log.entries.len(), log.keys.len(), log.turns.len()), (3, 3, 3));
        assert_eq!(log.sources.values().map(BTreeMap::len).sum::<usize>(), 3);
        assert_eq!(log.sizes.len(), log.sources.len());
    }
}
