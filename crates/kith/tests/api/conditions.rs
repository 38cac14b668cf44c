//! Tags, keys and pages: a write that is made once, on what its caller saw.

use super::ANN;
use super::running::Demo;
use serde_json::json;

#[test]
fn a_stale_tag_changes_nothing() {
    let demo = Demo::start("tags");
    let (s, t) = demo.mum();
    let list = demo.get(&format!("/subscribers/{s}/friends"));
    let friend = format!(
        "/subscribers/{s}/friends/{}",
        list["items"][0]["id"].as_str().unwrap()
    );
    let group = json!({"name": "Family"});
    let group = demo
        .api(&format!("POST /subscribers/{s}/groups"), &group)
        .body;
    let group = format!("/subscribers/{s}/groups/{}", group["id"].as_str().unwrap());
    for (path, patch) in [
        (&friend, json!({"note": "new"})),
        (&group, json!({"name": "Choir"})),
        (&format!("/subscribers/{s}"), json!({"name": "Mother"})),
    ] {
        let patch = patch.to_string();
        let change = format!("PATCH {path}");
        let before = demo.ask(&format!("GET {path}"), &[], "");
        let tag = before.header("etag").unwrap().to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        let stale = demo.ask(&change, &["If-Match: \"x\", W/\"y\"".to_owned()], &patch);
        assert_eq!(stale.status, 412, "{path}");
        assert_eq!(demo.get(path), before.body);
        let done = demo.ask(&change, &[format!("If-Match: \"x\", {tag}")], &patch);
        assert_eq!(done.status, 200, "{path}: {}", done.body);
        let now = demo.ask(&format!("GET {path}"), &[], "");
        assert_eq!(now.header("etag"), done.header("etag"), "{path}");
        assert_ne!(now.header("etag"), Some(tag.as_str()), "{path}");
        let again = demo.ask(&change, &[format!("If-Match: {tag}")], &patch);
        assert_eq!(again.status, 412, "{path}");
        let any = demo.ask(&change, &["If-Match: *".to_owned()], &patch);
        assert_eq!(any.status, 200, "{path}");
    }
    let gone = format!("DELETE /terminals/{t}");
    let stale = demo.ask(&gone, &["If-Match: \"x\"".to_owned()], "");
    assert_eq!(stale.status, 412);
    assert_ne!(demo.get(&format!("/terminals/{t}"))["state"], "retired");
}

#[test]
fn a_key_is_carried_out_once_even_when_the_process_dies() {
    let mut demo = Demo::start("keys");
    let (s, _) = demo.mum();
    let call = format!("POST /subscribers/{s}/friends");
    let key = |key: &str| [format!("Idempotency-Key: {key}")];
    let first = demo.ask(&call, &key("a"), ANN);
    assert_eq!(first.status, 201);
    demo.again();
    let again = demo.ask(&call, &key("a"), ANN);
    assert_eq!((again.status, &again.body), (201, &first.body));
    assert_eq!(again.header("etag"), first.header("etag"));
    let other = demo.ask(&call, &key("a"), &ANN.replace("Ann", "Bo"));
    assert_eq!(
        (other.status, &other.body["field"]),
        (422, &json!("Idempotency-Key"))
    );
    let refused = demo.ask(&call, &key("b"), "{}");
    assert_eq!(demo.ask(&call, &key("b"), "{}").body, refused.body);
    assert_eq!(demo.ask(&call, &key("a b"), ANN).status, 422);
    let count = || {
        demo.get(&format!("/subscribers/{s}/friends"))["items"]
            .as_array()
            .unwrap()
            .len()
    };
    let before = count();
    let many: Vec<u16> = std::thread::scope(|scope| {
        let ask = || demo.ask(&call, &key("c"), &ANN.replace("Ann", "Cy")).status;
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        asking
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    assert!(
        many.iter().all(|status| [201, 409].contains(status)),
        "{many:?}"
    );
    assert_eq!(count(), before + 1);
}

#[test]
fn pages_of_every_list_hold_everything_once() {
    let demo = Demo::start("pages");
    let (s, _) = demo.mum();
    for n in 0..5 {
        let friend =
            json!({"name": format!("F{n}"), "numbers": [{"number": format!("07700 90030{n}")}]});
        assert_eq!(
            demo.api(&format!("POST /subscribers/{s}/friends"), &friend)
                .status,
            201
        );
        let group = json!({"name": format!("G{n}")});
        assert_eq!(
            demo.api(&format!("POST /subscribers/{s}/groups"), &group)
                .status,
            201
        );
    }
    for list in ["friends", "groups", "changes"].map(|list| format!("/subscribers/{s}/{list}")) {
        let whole = demo.get(&list)["items"].as_array().unwrap().clone();
        assert!(whole.len() >= 5, "{list}");
        let mut pages = Vec::new();
        let mut after = String::new();
        loop {
            let page = demo.get(&format!("{list}?limit=2{after}"));
            let items = page["items"].as_array().unwrap();
            assert!((1..=2).contains(&items.len()), "{list}");
            pages.extend(items.iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => break,
            }
        }
        assert_eq!(pages, whole, "{list}");
    }
}
