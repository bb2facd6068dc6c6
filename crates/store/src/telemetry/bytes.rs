//! Variable-length numbers in byte strings. Reading never trusts a length.

use super::Corrupt;

pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Small numbers of either sign are short.
pub(super) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
}

pub(super) fn put_slice(bytes: &mut Vec<u8>, slice: &[u8]) {
    put(bytes, u64::try_from(slice.len()).unwrap_or(u64::MAX));
    bytes.extend_from_slice(slice);
}

/// What is left to read.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Corrupt("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        self.take(1)?.first().copied().ok_or(Corrupt("it ends too early"))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        self.take(N)?.try_into().map_err(|_| Corrupt("it ends too early"))
    }

    pub(super) fn number(&mut self) -> Result<u64, Corrupt> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                break;
            }
            number |= part << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Corrupt("a number of more than 64 bits"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, Corrupt> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A count of things that take at least `each` bytes, so that nothing is reserved for more than there can be.
    pub(super) fn count(&mut self, each: usize) -> Result<usize, Corrupt> {
        let count = usize::try_from(self.number()?).map_err(|_| Corrupt("a count beyond memory"))?;
        if count.saturating_mul(each) > self.0.len() {
            return Err(Corrupt("a count beyond its bytes"));
        }
        Ok(count)
    }

    pub(super) fn slice(&mut self) -> Result<&'a [u8], Corrupt> {
        let length = self.count(1)?;
        self.take(length)
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Corrupt> {
        std::str::from_utf8(self.slice()?).map_err(|_| Corrupt("a text that is not UTF-8"))
    }

    pub(super) const fn end(&self) -> Result<(), Corrupt> {
        if self.0.is_empty() { Ok(()) } else { Err(Corrupt("bytes are left over")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_back_as_written(number in any::<u64>(), signed in any::<i64>(), shift in 0u32..64) {
            let mut bytes = Vec::new();
            put(&mut bytes, number >> shift);
            put_signed(&mut bytes, signed >> shift);
            let mut reader = Reader(&bytes);
            prop_assert_eq!(reader.number(), Ok(number >> shift));
            prop_assert_eq!(reader.signed(), Ok(signed >> shift));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..30)) {
            let mut reader = Reader(&bytes);
            while reader.signed().is_ok() {}
            let mut reader = Reader(&bytes);
            while reader.text().is_ok() {}
        }
    }

    #[test]
    fn a_count_is_bounded_by_what_follows() {
        let mut bytes = Vec::new();
        put(&mut bytes, u64::MAX);
        assert!(Reader(&bytes).count(1).is_err());
        assert!(Reader(&[0xff; 10]).number().is_err());
    }
}
