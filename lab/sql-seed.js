// The data of the SQL lab: an online shop's orders, the same on every machine.
//
// Everything follows from whole numbers and IEEE multiplication, so two browsers make the same rows. The
// columns are skewed on purpose, because an index earns its keep by how few rows it leaves:
//
//   customer_id   a few customers order thousands of times, most a handful of times (the cube of a uniform draw)
//   status        93 % delivered, 5 % returned, 1.8 % shipped, 0.2 % pending
//   placed_at     one order every 126 s through 2025, so it rises with the key

export const ORDERS = 250_000;
export const CUSTOMERS = 20_000;

/** Tables as the reader sees them: SQL that makes them, and what each column is. */
export const TABLES = [
  {
    name: "orders",
    rows: ORDERS,
    sql: `CREATE TABLE orders (
  id INTEGER PRIMARY KEY,
  customer_id INTEGER NOT NULL,
  status TEXT NOT NULL,
  placed_at TEXT NOT NULL,
  total_cents INTEGER NOT NULL,
  note TEXT NOT NULL
)`,
    columns: [
      ["id", "1, 2, 3 … the primary key, which is the table's own order"],
      ["customer_id", "a few customers order very often, most hardly ever"],
      ["status", "93 % 'delivered', 5 % 'returned', 1.8 % 'shipped', 0.2 % 'pending'"],
      ["placed_at", "'2025-01-01 00:02:06' onwards, one order every 126 s"],
      ["total_cents", "100 to 100,099"],
      ["note", "some text, so that a row has a realistic width"],
    ],
  },
  {
    name: "customers",
    rows: CUSTOMERS,
    sql: `CREATE TABLE customers (
  id INTEGER PRIMARY KEY,
  email TEXT NOT NULL,
  country TEXT NOT NULL
)`,
    columns: [
      ["id", "the primary key"],
      ["email", "'customer4711@example.com'"],
      ["country", "60 % 'DE', 30 % 'FR', 9 % 'SE', 1 % 'IS'"],
    ],
  },
];

/** Draws of 32 bits: a Weyl sequence put through a mixing function (mulberry32). */
function draws(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x = (x + Math.imul(x ^ (x >>> 7), x | 61)) ^ x;
    return (x ^ (x >>> 14)) >>> 0;
  };
}

/** The `customer_id`, per mille of `status`, and `total_cents` of each order, in order of `id`. */
export function* orders(count = ORDERS) {
  const next = draws(20_250_101);
  for (let id = 1; id <= count; id += 1) {
    const x = next() / 2 ** 32;
    const customer = 1 + Math.floor(CUSTOMERS * x * x * x);
    yield [id, customer, next() % 1000, 100 + (next() % 100_000)];
  }
}

/** Makes an order of what [`orders`] yields. */
export const INSERT_ORDER = `INSERT INTO orders VALUES (
  ?1, ?2,
  CASE WHEN ?3 < 930 THEN 'delivered' WHEN ?3 < 980 THEN 'returned' WHEN ?3 < 998 THEN 'shipped' ELSE 'pending' END,
  datetime(1735689600 + ?1 * 126, 'unixepoch'),
  ?4,
  printf('Parcel %07d-%02d, hand over to the recipient', ?1, ?3 % 97)
)`;

export const INSERT_CUSTOMERS = `INSERT INTO customers
WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n LIMIT ${CUSTOMERS})
SELECT id, printf('customer%d@example.com', id),
  CASE WHEN id * 7919 % 100 < 60 THEN 'DE' WHEN id * 7919 % 100 < 90 THEN 'FR' WHEN id * 7919 % 100 < 99 THEN 'SE' ELSE 'IS' END
FROM n`;
