//! Logging in with the code on one's own phone, and what nobody learns by trying.

use super::running::until;
use super::{MUM, Portal};

#[test]
fn the_owner_logs_in_with_the_code_on_her_phone_and_adds_a_friend() {
    let mut portal = Portal::stranger("log-in");
    portal.demo.in_sync();
    assert_eq!(portal.get("/").status, 303);
    portal.post("/login", &[("number", MUM)]);
    let tried = |number, code| portal.post("/login/code", &[("number", number), ("code", code)]);
    let wrong = tried("07700 900101", "xxxxxx");
    assert_eq!(wrong.status, 422);
    // A number that nobody has gets the very same page, but for the number itself.
    let unknown = tried("07700 900999", "xxxxxx");
    assert_eq!(unknown.text.replace("900999", "900101"), wrong.text);
    let entered = tried("07700 900101", &portal.code(MUM, &[]));
    let cookie = entered.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
    portal.take_cookie(&entered);
    let refused = portal.post("/people/new", &[("name", "X"), ("number", "O77")]);
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("value=\"O77\""), "{}", refused.text);
    portal.post(
        "/people/new",
        &[("name", "李医生"), ("number", "07700 900789")],
    );
    until("李医生", || {
        portal.demo.phone_book(MUM).contains("李医生").then_some(())
    });
    portal.demo.in_sync();
    let list = portal.get("/").text;
    assert!(list.contains("Everything is on the phone") && list.contains("李医生"));
    // Another site cannot post.
    let foreign = portal.send("POST", "/logout", Some("Sec-Fetch-Site: cross-site"), "");
    assert_eq!(foreign.status, 403);
    // The same book in Chinese.
    portal.chinese();
    let list = portal.get("/").text;
    assert!(list.contains("手机已是最新") && list.contains("lang=\"zh-Hans\""));
    // Out, and in again at once: a used code is in nobody's way.
    portal.post("/logout", &[]);
    assert_eq!(portal.get("/").status, 303);
    portal.log_in(MUM);
    assert_eq!(portal.get("/").status, 200);
}
