//! The lab against the simulation's blocks: what the page sends, and what it gets.

use lab_events::{EVENTS_MAX, append, fold};
use serde_json::{Value, json};
use sim::blocks::account::{Account, Codec, Event, Kind};

fn form(events: &[(&str, &str, u8)]) -> Value {
    let events: Vec<Value> = events.iter().map(|e| draft(*e)).collect();
    json!({ "events": events, "upcaster": true, "snapshot": "", "kept_in": 2, "expects": 2, "checks": true, "draft": null })
}

fn draft((kind, amount, schema): (&str, &str, u8)) -> Value {
    json!({ "kind": kind, "amount": amount, "schema": schema })
}

fn folded(form: &Value) -> Value {
    serde_json::from_str(&fold(&form.to_string())).unwrap()
}

fn appended(form: &Value) -> Value {
    serde_json::from_str(&append(&form.to_string())).unwrap()
}

const LEDGER: [(&str, &str, u8); 5] = [
    ("Opened", "", 1),
    ("Deposited", "100", 1),
    ("Withdrawn", "30", 1),
    ("Deposited", "50.25", 2),
    ("Corrected", "-50.25", 2),
];

#[test]
fn every_state_is_the_fold_of_what_came_before() {
    let report = folded(&form(&LEDGER));
    let after: Vec<&str> = report["rows"].as_array().unwrap().iter().map(|r| r["after"].as_str().unwrap()).collect();
    assert_eq!(after, ["0.00", "100.00", "70.00", "120.25", "70.00"]);
    let state = [
        (Kind::Opened, 0),
        (Kind::Deposited, 10_000),
        (Kind::Withdrawn, 3_000),
        (Kind::Deposited, 5_025),
        (Kind::Corrected, -5_025),
    ]
    .into_iter()
    .fold(Account::default(), |a, (kind, cents)| a.apply(Event { kind, cents }));
    assert_eq!(state.cents, 7_000);
    assert_eq!((&report["version"], &report["whole"]["balance"]), (&json!(5), &json!("70.00")));
    assert_eq!(report["rows"][1]["stored"], r#"{"v":1,"kind":"Deposited","euros":100}"#);
    assert_eq!(report["rows"][1]["read"], r#"{"v":2,"kind":"Deposited","cents":10000}"#);
    assert_eq!(report["rows"][3]["undo"], "-50.25");
}

#[test]
fn an_edit_changes_the_log_and_a_correction_does_not() {
    let before = folded(&form(&LEDGER[..4]))["hash"].clone();
    let mut edited = LEDGER;
    edited[1].1 = "90";
    assert_ne!(folded(&form(&edited[..4]))["hash"], before);
    // The prefix of the corrected log is the log.
    assert_eq!(folded(&form(&LEDGER[..4]))["hash"], before);
    assert_ne!(folded(&form(&LEDGER))["hash"], before);
}

#[test]
fn without_the_upcaster_v1_cannot_be_read() {
    let mut f = form(&LEDGER);
    f["upcaster"] = json!(false);
    let report = folded(&f);
    assert_eq!((&report["rows"][0]["read"], &report["rows"][3]["after"]), (&json!(null), &json!(null)));
    assert_eq!(report["whole"]["balance"], json!(null));
    // A snapshot hides it: only the events after it are read.
    f["snapshot"] = json!("3");
    let report = folded(&f);
    assert_eq!((&report["kept"]["balance"], &report["same"]), (&json!("70.00"), &json!(false)));
    assert!(
        Codec { schema: 2, upcaster: false }.read(Codec::V1.write(Event { kind: Kind::Opened, cents: 0 })).is_err()
    );
}

#[test]
fn a_snapshot_of_another_layout_is_ignored_if_that_is_checked() {
    let mut f = form(&LEDGER);
    f["snapshot"] = json!("3");
    let report = folded(&f);
    assert_eq!(
        (&report["same"], &report["kept"]["folded"], &report["kept"]["reads"]),
        (&json!(true), &json!(2), &json!(2))
    );
    f["kept_in"] = json!(1);
    let report = folded(&f);
    assert_eq!((&report["stale"], &report["same"], &report["kept"]["folded"]), (&json!(true), &json!(true), &json!(5)));
    f["checks"] = json!(false);
    let report = folded(&f);
    // 70 euros are taken for 70 cents.
    assert_eq!(
        (&report["stale"], &report["same"], &report["kept"]["balance"]),
        (&json!(false), &json!(false), &json!("0.70"))
    );
}

#[test]
fn an_append_names_its_version_and_its_rules() {
    let mut f = form(&LEDGER);
    f["draft"] = draft(("Withdrawn", "70", 2));
    (f["expected"], f["decide"]) = (json!("5"), json!(true));
    assert_eq!(appended(&f)["version"], 6);
    f["expected"] = json!("4");
    let answer = appended(&f);
    assert_eq!(answer["mistake"]["path"], "expected");
    assert!(
        answer["mistake"]["says"]
            .as_str()
            .unwrap()
            .starts_with("Conflict: expected version 4, but the stream is at 5.")
    );
    (f["expected"], f["draft"]["amount"]) = (json!("5"), json!("70.01"));
    assert!(appended(&f)["mistake"]["says"].as_str().unwrap().contains("the balance is too low"));
    // As a fact, without the rules, it can be written: the fold does not refuse.
    f["decide"] = json!(false);
    assert_eq!(appended(&f)["version"], 6);
    f["expected"] = json!("");
    assert!(appended(&f)["mistake"]["says"].as_str().unwrap().starts_with("Nothing is not a version."));
}

#[test]
fn mistakes_are_sentences_about_a_field() {
    for (event, path, says) in [
        (("Deposited", "", 2), "events[0].amount", "Nothing is not an amount."),
        (("Deposited", "ten", 2), "events[0].amount", "“ten” is not an amount."),
        (("Deposited", "-4", 2), "events[0].amount", "A payment is more than 0"),
        (("Deposited", "12.50", 1), "events[0].amount", "“12.50” has cents, and v1 has no room for them."),
        (("Corrected", "0", 2), "events[0].amount", "A correction by 0"),
        (("Deposited", "1000000.01", 2), "events[0].amount", "“1000000.01” is too large."),
        (("Deleted", "1", 2), "events[0].kind", "“Deleted” is not a kind of event"),
        (("Opened", "", 3), "events[0].schema", "v3 is unknown"),
    ] {
        let answer = folded(&form(&[event]));
        assert_eq!(answer["mistake"]["path"], path, "{event:?}");
        assert!(answer["mistake"]["says"].as_str().unwrap().starts_with(says), "{answer}");
    }
    let mut f = form(&LEDGER);
    f["snapshot"] = json!("6");
    assert_eq!(folded(&f)["mistake"]["path"], "snapshot");
    assert!(fold("{").contains("The form could not be read"));
    let many = vec![("Opened", "", 2); EVENTS_MAX + 1];
    assert!(folded(&form(&many))["mistake"]["says"].as_str().unwrap().starts_with("201 events are more"));
}
