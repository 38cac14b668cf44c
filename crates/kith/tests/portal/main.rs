//! The portal as a browser without script uses it: the real binary, its pages and its forms.
#![allow(clippy::unwrap_used, missing_docs)]

mod family;
mod log_in;
#[path = "../running/mod.rs"]
mod running;

use running::{Answer, Demo, MUM, ask, listen, until};

/// A demo, with its owner logged in.
struct Portal {
    demo: Demo,
    /// What the browser sends with every request.
    cookie: String,
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let after = text.split_once(from).map_or("", |(_, after)| after);
    after.split_once(to).map_or("", |(between, _)| between)
}

impl Portal {
    fn start(name: &str) -> Self {
        Self::start_as(name, MUM)
    }

    fn start_as(name: &str, number: &str) -> Self {
        let mut portal = Self::stranger(name);
        portal.log_in(number);
        portal
    }

    /// A browser in which nobody has logged in.
    fn stranger(name: &str) -> Self {
        Self {
            demo: Demo::start(&format!("portal-{name}")),
            cookie: String::new(),
        }
    }

    /// The texts that a phone got.
    fn inbox(&self, number: &str) -> Vec<String> {
        let phone = self.demo.lab(&format!("/handsets/{number}"));
        let inbox = phone["inbox"].as_array().unwrap().iter();
        inbox
            .map(|text| text["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The code in the first text after those `before`.
    fn code(&self, number: &str, before: &[String]) -> String {
        until("the code", || {
            let texts = self.inbox(number);
            let text = texts.get(before.len())?;
            let mut digits = text.split(|c: char| !c.is_ascii_digit());
            digits.find(|digits| digits.len() == 6).map(str::to_owned)
        })
    }

    /// From now on this browser is somebody else's, who logged in with a code.
    fn log_in(&mut self, number: &str) {
        self.cookie.clear();
        let before = self.inbox(number);
        self.post("/login", &[("number", number)]);
        let code = self.code(number, &before);
        let entered = self.post("/login/code", &[("number", number), ("code", &code)]);
        self.take_cookie(&entered);
    }

    /// Keeps a cookie as a browser does.
    fn take_cookie(&mut self, answer: &Answer) {
        let cookie = answer.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let join = if self.cookie.is_empty() { "" } else { "; " };
        self.cookie.push_str(&format!("{join}{cookie}"));
    }

    /// The id of a sample owner's book.
    fn book(&self, number: &str) -> String {
        self.demo.ids(number).0
    }

    fn send(&self, method: &str, path: &str, line: Option<&str>, body: &str) -> Answer {
        let mut lines = vec![format!("Cookie: {}", self.cookie)];
        lines.extend(line.map(str::to_owned));
        ask(
            self.demo.url("portal"),
            &format!("{method} {path}"),
            &lines,
            body,
        )
    }

    fn get(&self, path: &str) -> Answer {
        self.send("GET", path, None, "")
    }

    fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let coded = |text: &str| -> String { text.bytes().map(|b| format!("%{b:02X}")).collect() };
        let pairs: Vec<_> = fields
            .iter()
            .map(|(k, v)| format!("{k}={}", coded(v)))
            .collect();
        let kind = Some("Content-Type: application/x-www-form-urlencoded");
        self.send("POST", path, kind, &pairs.join("&"))
    }

    /// The address of the person of this name.
    fn person(&self, name: &str) -> String {
        let list = self.get("/").text;
        let (before, _) = list.split_once(&format!(">{name}</span>")).unwrap();
        let (_, href) = before.rsplit_once("href=\"").unwrap();
        href.split('"').next().unwrap().to_owned()
    }

    /// The same browser, in Chinese.
    fn chinese(&mut self) {
        self.cookie.push_str("; kith_language=zh-Hans");
    }
}

/// The value of the button or field that is drawn like this.
fn value<'a>(page: &'a str, name: &str, words: &str) -> &'a str {
    let buttons = page.split("<button").skip(1);
    let mut buttons = buttons.filter(|b| b.contains(&format!("name=\"{name}\"")));
    let button = buttons.find(|b| between(b, ">", "</button>") == words);
    between(button.unwrap(), "value=\"", "\"")
}

#[test]
fn what_is_wrong_is_said_at_its_field_in_the_language_of_the_page_and_nothing_typed_is_lost() {
    let mut portal = Portal::start("wrong");
    let typed = [("name", "Dr Okafor"), ("number", "07700 9004O6")];
    let page = portal.post("/people/new", &typed);
    assert_eq!(page.status, 422);
    assert_eq!(page.title(), "Error: Add someone – Kith");
    assert!(page.text.contains("href=\"#number-0\">A number has digits"));
    assert!(page.text.contains("value=\"07700 9004O6\""));
    assert!(page.text.contains("“O” may be zero."));
    portal.chinese();
    let page = portal.post("/people/new", &typed);
    assert_eq!(page.title(), "出错：添加联系人 – 亲友簿");
    assert!(page.text.contains("字母O是不是数字0？"));
    let page = portal.post("/people/new", &[("name", ""), ("number", "07700 900406")]);
    assert!(page.text.contains("href=\"#name\">请写上手机要显示的名字"));
    // Nobody can be asked for what no field is to blame for.
    let gone = portal.post("/people/f_none/delete", &[]);
    assert_eq!(
        (gone.status, gone.title()),
        (404, "出错：这里没有 – 亲友簿")
    );
}

#[test]
fn a_number_with_two_readings_is_asked_about_with_both_and_may_be_kept() {
    let portal = Portal::start("readings");
    let two = [("name", "Office"), ("number", "+44 (0)20 7946 0321")];
    let page = portal.post("/people/new", &two);
    assert_eq!(page.status, 422);
    let readings: Vec<_> = page.text.matches("name=\"take\"").collect();
    assert_eq!(readings.len(), 2, "{}", page.text);
    let reading = value(&page.text, "take", "020 7946 0321");
    let saved = portal.post("/people/new", &[two[0], two[1], ("take", reading)]);
    assert_eq!(saved.status, 303, "{}", saved.text);
    assert!(portal.get("/").text.contains("<span>020</span>"));
    let short = [("name", "Door"), ("number", "0770 090")];
    let page = portal.post("/people/new", &short);
    let keep = value(&page.text, "keep", "Keep as it is");
    let saved = portal.post("/people/new", &[short[0], short[1], ("keep", keep)]);
    assert_eq!(saved.status, 303);
}

#[test]
fn a_number_that_somebody_has_opens_her_or_is_kept_for_both() {
    let portal = Portal::start("same");
    let mei = portal.person("Mei");
    let same = [("name", "小梅"), ("number", "+44 7700 900123")];
    let page = portal.post("/people/new", &same);
    assert_eq!(page.status, 422);
    assert!(page.text.contains("Mei already has this number."));
    assert!(page.text.contains(&format!("href=\"{mei}\">Open Mei</a>")));
    let both = value(&page.text, "both", "Keep both");
    let saved = portal.post("/people/new", &[same[0], same[1], ("both", both)]);
    assert_eq!(saved.status, 303);
    // What was said once is not asked again when something else is changed.
    let own = portal.get(&mei).text;
    let id = between(&own, "name=\"id\" value=\"", "\"");
    let fields = [("name", "Mei Mei"), ("number", "07700 900123"), ("id", id)];
    assert_eq!(portal.post(&mei, &fields).status, 303);
}

#[test]
fn what_somebody_else_changed_meanwhile_is_shown_and_saving_again_means_it() {
    let portal = Portal::start("meanwhile");
    let mei = portal.person("Mei");
    let form = portal.get(&mei).text;
    let plain = |text: &str| text.replace("&#34;", "\"").replace("&#38;", "&");
    let seen = plain(between(&form, "name=\"seen\" value=\"", "\""));
    let id = between(&form, "name=\"id\" value=\"", "\"");
    let change = |name: &str, seen: &str| {
        let fields = [
            ("name", name),
            ("number", "07700 900123"),
            ("id", id),
            ("seen", seen),
        ];
        portal.post(&mei, &fields)
    };
    assert_eq!(change("Mei Lin", &seen).status, 303);
    let page = change("Mei Wang", &seen);
    assert_eq!(page.status, 422);
    assert!(
        page.text.contains("Changed meanwhile: name."),
        "{}",
        page.text
    );
    assert!(
        page.text
            .contains("In the book now: Mei Lin · 07700 900123")
    );
    let seen = plain(between(&page.text, "name=\"seen\" value=\"", "\""));
    assert_eq!(change("Mei Wang", &seen).status, 303);
    // The first change cannot be undone any more, and the page says why.
    let history = portal.get("/history").text;
    let first = history
        .rsplit("/undo/")
        .find(|part| part.contains("Mei → Mei Lin"));
    let revision: u32 = first.unwrap().split('"').next().unwrap().parse().unwrap();
    let refused = portal.post(&format!("/undo/{revision}"), &[]);
    assert_eq!(
        (refused.status, refused.title()),
        (409, "Error: It was not undone – Kith")
    );
    assert!(refused.text.contains("Changed meanwhile: name."));
}

#[test]
fn the_language_switch_leads_back_and_never_away() {
    let portal = Portal::start("language");
    let to = |referer: &str| {
        let answer = portal.send(
            "POST",
            "/language",
            Some(&format!("Referer: {referer}")),
            "",
        );
        answer.header("location").unwrap().to_owned()
    };
    assert_eq!(
        to(&format!("{}people/new", portal.demo.url("portal"))),
        "/people/new"
    );
    assert_eq!(
        to(&format!("{}/other.example/", portal.demo.url("portal"))),
        "/"
    );
    assert_eq!(
        to(&format!("{}\\other.example/", portal.demo.url("portal"))),
        "/"
    );
    assert_eq!(portal.get("/login/code").header("location"), Some("/"));
}

#[test]
fn a_listening_page_hears_of_changes_and_ends_with_its_session() {
    let portal = Portal::start("live");
    let cookie = [format!("Cookie: {}", portal.cookie)];
    let mut lines = listen(portal.demo.url("portal"), "/live", &cookie);
    portal.post(
        "/people/new",
        &[("name", "Ann"), ("number", "07700 900406")],
    );
    assert!(lines.any(|line| line == "data: changed"));
    portal.post("/logout", &[]);
    portal.demo.add("Bob", "07700 900407");
    // The stream ends by itself; else this waits until the test's own end.
    let left = lines.filter(|line| line.starts_with("data:")).count();
    assert!(left <= 2, "events after the session's end: {left}");
}

#[test]
fn the_list_is_searched_by_name_digits_and_pinyin_and_says_where_everybody_is() {
    let few = Portal::start_as("few", "+8613900000102").get("/").text;
    assert!(!few.contains("name=\"q\""), "two people need no search");
    let portal = Portal::start("search");
    let people = [
        ("仇老师", "07700 900801"),
        ("王奶奶", "07700 900802"),
        ("Zoë", "07700 900803"),
        ("Dr Okafor", "07700 900804"),
        ("Ann", "07700 900805"),
    ];
    for (name, number) in people {
        let fields = [
            ("name", name),
            ("number", number),
            ("emergency", if name == "Zoë" { "1" } else { "" }),
        ];
        let fields = if name == "Zoë" {
            &fields[..]
        } else {
            &fields[..2]
        };
        assert_eq!(portal.post("/people/new", fields).status, 303);
    }
    let names = |path: &str| -> Vec<String> {
        let body = portal.get(path).text;
        let names = body.split("class=\"name\"").skip(1);
        names
            .map(|name| between(name, ">", "<").to_owned())
            .collect()
    };
    assert!(portal.get("/").text.contains("name=\"q\""));
    assert_eq!(names("/")[0], "Zoë", "emergency first");
    for (query, expected) in [
        ("zoe", &["Zoë"][..]),
        ("qiu", &["仇老师"]),
        ("wnn", &["王奶奶"]),
        ("%E7%8E%8B", &["王奶奶"]),
        ("900804", &["Dr Okafor"]),
        ("nobody", &[]),
    ] {
        assert_eq!(names(&format!("/?q={query}")), expected, "{query}");
    }
    assert!(portal.get("/?q=nobody").text.contains("Nobody found."));
    until("everybody on the phone", || {
        portal
            .get("/")
            .text
            .contains("Everything is on the phone")
            .then_some(())
    });
    // Removed is struck through until it is proven.
    portal.post(&format!("{}/delete", portal.person("Ann")), &[]);
    assert!(
        portal
            .get("/")
            .text
            .contains("1 is being removed from the phone")
    );
    until("Ann gone", || {
        (!names("/").contains(&"Ann".to_owned())).then_some(())
    });
}

#[test]
fn groups_are_added_filled_renamed_and_deleted_and_a_person_carries_hers() {
    let portal = Portal::start("groups");
    let added = portal.post("/groups", &[("name", "Family")]);
    let group = added.header("location").unwrap().to_owned();
    let twice = portal.post("/groups", &[("name", "Family")]);
    assert_eq!((twice.status, twice.title()), (422, "Error: Groups – Kith"));
    assert!(twice.text.contains("There is a group “Family” already."));
    let mei = portal.person("Mei");
    let id = mei.strip_prefix("/people/").unwrap();
    let renamed = portal.post(&group, &[("name", "The family"), ("friend", id)]);
    assert_eq!(renamed.status, 303);
    let list = portal.get("/groups").text;
    assert!(
        list.contains(">The family</span>") && list.contains("1 person"),
        "{list}"
    );
    let inside = format!(
        "value=\"{}\" checked> The family",
        group.strip_prefix("/groups/").unwrap()
    );
    assert!(portal.get(&mei).text.contains(&inside));
    portal.post(&format!("{group}/delete"), &[]);
    assert_eq!(portal.get(&group).status, 404);
    assert!(portal.get("/").text.contains(">Mei</span>"));
}

#[test]
fn more_of_a_person_is_kept_and_a_key_moves() {
    let portal = Portal::start("more");
    let ann = [
        ("name", "Ann"),
        ("number", "07700 900801"),
        ("label", "mobile"),
        ("number.1", "020 7946 0801"),
        ("label.1", "work"),
        ("key", "4"),
        ("sort_as", "Zann"),
        ("note", "next door"),
    ];
    assert_eq!(portal.post("/people/new", &ann).status, 303);
    let page = portal.get(&portal.person("Ann")).text;
    for part in [
        "<option value=\"mobile\" selected>",
        "value=\"020 7946 0801\"",
        "<option value=\"work\" selected>",
        "value=\"4\" checked",
        "value=\"Zann\"",
        ">next door</textarea>",
        "<details open>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    // The pad of somebody else shows who sits where; taking her key moves it.
    let form = portal.get("/people/new").text;
    assert!(form.contains("<b>4</b> <small>Ann</small>"), "{form}");
    portal.post(
        "/people/new",
        &[("name", "Bob"), ("number", "07700 900802"), ("key", "4")],
    );
    assert!(
        portal
            .get("/people/new")
            .text
            .contains("<b>4</b> <small>Bob</small>")
    );
}

#[test]
fn a_file_is_taken_in_card_by_card_and_given_back() {
    let portal = Portal::start("import");
    let bring = |file: &str| {
        let body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.vcf\"\r\n\r\n{file}\r\n--b--\r\n"
        );
        let kind = Some("Content-Type: multipart/form-data; boundary=b");
        portal.send("POST", "/import", kind, &body)
    };
    let file = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nTEL:07700 900801\r\nEND:VCARD\r\n\
        BEGIN:VCARD\r\nVERSION:3.0\r\nNOTE:nobody\r\nEND:VCARD\r\n\
        BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Mei\r\nTEL:07700 900123\r\nEND:VCARD\r\n";
    let page = bring(file);
    assert_eq!(page.status, 200);
    assert!(
        page.text.contains("1 person added, 1 left out."),
        "{}",
        page.text
    );
    assert!(page.text.contains("The contact in line 6"));
    assert!(page.text.contains(">Was here already<"));
    // Twice doubles nothing.
    assert!(bring(file).text.contains("0 people added, 1 left out."));
    let wrong = bring("");
    assert_eq!(
        (wrong.status, wrong.title()),
        (422, "Error: Bring a list, take a list – Kith")
    );
    assert!(wrong.text.contains("Choose a file first."));
    assert!(
        bring("hello")
            .text
            .contains("There is no contact in this file.")
    );
    let file = portal.get("/export.vcf");
    assert!(
        file.header("content-disposition")
            .unwrap()
            .contains("kith.vcf")
    );
    assert!(file.text.contains("FN:Ann") && file.text.contains("FN:Dr Lee"));
}

#[test]
fn the_phone_is_drawn_with_its_cuts_and_the_text_is_as_large_as_she_likes() {
    let mut portal = Portal::start("phone");
    let long = "Peter Longname the Plumber of the Street";
    let before = portal.get("/").text.matches("data-testid=\"row\"").count();
    portal.post("/people/new", &[("name", long), ("number", "07700 900801")]);
    portal.post(
        "/people/new",
        &[
            ("name", "Ann"),
            ("number", "07700 900802"),
            ("keep_off", "1"),
        ],
    );
    let page = portal.get("/phone").text;
    let shown = between(&page, "class=\"shown\" lang=\"en\">Peter", "<");
    assert!(
        long.starts_with(&format!("Peter{shown}")) && shown.len() < 12,
        "{shown}"
    );
    assert!(page.contains(&format!("In the book: {long}")));
    assert!(page.contains(&format!(
        "<progress value=\"{0}\" max=\"50\" aria-label=\"{0} of 50 used\"",
        before + 1
    )));
    let (_, apart) = page.split_once("Not on this phone").unwrap();
    assert!(apart.contains(">Ann</span>") && apart.contains("Not on the phone, as you wish"));
    // While it is typed, and nothing is saved by it.
    let typed = [("name", "Josephine Longname"), ("number", "07700 900803")];
    let line = portal.post("/people/new/preview", &typed).text;
    assert!(
        line.contains("The phone cuts the name here")
            && line.contains(&format!("{} of 50 used", before + 2))
    );
    assert_eq!(portal.post("/people/new/preview", &typed[..1]).status, 204);
    assert!(!portal.get("/").text.contains("Josephine"));
    let chosen = portal.post("/size", &[("size", "150")]);
    let cookie = chosen
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    portal.cookie = format!("{}; {cookie}", portal.cookie);
    assert!(portal.get("/").text.contains("class=\"size-150\""));
    let odd = portal.post("/size", &[("size", "\"><script>")]);
    assert!(
        odd.header("set-cookie")
            .unwrap()
            .starts_with("kith_size=100;")
    );
}

#[test]
fn much_at_once_is_held_and_stays_in_the_list_until_somebody_says_yes() {
    let portal = Portal::start("held");
    until("everybody on the phone", || {
        let list = portal.get("/").text;
        list.contains("Everything is on the phone").then_some(())
    });
    let list = portal.get("/").text;
    let ids = list
        .split("href=\"/people/")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let ids: Vec<_> = ids.filter(|id| *id != "new").collect();
    // Off, so that nothing can be gone before the brake comes.
    let kind = ["Content-Type: application/json".to_owned()];
    let call = format!("POST /handsets/{MUM}/power");
    ask(portal.demo.url("lab"), &call, &kind, r#"{"on": false}"#);
    let mut last = None;
    for id in ids.iter().take(ids.len().div_ceil(2)) {
        last = Some(portal.post(&format!("/people/{id}/delete"), &[]));
    }
    let list = portal.get(last.unwrap().header("location").unwrap()).text;
    assert!(list.contains("Much was changed at once"), "{list}");
    assert_eq!(list.matches("data-testid=\"row\"").count(), ids.len());
    assert!(list.contains("Waits for a yes"));
}
