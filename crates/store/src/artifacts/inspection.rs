//! What was found in artifacts, kept as a JSON document beside their rows.

use serde::{Deserialize, Serialize};
use windlass_domain::ids::{ArtifactId, Sha256, TenantId};
use windlass_domain::software::inspection::{DigestKind, Format, Inspection, Part, Seal, Unnamed, Zchunk};

use crate::error::StoreError;
use crate::row::{read_json, write_json};
use crate::tx::{Tx, execute, fetch_optional};

/// The shape of the stored document. Members are only ever added, each with a default. Bytes are hex.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InspectionRow {
    format: FormatRow,
    version: Option<String>,
    compatible: Vec<String>,
    components: Vec<PartRow>,
    listed: Vec<String>,
    seal: SealRow,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum FormatRow {
    Plain,
    SwUpdate,
    Rauc,
    #[serde(rename_all = "camelCase")]
    Zchunk {
        header: u64,
        header_sha256: String,
        chunks: u64,
        unpacked: u64,
    },
}

#[derive(Serialize, Deserialize)]
struct PartRow {
    name: String,
    version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SealRow {
    None,
    Certified { signers: Vec<String>, others: Vec<String> },
    Unnamed(Vec<UnnamedRow>),
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
struct UnnamedRow {
    digest: DigestRow,
    value: String,
    signature: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DigestRow {
    Sha256,
    Sha384,
    Sha512,
}

fn written(bytes: &[Vec<u8>]) -> Vec<String> {
    bytes.iter().map(hex::encode).collect()
}

fn bytes(text: &str) -> Result<Vec<u8>, StoreError> {
    hex::decode(text).map_err(|error| StoreError::corrupt("artifact.inspection", error))
}

fn all_bytes(texts: &[String]) -> Result<Vec<Vec<u8>>, StoreError> {
    texts.iter().map(|text| bytes(text)).collect()
}

fn digest(text: &str) -> Result<Sha256, StoreError> {
    text.parse().map_err(|error| StoreError::corrupt("artifact.inspection", error))
}

impl From<&Inspection> for InspectionRow {
    fn from(inspection: &Inspection) -> Self {
        let Inspection { format, version, compatible, components, listed, seal } = inspection;
        Self {
            format: match format {
                Format::Plain => FormatRow::Plain,
                Format::SwUpdate => FormatRow::SwUpdate,
                Format::Rauc => FormatRow::Rauc,
                Format::Zchunk(Zchunk { header, header_sha256, chunks, unpacked }) => FormatRow::Zchunk {
                    header: *header,
                    header_sha256: header_sha256.to_string(),
                    chunks: *chunks,
                    unpacked: *unpacked,
                },
            },
            version: version.clone(),
            compatible: compatible.clone(),
            components: components
                .iter()
                .map(|Part { name, version }| PartRow { name: name.clone(), version: version.clone() })
                .collect(),
            listed: listed.iter().map(Sha256::to_string).collect(),
            seal: match seal {
                Seal::None => SealRow::None,
                Seal::Certified { signers, others } => {
                    SealRow::Certified { signers: written(signers), others: written(others) }
                }
                Seal::Unnamed(signatures) => {
                    let row = |Unnamed { digest, value, signature }: &Unnamed| UnnamedRow {
                        digest: match digest {
                            DigestKind::Sha256 => DigestRow::Sha256,
                            DigestKind::Sha384 => DigestRow::Sha384,
                            DigestKind::Sha512 => DigestRow::Sha512,
                        },
                        value: hex::encode(value),
                        signature: hex::encode(signature),
                    };
                    SealRow::Unnamed(signatures.iter().map(row).collect())
                }
                Seal::Unreadable(why) => SealRow::Unreadable(why.clone()),
            },
        }
    }
}

impl TryFrom<InspectionRow> for Inspection {
    type Error = StoreError;

    fn try_from(row: InspectionRow) -> Result<Self, StoreError> {
        let InspectionRow { format, version, compatible, components, listed, seal } = row;
        Ok(Self {
            format: match format {
                FormatRow::Plain => Format::Plain,
                FormatRow::SwUpdate => Format::SwUpdate,
                FormatRow::Rauc => Format::Rauc,
                FormatRow::Zchunk { header, header_sha256, chunks, unpacked } => Format::Zchunk(Zchunk {
                    header,
                    header_sha256: digest(&header_sha256)?,
                    chunks,
                    unpacked,
                }),
            },
            version,
            compatible,
            components: components
                .into_iter()
                .map(|PartRow { name, version }| Part { name, version })
                .collect(),
            listed: listed.iter().map(|text| digest(text)).collect::<Result<_, _>>()?,
            seal: match seal {
                SealRow::None => Seal::None,
                SealRow::Certified { signers, others } => {
                    Seal::Certified { signers: all_bytes(&signers)?, others: all_bytes(&others)? }
                }
                SealRow::Unnamed(signatures) => {
                    let read = |UnnamedRow { digest, value, signature }: UnnamedRow| {
                        let digest = match digest {
                            DigestRow::Sha256 => DigestKind::Sha256,
                            DigestRow::Sha384 => DigestKind::Sha384,
                            DigestRow::Sha512 => DigestKind::Sha512,
                        };
                        Ok::<_, StoreError>(Unnamed {
                            digest,
                            value: bytes(&value)?,
                            signature: bytes(&signature)?,
                        })
                    };
                    Seal::Unnamed(signatures.into_iter().map(read).collect::<Result<_, _>>()?)
                }
                SealRow::Unreadable(why) => Seal::Unreadable(why),
            },
        })
    }
}

/// Keeps what was found in an artifact.
///
/// # Errors
/// When the database fails.
pub async fn keep_inspection(
    tx: &mut Tx<'_>,
    id: ArtifactId,
    inspection: &Inspection,
) -> Result<(), StoreError> {
    let document = write_json("artifact.inspection", &InspectionRow::from(inspection))?;
    execute!(tx, "UPDATE artifact SET inspection = $1 WHERE id = $2", document.as_str(), id.get())?;
    Ok(())
}

/// What was found in an artifact; none if it is not there, or from before anybody looked.
///
/// # Errors
/// When the database fails.
pub async fn inspection(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    id: ArtifactId,
) -> Result<Option<Inspection>, StoreError> {
    let row = fetch_optional!(
        tx,
        (Option<String>,),
        "SELECT inspection FROM artifact WHERE tenant_id = $1 AND id = $2",
        tenant.get(),
        id.get(),
    )?;
    row.and_then(|(document,)| document)
        .map(|document| read_json::<InspectionRow>("artifact.inspection", &document)?.try_into())
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_reads_back_as_it_was_kept() {
        let found = Inspection {
            format: Format::Zchunk(Zchunk {
                header: 100,
                header_sha256: Sha256::of(b"header"),
                chunks: 3,
                unpacked: 9,
            }),
            version: Some("1.0".to_owned()),
            compatible: vec!["board 1".to_owned()],
            components: vec![Part { name: "rootfs".to_owned(), version: "2".to_owned() }],
            listed: vec![Sha256::of(b"image")],
            seal: Seal::None,
        };
        let unnamed = Unnamed { digest: DigestKind::Sha384, value: vec![1, 2], signature: vec![255] };
        for seal in [
            Seal::None,
            Seal::Certified { signers: vec![vec![1]], others: vec![vec![2], vec![3]] },
            Seal::Unnamed(vec![unnamed]),
            Seal::Unreadable("why".to_owned()),
        ] {
            let found = Inspection { seal, ..found.clone() };
            let document = write_json("x", &InspectionRow::from(&found)).unwrap();
            let row = read_json::<InspectionRow>("x", &document).unwrap();
            assert_eq!(Inspection::try_from(row).unwrap(), found);
        }
    }
}
