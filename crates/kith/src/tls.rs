//! TLS on the listeners, by certificate and key files.

use crate::config::ListenConfig;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// What a listener needs for TLS; none when there are no files.
pub fn acceptor(listen: &ListenConfig) -> Result<Option<TlsAcceptor>, String> {
    let (Some(certificate), Some(key)) = (&listen.certificate, &listen.certificate_key) else {
        return Ok(None);
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| {
            format!(
                "{}: no certificate can be read: {error}.",
                certificate.display()
            )
        });
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("{}: no key can be read: {error}.", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}."))?
        .with_no_client_auth()
        .with_single_cert(chain?, key)
        .map_err(|error| {
            format!(
                "{}: certificate and key do not go together: {error}.",
                certificate.display()
            )
        })?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}
