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

use crate::accounts::{Password, Plugin};

/// Bytes of the salt.
pub(crate) const SALT: usize = 20;

/// Whether an answer is right; without a password an empty one is.
pub(crate) fn check(password: Option<&Password>, plugin: Plugin, salt: &[u8; SALT], answer: &[u8]) -> bool {
    match (password, plugin) {
        (_, Plugin::Elsewhere(_)) => false,
        (None, _) => answer.is_empty() || answer == [0],
        (Some(Password { sha1: Some(sha1), .. }), Plugin::Native) => {
            let mask = Sha1::new().chain_update(salt).chain_update(sha1).finalize();
            xor(answer, &mask).is_some_and(|once| *Sha1::digest(once) == *sha1)
        }
        (Some(Password { sha256: Some(sha256), .. }), Plugin::CachingSha2) => {
            let mask = Sha256::new().chain_update(sha256).chain_update(salt).finalize();
            xor(answer, &mask).is_some_and(|once| *Sha256::digest(once) == *sha256)
        }
        // There is nothing to check it against.
        (Some(_), Plugin::Native | Plugin::CachingSha2) => false,
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
            Plugin::Elsewhere(_) => Vec::new(),
        }
    }

    #[test]
    fn nobody_is_let_in_by_somebody_else() {
        let plugin = Plugin::named(b"authentication_ldap_simple").unwrap();
        assert!(!check(None, plugin, &salt(), b""));
        let secret = crate::accounts::Secret::new(plugin, "");
        assert!(!secret.is_none() && !secret.knows(plugin));
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
