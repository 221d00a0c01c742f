//! What the lab says about bytes: nothing is left out, and any input gets an answer.

use lab_wire::{
    Comment, ITEMS_MAX, Item, Message, Order, Part, Type, deflated, encode, json, json_parts, protobuf, protobuf_parts,
    read, symbols,
};
use proptest::prelude::*;

fn messages() -> impl Strategy<Value = Message> {
    let item = (".{0,6}", any::<u32>(), any::<u64>()).prop_map(|(sku, quantity, unit_price_cents)| Item {
        sku,
        quantity,
        unit_price_cents,
    });
    let order = (any::<(u64, u64, u64, u64)>(), ".{0,4}", prop::collection::vec(item, 0..5), ".{0,200}").prop_map(
        |((order_id, user_id, total_cents, created_at), currency, items, note)| {
            Message::Order(Order { order_id, user_id, currency, total_cents, items, created_at, note })
        },
    );
    let comment = (any::<u64>(), ".{0,300}").prop_map(|(id, text)| Message::Comment(Comment { id, text }));
    prop_oneof![order, comment]
}

fn assert_whole(parts: &[Part], bytes: &[u8]) {
    let mut at = 0;
    for part in parts {
        assert_eq!(part.from, at, "{part:?}");
        assert!(part.to > part.from && !part.says.is_empty(), "{part:?}");
        at = part.to;
    }
    assert_eq!(at, bytes.len());
}

proptest! {
    #[test]
    fn every_byte_is_explained_once(message in messages()) {
        let of = if matches!(message, Message::Order(_)) { Type::Order } else { Type::Comment };
        let (binary, text) = (protobuf(&message), json(&message));
        assert_whole(&protobuf_parts(&binary, of), &binary);
        assert_whole(&json_parts(&text), &text);
        for plain in [binary, text] {
            let stream = deflated(&plain);
            let (symbols, out) = symbols(&stream).expect("a stream that miniz_oxide wrote");
            prop_assert_eq!(out, plain);
            prop_assert!(symbols.windows(2).all(|pair| pair[0].to == pair[1].from));
            prop_assert!(symbols.last().is_some_and(|last| last.to.div_ceil(8) == stream.len()));
        }
    }

    #[test]
    fn bytes_that_nobody_encoded_are_walked_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        protobuf_parts(&bytes, Type::Order);
        json_parts(&bytes);
        symbols(&bytes);
    }

    #[test]
    fn any_form_gets_an_answer(form in ".{0,80}") {
        prop_assert!(encode(&form).contains("\"mistake\""));
    }

    #[test]
    fn numbers_are_numbers_or_a_sentence(typed in "[-+ 0-9.e]{0,24}") {
        let form = serde_json::json!({ "message": "comment", "id": typed, "text": "" }).to_string();
        match read(&form) {
            Ok(Message::Comment(comment)) => {
                let digits = typed.trim();
                prop_assert_eq!(comment.id, if digits.is_empty() { 0 } else { digits.parse().unwrap() });
            }
            Ok(other) => prop_assert!(false, "{:?}", other),
            Err(mistake) => {
                prop_assert_eq!(mistake.path, "id");
                prop_assert!(mistake.says.contains("a whole number from 0 to 18,446,744,073,709,551,615."));
            }
        }
    }
}

fn form(field: &str, value: &str) -> String {
    let item = serde_json::json!({ "sku": "A", "quantity": "1", "unit_price_cents": "5" });
    let mut form = serde_json::json!({
        "message": "order", "order_id": "1", "user_id": "2", "currency": "EUR", "total_cents": "5",
        "items": [item.clone(), item], "created_at": "3", "note": "",
    });
    *form.pointer_mut(field).expect("a field") = value.into();
    form.to_string()
}

#[test]
fn mistakes_are_sentences_that_name_the_field() {
    let says = |field: &str, value: &str| {
        let mistake = read(&form(field, value)).expect_err("a mistake");
        format!("{}: {}", mistake.path, mistake.says)
    };
    assert_eq!(
        says("/items/1/quantity", "4294967296"),
        "items[1].quantity: “4294967296” is too large. items[1].quantity is a uint32: a whole number from 0 to 4,294,967,295."
    );
    assert!(says("/order_id", "-5").starts_with("order_id: “-5” is negative."));
    assert!(says("/order_id", "1.5").starts_with("order_id: “1.5” is not a whole number."));
    assert!(says("/note", &"x".repeat(20_001)).contains("20,001 bytes; this page encodes at most 20,000."));
    assert!(read(&form("/order_id", " 18446744073709551615 ")).is_ok());

    let item = serde_json::json!({ "sku": "", "quantity": "", "unit_price_cents": "" });
    let mut form: serde_json::Value = serde_json::from_str(&form("/note", "")).unwrap();
    form["items"] = vec![item; ITEMS_MAX + 1].into();
    assert!(read(&form.to_string()).unwrap_err().says.contains("301 items are more than the 300"));
}

#[test]
fn what_is_worth_a_word_is_said() {
    let answer = |field: &str, value: &str| encode(&form(field, value));
    assert!(answer("/order_id", "9007199254740993").contains("does not survive JSON.parse"));
    assert!(answer("/order_id", "0").contains("Not in the protobuf bytes at all: order_id."));
    assert!(answer("/note", "x").contains("\"notes\":[]"));
}

#[test]
fn parts_say_what_the_bytes_mean() {
    let comment = Message::Comment(Comment { id: 150, text: "hi".to_owned() });
    let said: Vec<String> = protobuf_parts(&protobuf(&comment), Type::Comment)
        .into_iter()
        .map(|part| format!("{} {}: {}", part.kind, part.path, part.says))
        .collect();
    assert_eq!(
        said,
        [
            "tag id: Tag of id: field number 1 × 8 + wire type 0, a varint follows.",
            "number id: id = 150, as a varint of 2 bytes: seven bits of each, the last byte first, are 0000001 0010110.",
            "tag text: Tag of text: field number 2 × 8 + wire type 2, a length follows.",
            "length text: Length of this text: 2 bytes.",
            "text text: text: “hi” in UTF-8.",
        ]
    );
    let names: Vec<String> = json_parts(br#"{"items":[{"sku":"A"},{"sku":"B"}]}"#)
        .into_iter()
        .filter(|part| part.kind == "text")
        .map(|part| part.path)
        .collect();
    assert_eq!(names, ["items[0].sku", "items[1].sku"]);
}
