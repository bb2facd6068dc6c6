//! Reading DER (X.690), as far as signatures need it: definite lengths, one value after the other.

/// A value that begins at the front of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    /// What it holds.
    pub(super) content: &'a [u8],
    /// Tag, length and content.
    pub(super) raw: &'a [u8],
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// Values one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The next value; none at the end, or where bytes are no value.
    pub(super) fn next(&mut self) -> Option<Value<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        // Tags of several bytes, and lengths that are not definite, do not occur.
        if tag & 0x1f == 0x1f || *first == 0x80 || *first > 0x84 {
            return None;
        }
        let (length, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let raw = self.0.get(..self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Value { tag: *tag, content, raw })
    }

    /// The next value, if it has this tag.
    pub(super) fn tagged(&mut self, tag: u8) -> Option<Value<'a>> {
        let before = *self;
        let found = self.next().filter(|value| value.tag == tag);
        if found.is_none() {
            *self = before;
        }
        found
    }
}

impl<'a> Value<'a> {
    /// The values that it holds.
    pub(super) const fn inner(self) -> Reader<'a> {
        Reader(self.content)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_and_long_lengths_are_read_and_others_are_not() {
        let mut reader = Reader(&[0x02, 1, 7, 0x04, 0x81, 2, 8, 9, 0x30, 0]);
        assert_eq!(reader.tagged(OCTETS), None);
        assert_eq!(reader.tagged(INTEGER).unwrap().content, [7]);
        let octets = reader.next().unwrap();
        assert_eq!((octets.content, octets.raw.len()), (&[8, 9][..], 5));
        assert!(reader.next().unwrap().inner().next().is_none());
        for bad in
            [&[0x30, 0x80, 0, 0][..], &[0x30, 0x85, 0, 0, 0, 0, 1, 0], &[0x30, 2, 0], &[0x1f, 1, 0], &[0x30]]
        {
            assert_eq!(Reader(bad).next(), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = Reader(&bytes);
            while let Some(value) = reader.next() {
                prop_assert!(value.content.len() <= value.raw.len());
                let _inner = value.inner().next();
            }
        }
    }
}
