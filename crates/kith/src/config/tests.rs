//! Right and wrong configurations, and the environment over them.

use super::*;

#[track_caller]
pub(super) fn check_wrong(text: &str, environment: &[(&str, &str)], words: &str) {
    let environment: Vec<_> = environment
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect();
    let error = parse("kith.toml", text, &environment).unwrap_err();
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_wrong_key_is_named_with_its_line() {
    check_wrong("[store]\npth = \"x\"\n", &[], "line 2");
    check_wrong("[store]\npath = 3\n", &[], "line 2");
}

#[test]
fn servers_and_their_slices() {
    let text = "[store]\nurl = \"postgres://a/kith\"\n[[store.server]]\nurl = \"postgres://b/kith\"\nslices = \"3, 250-255\"\n";
    let servers = parse("kith.toml", text, &[]).unwrap().store.servers();
    let servers = servers.unwrap().unwrap();
    let (url, slices) = &servers.others[0];
    assert_eq!(
        (servers.home.as_str(), url.as_str()),
        ("postgres://a/kith", "postgres://b/kith")
    );
    assert_eq!(
        slices.iter().collect::<Vec<_>>(),
        [3, 250, 251, 252, 253, 254, 255]
    );
    let twice = format!("{text}[[store.server]]\nurl = \"postgres://c/kith\"\nslices = \"251\"\n");
    check_wrong(&twice, &[], "slice 251 is given to two databases");
    for wrong in ["", "256", "9-3", "a", "1-2-3"] {
        check_wrong(&text.replace("3, 250-255", wrong), &[], "like 3,128-255");
    }
    check_wrong(
        "[[store.server]]\nurl = \"b\"\nslices = \"1\"\n",
        &[],
        "url of [store]",
    );
}

#[test]
fn the_example_is_right() {
    let text = include_str!("../../../../kith.example.toml");
    assert_eq!(
        parse("kith.example.toml", text, &[]).unwrap().gateway.len(),
        1
    );
}

/// The error that names a wrong key says which ones there are.
#[test]
fn the_example_has_every_key() {
    let example = include_str!("../../../../kith.example.toml");
    let keys = |text: &str| {
        let error = toml::from_str::<Config>(text).unwrap_err().to_string();
        let (_, expected) = error.split_once("expected").unwrap();
        let names = expected.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    for section in keys("wrong = 1") {
        let begin = |brackets: [&str; 2]| brackets.join(&section);
        let text = match example.contains(&begin(["[[", "]]"])) {
            true => begin(["[[", "]]"]),
            false => begin(["\n[", "]"]),
        };
        assert!(example.contains(&text), "[{section}]");
        for key in keys(&format!("{text}\nwrong = 1\n")) {
            let stands = ["\n", "\n# "].iter().any(|before| {
                let as_table = format!("{before}[[{section}.{key}]]");
                example.contains(&format!("{before}{key} = ")) || example.contains(&as_table)
            });
            assert!(stands, "{key} of [{section}]");
        }
    }
}

#[test]
fn beyond_loopback_needs_a_proxy() {
    check_wrong(
        "[listen]\npublic = \"0.0.0.0:80\"\n",
        &[],
        "beyond this machine",
    );
}

#[test]
fn a_wildcard_is_not_told_to_other_nodes() {
    let text = "[listen]\nadvertise = \"192.0.2.3\"\n";
    let told = parse("kith.toml", text, &[]).unwrap().listen.advertise;
    assert_eq!(told, Some(IpAddr::from([192, 0, 2, 3])));
    check_wrong(&text.replace("192.0.2.3", "0.0.0.0"), &[], "on the LAN");
}

#[test]
fn a_certificate_needs_its_key() {
    check_wrong("[listen]\ncertificate = \"a.pem\"\n", &[], "go together");
}

#[test]
fn what_no_gateway_can_mean_is_said() {
    let gateway = |lines: &str| {
        format!("[[gateway]]\nname = \"a\"\nhost = \"h\"\nsystem_id = \"k\"\n{lines}\n")
    };
    for (lines, words) in [
        ("prefixes = [\"44\"]", "write it as +44"),
        ("prefixes = [\"\"]", "write it as +44"),
        ("bulk_share = 101", "0 to 100"),
        ("bulk_share = 0", "campaigns would never go out"),
        ("window = 0", "send nothing"),
        ("rate_per_s = 0", "rate_per_s"),
        ("answer_seconds = 0", "no time"),
        ("price_micros = 1", "currency"),
        ("port = 0", "host and port"),
        ("tls = { roots = \"/nowhere.pem\" }", "/nowhere.pem"),
        ("tls = { rots = \"a\" }", "line 5"),
        ("outbind = \"127.0.0.1:2776\"", "anybody could call"),
        (
            "outbind = \"127.0.0.1:2776\"\noutbind_system_id = \"s\"",
            "anybody could call",
        ),
        ("outbind = \"2776\"", "line 5"),
    ] {
        check_wrong(&gateway(lines), &[], words);
    }
    let two = gateway("bulk_share = 0") + &gateway("").replace("\"a\"", "\"b\"");
    assert_eq!(parse("kith.toml", &two, &[]).unwrap().gateway.len(), 2);
    check_wrong(&gateway("").repeat(2), &[], "two gateways");
}

#[test]
fn what_no_network_can_mean_is_said() {
    let network = |prefixes: &str, rate: &str| {
        format!("[[network]]\nprefixes = {prefixes}\nrate_per_s = {rate}\n")
    };
    for (prefixes, rate, words) in [
        ("[]", "5", "no prefixes"),
        ("[\"44\"]", "5", "write it as +44"),
        ("[\"+44\"]", "0", "rate_per_s"),
        ("[\"+44\"]", "nan", "rate_per_s"),
    ] {
        check_wrong(&network(prefixes, rate), &[], words);
    }
    let right = parse("kith.toml", &network("[\"+44\", \"+353\"]", "5"), &[]).unwrap();
    assert_eq!(right.network[0].limit().rate_per_s, 5.0);
}

#[test]
fn the_environment_lies_over_the_file() {
    let environment = [("KITH_BRAND_NAME".to_owned(), "Care".to_owned())];
    let config = parse("kith.toml", "[brand]\nname = \"Kith\"\n", &environment).unwrap();
    assert_eq!(config.brand.name, "Care");
    check_wrong("", &[("KITH_BRAND_NAMES", "x")], "KITH_BRAND_NAMES");
    let digits = [("KITH_BRAND_SERVICE_NUMBER".to_owned(), "95123".to_owned())];
    let config = parse("kith.toml", "", &digits).unwrap();
    assert_eq!(config.brand.service_number, "95123");
    let port = [("KITH_DELIVERY_QUIET_SECONDS".to_owned(), "3".to_owned())];
    let config = parse("kith.toml", "", &port).unwrap();
    assert_eq!(config.delivery.quiet_seconds, 3);
    check_wrong(
        "",
        &[("KITH_DELIVERY_QUIET_SECONDS", "soon")],
        "KITH_DELIVERY_QUIET_SECONDS",
    );
}

#[test]
fn the_environment_reaches_every_array_of_tables() {
    let text = "[store]\nurl = \"postgres://a/kith\"\n\
                [[store.server]]\nurl = \"postgres://b/kith\"\nslices = \"1\"\n\
                [[network]]\nprefixes = [\"+44\"]\nrate_per_s = 5\n\
                [[network]]\nprefixes = [\"+353\"]\nrate_per_s = 5\n";
    let environment = [
        ("KITH_STORE_SERVER_0_URL", "postgres://c/kith"),
        ("KITH_NETWORK_1_RATE_PER_S", "7.5"),
        ("KITH_NETWORK_0_PREFIXES", "[\"+86\"]"),
    ];
    let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = parse("kith.toml", text, &environment).unwrap();
    assert_eq!(config.store.server[0].url, "postgres://c/kith");
    assert_eq!(config.network[0].prefixes, ["+86"]);
    assert_eq!(config.network[1].limit().rate_per_s, 7.5);
    for (key, words) in [
        ("KITH_NETWORK_2_RATE_PER_S", "no [[network]] number 2"),
        ("KITH_STORE_SERVER_1_URL", "no [[store.server]] number 1"),
        ("KITH_GATEWAY_0_PASSWORD", "no [[gateway]] number 0"),
        ("KITH_BRAND_0_NAME", "no [[brand]] number 0"),
        ("KITH_NETWORK_0", "KITH_NETWORK_0"),
        ("KITH_0_NAME", "KITH_0_NAME"),
    ] {
        check_wrong(text, &[(key, "1")], words);
    }
}
