//! Turns our own body types into bytes. Knows no body.

use bytes::Bytes;
use serde::Serialize;

/// JSON text. Our bodies have string keys and finite numbers, so writing them into memory cannot fail.
pub(crate) fn json<T: Serialize>(body: &T) -> Bytes {
    serde_json::to_vec(body).map_or_else(|_| Bytes::new(), Bytes::from)
}

/// CBOR. Our bodies are text and numbers, so writing them into memory cannot fail.
pub(crate) fn cbor<T: Serialize>(body: &T) -> Bytes {
    let mut bytes = Vec::new();
    match ciborium::into_writer(body, &mut bytes) {
        Ok(()) => Bytes::from(bytes),
        Err(_) => Bytes::new(),
    }
}
