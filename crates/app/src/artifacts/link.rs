//! Lasting links: for helpers on a device that fetch parts of a file without any credential, from an address that stands in
//! what somebody signed. An artifact has one when an operator gives it one, until they take it away.
//!
//! Knows no HTTP; see [`crate::links`] for the links that expire.

use serde_json::json;
use windlass_domain::ids::ArtifactId;
use windlass_domain::permission::{Permission, Principal};
use windlass_domain::software::Artifact;
use windlass_store::{StoreError, artifacts};

use crate::clock::random;
use crate::downloads::{Account, Whose};
use crate::error::AppError;
use crate::links::{DownloadGrant, DownloadRefusal, PATH, in_path};
use crate::permit::demand;
use crate::{App, audit};

/// Where lasting links start, after [`PATH`].
const LASTING: &str = "link/";
/// Bytes of a link's secret.
const SECRET: usize = 32;

/// A lasting link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastingLink {
    /// From the slash after host and port on.
    pub path: String,
    /// The whole address, where the server knows under which it is reached.
    pub url: Option<String>,
    /// Bytes that went out over it since this node started.
    pub sent: u64,
}

fn path(artifact: &Artifact, secret: &[u8]) -> String {
    format!("{PATH}{LASTING}{}/{}", hex::encode(secret), in_path(artifact.name.as_str()))
}

/// The secret of a path that is a lasting link.
pub(crate) fn secret(path_and_query: &str) -> Option<Vec<u8>> {
    let (secret, file) = path_and_query.strip_prefix(PATH)?.strip_prefix(LASTING)?.split_once('/')?;
    if file.is_empty() || file.contains(['/', '?']) {
        return None;
    }
    hex::decode(secret).ok().filter(|secret| secret.len() == SECRET)
}

impl App {
    fn lasting(&self, artifact: &Artifact, secret: &[u8]) -> LastingLink {
        let path = path(artifact, secret);
        let url = self.config.public_url.as_ref().map(|base| format!("{base}{path}"));
        LastingLink { path, url, sent: self.downloads.linked(artifact.id) }
    }

    /// Gives an artifact a lasting link, or shows the one that it has.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn artifact_link(&self, by: &Principal, id: ArtifactId) -> Result<LastingLink, AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let (by, now, fresh) = (by.clone(), self.clock.now(), random::<SECRET>(&*self.entropy));
        let (artifact, secret) = self
            .store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    let artifact = artifacts::get(tx, by.tenant, id)
                        .await?
                        .ok_or_else(|| AppError::not_found("artifact", id))?;
                    if let Some(secret) = artifacts::link(tx, by.tenant, id).await? {
                        return Ok((artifact, secret));
                    }
                    artifacts::set_link(tx, by.tenant, id, Some(&fresh)).await?;
                    let details = json!({ "name": artifact.name.as_str() });
                    audit::record(tx, &by, "artifact.link", &format!("artifact/{id}"), details, now).await?;
                    Ok::<_, AppError>((artifact, fresh.to_vec()))
                })
            })
            .await?;
        Ok(self.lasting(&artifact, &secret))
    }

    /// The lasting link of an artifact.
    ///
    /// # Errors
    /// `NotFound`, also when it has none.
    pub async fn artifact_link_get(&self, by: &Principal, id: ArtifactId) -> Result<LastingLink, AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let tenant = by.tenant;
        let found = self
            .store
            .read(move |tx| {
                Box::pin(async move {
                    let artifact = artifacts::get(tx, tenant, id).await?;
                    Ok::<_, StoreError>(artifact.zip(artifacts::link(tx, tenant, id).await?))
                })
            })
            .await?;
        let (artifact, secret) = found.ok_or_else(|| AppError::not_found("link", id))?;
        Ok(self.lasting(&artifact, &secret))
    }

    /// Takes the lasting link of an artifact away: it opens nothing from now on.
    ///
    /// # Errors
    /// `NotFound`, also when it has none.
    pub async fn artifact_unlink(&self, by: &Principal, id: ArtifactId) -> Result<(), AppError> {
        demand(by, Permission::ArtifactWrite)?;
        let (by, now) = (by.clone(), self.clock.now());
        self.store
            .write(move |tx| {
                let by = by.clone();
                Box::pin(async move {
                    if artifacts::link(tx, by.tenant, id).await?.is_none() {
                        return Err(AppError::not_found("link", id));
                    }
                    artifacts::set_link(tx, by.tenant, id, None).await?;
                    audit::record(tx, &by, "artifact.unlink", &format!("artifact/{id}"), json!({}), now)
                        .await?;
                    Ok(())
                })
            })
            .await
    }

    /// Judges a lasting link.
    ///
    /// # Errors
    /// It is none, or was taken away.
    pub(crate) async fn lasting_open(&self, secret: Vec<u8>) -> Result<DownloadGrant, DownloadRefusal> {
        let found = self
            .store
            .read(move |tx| {
                let secret = secret.clone();
                Box::pin(async move { artifacts::by_link(tx, &secret).await })
            })
            .await;
        match found {
            Ok(Some(artifact)) => {
                let account = Account { whose: Whose::Linked, artifact: artifact.id, pace: None };
                Ok(DownloadGrant::of(artifact, account))
            }
            Ok(None) => Err(DownloadRefusal::Invalid),
            Err(error) => {
                let source: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(error = source, "a lasting link could not be judged");
                Err(DownloadRefusal::Unavailable)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_secret_and_one_file_name_are_a_lasting_link() {
        let good = "ab".repeat(SECRET);
        assert_eq!(secret(&format!("/downloads/v1/link/{good}/a.zck")), Some(vec![0xab; SECRET]));
        for bad in [
            format!("/downloads/v1/link/{good}"),
            format!("/downloads/v1/link/{good}/"),
            format!("/downloads/v1/link/{good}/a/b"),
            format!("/downloads/v1/link/{good}/a?x=1"),
            format!("/downloads/v1/link/{}/a", &good[2..]),
            format!("/downloads/v1/link/{}/a", "zz".repeat(SECRET)),
            format!("/downloads/v1/{good}/a"),
        ] {
            assert_eq!(secret(&bad), None, "{bad}");
        }
    }
}
