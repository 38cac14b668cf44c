//! Who else may open a book, which of several she looks at, and passwords.

use super::{MUM, Portal};

#[test]
fn family_is_let_in_chooses_the_book_and_is_taken_out() {
    let joe = "+447700900103";
    let mut portal = Portal::start("family");
    let family = |name, number| [("name", name), ("number", number)];
    for (typed, said) in [
        (family("", "07700 900103"), "Write the name of the person"),
        (family("Joe", "07"), "That is no telephone number"),
        (family("Mum", "07700 900101"), "the owner’s own number"),
    ] {
        let page = portal.post("/family", &typed);
        assert_eq!(page.status, 422, "{said}");
        assert!(page.title().starts_with("Error: "));
        assert!(page.text.contains(said), "{said}");
        assert!(page.text.contains(&format!("value=\"{}\"", typed[1].1)));
    }
    let let_in = portal.post("/family", &family("Uncle Joe", "07700 900103"));
    assert_eq!(let_in.status, 303, "{}", let_in.text);
    let page = portal.get("/family").text;
    assert!(page.contains(joe) && page.contains("Wei"), "{page}");
    // Only family can be taken out of it.
    let ruth = portal.post("/family/remove", &[("login", "ruth")]);
    assert_eq!(ruth.status, 404);
    let mum = portal.cookie.clone();

    // Joe has a book of his own, and now hers too.
    portal.log_in(joe);
    assert_eq!(portal.get("/").title(), "Uncle Joe’s phone book – Kith");
    let own = portal.cookie.clone();
    let stranger = portal.book("+8613900000102");
    portal.cookie = format!("{own}; kith_book={stranger}");
    assert_eq!(portal.get("/").title(), "Uncle Joe’s phone book – Kith");
    portal.cookie = own;
    let hers = portal.book(MUM);
    let chosen = portal.post("/book", &[("book", &hers)]);
    portal.take_cookie(&chosen);
    assert_eq!(portal.get("/").title(), "Mum’s phone book – Kith");
    let form = portal.get("/people/new").text;
    let action = format!("/people/new?book={hers}");
    assert!(form.contains(&format!("action=\"{action}\"")), "{form}");
    // A form of another window changes no book but its own.
    let bob = [("name", "Bob"), ("number", "07700 900345")];
    let his = format!("/people/new?book={}", portal.book(joe));
    for path in ["/people/new", &his] {
        let page = portal.post(path, &bob);
        assert_eq!(page.status, 409);
        assert_eq!(page.title(), "Error: Another book is open – Kith");
    }
    assert!(!portal.get("/").text.contains("Bob"));
    assert_eq!(portal.post(&action, &bob).status, 303);
    assert!(portal.get("/").text.contains("Bob"));
    assert!(
        portal
            .get("/history")
            .text
            .contains("Uncle Joe, on this page")
    );

    let joes = std::mem::replace(&mut portal.cookie, mum);
    assert_eq!(portal.get("/").title(), "Mum’s phone book – Kith");
    let gone = portal.post("/family/remove", &[("login", joe)]);
    assert_eq!(gone.status, 303);
    assert!(!portal.get("/family").text.contains(joe));
    portal.cookie = joes;
    assert_eq!(portal.get("/").header("location"), Some("/login"));
}

#[test]
fn a_password_lets_in_beside_the_code_and_every_denial_is_the_same_sentence() {
    let joe = "+447700900103";
    let mut portal = Portal::start_as("password", joe);
    let short = portal.post("/password", &[("password", "short")]);
    assert_eq!(short.status, 422);
    assert!(
        short
            .text
            .contains("A password has at least 10 characters.")
    );
    portal.chinese();
    let short = portal.post("/password", &[("password", "short")]);
    assert!(short.text.contains("密码至少要10个字符。"));
    let set = portal.post("/password", &[("password", "four quite small words")]);
    assert_eq!(set.status, 200, "{}", set.text);
    assert!(set.text.contains("密码已设好"));
    portal.cookie.clear();
    assert_eq!(portal.get("/password").header("location"), Some("/login"));
    let denied = "Number and password do not belong together.";
    for (number, password, heading) in [
        ("07700 900103", "four quite small words", "Uncle Joe"),
        ("07700 900101", "three small words", "Mum"),
        ("+447700900188", "three small words", "Mum"),
        ("07700 900101", "three small wards", ""),
        // No password, no account, no number, somebody of the staff.
        ("+8613900000102", "three small words", ""),
        ("07700 900999", "three small words", ""),
        ("nobody", "three small words", ""),
        ("ruth", "three small words", ""),
    ] {
        portal.cookie.clear();
        let typed = [("number", number), ("password", password)];
        let answer = portal.post("/login/password", &typed);
        if heading.is_empty() {
            assert_eq!(answer.status, 422, "{number}");
            assert!(answer.text.contains(denied), "{number}");
            assert!(answer.header("set-cookie").is_none());
        } else {
            portal.take_cookie(&answer);
            let title = format!("{heading}’s phone book – Kith");
            assert_eq!(portal.get("/").title(), title, "{number}");
        }
    }
}
