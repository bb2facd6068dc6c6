//! Fleet provisioning as devices see it, in JSON and CBOR (device API contract, part 4).
//!
//! Knows the shapes, not who may have a certificate.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::topic::{Format, ProvisioningOperation};

/// What a payload asks, by the topic it came on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProvisioningRequest {
    /// A certificate with a key made by the server.
    Create,
    /// A certificate for the key of this signing request (PEM).
    CreateFromCsr {
        /// PEM text.
        csr: String,
    },
    /// A device made by a template.
    Provision {
        /// Proof that the certificate came to this device.
        ownership_token: String,
        /// Input of the template.
        parameters: BTreeMap<String, String>,
    },
}

/// The codes of rejected requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// 400
    InvalidCertificateOwnershipToken,
    /// 400
    InvalidCsr,
    /// 400
    InvalidPayload,
    /// 403
    AccessDenied,
    /// 404
    ResourceNotFound,
    /// 429
    Throttling,
    /// 500
    InternalError,
}

impl ErrorCode {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidCertificateOwnershipToken => "InvalidCertificateOwnershipToken",
            Self::InvalidCsr => "InvalidCsr",
            Self::InvalidPayload => "InvalidPayload",
            Self::AccessDenied => "AccessDenied",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::Throttling => "Throttling",
            Self::InternalError => "InternalError",
        }
    }

    /// The `statusCode` in documents.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidCertificateOwnershipToken | Self::InvalidCsr | Self::InvalidPayload => 400,
            Self::AccessDenied => 403,
            Self::ResourceNotFound => 404,
            Self::Throttling => 429,
            Self::InternalError => 500,
        }
    }
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable.
    pub code: ErrorCode,
    /// A sentence for the maker of the device.
    pub message: String,
}

/// Reads a payload by operation and format of its topic.
pub fn parse(
    operation: &ProvisioningOperation,
    format: Format,
    payload: &[u8],
) -> Result<ProvisioningRequest, Refused> {
    let _ = (operation, format, payload);
    unimplemented!("filled in next")
}

/// What is said to a device that was given a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Lower-case hex SHA-256 of the certificate.
    pub certificate_id: String,
    /// The certificate.
    pub certificate_pem: String,
    /// Its key; only where the server made it.
    pub private_key: Option<String>,
    /// Proof for the provisioning request.
    pub ownership_token: String,
}

/// What is said to a device that was provisioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioned {
    /// From the template.
    pub device_configuration: BTreeMap<String, String>,
    /// Its name.
    pub thing_name: String,
}

/// The reply to `create` and `create-from-csr`.
pub fn certificate_accepted(format: Format, certificate: &Certificate) -> Bytes {
    let _ = (format, certificate);
    unimplemented!("filled in next")
}

/// The reply to `provision`.
pub fn provision_accepted(format: Format, provisioned: &Provisioned) -> Bytes {
    let _ = (format, provisioned);
    unimplemented!("filled in next")
}

/// The body of `…/rejected`.
pub fn rejected(format: Format, code: ErrorCode, message: &str) -> Bytes {
    let _ = (format, code, message);
    unimplemented!("filled in next")
}
