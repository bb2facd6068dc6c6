//! Actions and polls as documents with links. Pure.

use windlass_app::ddi::{ActionView, FileView, ModuleView, Next, Poll, Urgency};
use windlass_app::links::in_path;
use windlass_domain::hawkbit::clock_time;
use windlass_domain::ids::ComponentId;
use windlass_wire::ddi::{ActionHistory, ArtifactDoc, Base, BaseLinks, Chunk, Deployment, Handling};

/// Where the links of a device start: base, tenant and controller id as the device wrote them.
#[derive(Debug, Clone)]
pub(crate) struct Links(pub(crate) String);

impl Links {
    /// A link; `rest` begins with a slash.
    pub(crate) fn to(&self, rest: &str) -> String {
        format!("{}{rest}", self.0)
    }

    fn file(&self, module: ComponentId, name: &str) -> String {
        self.to(&format!("/softwaremodules/{module}/artifacts/{}", in_path(name)))
    }
}

pub(crate) fn base(poll: &Poll, links: &Links) -> Base {
    let Poll { sleep, next, installed, attributes_wanted } = poll;
    let mut said = BaseLinks {
        installed: installed.map(|action| links.to(&format!("/installedBase/{action}"))),
        config_data: attributes_wanted.then(|| links.to("/configData")),
        ..BaseLinks::default()
    };
    match next {
        Some(Next::Confirm { action, revision }) => {
            said.confirmation = Some(links.to(&format!("/confirmationBase/{action}?c={revision}")));
        }
        Some(Next::Cancel { action }) => said.cancel = Some(links.to(&format!("/cancelAction/{action}"))),
        Some(Next::Deploy { action, revision }) => {
            said.deployment = Some(links.to(&format!("/deploymentBase/{action}?c={revision}")));
        }
        None => {}
    }
    Base { sleep: clock_time(*sleep), links: said }
}

const fn handling(urgency: Urgency) -> Handling {
    match urgency {
        Urgency::Forced => Handling::Forced,
        Urgency::Attempt => Handling::Attempt,
        Urgency::Skip => Handling::Skip,
    }
}

/// The word that devices expect for a kind of module.
fn part(kind: &str) -> &str {
    match kind {
        "application" => "bApp",
        "runtime" => "jvm",
        other => other,
    }
}

pub(crate) fn files(module: ComponentId, files: Vec<FileView>, links: &Links) -> Vec<ArtifactDoc> {
    files
        .into_iter()
        .map(|FileView { name, size, sha256, sha1, md5, created_at: _ }| ArtifactDoc {
            href: links.file(module, &name),
            filename: name,
            sha1: Some(sha1.to_string()),
            md5: Some(md5.to_string()),
            sha256: sha256.to_string(),
            size,
        })
        .collect()
}

pub(crate) fn action(action: ActionView, links: &Links) -> Deployment {
    let ActionView { id, waits, download, update, window, modules, history } = action;
    let chunk = |ModuleView { id, kind, name, version, encrypted, metadata, files: all }| Chunk {
        part: part(&kind).to_owned(),
        version,
        name,
        encrypted,
        metadata,
        artifacts: files(id, all, links),
    };
    Deployment {
        id: id.to_string(),
        waits,
        download: handling(download),
        update: handling(update),
        window,
        chunks: modules.into_iter().map(chunk).collect(),
        history: history.map(|(status, messages)| ActionHistory { status, messages }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use windlass_domain::ids::ExecutionId;

    use super::*;

    #[test]
    fn links_carry_a_question_mark_only_where_clients_want_one() {
        let links = Links("http://h/DEFAULT/controller/v1/d%201".to_owned());
        let poll =
            |next| Poll { sleep: Duration::from_secs(300), next, installed: None, attributes_wanted: false };
        let action = ExecutionId::new(8);
        let deploy = base(&poll(Some(Next::Deploy { action, revision: 5 })), &links);
        assert_eq!(
            deploy.links.deployment.as_deref(),
            Some("http://h/DEFAULT/controller/v1/d%201/deploymentBase/8?c=5")
        );
        let cancel = base(&poll(Some(Next::Cancel { action })), &links);
        assert_eq!(
            cancel.links.cancel.as_deref(),
            Some("http://h/DEFAULT/controller/v1/d%201/cancelAction/8")
        );
        assert_eq!(cancel.sleep, "00:05:00");
    }

    #[test]
    fn file_names_are_one_segment() {
        let links = Links("b".to_owned());
        assert_eq!(
            links.file(ComponentId::new(3), "a+b:c.swu"),
            "b/softwaremodules/3/artifacts/a%2Bb%3Ac.swu"
        );
    }

    #[test]
    fn kinds_of_modules_are_told_in_the_words_that_devices_expect() {
        assert_eq!((part("application"), part("runtime"), part("os")), ("bApp", "jvm", "os"));
    }
}
