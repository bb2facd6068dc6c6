//! What SWUpdate's `sw-description` says: version, hardware, components, and the digests of its images.
//!
//! Boards and copies nest as their makers like, so that everything is collected wherever it stands.

use windlass_domain::ids::Sha256;
use windlass_domain::software::inspection::Part;

use super::libconfig::{self, Value};
use super::{Fault, text};

/// Most bytes of a description.
pub(super) const BYTES: u64 = 1024 * 1024;
/// Most kinds of hardware and most components that are kept.
const KEPT: usize = 256;
/// Most images.
const IMAGES: usize = 4096;
/// Where images stand.
const LISTS: [&str; 4] = ["images", "files", "scripts", "partitions"];

/// A description, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) version: Option<String>,
    pub(super) compatible: Vec<String>,
    pub(super) components: Vec<Part>,
    /// Members of the archive with the digest that they must have.
    pub(super) images: Vec<(String, Sha256)>,
}

impl Description {
    /// Reads a description, in libconfig's syntax or as JSON.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let source = std::str::from_utf8(bytes).map_err(|_| Fault::file("sw-description is no text"))?;
        let value = if source.trim_start().starts_with('{') {
            serde_json::from_str::<serde_json::Value>(source)
                .map_err(|error| Fault::File(format!("sw-description is no JSON: {error}")))?
                .into()
        } else {
            libconfig::read(source)?
        };
        let software =
            value.get("software").ok_or_else(|| Fault::file("sw-description describes no software"))?;
        let mut found = Self::default();
        let version = software.get("version").and_then(Value::text);
        found.version = version.map(text).filter(|version| !version.is_empty());
        found.collect(software)?;
        Ok(found)
    }

    fn collect(&mut self, group: &Value) -> Result<(), Fault> {
        let Value::Group(settings) = group else { return Ok(()) };
        for (name, value) in settings {
            match value {
                Value::List(values) if name == "hardware-compatibility" => {
                    for hardware in values.iter().filter_map(Value::text).map(text) {
                        if self.compatible.len() < KEPT && !self.compatible.contains(&hardware) {
                            self.compatible.push(hardware);
                        }
                    }
                }
                Value::List(values) if LISTS.contains(&name.as_str()) => {
                    for value in values {
                        self.image(value)?;
                    }
                }
                Value::Group(_) => self.collect(value)?,
                Value::List(_) | Value::Text(_) | Value::Other(_) => {}
            }
        }
        Ok(())
    }

    fn image(&mut self, image: &Value) -> Result<(), Fault> {
        let setting = |name| image.get(name).and_then(Value::text);
        if let (Some(name), Some(version)) = (setting("name"), setting("version")) {
            let part = Part { name: text(name), version: text(version) };
            if self.components.len() < KEPT && !self.components.contains(&part) {
                self.components.push(part);
            }
        }
        if let (Some(file), Some(digest)) =
            (setting("filename"), setting("sha256").and_then(|text| text.parse().ok()))
        {
            if self.images.len() >= IMAGES {
                return Err(Fault::File(format!("sw-description lists more than {IMAGES} images")));
            }
            self.images.push((file.to_owned(), digest));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_and_copies_are_looked_into() {
        let digest = Sha256::of(b"x");
        let source = format!(
            r#"software = {{ version = "2.0"; hardware-compatibility = ["1.0"];
                 board-a = {{ hardware-compatibility = ["1.0", "1.1"];
                   stable = {{ copy1 = {{ images: ( {{ filename = "r.img"; sha256 = "{digest}"; name = "rootfs"; version = "7"; }} ); }};
                             copy2 = {{ images: ( {{ filename = "r.img"; sha256 = "{digest}"; name = "rootfs"; version = "7"; }} ); }}; }}; }};
                 scripts: ( {{ filename = "hook.sh"; sha256 = "@sha"; }} ); }};"#
        );
        let found = Description::read(source.as_bytes()).unwrap();
        assert_eq!(found.version.as_deref(), Some("2.0"));
        assert_eq!(found.compatible, ["1.0", "1.1"]);
        assert_eq!(found.components, [Part { name: "rootfs".to_owned(), version: "7".to_owned() }]);
        assert_eq!(found.images, [("r.img".to_owned(), digest), ("r.img".to_owned(), digest)]);
    }

    #[test]
    fn json_says_the_same() {
        let digest = Sha256::of(b"x");
        let source = format!(
            r#"{{"software": {{"version": 3, "hardware-compatibility": ["a\u0007b"],
                 "files": [{{"filename": "f", "sha256": "{digest}"}}]}}}}"#
        );
        let found = Description::read(source.as_bytes()).unwrap();
        assert_eq!(found.version.as_deref(), Some("3"));
        assert_eq!(found.compatible, ["ab"], "control characters do not get through");
        assert_eq!(found.images, [("f".to_owned(), digest)]);
    }

    #[test]
    fn what_is_no_description_is_refused() {
        for (bad, problem) in [
            (&b"\xff"[..], "sw-description is no text"),
            (b"hardware = {};", "describes no software"),
            (b"{\"software\":", "is no JSON"),
            (b"", "describes no software"),
        ] {
            assert!(Description::read(bad).unwrap_err().to_string().contains(problem), "{problem}");
        }
    }
}
