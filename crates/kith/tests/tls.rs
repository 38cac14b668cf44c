//! Both listeners speak TLS with certificate and key files; nobody who is slow holds up the others.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use running::{LIMIT, folder, says, spawn};
use rustls_pki_types::{CertificateDer, ServerName};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::Arc;

struct Server(Child, std::path::PathBuf);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
        let _ = std::fs::remove_dir_all(&self.1);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The answer to `GET path`, over TLS with this root.
fn get(port: u16, root: &CertificateDer<'static>, path: &str) -> String {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut session = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(LIMIT)).unwrap();
    let mut stream = rustls::Stream::new(&mut session, &mut tcp);
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A server that closes without close_notify ends the answer all the same.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn both_listeners_speak_tls_and_a_silent_client_holds_up_nobody() {
    let folder = folder("tls");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let root = made.cert.der().clone();
    let (public, lan) = (free_port(), free_port());
    let config = format!(
        "[store]\npath = \"data\"\n[listen]\npublic = \"127.0.0.1:{public}\"\nlan = \"127.0.0.1:{lan}\"\n\
         certificate = \"cert.pem\"\ncertificate_key = \"key.pem\"\n"
    );
    std::fs::write(folder.join("kith.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kith"));
    let (child, lines) = spawn(command.arg("serve").current_dir(&folder));
    let _server = Server(child, folder);
    assert!(says(&lines, "Portal"), "the server ended");
    // Clients that say nothing, or speak plain HTTP.
    let _silent: Vec<_> = [public, lan]
        .map(|port| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .into();
    let mut plain = TcpStream::connect(("127.0.0.1", public)).unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\n\r\n").unwrap();
    for port in [public, lan] {
        let answer = get(port, &root, "/health");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Nothing is answered in the clear.
    plain.set_read_timeout(Some(LIMIT)).unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"));
    let desk = get(lan, &root, "/desk/login");
    assert!(
        desk.contains("200 OK") && desk.contains("password"),
        "{desk}"
    );
}
