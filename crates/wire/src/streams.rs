//! Files over MQTT as devices ask for them, in JSON and CBOR (device API contract, part 5): what a stream holds, and blocks of
//! its files.
//!
//! Knows the shapes, not who may have a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ciborium::value::Value;
use serde::{Deserialize, Serialize};

use crate::encode;
use crate::topic::{Format, StreamOperation};

/// Bytes of the smallest and the largest block.
pub const BLOCK_BYTES: std::ops::RangeInclusive<u32> = 256..=131_072;
/// Most bytes of blocks that one request is answered with.
pub const REPLY_BYTES: u64 = 512 * 1024;
/// Most bytes of a bitmap.
const BITMAP: usize = 4096;

/// What a payload asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamRequest {
    /// What the stream holds.
    Describe,
    /// Blocks of a file.
    Get(GetBlocks),
}

/// Blocks that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetBlocks {
    /// The stream's version, if the device insists on it.
    pub version: Option<i64>,
    /// Which file of the stream.
    pub file: i64,
    /// Bytes of a block.
    pub block: u32,
    /// Numbers of the blocks, ascending; never none.
    pub blocks: Vec<u64>,
}

/// The codes of rejected requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The payload is not JSON.
    InvalidJson,
    /// The payload is not CBOR.
    InvalidCbor,
    /// It is, but not a request.
    InvalidRequest,
    /// Not a file of something that the device is to install now.
    ResourceNotFound,
    /// The stream has another version.
    VersionMismatch,
    /// Blocks are 256 to 131072 bytes.
    BlockSizeOutOfBounds,
    /// The file ends before that block.
    OffsetOutOfBounds,
    /// Too many blocks at once.
    BlockCountLimitExceeded,
    /// A bitmap that is too large.
    BlockBitmapLimitExceeded,
    /// Too much in too short a time.
    RequestThrottled,
    /// The server failed.
    InternalError,
}

impl ErrorCode {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidJson => "InvalidJson",
            Self::InvalidCbor => "InvalidCbor",
            Self::InvalidRequest => "InvalidRequest",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::VersionMismatch => "VersionMismatch",
            Self::BlockSizeOutOfBounds => "BlockSizeOutOfBounds",
            Self::OffsetOutOfBounds => "OffsetOutOfBounds",
            Self::BlockCountLimitExceeded => "BlockCountLimitExceeded",
            Self::BlockBitmapLimitExceeded => "BlockBitmapLimitExceeded",
            Self::RequestThrottled => "RequestThrottled",
            Self::InternalError => "InternalError",
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable.
    pub code: ErrorCode,
    /// For people.
    pub message: String,
}

fn refuse(code: ErrorCode, message: impl Into<String>) -> Refused {
    Refused { code, message: message.into() }
}

/// A request with the token that its reply repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What is asked, or why it cannot be read.
    pub request: Result<StreamRequest, Refused>,
    /// Repeated in the reply.
    pub client_token: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    c: Option<String>,
    #[serde(default)]
    s: Option<i64>,
    #[serde(default)]
    f: Option<i64>,
    #[serde(default)]
    l: Option<i64>,
    #[serde(default)]
    o: Option<i64>,
    #[serde(default)]
    n: Option<i64>,
    #[serde(default)]
    b: Option<Value>,
}

/// Reads a request.
pub fn parse(operation: StreamOperation, format: Format, payload: &[u8], token_bytes: usize) -> Envelope {
    let unreadable =
        |code, message: String| Envelope { request: Err(refuse(code, message)), client_token: None };
    let empty = payload.is_empty();
    let body: Body = match format {
        Format::Json => match serde_json::from_slice(if empty { b"{}" } else { payload }) {
            Ok(body) => body,
            Err(error) => return unreadable(ErrorCode::InvalidJson, error.to_string()),
        },
        Format::Cbor => match ciborium::from_reader(if empty { &[0xa0][..] } else { payload }) {
            Ok(body) => body,
            Err(error) => return unreadable(ErrorCode::InvalidCbor, error.to_string()),
        },
    };
    if body.c.as_ref().is_some_and(|token| token.len() > token_bytes) {
        return unreadable(ErrorCode::InvalidRequest, format!("c: at most {token_bytes} bytes"));
    }
    let client_token = body.c.clone();
    let request = match operation {
        StreamOperation::Describe => Ok(StreamRequest::Describe),
        StreamOperation::Get => blocks(body).map(StreamRequest::Get),
    };
    Envelope { request, client_token }
}

fn blocks(body: Body) -> Result<GetBlocks, Refused> {
    let Body { c: _, s: version, f, l, o, n, b } = body;
    let file = f.ok_or_else(|| refuse(ErrorCode::InvalidRequest, "f: name the file"))?;
    let size = l.ok_or_else(|| refuse(ErrorCode::InvalidRequest, "l: say how large blocks are"))?;
    let block = u32::try_from(size).ok().filter(|size| BLOCK_BYTES.contains(size)).ok_or_else(|| {
        let (least, most) = (BLOCK_BYTES.start(), BLOCK_BYTES.end());
        refuse(ErrorCode::BlockSizeOutOfBounds, format!("l: {least} to {most} bytes"))
    })?;
    let offset = u64::try_from(o.unwrap_or(0))
        .map_err(|_| refuse(ErrorCode::OffsetOutOfBounds, "o: a block from 0 on"))?;
    let bitmap = b.map(bitmap).transpose()?;
    let most = REPLY_BYTES / u64::from(block);
    let too_many =
        || refuse(ErrorCode::BlockCountLimitExceeded, format!("at most {most} blocks of this size at once"));
    let wanted = match n {
        None => None,
        Some(count) => Some(
            u64::try_from(count)
                .ok()
                .filter(|count| *count > 0)
                .ok_or_else(|| refuse(ErrorCode::InvalidRequest, "n: at least one block"))?,
        ),
    };
    let blocks: Vec<u64> = match bitmap {
        None => {
            let count = wanted.unwrap_or(1);
            if count > most {
                return Err(too_many());
            }
            (0..count).map(|number| offset.saturating_add(number)).collect()
        }
        Some(bits) => {
            let marked = bits.iter().zip(0_u64..).flat_map(|(byte, place)| {
                (0..8_u64).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| place * 8 + bit)
            });
            let limit = usize::try_from(wanted.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
            marked.take(limit).map(|number| offset.saturating_add(number)).collect()
        }
    };
    if blocks.is_empty() {
        return Err(refuse(ErrorCode::InvalidRequest, "b: mark at least one block"));
    }
    if u64::try_from(blocks.len()).unwrap_or(u64::MAX) > most {
        return Err(too_many());
    }
    Ok(GetBlocks { version, file, block, blocks })
}

/// Base64 in JSON, bytes in CBOR.
fn bitmap(bitmap: Value) -> Result<Vec<u8>, Refused> {
    let wrong = || refuse(ErrorCode::InvalidRequest, "b: base64 in JSON, bytes in CBOR");
    let bytes = match bitmap.into_text() {
        Ok(text) if text.len() > BITMAP * 2 => vec![0; BITMAP + 1],
        Ok(text) => STANDARD.decode(text).map_err(|_| wrong())?,
        Err(other) => other.into_bytes().map_err(|_| wrong())?,
    };
    if bytes.len() > BITMAP {
        return Err(refuse(ErrorCode::BlockBitmapLimitExceeded, format!("b: at most {BITMAP} bytes")));
    }
    Ok(bytes)
}

/// A file of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamFile {
    /// Its number in the stream.
    pub file: i64,
    /// Its bytes.
    pub size: u64,
}

#[derive(Serialize)]
struct FileBody {
    f: i64,
    z: u64,
}

#[derive(Serialize)]
struct DescriptionBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<&'a str>,
    s: i64,
    d: &'a str,
    r: Vec<FileBody>,
}

#[derive(Serialize)]
struct BlockBody<'a, P> {
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<&'a str>,
    f: i64,
    l: u64,
    i: u64,
    p: P,
}

#[derive(Serialize)]
struct RejectedBody<'a> {
    o: &'static str,
    m: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<&'a str>,
}

/// Bytes as CBOR has them.
struct Octets<'a>(&'a [u8]);

impl Serialize for Octets<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

fn encoded<T: Serialize>(format: Format, body: &T) -> Bytes {
    match format {
        Format::Json => encode::json(body),
        Format::Cbor => encode::cbor(body),
    }
}

/// What a stream holds.
pub fn description(
    format: Format,
    version: i64,
    text: &str,
    files: &[StreamFile],
    token: Option<&str>,
) -> Bytes {
    let r = files.iter().map(|StreamFile { file, size }| FileBody { f: *file, z: *size }).collect();
    encoded(format, &DescriptionBody { c: token, s: version, d: text, r })
}

/// A block of a file. `l` is how many bytes it really has: the last one may be short.
pub fn data(format: Format, file: i64, number: u64, bytes: &[u8], token: Option<&str>) -> Bytes {
    let l = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    match format {
        Format::Json => {
            encode::json(&BlockBody { c: token, f: file, l, i: number, p: STANDARD.encode(bytes) })
        }
        Format::Cbor => encode::cbor(&BlockBody { c: token, f: file, l, i: number, p: Octets(bytes) }),
    }
}

/// Why a request was refused.
pub fn rejected(format: Format, refused: &Refused, token: Option<&str>) -> Bytes {
    encoded(format, &RejectedBody { o: refused.code.as_str(), m: &refused.message, c: token })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn get(body: &serde_json::Value) -> Result<Vec<u64>, &'static str> {
        let payload = body.to_string();
        match parse(StreamOperation::Get, Format::Json, payload.as_bytes(), 64).request {
            Ok(StreamRequest::Get(found)) => Ok(found.blocks),
            Ok(other) => panic!("{other:?}"),
            Err(refused) => Err(refused.code.as_str()),
        }
    }

    #[test]
    fn blocks_are_asked_for_by_offset_and_number_or_by_bitmap() {
        assert_eq!(get(&json!({"f": 0, "l": 4096})).unwrap(), [0]);
        assert_eq!(get(&json!({"f": 0, "l": 4096, "o": 5, "n": 3})).unwrap(), [5, 6, 7]);
        // Bits 0, 3 and 9.
        assert_eq!(
            get(&json!({"f": 0, "l": 4096, "o": 10, "b": STANDARD.encode([9, 2])})).unwrap(),
            [10, 13, 19]
        );
        assert_eq!(get(&json!({"f": 0, "l": 4096, "n": 2, "b": STANDARD.encode([9, 2])})).unwrap(), [0, 3]);
    }

    #[test]
    fn what_cannot_be_answered_says_which_member_is_wrong() {
        for (body, code) in [
            (json!({"l": 4096}), "InvalidRequest"),
            (json!({"f": 0}), "InvalidRequest"),
            (json!({"f": 0, "l": 255}), "BlockSizeOutOfBounds"),
            (json!({"f": 0, "l": 131_073}), "BlockSizeOutOfBounds"),
            (json!({"f": 0, "l": 4096, "o": -1}), "OffsetOutOfBounds"),
            (json!({"f": 0, "l": 4096, "n": 0}), "InvalidRequest"),
            (json!({"f": 0, "l": 4096, "n": 129}), "BlockCountLimitExceeded"),
            (json!({"f": 0, "l": 131_072, "b": STANDARD.encode([255])}), "BlockCountLimitExceeded"),
            (json!({"f": 0, "l": 4096, "b": STANDARD.encode([0])}), "InvalidRequest"),
            (json!({"f": 0, "l": 4096, "b": "***"}), "InvalidRequest"),
            (json!({"f": 0, "l": 4096, "b": STANDARD.encode(vec![1; 5000])}), "BlockBitmapLimitExceeded"),
            (json!({"f": "x", "l": 4096}), "InvalidJson"),
            (json!(7), "InvalidJson"),
        ] {
            assert_eq!(get(&body), Err(code), "{body}");
        }
        let long = json!({"c": "x".repeat(65)}).to_string();
        let envelope = parse(StreamOperation::Describe, Format::Json, long.as_bytes(), 64);
        assert_eq!(envelope.request.unwrap_err().code, ErrorCode::InvalidRequest);
        let cbor = parse(StreamOperation::Describe, Format::Cbor, b"\xff", 64);
        assert_eq!(cbor.request.unwrap_err().code, ErrorCode::InvalidCbor);
    }

    #[test]
    fn cbor_carries_bitmaps_and_blocks_as_bytes() {
        let member = |name: &str, value: Value| (Value::from(name), value);
        let body = Value::Map(vec![
            member("c", "t".into()),
            member("f", 0.into()),
            member("l", 256.into()),
            member("b", Value::Bytes(vec![6])),
        ]);
        let mut payload = Vec::new();
        ciborium::into_writer(&body, &mut payload).unwrap();
        let envelope = parse(StreamOperation::Get, Format::Cbor, &payload, 64);
        assert_eq!(envelope.client_token.as_deref(), Some("t"));
        let Ok(StreamRequest::Get(found)) = envelope.request else { panic!("{envelope:?}") };
        assert_eq!(found.blocks, [1, 2]);
        let block: Value = ciborium::from_reader(&data(Format::Cbor, 0, 1, b"abc", Some("t"))[..]).unwrap();
        assert_eq!(block.as_map().unwrap().last().unwrap().1, Value::Bytes(b"abc".to_vec()));
    }

    #[test]
    fn replies_have_the_members_of_the_contract() {
        let read = |bytes: Bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
        let files = [StreamFile { file: 0, size: 7 }];
        let described = read(description(Format::Json, 1, "fw 1", &files, None));
        assert_eq!(described, json!({"s": 1, "d": "fw 1", "r": [{"f": 0, "z": 7}]}));
        assert_eq!(
            read(data(Format::Json, 0, 3, b"abc", Some("t"))),
            json!({"c": "t", "f": 0, "l": 3, "i": 3, "p": "YWJj"})
        );
        let refused = refuse(ErrorCode::OffsetOutOfBounds, "no");
        assert_eq!(
            read(rejected(Format::Json, &refused, None)),
            json!({"o": "OffsetOutOfBounds", "m": "no"})
        );
    }

    proptest! {
        #[test]
        fn no_payload_makes_it_fall(payload in proptest::collection::vec(any::<u8>(), 0..64), cbor in any::<bool>()) {
            let format = if cbor { Format::Cbor } else { Format::Json };
            drop(parse(StreamOperation::Get, format, &payload, 64));
        }
    }
}
