//! The status of every call, as a table; and what is wrong before a call is reached.

use super::ANN;
use super::running::{Demo, ask};
use serde_json::json;

const LONG_NAME: &str = r#"{"name": "01234567890123456789012345678901234567890123456789012345678901234", "numbers": [{"number": "07700 900223"}]}"#;

/// Call, body, status, and the field to blame. `{s}` `{t}` Mum and her terminal, `{f}` Mei, `{c}` the last change.
const ROWS: &[(&str, &str, u16, &str)] = &[
    ("GET /subscribers", "", 200, ""),
    ("GET /subscribers?number=%2B447700900101", "", 200, ""),
    ("GET /subscribers?number=+447700900101", "", 200, ""),
    ("GET /subscribers?limit=501", "", 422, "limit"),
    ("GET /subscribers?limit=x", "", 422, "limit"),
    ("GET /subscribers?after=x", "", 422, "after"),
    ("GET /subscribers?limit=1&limit=2", "", 422, "limit"),
    ("GET /subscribers/{s}", "", 200, ""),
    ("GET /subscribers/{t}", "", 404, ""),
    ("GET /subscribers/saaaaaaaaaaaaa", "", 404, ""),
    ("PUT /subscribers/{s}", "{}", 405, ""),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "pin": "12345"}"#,
        422,
        "pin",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": " "}"#,
        422,
        "name",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "07700", "name": "Zoe"}"#,
        422,
        "msisdn",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "language": "fr"}"#,
        422,
        "language",
    ),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "region": "England"}"#,
        422,
        "region",
    ),
    ("POST /subscribers", r#"{"name": "Zoe"}"#, 422, "msisdn"),
    (
        "POST /subscribers",
        r#"{"msisdn": "+447700900555", "name": "Zoe", "pin": "123456"}"#,
        201,
        "",
    ),
    (
        "PATCH /subscribers/{s}",
        r#"{"language": "zh-Hans", "pin": "654321"}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}",
        r#"{"language": "en", "pin": null}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}",
        r#"{"msisdn": "me"}"#,
        422,
        "msisdn",
    ),
    ("PATCH /subscribers/{s}", r#"{"id": "x"}"#, 422, "id"),
    ("PATCH /subscribers/{s}", "", 422, ""),
    ("GET /subscribers/{s}/friends", "", 200, ""),
    (
        "GET /subscribers/{s}/friends?limit=1&after={f}",
        "",
        200,
        "",
    ),
    ("GET /subscribers/{s}/friends?after=%20", "", 422, "after"),
    ("POST /subscribers/{s}/friends", ANN, 201, ""),
    ("POST /subscribers/{s}/friends", LONG_NAME, 422, "name"),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo"}"#,
        422,
        "numbers",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": []}"#,
        422,
        "numbers[0].number",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "O77"}]}"#,
        422,
        "numbers[0].number",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": 5}]}"#,
        422,
        "numbers[0].number",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "1", "kind": 1}]}"#,
        422,
        "numbers[0].kind",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [], "colour": "red"}"#,
        422,
        "colour",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "07700 900224"}], "speed_dial": 1}"#,
        422,
        "speed_dial",
    ),
    (
        "POST /subscribers/{s}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "07700 900224"}], "groups": ["1"]}"#,
        422,
        "groups",
    ),
    ("POST /subscribers/{s}/friends", r#"{"name": "Bo""#, 422, ""),
    (
        "POST /subscribers/{s}/friends",
        r#"["Bo", null, []]"#,
        422,
        "",
    ),
    ("GET /subscribers/{s}/friends/{f}", "", 200, ""),
    ("GET /subscribers/{s}/friends/f", "", 404, ""),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"note": "from school", "emergency": true}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"note": null, "emergency": false}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"groups": ["{g}"]}"#,
        200,
        "",
    ),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"groups": []}"#,
        200,
        "",
    ),
    ("POST /subscribers/{s}/friends/{f}", "{}", 405, ""),
    ("GET /subscribers/{s}/groups", "", 200, ""),
    (
        "POST /subscribers/{s}/groups",
        r#"{"name": "Neighbours", "friends": ["{f}"]}"#,
        201,
        "",
    ),
    (
        "POST /subscribers/{s}/groups",
        r#"{"name": "Neighbours"}"#,
        409,
        "name",
    ),
    (
        "POST /subscribers/{s}/groups",
        r#"{"name": "Nobody", "friends": ["f"]}"#,
        422,
        "friends",
    ),
    (
        "POST /subscribers/{s}/groups",
        r#"{"friends": []}"#,
        422,
        "name",
    ),
    ("GET /subscribers/{s}/groups/{g}", "", 200, ""),
    (
        "PATCH /subscribers/{s}/groups/{g}",
        r#"{"name": "Choir"}"#,
        200,
        "",
    ),
    ("DELETE /subscribers/{s}/groups/{g}", "", 204, ""),
    ("DELETE /subscribers/{s}/groups/{g}", "", 404, ""),
    (
        "PATCH /subscribers/{s}/friends/{f}",
        r#"{"groups": ["{g}"]}"#,
        422,
        "groups",
    ),
    ("GET /subscribers/{s}/changes?limit=1", "", 200, ""),
    ("POST /subscribers/{s}/changes/{c}/undo", "", 200, ""),
    ("POST /subscribers/{s}/changes/c/undo", "", 404, ""),
    ("GET /holds?subscriber={s}", "", 200, ""),
    ("GET /holds?subscriber=x", "", 404, ""),
    ("GET /organisations", "", 200, ""),
    ("GET /organisations?after=x", "", 422, "after"),
    (
        "POST /organisations",
        r#"{"name": "Harbour School", "region": "GB"}"#,
        201,
        "",
    ),
    (
        "POST /organisations",
        r#"{"name": " ", "region": "GB"}"#,
        422,
        "name",
    ),
    (
        "POST /organisations",
        r#"{"name": "Harbour", "region": "England"}"#,
        422,
        "region",
    ),
    ("GET /organisations/o", "", 404, ""),
    ("GET /organisations/{o}", "", 200, ""),
    (
        "PATCH /organisations/{o}",
        r#"{"language": "fr"}"#,
        422,
        "language",
    ),
    ("PATCH /organisations/{o}", r#"{"language": "en"}"#, 200, ""),
    ("GET /organisations/{o}/shared-groups", "", 200, ""),
    (
        "POST /organisations/{o}/shared-groups",
        r#"{"name": "Drivers"}"#,
        201,
        "",
    ),
    ("POST /organisations/{o}/shared-groups", "{}", 422, "name"),
    ("GET /shared-groups/q", "", 404, ""),
    ("GET /shared-groups/{q}", "", 200, ""),
    (
        "PATCH /shared-groups/{q}",
        r#"{"name": "Night nurses"}"#,
        200,
        "",
    ),
    ("GET /shared-groups/{q}/friends", "", 200, ""),
    (
        "POST /shared-groups/{q}/friends",
        r#"{"name": "Night nurse", "numbers": [{"number": "07700 900333"}]}"#,
        201,
        "",
    ),
    (
        "POST /shared-groups/{q}/friends",
        r#"{"name": "Bo", "numbers": [{"number": "O77"}]}"#,
        422,
        "numbers[0].number",
    ),
    (
        "POST /shared-groups/{q}/friends",
        r#"{"name": "Bo", "numbers": [], "speed_dial": 2}"#,
        422,
        "speed_dial",
    ),
    ("GET /shared-groups/{q}/friends/e", "", 404, ""),
    (
        "PATCH /shared-groups/{q}/friends/{f}",
        r#"{"note": "x"}"#,
        404,
        "",
    ),
    ("DELETE /shared-groups/{q}/friends/{f}", "", 404, ""),
    ("GET /shared-groups/{q}/changes?limit=1", "", 200, ""),
    ("GET /shared-groups/{q}/members", "", 200, ""),
    (
        "POST /shared-groups/{q}/members",
        r#"{"numbers": ["+447700900999"]}"#,
        200,
        "",
    ),
    (
        "POST /shared-groups/{q}/members",
        r#"{"subscribers": ["x"]}"#,
        422,
        "subscribers",
    ),
    ("DELETE /shared-groups/{q}/members/{s}", "", 204, ""),
    ("GET /subscribers/{s}/shared-groups", "", 200, ""),
    ("GET /campaigns?group={q}", "", 200, ""),
    ("GET /campaigns?after=x", "", 422, "after"),
    ("GET /campaigns/m", "", 404, ""),
    ("GET /campaigns/{m}", "", 200, ""),
    ("GET /campaigns/{m}/estimate?pace=5", "", 200, ""),
    ("GET /campaigns/{m}/estimate?pace=0", "", 422, "pace"),
    ("POST /campaigns/{m}/pause", "", 409, ""),
    ("POST /campaigns/{m}/start", r#"{"pace": 0}"#, 422, "pace"),
    ("POST /campaigns/{m}/start", r#"{"pace": 5}"#, 200, ""),
    ("POST /campaigns/{m}/start", "", 409, ""),
    ("POST /campaigns/{m}/resume", "", 409, ""),
    ("POST /campaigns/{m}/cancel", "", 200, ""),
    ("POST /holds/h/release", "", 404, ""),
    ("POST /holds/h/refuse", "", 404, ""),
    ("GET /subscribers/{s}/terminals?limit=1", "", 200, ""),
    ("GET /subscribers/{s}/terminals?after=x", "", 422, "after"),
    ("GET /terminals/{t}", "", 200, ""),
    ("GET /terminals/t", "", 404, ""),
    ("POST /terminals/{t}/plan", "", 200, ""),
    ("POST /terminals/{t}/send", "", 202, ""),
    ("POST /terminals/{t}/send", "{}", 202, ""),
    ("POST /terminals/{t}/send", r#"{"all": 1}"#, 422, "all"),
    ("POST /terminals/{t}/send", r#"{"al": true}"#, 422, "al"),
    ("POST /terminals/{t}/verify", "", 202, ""),
    ("POST /terminals/{t}/test", "", 202, ""),
    ("POST /terminals/{joe}/verify", "", 409, ""),
    ("PATCH /terminals/{t}", r#"{"content": "all"}"#, 200, ""),
    (
        "PATCH /terminals/{t}",
        r#"{"content": ["g"]}"#,
        422,
        "content",
    ),
    (
        "PATCH /terminals/{t}",
        r#"{"iccid": "8944770090000000009"}"#,
        422,
        "keys",
    ),
    (
        "PATCH /terminals/{t}",
        r#"{"iccid": "1", "keys": {"kic": "00", "kid": "00"}}"#,
        422,
        "keys",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "smoke", "msisdn": "+447700900777"}"#,
        422,
        "channel",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "sim-ota", "msisdn": "+447700900777"}"#,
        422,
        "keys",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "sms-card", "msisdn": "+447700900777"}"#,
        201,
        "",
    ),
    (
        "POST /subscribers/{s}/terminals",
        r#"{"channel": "sms-card", "msisdn": "+447700900777"}"#,
        409,
        "",
    ),
    ("DELETE /terminals/{joe}", "", 204, ""),
    ("POST /terminals/{joe}/send", "", 409, ""),
    ("PATCH /terminals/{joe}", r#"{"content": "all"}"#, 409, ""),
    ("GET /shipments?state=proven&terminal={t}", "", 200, ""),
    ("GET /shipments?state=lost", "", 422, "state"),
    ("GET /shipments/p", "", 404, ""),
    (
        "POST /calls",
        r#"{"caller": "+447700900101", "called": "+448000123456", "state": "ringing"}"#,
        201,
        "",
    ),
    ("GET /calls/c", "", 404, ""),
    ("PATCH /calls/c", r#"{"state": "ended"}"#, 404, ""),
    (
        "POST /calls/c/digits",
        r#"{"digits": "1", "for": "code"}"#,
        404,
        "",
    ),
    ("GET /gateways", "", 200, ""),
    ("GET /network", "", 200, ""),
    ("GET /openapi.json", "", 200, ""),
    ("GET /health", "", 200, ""),
    ("GET /ready", "", 200, ""),
    ("GET /metrics", "", 200, ""),
    ("GET /nothing", "", 404, ""),
];

#[test]
fn every_call_answers_as_the_table_says() {
    let demo = Demo::start("table");
    let (s, t) = demo.mum();
    let friends = demo.get(&format!("/subscribers/{s}/friends"));
    let f = friends["items"][0]["id"].as_str().unwrap();
    let changes = demo.get(&format!("/subscribers/{s}/changes"));
    let group = json!({"name": "Family"});
    let g = demo
        .api(&format!("POST /subscribers/{s}/groups"), &group)
        .body;
    let care = json!({"name": "Harbour Care", "region": "GB"});
    let care = demo.api("POST /organisations", &care).body;
    let o = care["id"].as_str().unwrap();
    let nights = json!({"name": "Night line"});
    let nights = demo.api(&format!("POST /organisations/{o}/shared-groups"), &nights);
    let q = nights.body["id"].as_str().unwrap().to_owned();
    let nurse = json!({"name": "Nurse", "numbers": [{"number": "07700 900332"}]});
    demo.api(&format!("POST /shared-groups/{q}/friends"), &nurse);
    let planned = demo.get(&format!("/shared-groups/{q}"));
    let joe = demo.json["subscribers"].as_array().unwrap().iter();
    let joe = joe
        .clone()
        .find(|subscriber| subscriber["name"] == "Uncle Joe");
    let ids = [
        ("{s}", s.as_str()),
        ("{t}", t.as_str()),
        ("{f}", f),
        ("{g}", g["id"].as_str().unwrap()),
        ("{c}", changes["items"][0]["id"].as_str().unwrap()),
        ("{o}", o),
        ("{q}", &q),
        ("{m}", planned["planned"].as_str().unwrap()),
        (
            "{joe}",
            joe.unwrap()["terminals"][0]["id"].as_str().unwrap(),
        ),
    ];
    let filled = |text: &str| {
        let fill = |text: String, (name, id): &(&str, &str)| text.replace(name, id);
        ids.iter().fold(text.to_owned(), fill)
    };
    for (call, body, status, field) in ROWS {
        let answer = demo.ask(&filled(call), &[], &filled(body));
        let said = &answer.body;
        assert_eq!(answer.status, *status, "{call} {body}: {said}");
        assert_eq!(
            said["field"].as_str().unwrap_or_default(),
            *field,
            "{call} {body}: {said}"
        );
        if *status >= 400 {
            let kind = answer.header("content-type");
            assert_eq!(kind, Some("application/problem+json"), "{call}");
            assert_eq!(said["status"], *status, "{call}: {said}");
            assert!(
                said["detail"].as_str().unwrap().ends_with(['.', '…', '?']),
                "{call}: {said}"
            );
        }
        if *status == 405 {
            assert!(answer.header("allow").is_some(), "{call}");
        }
    }
}

#[test]
fn what_is_wrong_before_the_call_is_a_problem_too() {
    let demo = Demo::start("before");
    let (s, _) = demo.mum();
    let friends = format!("POST /subscribers/{s}/friends");
    let url = demo.url("api");
    for authorization in [
        "X: y",
        "Authorization: Bearer kith_x",
        "Authorization: Basic eDp5",
    ] {
        let answer = ask(url, &friends, &[authorization.to_owned()], ANN);
        assert_eq!(answer.status, 401, "{authorization}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert_eq!(answer.body["status"], 401);
    }
    let token = demo.json["api"]["token"].as_str().unwrap();
    let token = format!("Authorization: bearer {token}");
    let text = "Content-Type: text/plain".to_owned();
    assert_eq!(ask(url, &friends, &[token, text], ANN).status, 415);
    let large = format!("{{\"name\": \"{}\"}}", "x".repeat(64 * 1024));
    assert_eq!(demo.ask(&friends, &[], &large).status, 413);
}
