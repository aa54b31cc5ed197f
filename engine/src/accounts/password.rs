//! What is kept of passwords.
//!
//! There are two ways to prove that one knows a password without sending it (`server::protocol::auth`). For each of them the
//! server needs a hash that is quickly made; both are made when a password is given as a text. What `mysql.user` shows is MySQL's
//! own form: `*` and 40 digits for `mysql_native_password`, and `$A$005$`, a salt and the SHA-crypt of 5000 rounds for
//! `caching_sha2_password`, which can be checked only against the password itself. So of an account that was made of such a hash
//! (IDENTIFIED WITH … AS '…') a client has to send its password once, over TLS.

use std::fmt::Write;
use std::sync::Arc;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, code};

/// A way to prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plugin {
    Native,
    CachingSha2,
    /// By asking somebody else, an LDAP server for instance. Accounts can have it, so that what creates them for TiDB runs;
    /// nobody is asked here, so they cannot log in.
    Elsewhere(&'static str),
}

/// The names of those of [`Plugin::Elsewhere`].
const ELSEWHERE: [&str; 4] =
    ["authentication_ldap_simple", "authentication_ldap_sasl", "tidb_auth_token", "auth_socket"];

/// Those that accounts may have of which nothing is said.
pub(crate) const DEFAULT_PLUGINS: &[&str] =
    &["mysql_native_password", "caching_sha2_password", ELSEWHERE[0], ELSEWHERE[1]];

impl Plugin {
    /// By the name that clients use.
    pub fn named(name: &[u8]) -> Option<Plugin> {
        let elsewhere = ELSEWHERE.into_iter().map(Plugin::Elsewhere);
        [Plugin::Native, Plugin::CachingSha2]
            .into_iter()
            .chain(elsewhere)
            .find(|p| p.name().as_bytes() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Plugin::Native => "mysql_native_password",
            Plugin::CachingSha2 => "caching_sha2_password",
            Plugin::Elsewhere(name) => name,
        }
    }
}

/// What is kept of a password to check answers: not enough to give them.
#[derive(Clone, PartialEq)]
pub struct Password {
    /// SHA1(SHA1(p)).
    pub(crate) sha1: Option<[u8; 20]>,
    /// SHA256(SHA256(p)).
    pub(crate) sha256: Option<[u8; 32]>,
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
            sha1: Some(Sha1::digest(Sha1::digest(text)).into()),
            sha256: Some(Sha256::digest(Sha256::digest(text)).into()),
        };
        (!text.is_empty()).then(password)
    }
}

/// How an account proves who it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Secret {
    pub plugin: Plugin,
    /// As `mysql.user` shows it; empty = there is no password.
    pub hash: Arc<str>,
    /// What answers are checked against; `None` with a hash: the client must send the password.
    pub password: Option<Password>,
}

/// Bytes of the salt of a SHA-crypt.
const SALT: usize = 20;
/// The rounds, in thousands.
const ROUNDS: &str = "005";

impl Secret {
    /// No password.
    pub fn none() -> Secret {
        Secret { plugin: Plugin::Native, hash: "".into(), password: None }
    }

    /// One of which the text is not known any more.
    pub fn of(password: &Password) -> Secret {
        let hash = password.sha1.map(|sha1| shown(&sha1)).unwrap_or_default();
        Secret { plugin: Plugin::Native, hash: hash.into(), password: Some(password.clone()) }
    }

    /// Of a text.
    pub fn new(plugin: Plugin, text: &str) -> Secret {
        let password = Password::new(text).filter(|_| !matches!(plugin, Plugin::Elsewhere(_)));
        let hash = match (&password, plugin) {
            (_, Plugin::Elsewhere(_)) => text.to_owned(),
            (None, _) => String::new(),
            (Some(password), Plugin::Native) => password.sha1.map(|sha1| shown(&sha1)).unwrap_or_default(),
            (Some(_), Plugin::CachingSha2) => {
                // Anything that can stand in a text, but for what marks the end of the salt.
                let byte = || loop {
                    match rand::random_range(b'!'..=b'~') {
                        b'$' | b'\'' | b'\\' => {}
                        byte => return byte,
                    }
                };
                let salt: Vec<u8> = std::iter::repeat_with(byte).take(SALT).collect();
                let digest = sha_crypt(text.as_bytes(), &salt, 5000);
                format!("$A${ROUNDS}${}{digest}", String::from_utf8_lossy(&salt))
            }
        };
        Secret { plugin, hash: hash.into(), password }
    }

    /// Of what `mysql.user` shows.
    ///
    /// # Errors
    /// 1827 if it is not that.
    pub fn of_hash(plugin: Plugin, hash: &str) -> Result<Secret> {
        if hash.is_empty() {
            return Ok(Secret { plugin, hash: "".into(), password: None });
        }
        let wrong = || {
            let message = "the password hash doesn't have the expected format";
            Error::new(code::PASSWORD_FORMAT, message)
        };
        let password = match plugin {
            Plugin::Native => {
                let digits = hash.strip_prefix('*').filter(|d| d.len() == 40 && d.is_ascii());
                let digits = digits.ok_or_else(wrong)?;
                let mut sha1 = [0; 20];
                for (at, byte) in sha1.iter_mut().enumerate() {
                    *byte = u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).map_err(|_| wrong())?;
                }
                Some(Password { sha1: Some(sha1), sha256: None })
            }
            Plugin::CachingSha2 => {
                crypt_parts(hash).ok_or_else(wrong)?;
                None
            }
            // Whatever it is that is told to whoever is asked.
            Plugin::Elsewhere(_) => None,
        };
        Ok(Secret { plugin, hash: hash.into(), password })
    }

    /// Whether there is no password.
    pub fn is_none(&self) -> bool {
        self.hash.is_empty() && !matches!(self.plugin, Plugin::Elsewhere(_))
    }

    /// Whether answers made in this way can be checked.
    pub fn knows(&self, plugin: Plugin) -> bool {
        self.is_none()
            || self.password.as_ref().is_some_and(|password| match plugin {
                Plugin::Native => password.sha1.is_some(),
                Plugin::CachingSha2 => password.sha256.is_some(),
                Plugin::Elsewhere(_) => false,
            })
    }

    /// Whether this is the password.
    pub fn is_text(&self, text: &[u8]) -> bool {
        crypt_parts(&self.hash).is_some_and(|(salt, digest)| sha_crypt(text, salt.as_bytes(), 5000) == digest)
    }
}

/// Salt and digest of `$A$005$…`.
fn crypt_parts(hash: &str) -> Option<(&str, &str)> {
    let rest = hash.strip_prefix("$A$")?.strip_prefix(ROUNDS)?.strip_prefix('$')?;
    (rest.is_ascii() && rest.len() == SALT + 43).then(|| rest.split_at(SALT))
}

/// `*` and 40 digits.
fn shown(sha1: &[u8; 20]) -> String {
    sha1.iter().fold("*".to_owned(), |mut out, byte| {
        // Writing to a string does not fail.
        let _ = write!(out, "{byte:02X}");
        out
    })
}

/// SHA-crypt with SHA-256 (Drepper, "Unix crypt using SHA-256 and SHA-512", 2007), without the salt's limit of 16 bytes: MySQL
/// has none.
fn sha_crypt(text: &[u8], salt: &[u8], rounds: usize) -> String {
    let repeated = |digest: &[u8], n: usize| digest.iter().copied().cycle().take(n).collect::<Vec<u8>>();
    let b = Sha256::new().chain_update(text).chain_update(salt).chain_update(text).finalize();
    let mut a = Sha256::new().chain_update(text).chain_update(salt).chain_update(repeated(&b, text.len()));
    let mut n = text.len();
    while n > 0 {
        if n & 1 == 1 {
            a.update(b);
        } else {
            a.update(text);
        }
        n >>= 1;
    }
    let a = a.finalize();
    let mut dp = Sha256::new();
    text.iter().for_each(|_| dp.update(text));
    let p = repeated(&dp.finalize(), text.len());
    let mut ds = Sha256::new();
    (0..16 + usize::from(a[0])).for_each(|_| ds.update(salt));
    let s = repeated(&ds.finalize(), salt.len());
    let mut c = a;
    for round in 0..rounds {
        let mut next = Sha256::new();
        if round & 1 == 1 {
            next.update(&p)
        } else {
            next.update(c)
        }
        if round % 3 != 0 {
            next.update(&s);
        }
        if round % 7 != 0 {
            next.update(&p);
        }
        if round & 1 == 1 {
            next.update(c)
        } else {
            next.update(&p)
        }
        c = next.finalize();
    }
    let mut out = String::with_capacity(43);
    let mut put = |word: u32, digits: usize| {
        const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..digits).for_each(|at| out.push(char::from(DIGITS[(word >> (6 * at)) as usize & 63])));
    };
    let mut at = (0, 10, 20);
    for _ in 0..10 {
        put(u32::from(c[at.0]) << 16 | u32::from(c[at.1]) << 8 | u32::from(c[at.2]), 4);
        at = (at.2 + 1, at.0 + 1, at.1 + 1);
    }
    put(u32::from(c[31]) << 8 | u32::from(c[30]), 3);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_others() {
        // `select password('foo')` in MariaDB.
        assert_eq!(&*Secret::new(Plugin::Native, "foo").hash, "*F3A2A51A9B0F2BE2468926B4132313728C250DBF");
        // What glibc's crypt makes of `$5$saltstring`.
        let digest = sha_crypt(b"Hello world!", b"saltstring", 5000);
        assert_eq!(digest, "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5");
    }

    #[test]
    fn a_hash_comes_back_as_what_it_was_made_of() {
        for plugin in [Plugin::Native, Plugin::CachingSha2] {
            let made = Secret::new(plugin, "secret");
            let read = Secret::of_hash(plugin, &made.hash).unwrap();
            assert_eq!((read.plugin, &read.hash), (plugin, &made.hash));
            assert!(made.knows(Plugin::Native) && made.knows(Plugin::CachingSha2));
            assert_eq!(read.knows(plugin), plugin == Plugin::Native);
            assert!(Secret::of_hash(plugin, "").unwrap().is_none() && Secret::new(plugin, "").is_none());
            assert_eq!(Secret::of_hash(plugin, "*12").unwrap_err().code(), 1827);
        }
        let read =
            Secret::of_hash(Plugin::CachingSha2, &Secret::new(Plugin::CachingSha2, "secret").hash).unwrap();
        assert!(read.is_text(b"secret") && !read.is_text(b"Secret") && !read.is_text(b""));
        assert_eq!(Secret::of_hash(Plugin::Native, "*gg").unwrap_err().code(), 1827);
    }
}
