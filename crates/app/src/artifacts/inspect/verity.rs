//! Hash trees of dm-verity as RAUC makes them (version 1 of its format: SHA-256, salt first, blocks of 4096 bytes, no
//! superblock): behind the payload, the level of one block first, that one being what the signed root hash is of.
//!
//! One block of hashes is in memory at a time: a level is read back from the file once it was found to be right. Knows neither
//! manifests nor signatures.

use std::io::{self, Read, Seek, SeekFrom};

use aws_lc_rs::digest::{Context, SHA256};

use super::Fault;

/// Bytes of a block, of the payload and of hashes.
const BLOCK: u64 = 4096;
/// Bytes of a hash.
const HASH: usize = 32;
/// Blocks whose hashes fill a block.
const FAN: u64 = 128;

/// What a signed manifest says of a payload and its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    /// Hash of the only block of the last level.
    pub(super) root: [u8; HASH],
    /// Hashed before each block.
    pub(super) salt: [u8; HASH],
    /// Bytes of the tree.
    pub(super) size: u64,
}

/// Holds a payload and the tree behind it, `content` bytes together, against a signed root hash.
///
/// # Errors
/// They are not what was signed, or cannot be read.
pub(super) fn check(file: &mut (impl Read + Seek), content: u64, tree: &Tree) -> Result<(), Fault> {
    let Tree { root, salt, size } = tree;
    let whole = |payload: &u64| *payload > 0 && payload.is_multiple_of(BLOCK);
    let payload = content.checked_sub(*size).filter(whole).ok_or_else(|| {
        Fault::File(format!(
            "the bundle has {content} bytes before its signature, which cannot be a payload in blocks of {BLOCK} bytes and a \
             tree of {size} bytes as its manifest says; it is cut or was changed"
        ))
    })?;
    // Blocks of the payload, then of each level of the tree.
    let mut levels = vec![payload / BLOCK];
    while let Some(last) = levels.last().copied().filter(|last| *last > 1) {
        levels.push(last.div_ceil(FAN));
    }
    let needed: u64 = levels.iter().skip(1).map(|blocks| blocks * BLOCK).sum();
    if needed != *size {
        return Err(Fault::File(format!(
            "the manifest's verity-size is {size}; the tree of {payload} bytes has {needed}"
        )));
    }
    let (mut start, mut above) = (0, payload + needed);
    for (level, pair) in levels.windows(2).enumerate() {
        let &[below, blocks] = pair else { continue };
        above -= blocks * BLOCK;
        if let Some(block) = differs(file, salt, (start, below), above)? {
            return Err(Fault::File(match level {
                0 => format!(
                    "the payload is not what the bundle's hash tree says from byte {} on, in block {block}: it was changed",
                    block * BLOCK
                ),
                _ => format!("the bundle's hash tree is damaged in level {level}, block {block}"),
            }));
        }
        start = above;
    }
    let mut block = vec![0; HASH * usize::try_from(FAN).unwrap_or_default()];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut block)?;
    let found = hash(salt, &block);
    if found != *root {
        let (found, root) = (hex::encode(found), hex::encode(root));
        return Err(Fault::File(format!(
            "the payload is not what was signed: the manifest's verity-hash is {root}, and what came has {found}"
        )));
    }
    Ok(())
}

fn hash(salt: &[u8; HASH], block: &[u8]) -> [u8; HASH] {
    let mut context = Context::new(&SHA256);
    context.update(salt);
    context.update(block);
    context.finish().as_ref().try_into().unwrap_or_default()
}

/// The first block from `start` on whose hash is not what the level that begins at `above` says.
fn differs(
    file: &mut (impl Read + Seek),
    salt: &[u8; HASH],
    (start, blocks): (u64, u64),
    above: u64,
) -> io::Result<Option<u64>> {
    let bytes = usize::try_from(BLOCK).unwrap_or_default();
    let (mut read, mut hashes) = (vec![0; bytes * usize::try_from(FAN).unwrap_or_default()], vec![0; bytes]);
    for place in 0..blocks.div_ceil(FAN) {
        let first = place * FAN;
        let these = usize::try_from((blocks - first).min(FAN)).unwrap_or_default();
        let part = read.get_mut(..these * bytes).unwrap_or_default();
        file.seek(SeekFrom::Start(start + first * BLOCK))?;
        file.read_exact(part)?;
        file.seek(SeekFrom::Start(above + place * BLOCK))?;
        file.read_exact(&mut hashes)?;
        let (said, rest) = hashes.split_at(these * HASH);
        let differs =
            part.chunks(bytes).zip(said.chunks(HASH)).position(|(block, said)| hash(salt, block) != *said);
        // What fills the last block of hashes is hashed too, and must be nothing.
        let stuffed = rest.iter().any(|byte| *byte != 0).then_some(these.saturating_sub(1));
        if let Some(offset) = differs.or(stuffed) {
            return Ok(Some(first + u64::try_from(offset).unwrap_or_default()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    const SALT: [u8; HASH] = [7; HASH];

    /// A payload with its tree, made level by level as veritysetup's documentation draws it, and the root hash.
    fn grown(payload: &[u8]) -> (Vec<u8>, Tree) {
        let mut levels = vec![payload.to_vec()];
        while levels.last().unwrap().len() > 4096 {
            let mut hashes: Vec<u8> =
                levels.last().unwrap().chunks(4096).flat_map(|block| hash(&SALT, block)).collect();
            hashes.resize(hashes.len().next_multiple_of(4096), 0);
            levels.push(hashes);
        }
        let root = hash(&SALT, levels.last().unwrap());
        let tree: Vec<u8> = levels.iter().skip(1).rev().flatten().copied().collect();
        let size = u64::try_from(tree.len()).unwrap();
        ([payload, &tree].concat(), Tree { root, salt: SALT, size })
    }

    fn look(bytes: &[u8], tree: &Tree) -> Result<(), String> {
        let content = u64::try_from(bytes.len()).unwrap();
        check(&mut Cursor::new(bytes), content, tree).map_err(|fault| fault.to_string())
    }

    fn payload(blocks: usize) -> Vec<u8> {
        (0..blocks * 4096).map(|place| u8::try_from(place * 31 % 251).unwrap()).collect()
    }

    #[test]
    fn trees_of_no_to_two_levels_hold() {
        for (blocks, levels) in [(1, 0), (2, 1), (128, 1), (129, 2), (300, 2)] {
            let (bytes, tree) = grown(&payload(blocks));
            let expected = [0, 1, blocks.div_ceil(128) + 1][levels] * 4096;
            assert_eq!(tree.size, u64::try_from(expected).unwrap(), "{blocks}");
            assert_eq!(look(&bytes, &tree), Ok(()), "{blocks}");
        }
    }

    #[test]
    fn another_root_salt_or_size_is_refused_with_what_was_found() {
        let (bytes, good) = grown(&payload(5));
        let root = look(&bytes, &Tree { root: [1; HASH], ..good.clone() }).unwrap_err();
        assert!(root.contains(&hex::encode([1; HASH])) && root.contains(&hex::encode(good.root)), "{root}");
        let salt = look(&bytes, &Tree { salt: [8; HASH], ..good.clone() }).unwrap_err();
        assert!(salt.contains("from byte 0 on, in block 0"), "{salt}");
        let size = look(&bytes, &Tree { size: 8192, ..good.clone() }).unwrap_err();
        assert!(size.contains("verity-size is 8192") && size.contains("has 4096"), "{size}");
        for size in [0, 4095, 5 * 4096 + 4096, u64::MAX] {
            assert!(look(&bytes, &Tree { size, ..good.clone() }).is_err(), "{size}");
        }
        assert!(look(&bytes[..bytes.len() - 1], &good).unwrap_err().contains("cut or was changed"));
        assert!(look(&[], &good).is_err());
    }

    #[test]
    fn the_block_that_was_changed_is_named() {
        let (mut bytes, tree) = grown(&payload(300));
        bytes[200 * 4096 + 17] ^= 1;
        let problem = look(&bytes, &tree).unwrap_err();
        assert!(problem.contains("from byte 819200 on, in block 200"), "{problem}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_change_of_a_byte_of_payload_or_tree_is_let_through(
            blocks in 1_usize..140, at in any::<prop::sample::Index>(), bit in 0_u8..8,
        ) {
            let (mut bytes, tree) = grown(&payload(blocks));
            let place = at.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert!(look(&bytes, &tree).is_err(), "byte {place}");
        }
    }
}
