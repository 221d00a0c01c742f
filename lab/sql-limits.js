// What the SQL lab allows, known to both of its threads.

/** One statement may take this long. */
export const STATEMENT_MS_MAX = 10_000;
/** What a statement gets beyond that before its thread is ended: some steps of SQLite take long without a look at the clock. */
export const GRACE_MS = 4_000;
export const SQL_CHARS_MAX = 20_000;
export const ROWS_SHOWN_MAX = 100;
/** Rows are counted up to here; a query that has more is not run to its end. */
export const ROWS_COUNTED_MAX = 100_000;
export const COLUMNS_SHOWN_MAX = 30;
/** SQLite's own memory: the tables take 30 MB, and sorting or copying them several times that. */
export const HEAP_BYTES_MAX = 256 * 1024 * 1024;
/** Pages of 8 KiB that the database may grow to, so that there is memory left to undo what made it too large. */
export const PAGES_MAX = 12_000;
