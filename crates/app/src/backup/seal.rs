//! Sealing with age (<https://age-encryption.org/v1>): to a passphrase or to a recipient's public key, or not at all.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::iter;
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret, SecretString};
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};

use super::error::{BackupError, RestoreError};

/// Least characters of a passphrase.
pub const PASSPHRASE_CHARACTERS: usize = 12;
/// Rounds of scrypt are 2 to this power: 128 MiB of memory for a moment.
const WORK: u8 = 17;
/// Files that ask for more than this are not opened.
const MOST_WORK: u8 = 20;
/// Most bytes of a passphrase or identity file.
const SECRET_BYTES: u64 = 64 * 1024;
/// How an age file begins.
const AGE: &[u8] = b"age-encryption.org/v1\n";
/// How a zstd frame begins (RFC 8878, 3.1.1).
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What a backup is closed with.
#[derive(Clone)]
pub enum Seal {
    /// Nothing: whoever has the file has the keys of the server.
    Plain,
    /// A passphrase.
    Passphrase(SecretString),
    /// The public half of an age identity.
    Recipient(x25519::Recipient),
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Seal").field(&self.kind().as_str()).finish()
    }
}

/// Where the seal of scheduled backups comes from.
#[derive(Debug, Clone)]
pub enum SealSource {
    /// Nowhere.
    Plain,
    /// A file, read at each backup.
    PassphraseFile(PathBuf),
    /// The configuration.
    Recipient(x25519::Recipient),
}

/// How a backup is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// Not at all.
    Plain,
    /// With a passphrase.
    Passphrase,
    /// To a recipient.
    Recipient,
}

impl Sealed {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Passphrase => "passphrase",
            Self::Recipient => "recipient",
        }
    }
}

impl Seal {
    /// A passphrase, if it is long enough.
    ///
    /// # Errors
    /// It is too short.
    pub fn passphrase(text: &str) -> Result<Self, BackupError> {
        if text.chars().count() < PASSPHRASE_CHARACTERS {
            return Err(BackupError::Passphrase { least: PASSPHRASE_CHARACTERS });
        }
        Ok(Self::Passphrase(SecretString::from(text.to_owned())))
    }

    /// How a backup with this seal is closed.
    pub const fn kind(&self) -> Sealed {
        match self {
            Self::Plain => Sealed::Plain,
            Self::Passphrase(_) => Sealed::Passphrase,
            Self::Recipient(_) => Sealed::Recipient,
        }
    }

    pub(super) fn begin<W: Write>(&self, out: W) -> Result<Closing<W>, BackupError> {
        let sealed = |recipient: &dyn age::Recipient, out: W| {
            let encryptor = Encryptor::with_recipients(iter::once(recipient)).map_err(BackupError::Seal)?;
            let writer = encryptor.wrap_output(out).map_err(|error| BackupError::Seal(error.into()))?;
            Ok(Closing::Sealed(writer))
        };
        match self {
            Self::Plain => Ok(Closing::Plain(out)),
            Self::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(passphrase.clone());
                recipient.set_work_factor(WORK);
                sealed(&recipient, out)
            }
            Self::Recipient(recipient) => sealed(recipient, out),
        }
    }
}

impl SealSource {
    /// To an age recipient (`age1…`), if the text is one.
    pub fn recipient(text: &str) -> Option<Self> {
        text.trim().parse().ok().map(Self::Recipient)
    }

    /// Reads what must be read.
    ///
    /// # Errors
    /// The file cannot be read, or its passphrase is too short.
    pub fn fetch(&self) -> Result<Seal, BackupError> {
        match self {
            Self::Plain => Ok(Seal::Plain),
            Self::Recipient(recipient) => Ok(Seal::Recipient(recipient.clone())),
            Self::PassphraseFile(path) => {
                let text = secret_file(path)
                    .map_err(|source| BackupError::PassphraseFile { path: path.clone(), source })?;
                Seal::passphrase(text.trim_end_matches(['\r', '\n']))
            }
        }
    }

    /// How a backup with this seal is closed.
    pub const fn kind(&self) -> Sealed {
        match self {
            Self::Plain => Sealed::Plain,
            Self::PassphraseFile(_) => Sealed::Passphrase,
            Self::Recipient(_) => Sealed::Recipient,
        }
    }
}

fn secret_file(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SECRET_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// The inner end of a seal.
pub(super) enum Closing<W: Write> {
    Plain(W),
    Sealed(age::stream::StreamWriter<W>),
}

impl<W: Write> Closing<W> {
    /// Writes what is still to be written and gives the file back.
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Sealed(writer) => writer.finish(),
        }
    }
}

impl<W: Write> Write for Closing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Sealed(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Sealed(writer) => writer.flush(),
        }
    }
}

/// What a backup is opened with.
#[derive(Clone)]
pub enum Key {
    /// Nothing: it is plain.
    None,
    /// The passphrase.
    Passphrase(SecretString),
    /// Identities, of which one is enough.
    Identities(Vec<x25519::Identity>),
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "Key(none)",
            Self::Passphrase(_) => "Key(passphrase)",
            Self::Identities(_) => "Key(identities)",
        })
    }
}

impl Key {
    /// A passphrase.
    pub fn passphrase(text: &str) -> Self {
        Self::Passphrase(SecretString::from(text.to_owned()))
    }

    /// Identities as age keeps them: a line `AGE-SECRET-KEY-1…` each, and comments.
    pub fn identities(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let identities: Vec<x25519::Identity> = lines.map(|line| line.parse().ok()).collect::<Option<_>>()?;
        (!identities.is_empty()).then_some(Self::Identities(identities))
    }
}

/// Opens a backup for reading what is under its seal.
pub(super) fn open(path: &Path, key: &Key) -> Result<Box<dyn Read>, RestoreError> {
    let foreign = || RestoreError::NotABackup { path: path.to_owned() };
    let kind = sealed(path).map_err(RestoreError::at(path))?.ok_or_else(foreign)?;
    let file = BufReader::new(File::open(path).map_err(RestoreError::at(path))?);
    if kind == Sealed::Plain {
        return Ok(Box::new(file));
    }
    let decryptor = Decryptor::new_buffered(file).map_err(|error| match error {
        DecryptError::Io(source) if source.kind() != io::ErrorKind::UnexpectedEof => {
            RestoreError::Io { path: path.to_owned(), source }
        }
        other => RestoreError::damaged(other),
    })?;
    let refused = |wrong: RestoreError| {
        move |error| match error {
            DecryptError::DecryptionFailed
            | DecryptError::NoMatchingKeys
            | DecryptError::KeyDecryptionFailed => wrong,
            DecryptError::ExcessiveWork { required, .. } => RestoreError::TooMuchWork { required },
            other => RestoreError::damaged(other),
        }
    };
    let reader = match (kind, key) {
        (Sealed::Plain | Sealed::Passphrase, Key::Passphrase(passphrase)) => {
            let mut identity =
                scrypt::Identity::new(SecretString::from(passphrase.expose_secret().to_owned()));
            identity.set_max_work_factor(MOST_WORK);
            let identity: &dyn age::Identity = &identity;
            decryptor.decrypt(iter::once(identity)).map_err(refused(RestoreError::WrongPassphrase))?
        }
        (Sealed::Recipient, Key::Identities(identities)) => decryptor
            .decrypt(identities.iter().map(|identity| {
                let identity: &dyn age::Identity = identity;
                identity
            }))
            .map_err(refused(RestoreError::WrongIdentity))?,
        (Sealed::Plain | Sealed::Passphrase, Key::None | Key::Identities(_)) => {
            return Err(RestoreError::NeedsPassphrase);
        }
        (Sealed::Recipient, Key::None | Key::Passphrase(_)) => return Err(RestoreError::NeedsIdentity),
    };
    Ok(Box::new(reader))
}

/// How a file is closed; none if it is no backup. Looks at its first bytes only.
///
/// # Errors
/// What the disk says.
pub fn sealed(path: &Path) -> io::Result<Option<Sealed>> {
    let mut start = Vec::with_capacity(256);
    let mut file = File::open(path)?;
    let mut bytes = [0; 256];
    while start.len() < bytes.len() {
        let read = file.read(&mut bytes)?;
        if read == 0 {
            break;
        }
        start.extend(bytes.iter().take(read));
    }
    Ok(match start.strip_prefix(AGE) {
        Some(stanzas) if stanzas.starts_with(b"-> scrypt ") => Some(Sealed::Passphrase),
        Some(_) => Some(Sealed::Recipient),
        None => start.starts_with(ZSTD).then_some(Sealed::Plain),
    })
}
