//! Fleet provisioning as devices see it, in JSON and CBOR (device API contract, part 4).
//!
//! Knows the shapes, not who may have a certificate.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::encode;
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

/// Reads a payload by operation and format of its topic. Members that are not known are ignored.
pub fn parse(
    operation: &ProvisioningOperation,
    format: Format,
    payload: &[u8],
) -> Result<ProvisioningRequest, Refused> {
    match operation {
        ProvisioningOperation::Create => {
            if !payload.is_empty() {
                let CreateBody {} = decode(format, payload)?;
            }
            Ok(ProvisioningRequest::Create)
        }
        ProvisioningOperation::CreateFromCsr => {
            let CsrBody { certificate_signing_request: csr } = decode(format, payload)?;
            Ok(ProvisioningRequest::CreateFromCsr { csr })
        }
        ProvisioningOperation::Provision { .. } => {
            let ProvisionBody { certificate_ownership_token: ownership_token, parameters } =
                decode(format, payload)?;
            Ok(ProvisioningRequest::Provision { ownership_token, parameters: parameters.unwrap_or_default() })
        }
    }
}

#[derive(Deserialize)]
struct CreateBody {}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CsrBody {
    certificate_signing_request: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProvisionBody {
    certificate_ownership_token: String,
    parameters: Option<BTreeMap<String, String>>,
}

fn decode<T: serde::de::DeserializeOwned>(format: Format, payload: &[u8]) -> Result<T, Refused> {
    let refuse = |message| Refused { code: ErrorCode::InvalidPayload, message };
    match format {
        Format::Json => {
            // From an object only: serde would take an array for a struct as well.
            let body: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(payload)
                .map_err(|_| refuse("the payload must be a JSON object".to_owned()))?;
            T::deserialize(serde_json::Value::Object(body))
                .map_err(|error| refuse(format!("the payload is not a request: {error}")))
        }
        Format::Cbor => {
            let mut rest = payload;
            let body: ciborium::Value = ciborium::from_reader(&mut rest)
                .map_err(|_| refuse("the payload must be a CBOR map".to_owned()))?;
            if !body.is_map() || !rest.is_empty() {
                return Err(refuse("the payload must be one CBOR map".to_owned()));
            }
            body.deserialized().map_err(|error| refuse(format!("the payload is not a request: {error}")))
        }
    }
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

fn write<T: Serialize>(format: Format, body: &T) -> Bytes {
    match format {
        Format::Json => encode::json(body),
        Format::Cbor => encode::cbor(body),
    }
}

/// The reply to `create` and `create-from-csr`.
pub fn certificate_accepted(format: Format, certificate: &Certificate) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Accepted<'a> {
        certificate_id: &'a str,
        certificate_pem: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        private_key: Option<&'a str>,
        certificate_ownership_token: &'a str,
    }
    let Certificate { certificate_id, certificate_pem, private_key, ownership_token } = certificate;
    write(
        format,
        &Accepted {
            certificate_id,
            certificate_pem,
            private_key: private_key.as_deref(),
            certificate_ownership_token: ownership_token,
        },
    )
}

/// The reply to `provision`.
pub fn provision_accepted(format: Format, provisioned: &Provisioned) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Accepted<'a> {
        device_configuration: &'a BTreeMap<String, String>,
        thing_name: &'a str,
    }
    let Provisioned { device_configuration, thing_name } = provisioned;
    write(format, &Accepted { device_configuration, thing_name })
}

/// The body of `…/rejected`.
pub fn rejected(format: Format, code: ErrorCode, message: &str) -> Bytes {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Rejection<'a> {
        status_code: u16,
        error_code: &'static str,
        error_message: &'a str,
    }
    write(
        format,
        &Rejection { status_code: code.status(), error_code: code.as_str(), error_message: message },
    )
}
