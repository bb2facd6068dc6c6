//! Archives of `cpio` in the formats newc and crc (cpio(5), "New ASCII Format"), as a stream of members.
//!
//! Knows nothing of what members are for.

use std::io::{self, Read};

use super::Fault;

/// Most members of an archive.
const MEMBERS: usize = 4096;
/// Most bytes of a member's name.
const NAME: u64 = 256;
pub(super) const HEADER: usize = 110;
/// Name of the entry that ends an archive.
const END: &str = "TRAILER!!!";

/// A member of an archive; its bytes come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Its name: one plain file name.
    pub(super) name: String,
    /// Its bytes.
    pub(super) size: u64,
    /// The sum of its bytes, where the format has it.
    pub(super) sum: Option<u32>,
}

/// An archive that is being read.
#[derive(Debug)]
pub(super) struct Archive<R> {
    reader: R,
    names: std::collections::BTreeSet<String>,
    /// Bytes of the last member that were not read yet, and bytes of padding behind it.
    left: u64,
    padding: u64,
    at: String,
}

fn padding(length: u64) -> u64 {
    length.wrapping_neg() % 4
}

impl<R: Read> Archive<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            names: std::collections::BTreeSet::new(),
            left: 0,
            padding: 0,
            at: "its first header".to_owned(),
        }
    }

    fn exactly(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.reader.read_exact(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => Fault::File(format!("the archive ends within {}", self.at)),
            _ => error.into(),
        })
    }

    fn skip(&mut self, mut bytes: u64) -> Result<(), Fault> {
        let mut buffer = [0; 8192];
        while bytes > 0 {
            let part = usize::try_from(bytes).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..part).unwrap_or_default();
            bytes -= u64::try_from(part.len()).unwrap_or(bytes);
            self.exactly(part)?;
        }
        Ok(())
    }

    /// The next member; none at the end of the archive. What was not read of the one before is passed over.
    pub(super) fn next(&mut self) -> Result<Option<Member>, Fault> {
        self.skip(self.left + self.padding)?;
        let mut header = [0; HEADER];
        self.exactly(&mut header)?;
        let (magic, fields) = header.split_at(6);
        let with_sum = match magic {
            b"070701" => false,
            b"070702" => true,
            _ => return Err(Fault::file("the archive is damaged: a header is not where it should be")),
        };
        let field = |index: usize| -> Result<u32, Fault> {
            let digits =
                fields.get(index * 8..index * 8 + 8).and_then(|digits| std::str::from_utf8(digits).ok());
            digits
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .ok_or_else(|| Fault::file("the archive is damaged: a header has a number that is none"))
        };
        let (size, name_size, sum) = (u64::from(field(6)?), u64::from(field(11)?), field(12)?);
        if !(2..=NAME).contains(&name_size) {
            return Err(Fault::File(format!("a member's name has {name_size} bytes; 1 to {NAME} are taken")));
        }
        let mut name = vec![0; usize::try_from(name_size).unwrap_or_default()];
        self.exactly(&mut name)?;
        self.skip(padding(u64::try_from(HEADER).unwrap_or_default() + name_size))?;
        let name = name.strip_suffix(&[0]).and_then(|name| std::str::from_utf8(name).ok());
        let name = name.ok_or_else(|| Fault::file("a member's name is no text"))?.to_owned();
        if name == END {
            return Ok(None);
        }
        let usable =
            !name.contains(['/', '\\']) && name != "." && name != ".." && !name.contains(char::is_control);
        if !usable {
            return Err(Fault::File(format!(
                "member {name:?} is not a plain file name; paths have no place in an update"
            )));
        }
        if self.names.len() >= MEMBERS {
            return Err(Fault::File(format!("the archive has more than {MEMBERS} members")));
        }
        if !self.names.insert(name.clone()) {
            return Err(Fault::File(format!("the archive has two members named {name}")));
        }
        self.at = format!("member {name}");
        (self.left, self.padding) = (size, padding(size));
        Ok(Some(Member { name, size, sum: with_sum.then_some(sum) }))
    }

    /// All bytes of a small member.
    pub(super) fn small(&mut self, member: &Member, limit: u64) -> Result<Vec<u8>, Fault> {
        if member.size > limit {
            let Member { name, size, .. } = member;
            return Err(Fault::File(format!("member {name} has {size} bytes; at most {limit} are taken")));
        }
        let mut bytes = vec![0; usize::try_from(member.size).unwrap_or_default()];
        self.exactly(&mut bytes)?;
        self.left = 0;
        let sum = bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
        checked(member, sum)?;
        Ok(bytes)
    }

    /// Hands all bytes of a member to `take`, in pieces of `buffer`'s size.
    pub(super) fn stream(
        &mut self,
        member: &Member,
        buffer: &mut [u8],
        mut take: impl FnMut(&[u8]),
    ) -> Result<(), Fault> {
        let mut sum = 0_u32;
        while self.left > 0 {
            let part = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
            let part = buffer.get_mut(..part).unwrap_or_default();
            self.exactly(part)?;
            self.left -= u64::try_from(part.len()).unwrap_or(self.left);
            if member.sum.is_some() {
                sum = part.iter().fold(sum, |sum, byte| sum.wrapping_add(u32::from(*byte)));
            }
            take(part);
        }
        checked(member, sum)
    }
}

fn checked(member: &Member, sum: u32) -> Result<(), Fault> {
    if member.sum.is_some_and(|expected| expected != sum) {
        return Err(Fault::File(format!("member {} is damaged: its checksum does not hold", member.name)));
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of members in the format crc, padded as `cpio` does.
    pub(in super::super) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, content) in members.iter().copied().chain([(END, &b""[..])]) {
            let sum = content.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte)));
            bytes.extend_from_slice(b"070702");
            let numbers = [
                1,
                0o100_644,
                0,
                0,
                1,
                0,
                content.len(),
                0,
                0,
                0,
                0,
                name.len() + 1,
                usize::try_from(sum).unwrap(),
            ];
            for number in numbers {
                bytes.extend_from_slice(format!("{number:08X}").as_bytes());
            }
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend_from_slice(content);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn walk(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
        let (mut archive, mut found) = (Archive::new(bytes), Vec::new());
        while let Some(member) = archive.next().map_err(|fault| fault.to_string())? {
            let mut content = Vec::new();
            archive
                .stream(&member, &mut [0; 3], |part| content.extend_from_slice(part))
                .map_err(|fault| fault.to_string())?;
            found.push((member.name, content));
        }
        Ok(found)
    }

    #[test]
    fn members_come_in_order_with_all_their_bytes() {
        let bytes = archive(&[("a", b"12345"), ("b.bin", b""), ("c", b"678")]);
        let expected = [("a", &b"12345"[..]), ("b.bin", b""), ("c", b"678")];
        assert_eq!(
            walk(&bytes).unwrap(),
            expected.map(|(name, content)| (name.to_owned(), content.to_vec()))
        );
    }

    #[test]
    fn names_that_are_paths_are_refused() {
        for bad in ["../etc/passwd", "/etc/passwd", "a/b", "..", ".", "a\\b", "a\nb"] {
            let problem = walk(&archive(&[(bad, b"x")])).unwrap_err();
            assert!(problem.contains("not a plain file name"), "{bad}: {problem}");
        }
        assert!(walk(&archive(&[("a", b""), ("a", b"")])).unwrap_err().contains("two members named a"));
        assert!(walk(&archive(&[(&"x".repeat(256), b"")])).unwrap_err().contains("257 bytes"));
    }

    #[test]
    fn every_archive_that_is_cut_says_where() {
        let bytes = archive(&[("a", b"12345"), ("b", b"67")]);
        let whole =
            bytes.windows(END.len()).position(|window| window == END.as_bytes()).unwrap() + END.len() + 1;
        for length in 0..whole {
            let problem = walk(&bytes[..length]).unwrap_err();
            assert!(problem.contains("the archive ends within"), "{length}: {problem}");
        }
    }

    #[test]
    fn wrong_sums_numbers_and_counts_are_refused() {
        let mut bytes = archive(&[("a", b"12345")]);
        let place = bytes.windows(5).position(|window| window == b"12345").unwrap();
        bytes[place] = b'9';
        assert!(walk(&bytes).unwrap_err().contains("its checksum does not hold"));
        bytes[54] = b'+';
        assert!(walk(&bytes).unwrap_err().contains("a number that is none"));
        bytes[0] = b'1';
        assert!(walk(&bytes).unwrap_err().contains("a header is not where it should be"));
        let names: Vec<String> = (0..=MEMBERS).map(|number| number.to_string()).collect();
        let many: Vec<_> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
        assert!(walk(&archive(&many)).unwrap_err().contains("more than 4096 members"));
    }

    #[test]
    fn a_member_that_claims_more_than_is_taken_costs_no_memory() {
        let mut bytes = archive(&[("sw-description", b"x")]);
        bytes[54..62].copy_from_slice(b"FFFFFFFF");
        let mut archive = Archive::new(bytes.as_slice());
        let member = archive.next().unwrap().unwrap();
        let problem = archive.small(&member, 1024).unwrap_err().to_string();
        assert!(problem.contains("4294967295 bytes; at most 1024"), "{problem}");
    }
}
