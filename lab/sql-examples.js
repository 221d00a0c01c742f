// The queries and indexes behind the lab's buttons. Each shows one thing; in their order they make a tour.

export const FIRST = `SELECT id, placed_at, total_cents
FROM orders
WHERE customer_id = 4711
ORDER BY placed_at DESC
LIMIT 20;`;

export const EXAMPLES = [
  {
    title: "Queries",
    items: [
      ["One customer", FIRST],
      ["Most of the table", "SELECT count(*), sum(total_cents)\nFROM orders\nWHERE status = 'delivered';"],
      ["A few of many", "SELECT count(*), sum(total_cents)\nFROM orders\nWHERE status = 'pending';"],
      ["One day, by function", "SELECT count(*), sum(total_cents)\nFROM orders\nWHERE date(placed_at) = '2025-06-01';"],
      ["One day, as a range", "SELECT count(*), sum(total_cents)\nFROM orders\nWHERE placed_at >= '2025-06-01'\n  AND placed_at < '2025-06-02';"],
      [
        "A join",
        "SELECT c.email, sum(o.total_cents) AS spent\nFROM customers AS c\nJOIN orders AS o ON o.customer_id = c.id\nWHERE c.country = 'IS'\nGROUP BY c.id\nORDER BY spent DESC\nLIMIT 10;",
      ],
      ["A late page", "SELECT id, placed_at\nFROM orders\nORDER BY placed_at\nLIMIT 20 OFFSET 200000;"],
      ["It never ends", "WITH RECURSIVE n(i) AS (\n  SELECT 1\n  UNION ALL\n  SELECT i + 1 FROM n\n)\nSELECT count(*) FROM n;"],
    ],
  },
  {
    title: "Indexes",
    items: [
      ["Customer", "CREATE INDEX orders_customer\nON orders (customer_id);"],
      ["Customer, date", "CREATE INDEX orders_customer_date\nON orders (customer_id, placed_at);"],
      ["Covering", "CREATE INDEX orders_covering\nON orders (customer_id, placed_at, total_cents);"],
      ["Date", "CREATE INDEX orders_date\nON orders (placed_at);"],
      ["Status", "CREATE INDEX orders_status\nON orders (status);"],
      ["Partial", "CREATE INDEX orders_pending\nON orders (total_cents)\nWHERE status = 'pending';"],
      ["ANALYZE", "ANALYZE;"],
    ],
  },
  {
    title: "Writes",
    items: [
      [
        "20,000 inserts, undone",
        "BEGIN;\nINSERT INTO orders (customer_id, status, placed_at, total_cents, note)\nSELECT customer_id, 'pending', '2026-01-01 00:00:00', total_cents, note\nFROM orders\nWHERE id <= 20000;\nROLLBACK;",
      ],
    ],
  },
];
