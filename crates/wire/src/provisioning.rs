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

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const FORMATS: [Format; 2] = [Format::Json, Format::Cbor];

    fn provision() -> ProvisioningOperation {
        ProvisioningOperation::Provision { template: "pump".to_owned() }
    }

    fn payload(format: Format, body: &Value) -> Bytes {
        write(format, body)
    }

    /// A body as JSON, whichever way it was written.
    fn read(format: Format, body: &Bytes) -> Value {
        match format {
            Format::Json => serde_json::from_slice(body).unwrap(),
            Format::Cbor => ciborium::from_reader(&body[..]).unwrap(),
        }
    }

    #[test]
    fn requests_read_the_same_in_both_formats() {
        for format in FORMATS {
            let read = |operation: &ProvisioningOperation, body: Value| {
                parse(operation, format, &payload(format, &body)).unwrap()
            };
            assert_eq!(read(&ProvisioningOperation::Create, json!({})), ProvisioningRequest::Create);
            assert_eq!(
                read(
                    &ProvisioningOperation::CreateFromCsr,
                    json!({"certificateSigningRequest": "PEM", "x": 1})
                ),
                ProvisioningRequest::CreateFromCsr { csr: "PEM".to_owned() }
            );
            assert_eq!(
                read(&provision(), json!({"certificateOwnershipToken": "t", "parameters": {"Serial": "7"}})),
                ProvisioningRequest::Provision {
                    ownership_token: "t".to_owned(),
                    parameters: BTreeMap::from([("Serial".to_owned(), "7".to_owned())]),
                }
            );
            for body in [
                json!({"certificateOwnershipToken": "t"}),
                json!({"certificateOwnershipToken": "t", "parameters": null}),
            ] {
                let ProvisioningRequest::Provision { parameters, .. } = read(&provision(), body) else {
                    panic!()
                };
                assert_eq!(parameters, BTreeMap::new());
            }
            assert_eq!(parse(&ProvisioningOperation::Create, format, b""), Ok(ProvisioningRequest::Create));
        }
    }

    #[test]
    fn payloads_that_are_no_requests_are_refused_in_both_formats() {
        for format in FORMATS {
            for (operation, body) in [
                (ProvisioningOperation::Create, json!([])),
                (ProvisioningOperation::Create, json!("x")),
                (ProvisioningOperation::CreateFromCsr, json!({})),
                (ProvisioningOperation::CreateFromCsr, json!(["PEM"])),
                (ProvisioningOperation::CreateFromCsr, json!({"certificateSigningRequest": 1})),
                (ProvisioningOperation::CreateFromCsr, json!({"certificateSigningRequest": null})),
                (provision(), json!({"parameters": {}})),
                (provision(), json!({"certificateOwnershipToken": "t", "parameters": {"a": 1}})),
                (provision(), json!({"certificateOwnershipToken": "t", "parameters": ["a"]})),
                (provision(), json!({"certificateOwnershipToken": ["t"]})),
            ] {
                let refused = parse(&operation, format, &payload(format, &body)).unwrap_err();
                assert_eq!(refused.code, ErrorCode::InvalidPayload, "{body}");
            }
            for operation in [ProvisioningOperation::CreateFromCsr, provision()] {
                assert!(parse(&operation, format, b"").is_err());
            }
        }
        let missing = parse(&ProvisioningOperation::CreateFromCsr, Format::Json, b"{}").unwrap_err();
        assert_eq!(
            missing.message,
            "the payload is not a request: missing field `certificateSigningRequest`"
        );
        let twice = [payload(Format::Cbor, &json!({})), payload(Format::Cbor, &json!({}))].concat();
        assert!(parse(&ProvisioningOperation::Create, Format::Cbor, &twice).is_err());
        assert!(parse(&ProvisioningOperation::Create, Format::Cbor, b"{}").is_err());
        assert!(parse(&ProvisioningOperation::Create, Format::Json, b"\xa0").is_err());
    }

    #[test]
    fn a_certificate_is_handed_over_with_its_token_and_its_key_only_if_the_server_made_it() {
        let made = Certificate {
            certificate_id: "ab".to_owned(),
            certificate_pem: "CERT".to_owned(),
            private_key: Some("KEY".to_owned()),
            ownership_token: "t".to_owned(),
        };
        assert_snapshot!(
            std::str::from_utf8(&certificate_accepted(Format::Json, &made)).unwrap(),
            @r#"{"certificateId":"ab","certificatePem":"CERT","privateKey":"KEY","certificateOwnershipToken":"t"}"#
        );
        let signed = Certificate { private_key: None, ..made };
        for format in FORMATS {
            assert_eq!(
                read(format, &certificate_accepted(format, &signed)),
                json!({"certificateId": "ab", "certificatePem": "CERT", "certificateOwnershipToken": "t"})
            );
        }
    }

    #[test]
    fn a_provisioned_device_learns_its_name_and_configuration() {
        let done = Provisioned {
            device_configuration: BTreeMap::from([("url".to_owned(), "x".to_owned())]),
            thing_name: "pump-1".to_owned(),
        };
        assert_snapshot!(
            std::str::from_utf8(&provision_accepted(Format::Json, &done)).unwrap(),
            @r#"{"deviceConfiguration":{"url":"x"},"thingName":"pump-1"}"#
        );
        assert_eq!(
            read(Format::Cbor, &provision_accepted(Format::Cbor, &done)),
            json!({"deviceConfiguration": {"url": "x"}, "thingName": "pump-1"})
        );
    }

    #[test]
    fn rejections_have_a_status_a_code_and_a_sentence() {
        let all = [
            ErrorCode::InvalidCertificateOwnershipToken,
            ErrorCode::InvalidCsr,
            ErrorCode::InvalidPayload,
            ErrorCode::AccessDenied,
            ErrorCode::ResourceNotFound,
            ErrorCode::Throttling,
            ErrorCode::InternalError,
        ];
        let bodies: Vec<_> = all
            .iter()
            .map(|code| String::from_utf8(rejected(Format::Json, *code, "m").to_vec()).unwrap())
            .collect();
        assert_snapshot!(bodies.join("\n"), @r#"
        {"statusCode":400,"errorCode":"InvalidCertificateOwnershipToken","errorMessage":"m"}
        {"statusCode":400,"errorCode":"InvalidCsr","errorMessage":"m"}
        {"statusCode":400,"errorCode":"InvalidPayload","errorMessage":"m"}
        {"statusCode":403,"errorCode":"AccessDenied","errorMessage":"m"}
        {"statusCode":404,"errorCode":"ResourceNotFound","errorMessage":"m"}
        {"statusCode":429,"errorCode":"Throttling","errorMessage":"m"}
        {"statusCode":500,"errorCode":"InternalError","errorMessage":"m"}
        "#);
        assert_eq!(
            read(Format::Cbor, &rejected(Format::Cbor, ErrorCode::AccessDenied, "m")),
            json!({"statusCode": 403, "errorCode": "AccessDenied", "errorMessage": "m"})
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            depth in 0..2000_usize,
        ) {
            let deep = [vec![0x81; depth], vec![0xa0]].concat();
            let huge = [0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
            for operation in [ProvisioningOperation::Create, ProvisioningOperation::CreateFromCsr, provision()] {
                for format in FORMATS {
                    for payload in [&bytes[..], &deep, &huge] {
                        if let Err(refused) = parse(&operation, format, payload) {
                            prop_assert_eq!(refused.code, ErrorCode::InvalidPayload);
                        }
                    }
                }
            }
        }
    }
}
