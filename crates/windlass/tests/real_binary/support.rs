//! The real binary: a server of a test's own, and commands against it.

use std::cell::OnceCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary with an environment that no developer's settings reach.
pub(crate) fn windlass(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("WINDLASS_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a command said, for messages of failed tests.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "status {:?}\n{}\n{}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A server on free ports and its own directory, and an operator who signed in.
pub(crate) struct Server {
    pub(crate) directory: tempfile::TempDir,
    child: Option<Child>,
    http: String,
    mqtt: String,
    token: OnceCell<String>,
    settings: Vec<(&'static str, &'static str)>,
}

impl Server {
    /// One that does not run yet, for a test that makes its data directory first.
    pub(crate) fn prepare(settings: &[(&'static str, &'static str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("password"), "correct horse battery\n").unwrap();
        Self {
            directory,
            child: None,
            http: "127.0.0.1:0".to_owned(),
            mqtt: "127.0.0.1:0".to_owned(),
            token: OnceCell::new(),
            settings: settings.to_vec(),
        }
    }

    /// Starts one, and signs in with `windlass login`.
    pub(crate) fn start(settings: &[(&'static str, &'static str)]) -> Self {
        let mut server = Self::prepare(settings);
        server.start_again();
        let password = server.path("password");
        let login = server.run(&["login", &server.url(), "--password-file", &password]);
        assert!(login.status.success(), "{}", said(&login));
        server
    }

    /// Starts it on the same directory and the same ports.
    pub(crate) fn start_again(&mut self) {
        let ready = self.directory.path().join("ready.json");
        drop(std::fs::remove_file(&ready));
        let log = std::fs::File::options().create(true).append(true).open(self.path("server.log")).unwrap();
        let child = windlass(&["serve", "--http", &self.http, "--mqtt", &self.mqtt])
            .args(["--data", &self.path("data"), "--ready-file", &self.path("ready.json")])
            .env("WINDLASS_ADMIN_PASSWORD_FILE", self.path("password"))
            .envs(self.settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        wait_for("a server that is ready", || {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the server ended: {}",
                std::fs::read_to_string(self.path("server.log")).unwrap()
            );
            ready.exists()
        });
        let addresses: Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
        self.http = addresses["http"].as_str().unwrap().trim_start_matches("http://").to_owned();
        self.mqtt = addresses["mqtt"][0].as_str().unwrap().to_owned();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// `localhost` and the port of the device listener.
    pub(crate) fn device_server(&self) -> String {
        format!("localhost:{}", self.mqtt.rsplit_once(':').unwrap().1)
    }

    /// A command with this server's sign-in.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = windlass(arguments);
        command.env("WINDLASS_CONFIG_DIR", self.path("config"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A command that must succeed, and its JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["--output", "json"], arguments].concat());
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("not JSON: {}", said(&output)))
    }

    /// Status and JSON of a request below `/api/v1`, as an administrator.
    pub(crate) fn rest(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let token = self.token.get_or_init(|| {
            let made = self.json(&["token", "create", "tests", "--role", "admin"]);
            made["secret"].as_str().unwrap().to_owned()
        });
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let head = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.http).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.take(64 << 20).read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// A command that must fail with this exit status; what it said on standard error.
    pub(crate) fn fails(&self, status: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", said(&output));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Makes a template and a claim; the directory that `windlass sim --claim` takes.
    pub(crate) fn open_enrolment(&self) -> String {
        let template = r#"{
            "Parameters": { "SerialNumber": { "Type": "String" } },
            "Resources": {
                "thing": { "Type": "AWS::IoT::Thing", "Properties": { "ThingName": { "Ref": "SerialNumber" } } },
                "certificate": { "Type": "AWS::IoT::Certificate",
                    "Properties": { "CertificateId": { "Ref": "AWS::IoT::Certificate::Id" }, "Status": "ACTIVE" } }
            }
        }"#;
        std::fs::write(self.path("template.json"), template).unwrap();
        let applied = self.run(&["template", "apply", "default", &self.path("template.json")]);
        assert!(applied.status.success(), "{}", said(&applied));
        let claim = self.path("claim");
        let made = self.run(&["claim", "create", "line-1", "--out", &claim]);
        assert!(made.status.success(), "{}", said(&made));
        claim
    }

    /// SIGKILL: nothing is flushed, nobody is told.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// SIGTERM; its exit status.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        self.ask_to_end();
        self.ended()
    }

    /// SIGTERM, without waiting.
    pub(crate) fn ask_to_end(&self) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end of the server; its exit status.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        self.child.take().unwrap().wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Asks again and again until the answer is yes.
pub(crate) fn wait_for(what: &str, mut question: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !question() {
        assert!(Instant::now() < deadline, "{what} was not reached within a minute");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// A file with these bytes.
pub(crate) fn file(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    path
}
