// Histories to begin with. Amounts are texts, as they stand in the page's boxes.

const event = (kind, amount = "", schema = 2) => ({ kind, amount, schema });

/** A withdrawal on the wrong account, and what puts it right. */
export const FIRST = [event("Opened", "", 1), event("Deposited", "100", 1), event("Withdrawn", "30", 1), event("Deposited", "50.25")];

export const EXAMPLES = [
  ["An account, v1 and v2", FIRST, {}],
  ["Wrong, and corrected", [...FIRST, event("Corrected", "-50.25")], {}],
  ["A stale snapshot, taken at its word", FIRST, { snapshot: "3", kept_in: 1, expects: 2, checks: false }],
  ["A snapshot that hides the missing upcaster", FIRST, { snapshot: "3", upcaster: false }],
  ["Facts that no rule let through", [event("Opened"), event("Deposited", "20"), event("Withdrawn", "75")], {}],
  ["Empty", [], {}],
];
