//! Which rows have which value of one field: the building blocks of an index.
//!
//! Sets of rows are roaring bitmaps, which are dense where a value is common and lists where it is rare; a value that
//! only one row has is kept as that row's number. Knows neither devices nor queries.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use roaring::RoaringTreemap;

use crate::eval::Value;
use crate::value::lower;

/// The rows that have one value; never none.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows {
    /// Only this one.
    One(u64),
    /// These.
    Many(Box<RoaringTreemap>),
}

impl Rows {
    fn insert(&mut self, row: u64) {
        match self {
            Self::One(only) if *only == row => {}
            Self::One(only) => *self = Self::Many(Box::new([*only, row].into_iter().collect())),
            Self::Many(rows) => {
                rows.insert(row);
            }
        }
    }

    /// Takes a row out; true if none is left.
    fn remove(&mut self, row: u64) -> bool {
        match self {
            Self::One(only) => *only == row,
            Self::Many(rows) => {
                rows.remove(row);
                rows.is_empty()
            }
        }
    }

    /// Adds these rows to `set`.
    pub fn add_to(&self, set: &mut RoaringTreemap) {
        match self {
            Self::One(row) => {
                set.insert(*row);
            }
            Self::Many(rows) => *set |= rows.as_ref(),
        }
    }

    /// How many of these rows are in `set`.
    pub fn count_in(&self, set: &RoaringTreemap) -> u64 {
        match self {
            Self::One(row) => u64::from(set.contains(*row)),
            Self::Many(rows) => rows.intersection_len(set),
        }
    }
}

/// One indexed field, as a query reads it.
pub trait Column {
    /// Hands over every value with its rows. A row that has several values comes with each of them, and no value comes
    /// twice.
    fn each(&self, each: &mut dyn FnMut(Value<'_>, &Rows));

    /// The rows that have any value.
    fn present(&self) -> Cow<'_, RoaringTreemap>;

    /// How many values there are, roughly.
    fn values(&self) -> usize;

    /// Hands over the rows of the texts that are `lower` in lower case, and answers true; false where only
    /// [`Column::each`] can tell.
    fn look_up(&self, lower: &str, each: &mut dyn FnMut(&Rows)) -> bool {
        let _unused = (lower, each);
        false
    }

    /// Hands over the texts that begin with `lower` in lower case, with their rows, and answers true; false where only
    /// [`Column::each`] can tell.
    fn beginning(&self, lower: &str, each: &mut dyn FnMut(Value<'_>, &Rows)) -> bool {
        let _unused = (lower, each);
        false
    }
}

impl<C: Column + ?Sized> Column for &C {
    fn each(&self, each: &mut dyn FnMut(Value<'_>, &Rows)) {
        (**self).each(each);
    }

    fn present(&self) -> Cow<'_, RoaringTreemap> {
        (**self).present()
    }

    fn values(&self) -> usize {
        (**self).values()
    }

    fn look_up(&self, lower: &str, each: &mut dyn FnMut(&Rows)) -> bool {
        (**self).look_up(lower, each)
    }

    fn beginning(&self, lower: &str, each: &mut dyn FnMut(Value<'_>, &Rows)) -> bool {
        (**self).beginning(lower, each)
    }
}

/// Rows by value, for values of any kind.
#[derive(Debug, Clone)]
pub struct Postings<K> {
    rows: HashMap<K, Rows>,
}

impl<K> Default for Postings<K> {
    fn default() -> Self {
        Self { rows: HashMap::new() }
    }
}

impl<K: Eq + Hash> Postings<K> {
    /// Notes that the row has the value. True if no row had it before.
    pub fn insert(&mut self, value: K, row: u64) -> bool {
        let mut new = false;
        self.rows
            .entry(value)
            .or_insert_with(|| {
                new = true;
                Rows::One(row)
            })
            .insert(row);
        new
    }

    /// Notes that the row does not have the value any more. True if no row has it now.
    pub fn remove<Q>(&mut self, value: &Q, row: u64) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let gone = self.rows.get_mut(value).is_some_and(|rows| rows.remove(row));
        if gone {
            self.rows.remove(value);
        }
        gone
    }

    /// The rows that have the value.
    pub fn get<Q>(&self, value: &Q) -> Option<&Rows>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.rows.get(value)
    }

    /// Every value with its rows.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &Rows)> {
        self.rows.iter()
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// A field of texts.
#[derive(Debug, Clone, Default)]
pub struct TextColumn {
    texts: Postings<Box<str>>,
    /// Spellings that are not in lower case, by their lower case.
    spellings: HashMap<Box<str>, BTreeSet<Box<str>>>,
    /// How many values each row with more than one has.
    several: HashMap<u64, usize>,
    present: RoaringTreemap,
}

impl TextColumn {
    /// Notes that the row has this text, which it did not have before.
    pub fn insert(&mut self, text: &str, row: u64) {
        if self.texts.insert(text.into(), row)
            && let Cow::Owned(lower) = lower(text)
            && lower != text
        {
            self.spellings.entry(lower.into()).or_default().insert(text.into());
        }
        if !self.present.insert(row) {
            *self.several.entry(row).or_insert(1) += 1;
        }
    }

    /// Notes that the row does not have this text any more.
    pub fn remove(&mut self, text: &str, row: u64) {
        if self.texts.remove(text, row)
            && let Cow::Owned(lower) = lower(text)
            && let Some(spellings) = self.spellings.get_mut(lower.as_str())
        {
            spellings.remove(text);
            if spellings.is_empty() {
                self.spellings.remove(lower.as_str());
            }
        }
        match self.several.get_mut(&row) {
            Some(count) if *count > 2 => *count -= 1,
            Some(_) => {
                self.several.remove(&row);
            }
            None => {
                self.present.remove(row);
            }
        }
    }

    /// Whether no row has a text.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

impl Column for TextColumn {
    fn each(&self, each: &mut dyn FnMut(Value<'_>, &Rows)) {
        for (text, rows) in self.texts.iter() {
            each(text.as_ref().into(), rows);
        }
    }

    fn present(&self) -> Cow<'_, RoaringTreemap> {
        Cow::Borrowed(&self.present)
    }

    fn values(&self) -> usize {
        self.texts.len()
    }

    fn look_up(&self, lower: &str, each: &mut dyn FnMut(&Rows)) -> bool {
        // A text whose lower case is itself, and every spelling that is written otherwise.
        if let Some(rows) = self.texts.get(lower) {
            each(rows);
        }
        for spelling in self.spellings.get(lower).into_iter().flatten().filter(|text| text.as_ref() != lower)
        {
            if let Some(rows) = self.texts.get(spelling.as_ref()) {
                each(rows);
            }
        }
        true
    }
}
