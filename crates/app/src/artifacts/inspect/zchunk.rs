//! Headers of zchunk files (`zchunk_format.txt` of its sources): lead, preface and index, held against the header's own
//! checksum. The chunks themselves are the business of whoever fetches them.

use std::io::{self, Read};

use aws_lc_rs::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use windlass_domain::ids::Sha256;
use windlass_domain::software::inspection::{Format, Inspection, Zchunk};

use super::Fault;

/// Most bytes of a header.
const HEADER: u64 = 16 * 1024 * 1024;
/// Bytes of the identifier.
const MAGIC: usize = 5;
/// Flags of the preface.
const STREAMS: u64 = 1;
const OPTIONAL: u64 = 2;
const UNPACKED_SUMS: u64 = 4;

/// How checksums of a type are made, and how many bytes of them are kept.
fn checksum(kind: u64) -> Option<(&'static Algorithm, usize)> {
    match kind {
        0 => Some((&SHA1_FOR_LEGACY_USE_ONLY, 20)),
        1 => Some((&SHA256, 32)),
        2 => Some((&SHA512, 64)),
        3 => Some((&SHA512, 16)),
        _ => None,
    }
}

fn damaged(problem: &str) -> Fault {
    Fault::File(format!("the zchunk header is damaged: {problem}"))
}

/// Bytes of a header, taken from the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| damaged("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A compressed integer: seven bits a byte, lowest first, the last byte marked.
    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or_default();
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 != 0 {
                return Ok(number);
            }
        }
        Err(damaged("a number is too large"))
    }
}

/// Reads and checks the header.
pub(super) fn inspect(file: &mut impl Read) -> Result<Inspection, Fault> {
    // The lead: five bytes, two short numbers, a checksum.
    let lead = super::up_to(file, 128)?;
    let mut cursor = Cursor(&lead);
    cursor.take(MAGIC)?;
    let kind = cursor.number()?;
    let rest = cursor.number()?;
    let (algorithm, length) = checksum(kind).ok_or_else(|| damaged("its kind of checksum is not known"))?;
    if rest > HEADER {
        return Err(Fault::File(format!(
            "the zchunk header claims {rest} bytes; at most {HEADER} are taken"
        )));
    }
    let before = lead.len() - cursor.0.len();
    let expected = cursor.take(length)?.to_vec();
    let whole = before + length + usize::try_from(rest).unwrap_or(usize::MAX);
    let mut header = lead;
    let missing = u64::try_from(whole.saturating_sub(header.len())).unwrap_or_default();
    header.extend(super::up_to(file, missing)?);
    if header.len() < whole {
        return Err(damaged("it ends too early"));
    }
    header.truncate(whole);
    let (lead, body) = header.split_at(before + length);
    let mut context = Context::new(algorithm);
    context.update(lead.get(..before).unwrap_or_default());
    context.update(body);
    if context.finish().as_ref().get(..length) != Some(expected.as_slice()) {
        return Err(damaged("its checksum does not hold"));
    }
    let (chunks, unpacked) = index(body, length)?;
    let zchunk = Zchunk {
        header: u64::try_from(whole).map_err(io::Error::other)?,
        header_sha256: Sha256::of(&header),
        chunks,
        unpacked,
    };
    Ok(Inspection { format: Format::Zchunk(zchunk), ..super::plain() })
}

/// How many chunks the preface and the index tell of, and how many bytes they unpack to.
fn index(body: &[u8], sum: usize) -> Result<(u64, u64), Fault> {
    let mut cursor = Cursor(body);
    cursor.take(sum)?;
    let flags = cursor.number()?;
    cursor.number()?;
    if flags & OPTIONAL != 0 {
        for _ in 0..cursor.number()? {
            cursor.number()?;
            let size = cursor.number()?;
            cursor.take(usize::try_from(size).unwrap_or(usize::MAX))?;
        }
    }
    cursor.number()?;
    let (_, sum) = checksum(cursor.number()?).ok_or_else(|| damaged("its kind of checksum is not known"))?;
    let chunks = cursor.number()?;
    let mut unpacked = 0_u64;
    // Each chunk takes bytes of the header, which is bounded; a count that lies ends with it.
    for _ in 0..chunks {
        if flags & STREAMS != 0 {
            cursor.number()?;
        }
        cursor.take(sum)?;
        if flags & UNPACKED_SUMS != 0 {
            cursor.take(sum)?;
        }
        cursor.number()?;
        unpacked = unpacked.saturating_add(cursor.number()?);
    }
    Ok((chunks, unpacked))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(mut value: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value > 0x7f {
            bytes.push(u8::try_from(value & 0x7f).unwrap());
            value >>= 7;
        }
        bytes.push(u8::try_from(value).unwrap() | 0x80);
        bytes
    }

    /// A file of chunks of so many bytes, with a claim of how many there are.
    fn file(chunks: &[u64], claimed: u64) -> Vec<u8> {
        let entries: Vec<u8> = chunks
            .iter()
            .flat_map(|size| [vec![7; 16], vec![8; 16], number(*size / 2), number(*size)].concat())
            .collect();
        let index = [number(3), number(claimed), entries].concat();
        let body = [
            vec![1; 32],
            number(UNPACKED_SUMS),
            number(2),
            number(u64::try_from(index.len()).unwrap()),
            index,
        ]
        .concat();
        let lead = [b"\0ZCK1".to_vec(), number(1), number(u64::try_from(body.len()).unwrap())].concat();
        let sum = Sha256::of(&[lead.clone(), body.clone()].concat());
        [lead, sum.as_bytes().to_vec(), body, vec![0; 1000]].concat()
    }

    fn read(bytes: &[u8]) -> Result<Zchunk, String> {
        match inspect(&mut &*bytes).map_err(|fault| fault.to_string())?.format {
            Format::Zchunk(zchunk) => Ok(zchunk),
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn chunks_are_counted_and_the_header_is_measured() {
        let bytes = file(&[0, 1_000_000, 300], 3);
        let found = read(&bytes).unwrap();
        assert_eq!((found.chunks, found.unpacked), (3, 1_000_300));
        assert_eq!(usize::try_from(found.header).unwrap(), bytes.len() - 1000);
        assert_eq!(found.header_sha256, Sha256::of(&bytes[..bytes.len() - 1000]));
    }

    #[test]
    fn what_is_cut_changed_or_lies_is_refused() {
        let good = file(&[10, 20], 2);
        for length in 0..good.len() - 1000 {
            assert!(read(&good[..length]).unwrap_err().contains("ends too early"), "{length}");
        }
        let mut changed = good.clone();
        changed[60] ^= 1;
        assert!(read(&changed).unwrap_err().contains("checksum does not hold"));
        assert!(read(&file(&[10], u64::MAX >> 2)).unwrap_err().contains("ends too early"));
        let claim = [b"\0ZCK1".to_vec(), number(1), number(10 << 30), vec![0; 64]].concat();
        assert!(read(&claim).unwrap_err().contains("claims 10737418240 bytes"));
        let kind = [b"\0ZCK1".to_vec(), number(9), number(10), vec![0; 64]].concat();
        assert!(read(&kind).unwrap_err().contains("not known"));
        let endless = [b"\0ZCK1".to_vec(), vec![0; 64]].concat();
        assert!(read(&endless).unwrap_err().contains("too large"));
    }
}
