//! TLS to a gateway: own roots, client key, no fallback to plain; what fails is said with the side that failed
//! (SMPP.md, row 18).

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// `[gateway.tls]`: the SMSC is spoken to by TLS only.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Who may sign the SMSC's certificate, PEM; or that certificate itself.
    pub roots: PathBuf,
    /// The name in its certificate; the gateway's `host` by default.
    #[serde(default)]
    pub name: Option<String>,
    /// Kith's own certificate with those that sign it, PEM, where the SMSC asks for one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

impl TlsConfig {
    /// What connecting needs. The files are read anew each time: a certificate that was renewed is used.
    ///
    /// # Errors
    /// A sentence about the file or name that cannot be used.
    pub fn client(&self, host: &str) -> Result<(TlsConnector, ServerName<'static>), String> {
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.roots)? {
            roots
                .add(root)
                .map_err(|error| cannot(&self.roots, &error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}."))?
            .with_root_certificates(roots);
        let config = match (&self.certificate, &self.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                let secret = PrivateKeyDer::from_pem_file(key)
                    .map_err(|error| format!("{}: no key can be read: {error}.", key.display()))?;
                builder
                    .with_client_auth_cert(certificates(certificate)?, secret)
                    .map_err(|error| cannot(certificate, &error))?
            }
            _ => return Err("certificate and key go together: give both, or neither.".into()),
        };
        let name = self.name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| format!("“{name}” is no name that a certificate can have."))?;
        Ok((TlsConnector::from(Arc::new(config)), name))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match all {
        Ok(all) if all.is_empty() => Err(format!("{} holds no certificate.", path.display())),
        Ok(all) => Ok(all),
        Err(error) => Err(cannot(path, &error)),
    }
}

fn cannot(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{} cannot be used: {error}.", path.display())
}

/// Why there is no TLS.
pub fn no_handshake(error: &io::Error) -> String {
    if error
        .get_ref()
        .is_some_and(|inner| inner.is::<rustls::Error>())
    {
        return why(error);
    }
    "The gateway ended the connection during TLS: perhaps it speaks none on this port, or wants a certificate.".into()
}

/// What broke, and on which side.
pub fn why(error: &io::Error) -> String {
    use rustls::{AlertDescription, CertificateError, Error};
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "Kith refuses the gateway's certificate: nobody in `roots` signed it.".into()
        }
        Some(Error::InvalidCertificate(error)) => {
            format!("Kith refuses the gateway's certificate: {error}.")
        }
        Some(Error::InvalidMessage(_)) => {
            "The gateway does not speak TLS on this port; Kith sends nothing in the clear.".into()
        }
        Some(Error::AlertReceived(AlertDescription::CertificateRequired)) => {
            "The gateway wants a certificate of Kith's: give certificate and key.".into()
        }
        Some(Error::AlertReceived(alert)) => {
            format!("The gateway refuses Kith's side of TLS: {alert:?}.")
        }
        Some(error) => format!("TLS failed on Kith's side: {error}."),
        None => format!("The connection broke: {error}."),
    }
}

/// A connection to a gateway.
pub enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// By TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
