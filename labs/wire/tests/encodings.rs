//! What the lab encodes, against bytes that another encoder wrote: Python's protobuf package 7.36.2 and its json
//! module (`tests/bytes/make.py`).

use lab_wire::{Comment, Item, Message, Order, deflated, json, protobuf, symbols};

const THREE: [&str; 2] = [include_str!("bytes/three-items.hex"), include_str!("bytes/three-items.json")];
const HUNDRED: [&str; 2] = [include_str!("bytes/hundred-items.hex"), include_str!("bytes/hundred-items.json")];
const LONG: [&str; 2] = [include_str!("bytes/long-text.hex"), include_str!("bytes/long-text.json")];

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&String::from_iter(pair), 16).unwrap()).collect()
}

/// The order that the article talks about.
fn order(items: u64) -> Message {
    Message::Order(Order {
        order_id: 123_456_789,
        user_id: 4_242,
        currency: "EUR".to_owned(),
        total_cents: 3_998 * items,
        items: (1..=items)
            .map(|at| Item { sku: format!("SKU-{at:06}"), quantity: 2, unit_price_cents: 1_999 })
            .collect(),
        created_at: 1_700_000_000,
        note: String::new(),
    })
}

fn long_text() -> Message {
    let text = (1..=27).map(|at| format!("Text is text in either format, line {at:02}. ")).collect();
    Message::Comment(Comment { id: 1, text })
}

fn assert_like_python(message: &Message, [hex, text]: [&str; 2], sizes: [usize; 2]) {
    assert_eq!(protobuf(message), bytes(hex));
    assert_eq!(String::from_utf8(json(message)).unwrap(), text.trim_end());
    assert_eq!([protobuf(message).len(), json(message).len()], sizes);
}

#[test]
fn three_items() {
    assert_like_python(&order(3), THREE, [79, 282]);
}

#[test]
fn a_hundred_items() {
    assert_like_python(&order(100), HUNDRED, [1_923, 5_909]);
}

#[test]
fn one_long_text() {
    assert_like_python(&long_text(), LONG, [1_085, 1_098]);
}

#[test]
fn small_messages() {
    let comment = |id, text: &str| Message::Comment(Comment { id, text: text.to_owned() });
    // The protobuf documentation's own example: 150 in field 1.
    assert_eq!(protobuf(&comment(150, "")), bytes("089601"));
    assert_eq!(protobuf(&comment(u64::MAX, "")), bytes("08ffffffffffffffffff01"));
    assert_eq!(protobuf(&comment(0, "")), bytes(""));
    let item = |sku: &str, quantity, unit_price_cents| Item { sku: sku.to_owned(), quantity, unit_price_cents };
    let order = Order {
        order_id: 1,
        items: vec![item("", 0, 0), item("A", u32::MAX, 300)],
        note: "Käse 10 €".to_owned(),
        ..Order::default()
    };
    let expected = bytes("08012a002a0c0a014110ffffffff0f18ac023a0c4bc3a4736520313020e282ac");
    assert_eq!(protobuf(&Message::Order(order)), expected);
}

/// zlib's raw streams at level 6 have 259 and 387 bytes; another deflate may find other matches.
#[test]
fn a_hundred_items_deflated() {
    for (plain, zlib) in [(protobuf(&order(100)), 259.0), (json(&order(100)), 387.0)] {
        let stream = deflated(&plain);
        let size = stream.len() as f64;
        assert!((size - zlib).abs() <= 0.03 * zlib, "{size} bytes, zlib {zlib}");
        assert_eq!(symbols(&stream).unwrap().1, plain);
    }
}

/// Small messages take the codes of the standard, as zlib does: 49 and 144 bytes.
#[test]
fn three_items_deflated() {
    for (plain, zlib) in [(protobuf(&order(3)), 49), (json(&order(3)), 144)] {
        let size = deflated(&plain).len();
        assert!(size.abs_diff(zlib) <= zlib / 20, "{size} bytes, zlib {zlib}");
    }
}

mod engine {
    use super::*;
    use proptest::prelude::*;
    use sim::blocks::codec;

    proptest! {
        /// The engine counts bytes with code of its own; they are these bytes.
        #[test]
        fn the_engine_counts_the_bytes_that_prost_and_serde_json_write(
            numbers: [u64; 4],
            currency in "[A-Z]{0,4}",
            items in prop::collection::vec(("[A-Za-z0-9 .-]{0,200}", any::<u32>(), any::<u64>()), 0..6),
            text in "[A-Za-z0-9 .-]{0,300}",
        ) {
            let [order_id, user_id, total_cents, created_at] = numbers;
            let message = Message::Order(Order {
                order_id, user_id, total_cents, created_at, currency: currency.clone(), note: String::new(),
                items: items.iter().cloned().map(|(sku, quantity, unit_price_cents)| Item { sku, quantity, unit_price_cents }).collect(),
            });
            let counted = codec::Order {
                order_id, user_id, total_cents, created_at, currency,
                items: items.into_iter().map(|(sku, quantity, unit_price_cents)| codec::Item { sku, quantity, unit_price_cents }).collect(),
            };
            prop_assert_eq!(protobuf(&message), counted.protobuf());
            prop_assert_eq!(json(&message), counted.json().into_bytes());
            let message = Message::Comment(Comment { id: order_id, text: text.clone() });
            let counted = codec::Comment { id: order_id, text };
            prop_assert_eq!(protobuf(&message), counted.protobuf());
            prop_assert_eq!(json(&message), counted.json().into_bytes());
        }
    }

    #[test]
    fn the_engine_talks_about_the_same_orders() {
        for items in [1, 3, 100] {
            assert_eq!(codec::Order::example(items).protobuf(), protobuf(&order(items)));
        }
    }
}
