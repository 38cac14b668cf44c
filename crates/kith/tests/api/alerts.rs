//! What is wrong with the house itself, in the metrics and on the console.

use super::running::{Demo, ask};

/// The value of a series of `/metrics`.
fn series(demo: &Demo, name: &str) -> Option<f64> {
    let answer = demo.ask("GET /metrics", &[], "");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut lines = answer.text.lines();
    lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// The console's first page, as its administrator sees it.
fn console(demo: &Demo) -> String {
    let base = demo.url("api").trim_end_matches("/api/v1");
    let form = ["Content-Type: application/x-www-form-urlencoded".to_owned()];
    let who = "login=ruth&password=three+small+words";
    let entered = ask(base, "POST /console/login", &form, who);
    let cookie = entered.header("set-cookie").unwrap();
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let page = ask(base, "GET /console", &[cookie], "");
    assert_eq!(page.status, 200);
    page.text
}

#[test]
fn the_figures_are_told_and_a_file_that_was_copied_back_is_an_alert_and_a_line_of_the_console() {
    let mut demo = Demo::start("alerts");
    demo.in_sync();
    for (name, value) in [
        ("kith_subscribers", Some(3.0)),
        ("kith_gateway_up{gateway=\"lab\"}", Some(1.0)),
        ("kith_terminals_in_trouble", Some(0.0)),
        ("kith_shipments{state=\"queued\"}", Some(0.0)),
        ("kith_alert{what=\"store-copied-back\"}", None),
        ("kith_alert{what=\"store\"}", None),
    ] {
        assert_eq!(series(&demo, name), value, "{name}");
    }
    let before = console(&demo);
    assert!(before.contains("data-testid=\"needs\"") && !before.contains("copied back"));
    // The files were taken while the server ran, note and all, and are other files now.
    demo.again_after(|folder| {
        let (file, aside) = (folder.join("kith.db"), folder.join("aside.db"));
        std::fs::rename(&file, &aside).unwrap();
        std::fs::copy(&aside, &file).unwrap();
    });
    let alert = "kith_alert{what=\"store-copied-back\"}";
    assert_eq!(series(&demo, alert), Some(1.0));
    assert!(console(&demo).contains("copied back"));
    demo.in_sync();
}
