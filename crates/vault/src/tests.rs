use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

fn key() -> MasterKey {
    MasterKey::from_hex("KITH_MASTER_KEY", HEX).unwrap()
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("kith-vault-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn what_is_sealed_opens_for_its_purpose_only() {
    for plain in [&b""[..], b"k", &[0x55; 300]] {
        let sealed = key().seal("terminal keys", plain);
        assert_ne!(sealed, key().seal("terminal keys", plain));
        assert_eq!(
            key().open("terminal keys", &sealed).unwrap().expose(),
            plain
        );
        assert!(key().open("gateway password", &sealed).is_err());
        let other = MasterKey::from_hex("X", &"ab".repeat(32)).unwrap();
        assert!(other.open("terminal keys", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(key().open("terminal keys", &bent).is_err(), "octet {at}");
            assert!(
                key().open("terminal keys", &sealed[..at]).is_err(),
                "cut at {at}"
            );
        }
    }
}

#[test]
fn derived_keys_are_hmac_sha256() {
    // Computed with `printf pepper | openssl dgst -sha256 -mac HMAC -macopt hexkey:0001…1f`.
    assert_eq!(hex::encode(key().pepper().expose()), PEPPER);
    assert_ne!(key().derive("a"), key().derive("b"));
}

const PEPPER: &str = "cc1d7cefb169b37101ca7f912affa846ee84ce8872d1ec2b7948662adeb5cfdb";

#[test]
fn secrets_never_print() {
    let secret = Secret::from("hunter2".to_owned());
    for said in [
        format!("{secret}"),
        format!("{secret:?}"),
        format!("{:?}", key()),
    ] {
        assert!(
            !said.contains("hunter2") && !said.contains("0001"),
            "{said}"
        );
    }
    assert_eq!(secret.expose_str(), Some("hunter2"));
    assert_eq!(secret, Secret::new("hunter2"));
    assert_ne!(secret, Secret::new("hunter3"));
}

#[test]
fn the_file_is_made_once_and_for_its_owner_alone() {
    let path = folder("made").join("master.key");
    let first = MasterKey::from_file(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let again = MasterKey::from_file(&path).unwrap();
    assert_eq!(first.derive("x"), again.derive("x"));
    assert_eq!(
        fs::read_dir(path.parent().unwrap()).unwrap().count(),
        1,
        "no draft is left"
    );

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = MasterKey::from_file(&path).unwrap_err().to_string();
    assert!(refused.contains("chmod 600"), "{refused}");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "0123").unwrap();
    assert!(matches!(
        MasterKey::from_file(&path),
        Err(VaultError::Malformed(_))
    ));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "0123",
        "a damaged key is never overwritten"
    );
}

#[test]
fn a_folder_that_is_not_there_is_said() {
    let refused = MasterKey::from_file(&folder("gone").join("no/master.key")).unwrap_err();
    assert!(
        refused.to_string().contains("cannot be created"),
        "{refused}"
    );
}
