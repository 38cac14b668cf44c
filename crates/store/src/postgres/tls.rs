//! TLS to PostgreSQL, as libpq's `sslmode` and `sslrootcert` ask for it in `url`. What stands there decides; where nothing
//! does, a server beyond this machine is spoken to by TLS only.

use crate::StoreError;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres::{Config, Socket};
use tokio_rustls::TlsConnector;

/// `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// What `url` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    mode: Option<Mode>,
    roots: Option<PathBuf>,
}

/// A URL with what it says about TLS apart: `tokio-postgres` does not know all of it.
pub(super) fn read(url: &str) -> Result<(Config, Wish), StoreError> {
    let fault = |why: String| StoreError::Database {
        what: "be opened",
        why,
    };
    let (rest, mode, roots) = apart(url);
    let config = rest.parse().map_err(|e: tokio_postgres::Error| {
        use std::error::Error as _;
        // It says which setting only underneath.
        fault(
            e.source()
                .map_or(e.to_string(), |source| format!("{e}: {source}")),
        )
    })?;
    let mode = match mode.as_deref() {
        None => None,
        Some("disable") => Some(Mode::Disable),
        Some("allow" | "prefer") => Some(Mode::Prefer),
        Some("require") => Some(Mode::Require),
        Some("verify-ca") => Some(Mode::VerifyCa),
        Some("verify-full") => Some(Mode::VerifyFull),
        Some(other) => {
            return Err(fault(format!(
                "sslmode={other} is none: give disable, prefer, require, verify-ca or verify-full"
            )));
        }
    };
    if matches!(mode, Some(Mode::VerifyCa | Mode::VerifyFull)) && roots.is_none() {
        return Err(fault(
            "sslmode=verify-full needs sslrootcert, the file with who may sign the server's certificate".into(),
        ));
    }
    let roots = roots.map(PathBuf::from);
    Ok((config, Wish { mode, roots }))
}

/// `sslmode` and `sslrootcert` of a URL or of `key=value` words, and what is left.
fn apart(url: &str) -> (String, Option<String>, Option<String>) {
    let (mut mode, mut roots) = (None, None);
    let mut ours = |word: &str, decoded: bool| {
        let Some((key, value)) = word.split_once('=') else {
            return false;
        };
        let value = if decoded {
            percent(value)
        } else {
            value.trim_matches('\'').to_owned()
        };
        match key {
            "sslmode" => mode = Some(value),
            "sslrootcert" => roots = Some(value),
            _ => return false,
        }
        true
    };
    let rest = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        match url.split_once('?') {
            None => url.to_owned(),
            Some((before, query)) => {
                let kept: Vec<_> = query.split('&').filter(|word| !ours(word, true)).collect();
                match kept[..] {
                    [] => before.to_owned(),
                    _ => format!("{before}?{}", kept.join("&")),
                }
            }
        }
    } else {
        let words = url.split_whitespace();
        let kept: Vec<_> = words.filter(|word| !ours(word, false)).collect();
        kept.join(" ")
    };
    (rest, mode, roots)
}

/// `%2F` is `/`.
fn percent(text: &str) -> String {
    let octets = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(octets.len()), 0);
    while let Some(octet) = octets.get(at) {
        let hex = (*octet == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(octet) => {
                out.push(octet);
                at += 3;
            }
            None => {
                out.push(*octet);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .trim_matches(['[', ']'])
                    .parse::<std::net::IpAddr>()
                    .is_ok_and(|address| address.is_loopback())
        }
    }
}

impl Wish {
    /// How one host (`config` has one only) is spoken to.
    fn mode(&self, config: &Config) -> Mode {
        let address = config.get_hostaddrs().first();
        let here = match (address, config.get_hosts().first()) {
            (Some(address), _) => address.is_loopback(),
            (None, Some(host)) => is_here(host),
            (None, None) => false,
        };
        // There is no TLS on a Unix socket.
        let unix = matches!(config.get_hosts().first(), Some(Host::Unix(_)));
        match self.mode {
            _ if unix => Mode::Disable,
            Some(mode) => mode,
            None if here => Mode::Disable,
            None if self.roots.is_some() => Mode::VerifyFull,
            None => Mode::Require,
        }
    }

    /// Sets `config`, which has one host, up, and gives what connects. The file is read at every connection.
    pub(super) fn set(&self, config: &mut Config) -> Result<Tls, StoreError> {
        let mode = self.mode(config);
        config.ssl_mode(match mode {
            Mode::Disable => SslMode::Disable,
            Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        let fault = |why: String| StoreError::Database {
            what: "be opened",
            why,
        };
        let connector = match mode {
            Mode::Disable => None,
            _ => Some(self.connector(mode).map_err(fault)?),
        };
        Ok(Tls { connector })
    }

    fn connector(&self, mode: Mode) -> Result<TlsConnector, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up: {error}"))?;
        let known = match &self.roots {
            Some(path) => {
                let roots = Arc::new(roots(path)?);
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                let said = |error| format!("{} cannot be used: {error}", path.display());
                Some(verifier.build().map_err(said)?)
            }
            None => None,
        };
        let config = match known {
            Some(known) if mode == Mode::VerifyFull => builder.with_webpki_verifier(known),
            // As libpq has it: without roots the certificate is not looked at, with them its name is not.
            known => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Anyone { known, provider })),
        };
        Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
    }
}

fn roots(path: &Path) -> Result<RootCertStore, String> {
    let cannot =
        |error: &dyn std::fmt::Display| format!("{} cannot be used: {error}", path.display());
    let mut roots = RootCertStore::empty();
    let all = CertificateDer::pem_file_iter(path).map_err(|error| cannot(&error))?;
    for root in all {
        let root = root.map_err(|error| cannot(&error))?;
        roots.add(root).map_err(|error| cannot(&error))?;
    }
    if roots.is_empty() {
        return Err(cannot(&"it holds no certificate"));
    }
    Ok(roots)
}

/// Takes any certificate, or any that is signed by who is known, whatever its name (`require`, `verify-ca`).
#[derive(Debug)]
struct Anyone {
    known: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(known) = &self.known else {
            return Ok(ServerCertVerified::assertion());
        };
        match known.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// What connects to one host.
#[derive(Clone)]
pub(super) struct Tls {
    connector: Option<TlsConnector>,
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Secured;
    type TlsConnect = One;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<One> {
        Ok(One {
            connector: self.connector.clone(),
            host: host.trim_matches(['[', ']']).to_owned(),
        })
    }
}

/// One handshake.
pub(super) struct One {
    connector: Option<TlsConnector>,
    host: String,
}

impl TlsConnect<Socket> for One {
    type Stream = Secured;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secured>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let connector = self
                .connector
                .ok_or_else(|| io::Error::other("TLS was not asked for"))?;
            let name = ServerName::try_from(self.host).map_err(io::Error::other)?;
            Ok(Secured(Box::new(connector.connect(name, socket).await?)))
        })
    }
}

/// A connection by TLS.
pub(super) struct Secured(Box<tokio_rustls::client::TlsStream<Socket>>);

impl TlsStream for Secured {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_tls_is_taken_out_of_the_address() {
        for (url, rest, mode, roots) in [
            ("postgres://a/kith", "postgres://a/kith", None, None),
            (
                "postgres://a/kith?sslmode=require",
                "postgres://a/kith",
                Some("require"),
                None,
            ),
            (
                "postgresql://a,b/kith?target_session_attrs=read-write&sslrootcert=%2Fetc%2Fa%20b.pem&sslmode=verify-full",
                "postgresql://a,b/kith?target_session_attrs=read-write",
                Some("verify-full"),
                Some("/etc/a b.pem"),
            ),
            (
                "host=a sslmode=verify-ca dbname=kith sslrootcert='/x.pem'",
                "host=a dbname=kith",
                Some("verify-ca"),
                Some("/x.pem"),
            ),
        ] {
            let (left, said, file) = apart(url);
            assert_eq!(
                (left.as_str(), said.as_deref(), file.as_deref()),
                (rest, mode, roots)
            );
        }
    }

    #[test]
    fn beyond_this_machine_it_is_tls_unless_it_is_said_otherwise() {
        for (url, mode) in [
            ("postgres://db.example/kith", Mode::Require),
            ("postgres://10.0.0.1/kith", Mode::Require),
            (
                "postgres://db.example/kith?sslrootcert=/x.pem",
                Mode::VerifyFull,
            ),
            ("postgres://db.example/kith?sslmode=disable", Mode::Disable),
            ("postgres://db.example/kith?sslmode=prefer", Mode::Prefer),
            ("postgres://localhost/kith", Mode::Disable),
            ("postgres://127.0.0.1/kith", Mode::Disable),
            ("postgres://localhost/kith?sslmode=require", Mode::Require),
            ("postgres://%2Frun%2Fpg/kith", Mode::Disable),
            ("postgres://%2Frun%2Fpg/kith?sslmode=require", Mode::Disable),
            ("host=db.example hostaddr=127.0.0.1", Mode::Disable),
            ("host=localhost hostaddr=10.0.0.1", Mode::Require),
        ] {
            let (config, wish) = read(url).unwrap();
            assert_eq!(wish.mode(&config), mode, "{url}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (url, words) in [
            ("postgres://a/kith?sslmode=on", "sslmode=on is none"),
            ("postgres://a/kith?sslmode=verify-full", "needs sslrootcert"),
            ("postgres://a/kith?sslcert=x", "sslcert"),
        ] {
            let error = read(url).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
