// The messages that the wire lab can start from.

/** An order of `items` items, as the text talks about it. */
function order(items) {
  return {
    message: "order",
    order_id: "123456789",
    user_id: "4242",
    currency: "EUR",
    total_cents: String(3998 * items),
    items: Array.from({ length: items }, (_, at) => ({ sku: `SKU-${String(at + 1).padStart(6, "0")}`, quantity: "2", unit_price_cents: "1999" })),
    created_at: "1700000000",
    note: "",
  };
}

// 27 sentences of 40 characters.
const LONG = Array.from({ length: 27 }, (_, at) => `Text is text in either format, line ${String(at + 1).padStart(2, "0")}. `).join("");

export const FIRST = order(3);

export const EXAMPLES = [
  {
    title: "Order",
    items: [
      ["3 items", FIRST],
      ["100 items", order(100)],
      ["Nothing set", { ...order(0), order_id: "0", user_id: "0", currency: "", created_at: "0" }],
    ],
  },
  {
    title: "Comment",
    items: [
      ["One long text", { message: "comment", id: "1", text: LONG }],
      ["150 in field 1", { message: "comment", id: "150", text: "" }],
      ["Beyond ASCII", { message: "comment", id: "1", text: "Käse 10 €, said “yes”\n\tÆØÅ 日本 𝄞" }],
      ["A large number", { message: "comment", id: "9007199254740993", text: "2⁵³ + 1" }],
    ],
  },
];
