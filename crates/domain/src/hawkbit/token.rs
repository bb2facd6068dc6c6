//! Secrets that hawkBit's clients send: a device's target token, a tenant's gateway token.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;

/// Characters of tokens that the server makes.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Why a text cannot be a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 visible ASCII characters without spaces")]
pub struct InvalidToken;

/// A secret that stays readable for its owners, since hawkBit's clients are given it again. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// 32 characters, 6 random bits each.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        let pick = |byte: u8| ALPHABET.get(usize::from(byte % 64)).copied().map_or('A', char::from);
        Self(bytes.into_iter().map(pick).collect())
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether `said` is the secret, in a time that does not depend on where they differ.
    pub fn is(&self, said: &str) -> bool {
        self.0.as_bytes().ct_eq(said.as_bytes()).into()
    }
}

impl FromStr for SecretText {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let fits = !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidToken) }
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_token_has_32_characters_and_reads_back() {
        let token = SecretText::from_random([7; 32]);
        assert_eq!(token.reveal().len(), 32);
        assert_eq!(token.reveal().parse::<SecretText>().unwrap(), token);
        assert!(token.is(token.reveal()) && !token.is("") && !token.is("H"));
        assert!(!format!("{token:?}").contains(token.reveal()));
    }

    #[test]
    fn blanks_control_characters_and_long_texts_are_no_tokens() {
        for bad in ["", "a b", "a\n", "é", &"x".repeat(129)] {
            assert_eq!(bad.parse::<SecretText>(), Err(InvalidToken), "{bad:?}");
        }
    }
}
