//! What a path of hawkBit's interface asks for. Pure.

use http::Method;
use windlass_domain::ids::{ComponentId, ExecutionId};

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// What is to be done.
    Poll,
    /// An action.
    Deployment(ExecutionId),
    /// What the device says of it.
    Feedback(ExecutionId),
    /// That an action is to be canceled.
    Cancel(ExecutionId),
    /// What the device says to that.
    CancelFeedback(ExecutionId),
    /// The device's attributes.
    ConfigData,
    /// An action that was carried out.
    Installed(ExecutionId),
    /// What the device says that it runs.
    InstalledBase,
    /// How confirming by itself stands.
    ConfirmationBase,
    /// An action that waits.
    Confirmation(ExecutionId),
    /// What the device says to that.
    Confirm(ExecutionId),
    /// Updates go on by themselves, or not any longer.
    AutoConfirm(bool),
    /// The files of a software module.
    Files(ComponentId),
    /// One of them.
    File(ComponentId, String),
}

/// Why a request asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotAsked {
    /// No such path.
    Path,
    /// The path takes these methods.
    Method(&'static str),
}

/// A path, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place<'p> {
    /// The tenant as it was written.
    pub(crate) tenant: &'p str,
    /// The controller id as it was written.
    pub(crate) controller: &'p str,
    rest: Vec<&'p str>,
}

impl Place<'_> {
    /// Whether this is where a device asks what is to be done.
    pub(crate) fn is_base(&self) -> bool {
        self.rest.is_empty()
    }
}

/// Takes a path apart: `/{tenant}/controller/v1/{controllerId}/…`. None if it is another interface's.
pub(crate) fn place(path: &str) -> Option<Place<'_>> {
    place_of(path, "controller")
}

/// Takes a path of RAUC's polling apart: `/{tenant}/rauc/v1/{controllerId}`.
pub(crate) fn rauc(path: &str) -> Option<Place<'_>> {
    place_of(path, "rauc").filter(|place| place.rest.is_empty())
}

fn place_of<'p>(path: &'p str, interface: &str) -> Option<Place<'p>> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let tenant = segments.next().filter(|tenant| !tenant.is_empty())?;
    if (segments.next(), segments.next()) != (Some(interface), Some("v1")) {
        return None;
    }
    let controller = segments.next().filter(|controller| !controller.is_empty())?;
    let mut rest: Vec<&str> = segments.collect();
    if rest.last().is_some_and(|last| last.is_empty()) {
        rest.pop();
    }
    Some(Place { tenant, controller, rest })
}

/// Percent-decodes one segment. None if that gives no text.
pub(crate) fn decode(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// Reads what a method asks of a place.
///
/// # Errors
/// Why it asks for nothing.
pub(crate) fn read(method: &Method, place: &Place<'_>) -> Result<Asked, NotAsked> {
    let action = |text: &str| text.parse::<ExecutionId>().map_err(|_| NotAsked::Path);
    let module = |text: &str| text.parse::<ComponentId>().map_err(|_| NotAsked::Path);
    let (get, post, put) = ("GET, HEAD", "POST", "PUT");
    let (asked, allowed) = match place.rest.as_slice() {
        [] => (Asked::Poll, get),
        ["deploymentBase", id] => (Asked::Deployment(action(id)?), get),
        ["deploymentBase", id, "feedback"] => (Asked::Feedback(action(id)?), post),
        ["cancelAction", id] => (Asked::Cancel(action(id)?), get),
        ["cancelAction", id, "feedback"] => (Asked::CancelFeedback(action(id)?), post),
        ["configData"] => (Asked::ConfigData, put),
        ["installedBase"] => (Asked::InstalledBase, put),
        ["installedBase", id] => (Asked::Installed(action(id)?), get),
        ["confirmationBase"] => (Asked::ConfirmationBase, get),
        ["confirmationBase", "activateAutoConfirm"] => (Asked::AutoConfirm(true), post),
        ["confirmationBase", "deactivateAutoConfirm"] => (Asked::AutoConfirm(false), post),
        ["confirmationBase", id] => (Asked::Confirmation(action(id)?), get),
        ["confirmationBase", id, "feedback"] => (Asked::Confirm(action(id)?), post),
        ["softwaremodules", id, "artifacts"] => (Asked::Files(module(id)?), get),
        ["softwaremodules", id, "artifacts", file] => {
            (Asked::File(module(id)?, decode(file).ok_or(NotAsked::Path)?), get)
        }
        _ => return Err(NotAsked::Path),
    };
    if allowed.split(", ").any(|allowed| allowed == method.as_str()) {
        Ok(asked)
    } else {
        Err(NotAsked::Method(allowed))
    }
}

/// The value of a query parameter, as it was written.
pub(crate) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Method, path: &str) -> Result<Asked, NotAsked> {
        read(&method, &place(path).ok_or(NotAsked::Path)?)
    }

    #[test]
    fn paths_ask_for_what_they_say() {
        let id = ExecutionId::new(8);
        for (method, rest, wanted) in [
            (Method::GET, "", Asked::Poll),
            (Method::GET, "/", Asked::Poll),
            (Method::GET, "/deploymentBase/8", Asked::Deployment(id)),
            (Method::POST, "/deploymentBase/8/feedback", Asked::Feedback(id)),
            (Method::GET, "/cancelAction/8", Asked::Cancel(id)),
            (Method::POST, "/cancelAction/8/feedback", Asked::CancelFeedback(id)),
            (Method::PUT, "/configData", Asked::ConfigData),
            (Method::PUT, "/installedBase", Asked::InstalledBase),
            (Method::GET, "/installedBase/8", Asked::Installed(id)),
            (Method::GET, "/confirmationBase", Asked::ConfirmationBase),
            (Method::GET, "/confirmationBase/8", Asked::Confirmation(id)),
            (Method::POST, "/confirmationBase/8/feedback", Asked::Confirm(id)),
            (Method::POST, "/confirmationBase/activateAutoConfirm", Asked::AutoConfirm(true)),
            (Method::POST, "/confirmationBase/deactivateAutoConfirm", Asked::AutoConfirm(false)),
            (Method::GET, "/softwaremodules/3/artifacts", Asked::Files(ComponentId::new(3))),
            (
                Method::HEAD,
                "/softwaremodules/3/artifacts/a%20b.swu",
                Asked::File(ComponentId::new(3), "a b.swu".to_owned()),
            ),
        ] {
            assert_eq!(asked(method, &format!("/DEFAULT/controller/v1/dev%201{rest}")), Ok(wanted), "{rest}");
        }
    }

    #[test]
    fn other_paths_and_methods_ask_for_nothing() {
        for path in
            ["/", "/x", "/DEFAULT/controller/v1", "/DEFAULT/controller/v1/", "//controller/v1/d", "/a/b/v1/d"]
        {
            assert_eq!(place(path), None, "{path}");
        }
        for rest in
            ["/deploymentBase", "/deploymentBase/x", "/deploymentBase/8/x", "/nothing", "/softwaremodules/3"]
        {
            let path = format!("/DEFAULT/controller/v1/d{rest}");
            assert_eq!(asked(Method::GET, &path), Err(NotAsked::Path), "{rest}");
        }
        assert_eq!(asked(Method::POST, "/t/controller/v1/d"), Err(NotAsked::Method("GET, HEAD")));
        assert_eq!(asked(Method::GET, "/t/controller/v1/d/configData"), Err(NotAsked::Method("PUT")));
    }

    #[test]
    fn raucs_polling_has_a_path_of_its_own() {
        let found = rauc("/default/rauc/v1/d%201/").unwrap();
        assert_eq!((found.tenant, found.controller), ("default", "d%201"));
        for path in ["/default/rauc/v1", "/default/rauc/v1/d/more", "/default/controller/v1/d"] {
            assert_eq!(rauc(path), None, "{path}");
        }
    }

    #[test]
    fn segments_are_decoded_once() {
        assert_eq!(decode("a%2Fb%20c").as_deref(), Some("a/b c"));
        assert_eq!(decode("%C3%BC").as_deref(), Some("ü"));
        for bad in ["%", "%2", "%zz", "%ff", "%00"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
