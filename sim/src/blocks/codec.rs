//! Codec: how many bytes a message is, as protobuf and as JSON.
//!
//! ```text
//!   message --> [ codec ] --> bytes --> the wire: 8 * bytes / bandwidth
//! ```
//!
//! *Protobuf* (Encoding, protobuf.dev) writes fields as pairs of a tag and a value. The tag is the
//! field's *number* and a wire type, not its name. Whole numbers are *varints*: seven bits a byte, the
//! lowest first, and the top bit says that another byte follows. Texts and messages inside messages
//! come after their length. A field that holds 0 or an empty text is not written at all.
//!
//! ```text
//!   150 in field 1:   08        96 01
//!                     1 << 3|0  0x16 + (0x01 << 7) = 22 + 128
//! ```
//!
//! *JSON* writes every name, every digit, and quotes around what is text.
//!
//! The bytes are those of prost and of serde_json, which the page's lab uses: its tests hold the three
//! against each other.
//!
//! Leaves out: signed numbers, floats, maps, packed lists, and texts that JSON has to escape.

/// Writes protobuf.
#[derive(Clone, Debug, Default)]
pub struct Protobuf {
    pub bytes: Vec<u8>,
}

/// What follows a tag.
const VARINT: u64 = 0;
const LENGTH: u64 = 2;

impl Protobuf {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
    fn tag(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }
    pub fn number(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.tag(field, VARINT);
            self.varint(value);
        }
    }
    pub fn text(&mut self, field: u64, text: &str) {
        if !text.is_empty() {
            self.message(field, text.as_bytes());
        }
    }
    /// An inner message, already encoded. Written even if it is empty: that it is there says something.
    pub fn message(&mut self, field: u64, inner: &[u8]) {
        self.tag(field, LENGTH);
        self.varint(inner.len() as u64);
        self.bytes.extend_from_slice(inner);
    }
}

/// Writes JSON without blanks.
#[derive(Clone, Debug, Default)]
pub struct Json {
    pub text: String,
}

impl Json {
    fn key(&mut self, name: &str) {
        self.text.push(if self.text.is_empty() { '{' } else { ',' });
        self.quoted(name);
        self.text.push(':');
    }
    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        self.text.push_str(text);
        self.text.push('"');
    }
    pub fn number(&mut self, name: &str, value: u64) {
        self.key(name);
        self.text.push_str(&value.to_string());
    }
    pub fn text(&mut self, name: &str, text: &str) {
        self.key(name);
        self.quoted(text);
    }
    /// A list of objects, each already encoded.
    pub fn list(&mut self, name: &str, items: impl Iterator<Item = String>) {
        self.key(name);
        self.text.push('[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.text.push(',');
            }
            self.text.push_str(&item);
        }
        self.text.push(']');
    }
    pub fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// `message Order` of the page: its fields have the numbers 1 to 6, those of an item 1 to 3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    pub order_id: u64,
    pub user_id: u64,
    pub currency: String,
    pub total_cents: u64,
    pub items: Vec<Item>,
    pub created_at: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    pub sku: String,
    pub quantity: u32,
    pub unit_price_cents: u64,
}

impl Order {
    /// The order that the page talks about, with so many items.
    pub fn example(items: u64) -> Order {
        Order {
            order_id: 123_456_789,
            user_id: 4_242,
            currency: "EUR".to_owned(),
            total_cents: 3_998 * items,
            items: (1..=items).map(Item::example).collect(),
            created_at: 1_700_000_000,
        }
    }
    pub fn protobuf(&self) -> Vec<u8> {
        let mut p = Protobuf::default();
        p.number(1, self.order_id);
        p.number(2, self.user_id);
        p.text(3, &self.currency);
        p.number(4, self.total_cents);
        for item in &self.items {
            p.message(5, &item.protobuf());
        }
        p.number(6, self.created_at);
        p.bytes
    }
    pub fn json(&self) -> String {
        let mut j = Json::default();
        j.number("order_id", self.order_id);
        j.number("user_id", self.user_id);
        j.text("currency", &self.currency);
        j.number("total_cents", self.total_cents);
        j.list("items", self.items.iter().map(Item::json));
        j.number("created_at", self.created_at);
        j.end()
    }
}

impl Item {
    fn example(number: u64) -> Item {
        let digits = number.to_string();
        let zeros = "000000".get(digits.len()..).unwrap_or("");
        Item { sku: ["SKU-", zeros, &digits].concat(), quantity: 2, unit_price_cents: 1_999 }
    }
    pub fn protobuf(&self) -> Vec<u8> {
        let mut p = Protobuf::default();
        p.text(1, &self.sku);
        p.number(2, u64::from(self.quantity));
        p.number(3, self.unit_price_cents);
        p.bytes
    }
    pub fn json(&self) -> String {
        let mut j = Json::default();
        j.text("sku", &self.sku);
        j.number("quantity", u64::from(self.quantity));
        j.number("unit_price_cents", self.unit_price_cents);
        j.end()
    }
}

/// `message Comment`: a number and a text, fields 1 and 2.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub text: String,
}

impl Comment {
    /// A comment of so many ASCII characters.
    pub fn example(characters: usize) -> Comment {
        Comment { id: 1, text: "Text is text in either format. ".chars().cycle().take(characters).collect() }
    }
    pub fn protobuf(&self) -> Vec<u8> {
        let mut p = Protobuf::default();
        p.number(1, self.id);
        p.text(2, &self.text);
        p.bytes
    }
    pub fn json(&self) -> String {
        let mut j = Json::default();
        j.number("id", self.id);
        j.text("text", &self.text);
        j.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation's own example, and the largest number.
    #[test]
    fn varints() {
        let bytes = |id| Comment { id, text: String::new() }.protobuf();
        assert_eq!(bytes(150), [0x08, 0x96, 0x01]);
        assert!(bytes(0).is_empty());
        assert_eq!(bytes(u64::MAX), [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }
    /// A text is its length and its bytes, a message inside a message likewise; what is 0 or empty is not written.
    #[test]
    fn texts_and_inner_messages_come_after_their_length() {
        let comment = Comment { id: 0, text: "testing".to_owned() };
        assert_eq!(comment.protobuf(), [b"\x12\x07", "testing".as_bytes()].concat(), "the documentation's example");
        let item = Item { sku: "A".to_owned(), quantity: 0, unit_price_cents: 3 };
        assert_eq!(item.protobuf(), [0x0a, 1, b'A', 0x18, 3]);
        let order = Order { user_id: 1, items: vec![item.clone(), item], ..Order::default() };
        let inner = [0x2a, 5, 0x0a, 1, b'A', 0x18, 3];
        assert_eq!(order.protobuf(), [&[0x10, 1], &inner[..], &inner].concat());
        let empty = Order { items: vec![Item::default()], ..Order::default() };
        assert_eq!(empty.protobuf(), [0x2a, 0], "an item with nothing in it is still an item");
    }

    #[test]
    fn json_writes_names_quotes_and_commas() {
        let item = Item { sku: "A".to_owned(), quantity: 2, unit_price_cents: 3 };
        let one = r#"{"sku":"A","quantity":2,"unit_price_cents":3}"#;
        assert_eq!(item.json(), one);
        let order = |items| Order { order_id: 7, currency: "EUR".to_owned(), items, ..Order::default() }.json();
        let written = |items: &str| {
            [r#"{"order_id":7,"user_id":0,"currency":"EUR","total_cents":0,"items":["#, items, r#"],"created_at":0}"#]
                .concat()
        };
        assert_eq!(order(vec![]), written(""));
        assert_eq!(order(vec![item.clone()]), written(one));
        assert_eq!(order(vec![item.clone(), item]), written(&[one, one].join(",")));
        assert_eq!(Comment { id: 1, text: "a".to_owned() }.json(), r#"{"id":1,"text":"a"}"#);
    }

    /// The examples are as long as they are asked to be, and an order costs what its items do.
    #[test]
    fn examples_add_up() {
        let order = Order::example(12);
        assert_eq!(order.items.len(), 12);
        let cents: u64 = order.items.iter().map(|i| u64::from(i.quantity) * i.unit_price_cents).sum();
        assert_eq!(order.total_cents, cents);
        assert!(order.items.iter().all(|i| i.sku.len() == "SKU-000000".len()));
        assert_ne!(order.items[0], order.items[11]);
        assert_eq!([0, 1, 100].map(|n| Comment::example(n).text.len()), [0, 1, 100]);
        assert!(order.protobuf().len() * 2 < order.json().len());
    }
}
