//! TLS to PostgreSQL: what `sslmode` and `sslrootcert` promise, over a server with a certificate of the test's own.

#![allow(clippy::unwrap_used, missing_docs)]

use pgbox::Server;
use rcgen::{CertificateParams, DnType, Issuer, KeyPair};
use std::path::PathBuf;
use store::{Servers, Store};

/// Who signs.
struct Signer {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Signer {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Certificate and key of a server of this name.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }
}

/// A folder that goes away.
struct Folder(PathBuf);

impl Folder {
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How it went: by TLS, in the clear, or why not.
fn connect(server: &Server, url: &str) -> String {
    let store = match Store::connect(&Servers::one(url)) {
        Ok(store) => store,
        Err(error) => return error.to_string(),
    };
    let ask = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'kith'";
    let all = server.sql("postgres", ask).unwrap();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(store.close());
    match all.as_str() {
        "t" => "by TLS".into(),
        _ => "in the clear".into(),
    }
}

#[test]
fn sslmode_and_sslrootcert_keep_their_promises() {
    let folder = std::env::temp_dir().join(format!("kith-store-tls-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let folder = Folder(folder);
    let (ours, stranger) = (Signer::new("Ours"), Signer::new("Stranger"));
    let known = folder.file("ours.pem", &ours.pem);
    let unknown = folder.file("stranger.pem", &stranger.pem);
    let nothing = folder.file("nothing.pem", "");
    let mut server = Server::start().unwrap();
    let (certificate, key) = ours.sign("localhost");
    let port = server.secure(&certificate, &key).unwrap();
    let url = |host: &str, tls: &str| format!("postgres://kith@{host}:{port}/postgres{tls}");
    let full = |roots: &str| format!("?sslmode=verify-full&sslrootcert={roots}");
    for (host, tls, expected) in [
        ("localhost", full(&known), "by TLS"),
        ("localhost", "?sslmode=require".into(), "by TLS"),
        ("127.0.0.1", "?sslmode=require".into(), "by TLS"),
        ("localhost", "?sslmode=prefer".into(), "by TLS"),
        // What this machine says to itself needs none.
        ("localhost", String::new(), "in the clear"),
        ("localhost", "?sslmode=disable".into(), "in the clear"),
        // The certificate is another's, or for another name.
        ("localhost", full(&unknown), "UnknownIssuer"),
        ("127.0.0.1", full(&known), "not valid for name"),
        (
            "127.0.0.1",
            format!("?sslmode=verify-ca&sslrootcert={known}"),
            "by TLS",
        ),
        (
            "127.0.0.1",
            format!("?sslmode=verify-ca&sslrootcert={unknown}"),
            "UnknownIssuer",
        ),
        ("localhost", full(&nothing), "holds no certificate"),
        ("localhost", full("/nowhere.pem"), "/nowhere.pem"),
        (
            "localhost",
            "?sslmode=verify-full".into(),
            "needs sslrootcert",
        ),
    ] {
        let said = connect(&server, &url(host, &tls));
        assert!(said.contains(expected), "{host} {tls}: {said}");
    }
    // A server that has no TLS is refused, not spoken to in the clear.
    server.set("ssl", "off").unwrap();
}

#[test]
fn nothing_goes_in_the_clear_to_a_server_without_tls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // As PostgreSQL without ssl: N to the request for TLS; what comes then is kept.
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = std::sync::Arc::clone(&heard);
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 8];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(b"N").unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest);
            keep.lock().unwrap().push((request, rest));
        }
    });
    let url = format!("postgres://kith:secret8@127.0.0.1:{port}/kith?sslmode=require");
    let error = Store::connect(&Servers::one(url))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("speaks no TLS"), "{error}");
    let heard = heard.lock().unwrap();
    assert!(!heard.is_empty());
    for (request, rest) in heard.iter() {
        assert_eq!(request, &[0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest");
        assert_eq!(rest, &[0_u8; 0]);
    }
}
