//! Passwords: the two ways in which a client proves that it knows one without sending it.
//!
//! The server sends 20 random bytes. `mysql_native_password` answers with SHA1(p) ⊕ SHA1(salt ‖ SHA1(SHA1(p))), so who knows
//! SHA1(SHA1(p)) can check it. `caching_sha2_password` answers with SHA256(p) ⊕ SHA256(SHA256(SHA256(p)) ‖ salt), which is checked
//! in the same way. MySQL's server has, of an account of the second kind, only a slower hash, and so needs the password itself
//! once (over TLS, or encrypted) before it can check answers; here both fast hashes are made when the password is given, and
//! that step never comes.
//!
//! An empty password has an empty answer.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes of the salt.
pub(crate) const SALT: usize = 20;

/// A way to prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plugin {
    Native,
    CachingSha2,
}

impl Plugin {
    /// By the name that clients use.
    pub fn named(name: &[u8]) -> Option<Plugin> {
        [Plugin::Native, Plugin::CachingSha2].into_iter().find(|p| p.name().as_bytes() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Plugin::Native => "mysql_native_password",
            Plugin::CachingSha2 => "caching_sha2_password",
        }
    }
}

/// What is kept of a password: enough to check answers, not enough to give them.
#[derive(Clone)]
pub struct Password {
    sha1: [u8; 20],
    sha256: [u8; 32],
}

/// Prints nothing of it.
impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

impl Password {
    /// Of the text; `None` if it is empty, which is no password.
    pub fn new(text: &str) -> Option<Password> {
        let password = || Password {
            sha1: Sha1::digest(Sha1::digest(text)).into(),
            sha256: Sha256::digest(Sha256::digest(text)).into(),
        };
        (!text.is_empty()).then(password)
    }

    fn check(&self, plugin: Plugin, salt: &[u8; SALT], answer: &[u8]) -> bool {
        match plugin {
            Plugin::Native => {
                let mask = Sha1::new().chain_update(salt).chain_update(self.sha1).finalize();
                xor(answer, &mask).is_some_and(|once| *Sha1::digest(once) == self.sha1)
            }
            Plugin::CachingSha2 => {
                let mask = Sha256::new().chain_update(self.sha256).chain_update(salt).finalize();
                xor(answer, &mask).is_some_and(|once| *Sha256::digest(once) == self.sha256)
            }
        }
    }
}

/// Whether an answer is right; without a password an empty one is.
pub(crate) fn check(password: Option<&Password>, plugin: Plugin, salt: &[u8; SALT], answer: &[u8]) -> bool {
    match password {
        None => answer.is_empty() || answer == [0],
        Some(password) => password.check(plugin, salt, answer),
    }
}

fn xor(a: &[u8], b: &[u8]) -> Option<Vec<u8>> {
    (a.len() == b.len()).then(|| a.iter().zip(b).map(|(a, b)| a ^ b).collect())
}

/// A new salt: printable, for clients take it for a string.
pub(crate) fn salt() -> [u8; SALT] {
    std::array::from_fn(|_| rand::random_range(b'!'..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the documentation of each plugin says that a client does.
    fn answer(plugin: Plugin, salt: &[u8], password: &str) -> Vec<u8> {
        match plugin {
            Plugin::Native => {
                let once = Sha1::digest(password);
                let mask = Sha1::digest([salt, &Sha1::digest(once)].concat());
                xor(&once, &mask).unwrap()
            }
            Plugin::CachingSha2 => {
                let once = Sha256::digest(password);
                let mask = Sha256::digest([&Sha256::digest(once)[..], salt].concat());
                xor(&once, &mask).unwrap()
            }
        }
    }

    #[test]
    fn only_the_right_password_is_right() {
        let (password, salt) = (Password::new("secret").unwrap(), salt());
        for plugin in [Plugin::Native, Plugin::CachingSha2] {
            let right = answer(plugin, &salt, "secret");
            assert!(check(Some(&password), plugin, &salt, &right));
            assert!(!check(Some(&password), plugin, &super::salt(), &right));
            assert!(!check(Some(&password), plugin, &salt, &answer(plugin, &salt, "Secret")));
            assert!(!check(Some(&password), plugin, &salt, b""));
            assert!(!check(None, plugin, &salt, &right));
            assert!(check(None, plugin, &salt, b""));
            assert_eq!(Plugin::named(plugin.name().as_bytes()), Some(plugin));
        }
        assert!(Password::new("").is_none());
    }
}
