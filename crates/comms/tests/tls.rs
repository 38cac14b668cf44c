//! TLS to a gateway (SMPP.md, row 18): own roots, own certificate, no fall-back, and who is at fault is said.
#![allow(clippy::unwrap_used, missing_docs)]

use comms::{GatewayConfig, Gateways};
use delivery::Event;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::PrivateKeyDer;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use wire::smpp::{Body, Frames, Pdu};

fn make(folder: &Path, file: &str, name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let at = |end: &str| folder.join(format!("{file}.{end}"));
    std::fs::write(at("pem"), made.cert.pem()).unwrap();
    std::fs::write(at("key"), made.signing_key.serialize_pem()).unwrap();
    made
}

/// Answers the bind, and stays.
async fn smsc(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut frames = Frames::default();
    loop {
        let mut octets = Vec::new();
        match stream.read_buf(&mut octets).await {
            Ok(length) if length > 0 => frames.push(&octets),
            _ => return,
        }
        while let Ok(Some(frame)) = frames.take() {
            let system_id = "smsc".into();
            let answer = Pdu {
                status: 0,
                sequence: frame.sequence,
                body: match frame.command {
                    9 => Body::BindResp { system_id },
                    _ => Body::UnbindResp,
                },
            };
            stream.write_all(&answer.encode()).await.unwrap();
            stream.flush().await.unwrap();
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Side {
    Tls,
    AsksForCertificate,
    Plain,
    Closes,
}

/// What is told first that is news: bound, or why not.
async fn check(side: Side, root: &str, own: bool, name: Option<&str>, expected: &str) {
    let folder = std::env::temp_dir().join(format!(
        "kith-comms-tls-{}-{side:?}-{root}-{own}-{name:?}",
        std::process::id()
    ));
    std::fs::create_dir_all(&folder).unwrap();
    let server = make(&folder, "smsc", "localhost");
    make(&folder, "stranger", "localhost");
    let client = make(&folder, "kith", "kith");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(client.cert.der().clone()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if side == Side::AsksForCertificate {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::try_from(server.signing_key.serialize_der()).unwrap();
    let chain = vec![server.cert.der().clone()];
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            match side {
                Side::Tls | Side::AsksForCertificate => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        smsc(stream).await;
                    }
                }
                // As an SMSC answers what is no bind: generic_nack.
                Side::Plain => {
                    let nack = [0, 0, 0, 16, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
                    let _ = stream.write_all(&nack).await;
                    let _ = stream.read_u8().await;
                }
                Side::Closes => {
                    let _ = stream.read_u8().await;
                }
            }
        }
    });
    let mut tls = serde_json::json!({ "roots": folder.join(format!("{root}.pem")) });
    if own {
        tls["certificate"] = serde_json::json!(folder.join("kith.pem"));
        tls["key"] = serde_json::json!(folder.join("kith.key"));
    }
    if let Some(name) = name {
        tls["name"] = name.into();
    }
    let config: GatewayConfig = serde_json::from_value(serde_json::json!({
        "name": "g", "host": "localhost", "port": port, "system_id": "kith", "tls": tls,
    }))
    .unwrap();
    config.check().unwrap();
    let (events, mut heard) = tokio::sync::mpsc::channel(16);
    let gateways = Gateways::start(vec![config], events);
    let reason = loop {
        if let Event::Gateway { reason, .. } = heard.recv().await.unwrap() {
            break reason;
        }
    };
    assert!(reason.contains(expected), "{side:?} {root}: {reason}");
    drop(heard);
    gateways.shutdown().await;
    serving.abort();
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn row_18_bound_by_tls_with_own_roots_and_own_certificate() {
    check(Side::Tls, "smsc", false, None, "Bound.").await;
    check(Side::AsksForCertificate, "smsc", true, None, "Bound.").await;
}

#[tokio::test]
async fn row_18_kith_refuses_a_certificate_that_it_does_not_know() {
    check(Side::Tls, "stranger", false, None, "Kith refuses").await;
    let name = Some("smsc.example.net");
    check(Side::Tls, "smsc", false, name, "Kith refuses").await;
}

#[tokio::test]
async fn row_18_the_gateway_wants_a_certificate() {
    let wants = "wants a certificate of Kith's";
    check(Side::AsksForCertificate, "smsc", false, None, wants).await;
}

#[tokio::test]
async fn row_18_a_plain_peer_gets_nothing_in_the_clear() {
    check(Side::Plain, "smsc", false, None, "does not speak TLS").await;
    // By the first octet that comes it closes.
    let ended = "ended the connection during TLS";
    check(Side::Closes, "smsc", false, None, ended).await;
}
