//! What the reader typed, made into a message, or a sentence about what is wrong with it.
//!
//! The page sends every field as the text that stands in its box, so that this is the only place that judges it.

use serde::{Deserialize, Serialize};

use crate::message::{Comment, Item, Message, Order};

/// More would be a list that nobody reads.
pub const ITEMS_MAX: usize = 300;
/// Bytes of one text.
pub const TEXT_BYTES_MAX: usize = 20_000;

#[derive(Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
enum Form {
    Order {
        order_id: String,
        user_id: String,
        currency: String,
        total_cents: String,
        items: Vec<ItemForm>,
        created_at: String,
        note: String,
    },
    Comment {
        id: String,
        text: String,
    },
}

#[derive(Deserialize)]
struct ItemForm {
    sku: String,
    quantity: String,
    unit_price_cents: String,
}

/// What cannot be encoded, and in which field it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// As in `items[2].sku`; empty if it is not about one field.
    pub path: String,
    /// A sentence for the reader.
    pub says: String,
}

impl Mistake {
    fn new(path: &str, says: String) -> Mistake {
        Mistake { path: path.to_owned(), says }
    }
}

/// Reads a form: a JSON object whose `message` is `order` or `comment`, and whose fields are texts.
///
/// # Errors
///
/// The first field that its type cannot hold, with what it can.
pub fn read(form: &str) -> Result<Message, Mistake> {
    let form: Form = serde_json::from_str(form)
        .map_err(|error| Mistake::new("", format!("The form could not be read: {error}.")))?;
    match form {
        Form::Order { order_id, user_id, currency, total_cents, items, created_at, note } => {
            if items.len() > ITEMS_MAX {
                let says = format!("{} items are more than the {ITEMS_MAX} that this page encodes.", items.len());
                return Err(Mistake::new("items", says));
            }
            Ok(Message::Order(Order {
                order_id: whole("order_id", &order_id)?,
                user_id: whole("user_id", &user_id)?,
                currency: text("currency", currency)?,
                total_cents: whole("total_cents", &total_cents)?,
                items: items.into_iter().enumerate().map(|(at, item)| read_item(at, item)).collect::<Result<_, _>>()?,
                created_at: whole("created_at", &created_at)?,
                note: text("note", note)?,
            }))
        }
        Form::Comment { id, text: body } => {
            Ok(Message::Comment(Comment { id: whole("id", &id)?, text: text("text", body)? }))
        }
    }
}

fn read_item(at: usize, item: ItemForm) -> Result<Item, Mistake> {
    let path = |field: &str| format!("items[{at}].{field}");
    let quantity = whole_up_to(&path("quantity"), &item.quantity, u64::from(u32::MAX))?;
    Ok(Item {
        sku: text(&path("sku"), item.sku)?,
        quantity: u32::try_from(quantity).unwrap_or(u32::MAX),
        unit_price_cents: whole(&path("unit_price_cents"), &item.unit_price_cents)?,
    })
}

fn whole(path: &str, typed: &str) -> Result<u64, Mistake> {
    whole_up_to(path, typed, u64::MAX)
}

/// A number without a sign or a point. An empty box is 0, as in protobuf.
fn whole_up_to(path: &str, typed: &str, most: u64) -> Result<u64, Mistake> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Ok(0);
    }
    let kind = if most == u64::MAX { "uint64" } else { "uint32" };
    let shown = shortened(typed);
    let expected = format!("{path} is a {kind}: a whole number from 0 to {}.", grouped(most));
    let says = if typed.starts_with('-') && typed[1..].bytes().all(|byte| byte.is_ascii_digit()) {
        format!("“{shown}” is negative. {expected}")
    } else if !typed.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("“{shown}” is not a whole number. {expected}")
    } else {
        match typed.parse() {
            Ok(number) if number <= most => return Ok(number),
            _ => format!("“{shown}” is too large. {expected}"),
        }
    };
    Err(Mistake::new(path, says))
}

fn text(path: &str, typed: String) -> Result<String, Mistake> {
    if typed.len() <= TEXT_BYTES_MAX {
        return Ok(typed);
    }
    let says = format!(
        "{path} has {} bytes; this page encodes at most {}.",
        grouped(typed.len() as u64),
        grouped(TEXT_BYTES_MAX as u64)
    );
    Err(Mistake::new(path, says))
}

/// As it was typed, cut where it would not fit a sentence.
fn shortened(typed: &str) -> String {
    match typed.char_indices().nth(24) {
        Some((end, _)) => format!("{}…", &typed[..end]),
        None => typed.to_owned(),
    }
}

/// `18,446,744,073,709,551,615`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
