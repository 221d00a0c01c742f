//! The two messages of the lab, and the four ways they are written.
//!
//! The field numbers are the protobuf schema; the JSON keys are the same names. In a `.proto` file:
//!
//! ```text
//! message Order {                     message Item {                    message Comment {
//!   uint64 order_id = 1;                string sku = 1;                   uint64 id = 1;
//!   uint64 user_id = 2;                 uint32 quantity = 2;              string text = 2;
//!   string currency = 3;                uint64 unit_price_cents = 3;    }
//!   uint64 total_cents = 4;           }
//!   repeated Item items = 5;
//!   uint64 created_at = 6;
//!   string note = 7;
//! }
//! ```

use miniz_oxide::deflate::core::{
    CompressionStrategy, CompressorOxide, TDEFLFlush, compress_to_output, create_comp_flags_from_zip_params,
};
use serde::Serialize;

/// The level that gzip and zlib take if nobody says otherwise.
const DEFLATE_LEVEL: i32 = 6;
/// No header around the stream: raw deflate.
const RAW: i32 = -15;

#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Order {
    #[prost(uint64, tag = "1")]
    pub order_id: u64,
    #[prost(uint64, tag = "2")]
    pub user_id: u64,
    #[prost(string, tag = "3")]
    pub currency: String,
    #[prost(uint64, tag = "4")]
    pub total_cents: u64,
    #[prost(message, repeated, tag = "5")]
    pub items: Vec<Item>,
    /// Seconds since 1970.
    #[prost(uint64, tag = "6")]
    pub created_at: u64,
    /// Left out of both encodings when it is empty.
    #[prost(string, tag = "7")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Item {
    #[prost(string, tag = "1")]
    pub sku: String,
    #[prost(uint32, tag = "2")]
    pub quantity: u32,
    #[prost(uint64, tag = "3")]
    pub unit_price_cents: u64,
}

/// Almost nothing but text.
#[derive(Clone, PartialEq, prost::Message, Serialize)]
pub struct Comment {
    #[prost(uint64, tag = "1")]
    pub id: u64,
    #[prost(string, tag = "2")]
    pub text: String,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Message {
    Order(Order),
    Comment(Comment),
}

/// The message as prost writes it.
pub fn protobuf(message: &Message) -> Vec<u8> {
    match message {
        Message::Order(order) => prost::Message::encode_to_vec(order),
        Message::Comment(comment) => prost::Message::encode_to_vec(comment),
    }
}

/// The message as serde_json writes it, without a blank.
///
/// # Panics
///
/// Never: these messages have string keys and finite numbers only, which JSON can always hold.
pub fn json(message: &Message) -> Vec<u8> {
    match message {
        Message::Order(order) => serde_json::to_vec(order),
        Message::Comment(comment) => serde_json::to_vec(comment),
    }
    .expect("text keys and whole numbers")
}

/// Raw deflate (RFC 1951), level 6: what gzip wraps in 18 more bytes, and zlib in 6.
///
/// A block has codes of its own or those of the standard. zlib takes what comes out shorter; miniz_oxide has to be
/// told, so both are made. It matters below some hundred bytes.
pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let own = deflated_with(CompressionStrategy::Default, bytes);
    let fixed = deflated_with(CompressionStrategy::Fixed, bytes);
    if fixed.len() < own.len() { fixed } else { own }
}

fn deflated_with(strategy: CompressionStrategy, bytes: &[u8]) -> Vec<u8> {
    let flags = create_comp_flags_from_zip_params(DEFLATE_LEVEL, RAW, strategy as i32);
    let mut out = Vec::new();
    compress_to_output(&mut CompressorOxide::new(flags), bytes, TDEFLFlush::Finish, |written| {
        out.extend_from_slice(written);
        true
    });
    out
}
