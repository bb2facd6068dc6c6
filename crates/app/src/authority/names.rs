//! The names under which clients may reach this server, for its certificate.

use std::collections::BTreeSet;
use std::net::IpAddr;

use rcgen::SanType;
use x509_parser::extensions::GeneralName;

use super::AuthorityError;

/// No certificate has more names than this; on a machine with more addresses the rest is left out.
const MOST_NAMES: usize = 100;

/// Host names and addresses, each once. Names that were configured come first in [`ServerNames::alternatives`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerNames {
    configured: Vec<String>,
    found: BTreeSet<String>,
}

impl ServerNames {
    /// Exactly these.
    pub fn only(names: &[&str]) -> Self {
        Self { configured: names.iter().map(|name| (*name).to_owned()).collect(), found: BTreeSet::new() }
    }

    /// Configured names and the public URL's host; the machine's host name, `<host>.local`, `localhost`, and every
    /// address of its interfaces.
    pub fn of_this_machine(hostnames: &[String], public_url: Option<&str>) -> Self {
        let mut names = Self { configured: hostnames.to_vec(), found: BTreeSet::new() };
        names.configured.extend(public_url.and_then(host_of_url).map(ToOwned::to_owned));
        names.found.insert("localhost".to_owned());
        if let Some(host) = host_name().filter(|host| is_host_name(host)) {
            let short = host.split('.').next().unwrap_or(&host);
            names.found.insert(format!("{short}.local"));
            names.found.insert(host);
        }
        for address in [IpAddr::from([127, 0, 0, 1]), IpAddr::from(std::net::Ipv6Addr::LOCALHOST)] {
            names.found.insert(address.to_string());
        }
        match if_addrs::get_if_addrs() {
            Ok(interfaces) => names.found.extend(interfaces.iter().map(|each| each.ip().to_string())),
            Err(error) => tracing::warn!(%error, "the addresses of this machine cannot be read"),
        }
        names
    }

    /// The name that stands in the subject.
    pub(super) fn first(&self) -> &str {
        let name = self.configured.first().map_or("localhost", String::as_str);
        if name.len() <= 64 { name } else { "windlass" }
    }

    /// As subject alternative names, configured ones first.
    pub(super) fn alternatives(&self) -> Result<Vec<SanType>, AuthorityError> {
        let mut alternatives: Vec<SanType> = Vec::new();
        for name in self.configured.iter().chain(&self.found) {
            let alternative = match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) if is_host_name(name) => SanType::DnsName(name.to_ascii_lowercase().try_into()?),
                Err(_) => return Err(AuthorityError::BadName(name.clone())),
            };
            if !alternatives.contains(&alternative) && alternatives.len() < MOST_NAMES {
                alternatives.push(alternative);
            }
        }
        Ok(alternatives)
    }
}

/// The name of this machine, where the system tells it by a file.
pub(crate) fn host_name() -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let name = files.iter().find_map(|file| std::fs::read_to_string(file).ok())?;
    Some(name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
}

fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    let plain = name.strip_prefix("*.").unwrap_or(name);
    name.len() <= 253 && plain.split('.').all(label)
}

/// The host of `scheme://[user@]host[:port]/…`.
fn host_of_url(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map(|(address, _)| address),
        None => host.split(':').next().filter(|host| !host.is_empty()),
    }
}

/// Reads the names back from a certificate.
pub(super) fn from_general(names: &[GeneralName<'_>]) -> Vec<SanType> {
    let read = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => (*name).try_into().ok().map(SanType::DnsName),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or(v6).ok().map(SanType::IpAddress)
        }
        _ => None,
    };
    names.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_found_in_every_form() {
        assert_eq!(host_of_url("https://fleet.example/base"), Some("fleet.example"));
        assert_eq!(host_of_url("https://u:p@fleet.example:8443"), Some("fleet.example"));
        assert_eq!(host_of_url("http://[fd00::1]:80/"), Some("fd00::1"));
        assert_eq!(host_of_url("fleet.example"), None);
        assert_eq!(host_of_url("http://"), None);
    }

    #[test]
    fn this_machine_has_all_the_names_of_the_design() {
        let names =
            ServerNames::of_this_machine(&["Fleet.Example".to_owned()], Some("https://pub.example:1/x"));
        let alternatives = names.alternatives().unwrap();
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        assert_eq!(alternatives[..2], [dns("fleet.example"), dns("pub.example")]);
        assert!(alternatives.contains(&dns("localhost")));
        assert!(alternatives.contains(&SanType::IpAddress("127.0.0.1".parse().unwrap())));
        assert!(alternatives.contains(&SanType::IpAddress("::1".parse().unwrap())));
        let host = host_name().unwrap();
        assert!(alternatives.contains(&dns(&host)));
        assert!(alternatives.contains(&dns(&format!("{}.local", host.split('.').next().unwrap()))));
    }

    #[test]
    fn what_is_no_name_is_named() {
        for bad in ["", "a b", "http://x", "a..b", "-a", "ä.example"] {
            let error = ServerNames::only(&[bad]).alternatives().unwrap_err();
            assert!(matches!(error, AuthorityError::BadName(name) if name == bad));
        }
    }
}
