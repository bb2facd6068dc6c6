//! zchunk files (`zchunk_format.txt` of its sources): lead, preface and index, held against the header's own checksum, and the
//! chunks against the index, so that whoever vouches for a header vouches for the file. A detached header has no chunks.

use std::io::{self, Read};

use aws_lc_rs::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use windlass_domain::ids::Sha256;
use windlass_domain::software::inspection::{Format, Inspection, Zchunk};

use super::{Fault, READ};

/// Most bytes of a header.
const HEADER: u64 = 16 * 1024 * 1024;
/// How a whole file begins.
pub(super) const WHOLE: &[u8] = b"\0ZCK1";
/// How a header begins that was taken out of its file.
pub(super) const DETACHED: &[u8] = b"\0ZHR1";
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
    let detached = cursor.take(DETACHED.len())? == DETACHED;
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
    let more = header.split_off(whole);
    let (lead, body) = header.split_at(before + length);
    let mut context = Context::new(algorithm);
    // A detached header keeps the checksum that it had in its file.
    context.update(WHOLE);
    context.update(lead.get(WHOLE.len()..before).unwrap_or_default());
    context.update(body);
    if context.finish().as_ref().get(..length) != Some(expected.as_slice()) {
        return Err(damaged("its checksum does not hold"));
    }
    let Index { kind, chunks, unpacked } = index(body, length)?;
    let mut after = more.as_slice().chain(file);
    if !detached {
        hold(&mut after, kind, &chunks)?;
    }
    if after.read(&mut [0])? > 0 {
        return Err(Fault::file("the zchunk file goes on after what its header tells of"));
    }
    let zchunk = Zchunk {
        header: u64::try_from(whole).map_err(io::Error::other)?,
        header_sha256: Sha256::of(&header),
        chunks: u64::try_from(chunks.len()).unwrap_or(u64::MAX),
        unpacked,
    };
    Ok(Inspection { format: Format::Zchunk(zchunk), ..super::plain() })
}

/// What preface and index tell of the chunks.
struct Index<'a> {
    /// How their checksums are made.
    kind: (&'static Algorithm, usize),
    /// Checksum and bytes of each, in order.
    chunks: Vec<(&'a [u8], u64)>,
    /// Bytes that they unpack to.
    unpacked: u64,
}

/// Holds what follows the header against the index. A chunk of no bytes has no checksum.
fn hold(
    data: &mut impl Read,
    (algorithm, kept): (&'static Algorithm, usize),
    chunks: &[(&[u8], u64)],
) -> Result<(), Fault> {
    let mut buffer = vec![0; READ];
    for (place, (expected, length)) in chunks.iter().enumerate() {
        let (mut context, mut part) = (Context::new(algorithm), data.by_ref().take(*length));
        let mut came = 0_u64;
        loop {
            let count = part.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            came = came.saturating_add(u64::try_from(count).unwrap_or_default());
            context.update(buffer.get(..count).unwrap_or_default());
        }
        if came < *length {
            return Err(Fault::File(format!(
                "the zchunk file is cut within chunk {place} of {}",
                chunks.len()
            )));
        }
        if came > 0 && context.finish().as_ref().get(..kept) != Some(*expected) {
            return Err(Fault::File(format!(
                "chunk {place} of the zchunk file is not what its header says: it was changed"
            )));
        }
    }
    Ok(())
}

fn index(body: &[u8], sum: usize) -> Result<Index<'_>, Fault> {
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
    let kind = checksum(cursor.number()?).ok_or_else(|| damaged("its kind of checksum is not known"))?;
    let (_, sum) = kind;
    let (count, mut chunks, mut unpacked) = (cursor.number()?, Vec::new(), 0_u64);
    // Each chunk takes bytes of the header, which is bounded; a count that lies ends with it.
    for _ in 0..count {
        if flags & STREAMS != 0 {
            cursor.number()?;
        }
        let expected = cursor.take(sum)?;
        if flags & UNPACKED_SUMS != 0 {
            cursor.take(sum)?;
        }
        chunks.push((expected, cursor.number()?));
        unpacked = unpacked.saturating_add(cursor.number()?);
    }
    Ok(Index { kind, chunks, unpacked })
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

    /// Half of so many bytes, packed.
    fn packed(size: u64) -> Vec<u8> {
        vec![9; usize::try_from(size / 2).unwrap()]
    }

    fn sum(size: u64) -> Vec<u8> {
        aws_lc_rs::digest::digest(&SHA512, &packed(size)).as_ref()[..16].to_vec()
    }

    /// A file of chunks of so many bytes unpacked, with a claim of how many there are.
    fn file(chunks: &[u64], claimed: u64) -> Vec<u8> {
        let data: Vec<u8> = chunks.iter().flat_map(|size| packed(*size)).collect();
        [header(chunks, claimed), data].concat()
    }

    fn header(chunks: &[u64], claimed: u64) -> Vec<u8> {
        let entries: Vec<u8> = chunks
            .iter()
            .flat_map(|size| [sum(*size), vec![8; 16], number(*size / 2), number(*size)].concat())
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
        let lead = [WHOLE.to_vec(), number(1), number(u64::try_from(body.len()).unwrap())].concat();
        let sum = Sha256::of(&[lead.clone(), body.clone()].concat());
        [lead, sum.as_bytes().to_vec(), body].concat()
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
        let head = header(&[0, 1_000_000, 300], 3);
        let found = read(&bytes).unwrap();
        assert_eq!((found.chunks, found.unpacked), (3, 1_000_300));
        assert_eq!(usize::try_from(found.header).unwrap(), head.len());
        assert_eq!(found.header_sha256, Sha256::of(&head));
    }

    #[test]
    fn a_detached_header_keeps_its_checksum_and_ends_with_itself() {
        let whole = header(&[10, 20], 2);
        let detached = [DETACHED, &whole[WHOLE.len()..]].concat();
        assert_eq!(read(&detached).unwrap().chunks, 2);
        let problem = read(&[&detached[..], b"x"].concat()).unwrap_err();
        assert!(problem.contains("goes on after what its header tells of"), "{problem}");
    }

    #[test]
    fn what_is_cut_changed_or_lies_is_refused() {
        let good = file(&[10, 20], 2);
        let head = header(&[10, 20], 2).len();
        for length in 0..head {
            assert!(read(&good[..length]).unwrap_err().contains("ends too early"), "{length}");
        }
        for length in head..good.len() {
            assert!(read(&good[..length]).unwrap_err().contains("is cut within chunk"), "{length}");
        }
        for place in head..good.len() {
            let mut changed = good.clone();
            changed[place] ^= 1;
            let problem = read(&changed).unwrap_err();
            assert!(problem.contains("is not what its header says"), "{place}: {problem}");
        }
        assert!(read(&[&good[..], b"x"].concat()).unwrap_err().contains("goes on after what its header"));
        let mut changed = good.clone();
        changed[60] ^= 1;
        assert!(read(&changed).unwrap_err().contains("checksum does not hold"));
        assert!(read(&file(&[10], u64::MAX >> 2)).unwrap_err().contains("ends too early"));
        let claim = [WHOLE.to_vec(), number(1), number(10 << 30), vec![0; 64]].concat();
        assert!(read(&claim).unwrap_err().contains("claims 10737418240 bytes"));
        let kind = [WHOLE.to_vec(), number(9), number(10), vec![0; 64]].concat();
        assert!(read(&kind).unwrap_err().contains("not known"));
        let endless = [WHOLE.to_vec(), vec![0; 64]].concat();
        assert!(read(&endless).unwrap_err().contains("too large"));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_reader_fall(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), kind in 0_u64..5) {
            let lead = [WHOLE.to_vec(), number(kind)].concat();
            drop(read(&[&lead[..], &bytes].concat()));
            drop(index(&bytes, 32));
        }
    }
}
