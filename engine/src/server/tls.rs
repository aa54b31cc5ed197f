//! TLS: a certificate from files, or one made when the server starts, which encrypts and proves nothing.

use std::path::Path;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::error::{Error, Result, code};

/// What a server proves itself with, and encrypts.
#[derive(Clone)]
pub struct Tls(Arc<ServerConfig>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl Tls {
    /// With a chain of certificates and the key to the first, both in PEM.
    ///
    /// # Errors
    /// If a file cannot be read, or they do not belong together.
    pub fn from_files(certificates: &Path, key: &Path) -> Result<Tls> {
        let unusable = |path: &Path, error: &dyn std::fmt::Display| {
            Error::new(code::FILE_NOT_FOUND, format!("cannot use '{}': {error}", path.display()))
        };
        let chain = CertificateDer::pem_file_iter(certificates)
            .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
            .map_err(|error| unusable(certificates, &error))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
        Tls::new(chain, key)
    }

    /// With a certificate that nobody has signed, made now.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn self_made() -> Result<Tls> {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".into(), "127.0.0.1".into()])
            .map_err(Error::internal)?;
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Tls::new(vec![made.cert.der().clone()], key.into())
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Tls> {
        let unusable = |error| Error::new(code::UNKNOWN, format!("cannot use the certificate: {error}"));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        Ok(Tls(Arc::new(config)))
    }

    /// Who takes connections in with it.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.0))
    }
}
