//! Versions: the shapes that a document has had, which changes break whom, and how old versions are kept alive.
//!
//! ```text
//!   order --> render in the newest shape --> undo change n --> ... --> undo change k --> what version k promised
//!                                            \_____________ adapters, one a change ____________/
//!   request of version k --> its own version's rules --> the service
//! ```
//!
//! The service knows one shape, the newest. Each change of the shape comes with an *adapter* that undoes it, and an old
//! version is served by a chain of them: the code of the service never asks "which version is this?". Source: B. Leach,
//! "APIs as infrastructure: future-proofing Stripe with versioning", stripe.com/blog/api-versioning, 2017.
//!
//! What breaks depends on the direction. In a *response* a reader meets what the service writes: adding is safe for
//! those who ignore what they do not know; taking away, renaming and retyping are not; a new value of an enumeration
//! breaks a switch without a default; a new meaning under the old name breaks nobody's parser and everybody's numbers.
//! In a *request* the service meets what old callers write: asking for more breaks them, asking for less does not.
//! ([`harm`] is this table, and the tests hold it against real documents and real readers.)
//!
//! The document here is an order. A reader really reads it: by name, with the types, values and meaning of the shape
//! that its code was written for, and what it makes of the document is compared with the order itself.
//!
//! Leaves out: nested documents, lists, errors as part of the contract, versions of single endpoints.

/// Fields that an order can have: the first five from the beginning, the others when they are added.
pub const FIELDS: u8 = 9;
pub const ID: u8 = 0;
pub const TOTAL: u8 = 1;
pub const STATUS: u8 = 2;
pub const CUSTOMER: u8 = 3;
pub const NOTE: u8 = 4;
/// The first of those that are added.
const ADDED: u8 = 5;

/// What a field is called, and what it is called once it is renamed.
const NAMES: [(&str, &str); FIELDS as usize] = [
    ("id", "order_id"),
    ("total", "amount"),
    ("status", "state"),
    ("customer", "buyer"),
    ("note", "remark"),
    ("eta", "arrives"),
    ("carrier", "shipper"),
    ("gift", "present"),
    ("locale", "language"),
];

/// The values of `status`. A shape knows the first few of them.
const STATUSES: [&str; 8] = ["open", "paid", "shipped", "on_hold", "returned", "disputed", "lost", "recalled"];
const CUSTOMERS: [&str; 4] = ["Ada", "Blaise", "Emmy", "Carl"];
const NOTES: [&str; 3] = ["ring twice", "fragile", "before noon"];
const EXTRAS: [&str; 4] = ["monday", "north", "yes", "fr"];
/// The longest note that a request may carry: tightening goes down the list, loosening up.
const NOTE_LIMITS: [u16; 4] = [500, 200, 80, 30];

/// What there is to tell, whatever the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub id: u32,
    pub gross_cents: i64,
    pub net_cents: i64,
    /// Index of the status among all that the service knows.
    pub status: u8,
    customer: u8,
    note: Option<u8>,
}

impl Order {
    /// Order number `id`, out of 64 bits that are its own; the service knows `statuses` of them.
    pub fn new(id: u32, bits: u64, statuses: u8) -> Order {
        let net_cents = 1_000 + (bits >> 8 & 0xffff) as i64;
        Order {
            id,
            gross_cents: net_cents + net_cents / 5,
            net_cents,
            status: ((bits >> 32 & 0xffff) % u64::from(statuses.max(1))) as u8,
            customer: (bits >> 48 & 3) as u8,
            note: (bits >> 52 & 1 == 1).then_some((bits >> 53 & 0xff) as u8 % 3),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Int(i64),
    /// A number in quotes: another type for who parses it.
    Quoted(i64),
    Word(&'static str),
}

impl Value {
    fn same_type(self, other: Value) -> bool {
        core::mem::discriminant(&self) == core::mem::discriminant(&other)
    }
    /// A number changes from one type to the other.
    fn retyped(self) -> Value {
        match self {
            Value::Int(n) => Value::Quoted(n),
            Value::Quoted(n) => Value::Int(n),
            word => word,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub field: u8,
    pub name: &'static str,
    pub value: Value,
}

/// A document as it goes over the wire: names and values, in the order of the fields.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    entries: [Entry; FIELDS as usize],
    len: u8,
}

impl PartialEq for Document {
    fn eq(&self, other: &Document) -> bool {
        self.entries() == other.entries()
    }
}

impl Document {
    const EMPTY: Document = Document { entries: [Entry { field: 0, name: "", value: Value::Int(0) }; 9], len: 0 };

    pub fn entries(&self) -> &[Entry] {
        &self.entries[..self.len as usize]
    }
    fn get(&self, name: &str) -> Option<Value> {
        self.entries().iter().find(|e| e.name == name).map(|e| e.value)
    }
    fn find(&mut self, field: u8) -> Option<&mut Entry> {
        self.entries[..self.len as usize].iter_mut().find(|e| e.field == field)
    }
    /// Puts an entry where its field belongs.
    fn insert(&mut self, entry: Entry) {
        let at = self.entries().iter().position(|e| e.field > entry.field).unwrap_or(self.len as usize);
        self.entries.copy_within(at..self.len as usize, at + 1);
        self.entries[at] = entry;
        self.len += 1;
    }
    fn remove(&mut self, field: u8) {
        if let Some(at) = self.entries().iter().position(|e| e.field == field) {
            self.entries.copy_within(at + 1..self.len as usize, at);
            self.len -= 1;
        }
    }

    /// As JSON.
    pub fn json(&self) -> String {
        let mut out = String::from("{");
        for (i, e) in self.entries().iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            let value = match e.value {
                Value::Int(n) => format!("{n}"),
                Value::Quoted(n) => format!("\"{n}\""),
                Value::Word(w) => format!("\"{w}\""),
            };
            out.push_str(&format!("{comma}\"{}\":{value}", e.name));
        }
        out.push('}');
        out
    }
}

/// The shape of the contract, in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// One bit a field.
    present: u16,
    renamed: u16,
    /// Numbers that are written in quotes.
    quoted: u16,
    /// `total` is without tax.
    net: bool,
    /// How many values `status` can have.
    pub statuses: u8,
    /// Creating answers 202 with a link to the status, not 201 with the order.
    pub accepts: bool,
    /// Fields that a request must have beyond those of the first version, and those that it may have.
    pub required: u8,
    pub optional: u8,
    note_limit: u8,
}

impl Schema {
    /// Version 1.
    pub const FIRST: Schema = Schema {
        present: 0b1_1111,
        renamed: 0,
        quoted: 0,
        net: false,
        statuses: 3,
        accepts: false,
        required: 0,
        optional: 0,
        note_limit: 1,
    };

    pub fn has(&self, field: u8) -> bool {
        self.present >> field & 1 == 1
    }
    pub fn name(&self, field: u8) -> &'static str {
        let names = NAMES[field as usize];
        if self.renamed >> field & 1 == 1 { names.1 } else { names.0 }
    }
    /// Its type and meaning in a word or two.
    pub fn kind(&self, field: u8) -> &'static str {
        match (field, self.quoted >> field & 1) {
            (TOTAL, 0) if self.net => "int, net cents",
            (TOTAL, 0) => "int, cents",
            (TOTAL, _) if self.net => "string, net cents",
            (TOTAL, _) => "string, cents",
            (ID, 0) => "int",
            (STATUS, _) => ["", "", "", "enum of 3", "enum of 4", "enum of 5", "enum of 6", "enum of 7", "enum of 8"]
                [self.statuses as usize],
            _ => "string",
        }
    }
    /// The longest note that a request may carry, in characters.
    pub fn note_max(&self) -> u16 {
        NOTE_LIMITS[self.note_limit as usize]
    }

    fn value(&self, field: u8, order: &Order) -> Option<Value> {
        let number = |n| if self.quoted >> field & 1 == 1 { Value::Quoted(n) } else { Value::Int(n) };
        Some(match field {
            ID => number(i64::from(order.id)),
            TOTAL => number(if self.net { order.net_cents } else { order.gross_cents }),
            // A value that this shape does not know is written as one that it knows.
            STATUS => Value::Word(STATUSES[if order.status < self.statuses { order.status as usize } else { 0 }]),
            CUSTOMER => Value::Word(CUSTOMERS[order.customer as usize]),
            NOTE => Value::Word(NOTES[order.note? as usize]),
            _ => Value::Word(EXTRAS[(field - ADDED) as usize]),
        })
    }

    fn entry(&self, field: u8, order: &Order) -> Option<Entry> {
        self.value(field, order).map(|value| Entry { field, name: self.name(field), value })
    }

    /// The document of an order in this shape.
    pub fn render(&self, order: &Order) -> Document {
        let mut doc = Document::EMPTY;
        for entry in (0..FIELDS).filter(|f| self.has(*f)).filter_map(|f| self.entry(f, order)) {
            doc.entries[doc.len as usize] = entry;
            doc.len += 1;
        }
        doc
    }

    /// Whether a document keeps what this shape promises: every name known, what is required there, types and values
    /// as declared.
    pub fn admits(&self, doc: &Document) -> bool {
        let known = |e: &Entry| {
            let right_value =
                e.field != STATUS || STATUSES[..self.statuses as usize].iter().any(|s| e.value == Value::Word(s));
            self.has(e.field) && self.name(e.field) == e.name && self.is_type(e) && right_value
        };
        let there = |f: u8| !self.has(f) || !is_required(f) || doc.get(self.name(f)).is_some();
        doc.entries().iter().all(known) && (0..FIELDS).all(there)
    }

    fn is_type(&self, e: &Entry) -> bool {
        match e.field {
            ID | TOTAL if self.quoted >> e.field & 1 == 1 => e.value.same_type(Value::Quoted(0)),
            ID | TOTAL => e.value.same_type(Value::Int(0)),
            _ => e.value.same_type(Value::Word("")),
        }
    }

    /// The change as it applies to this shape, and the shape after it; `None` where it makes no sense.
    pub fn change(&self, what: What, field: u8) -> Option<(Change, Schema)> {
        let mut to = *self;
        let mut field = field;
        let bit = |f: u8| 1u16 << f;
        match what {
            What::AddField => {
                field = (ADDED..FIELDS).find(|f| !self.has(*f))?;
                to.present |= bit(field);
            }
            What::AddValue => {
                field = STATUS;
                if !self.has(STATUS) || self.statuses as usize == STATUSES.len() {
                    return None;
                }
                to.statuses += 1;
            }
            What::Remove => to.present &= !bit(field),
            What::Rename => to.renamed ^= bit(field),
            What::Retype if field <= TOTAL => to.quoted ^= bit(field),
            What::Remean if field == TOTAL => to.net = !self.net,
            What::Retype | What::Remean => return None,
            What::Async => to.accepts = !self.accepts,
            What::Require => to.required = self.required.checked_add(1)?,
            What::Allow => to.optional = self.optional.checked_add(1)?,
            What::Tighten => to.note_limit = Some(self.note_limit + 1).filter(|l| (*l as usize) < NOTE_LIMITS.len())?,
            What::Loosen => to.note_limit = self.note_limit.checked_sub(1)?,
        }
        if what.is_of_a_field() && !self.has(field) {
            return None;
        }
        Some((Change { what, field }, to))
    }
}

/// Fields that every document of a shape has, if the shape has them.
pub fn is_required(field: u8) -> bool {
    field < NOTE
}

/// The kinds of change, those of responses first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    AddField,
    AddValue,
    Rename,
    Remove,
    Retype,
    /// The same name and type, and another meaning.
    Remean,
    /// Creating is answered before it is done.
    Async,
    /// A request must have one field more.
    Require,
    Allow,
    Tighten,
    Loosen,
}

impl What {
    pub const ALL: [What; 11] = [
        What::AddField,
        What::AddValue,
        What::Rename,
        What::Remove,
        What::Retype,
        What::Remean,
        What::Async,
        What::Require,
        What::Allow,
        What::Tighten,
        What::Loosen,
    ];
    /// Whether it is done to one field that is there.
    pub fn is_of_a_field(self) -> bool {
        matches!(self, What::Rename | What::Remove | What::Retype | What::Remean)
    }
}

/// A change that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub what: What,
    pub field: u8,
}

impl Change {
    /// The adapter: a document from after this change becomes one of the shape `before` it. What is not in it any more is
    /// taken from the order: it must be stored for as long as an old version lives.
    pub fn undo(&self, before: &Schema, doc: &mut Document, order: &Order) {
        match self.what {
            What::AddField => doc.remove(self.field),
            What::Remove => {
                if let Some(entry) = before.entry(self.field, order) {
                    doc.insert(entry);
                }
            }
            What::Rename => {
                if let Some(e) = doc.find(self.field) {
                    e.name = before.name(self.field);
                }
            }
            What::Retype => {
                if let Some(e) = doc.find(self.field) {
                    e.value = e.value.retyped();
                }
            }
            What::Remean => {
                if let (Some(e), Some(value)) = (doc.find(self.field), before.value(self.field, order)) {
                    e.value = value;
                }
            }
            What::AddValue => {
                if let Some(e) = doc.find(STATUS).filter(|e| e.value == Value::Word(STATUSES[before.statuses as usize]))
                {
                    e.value = Value::Word(STATUSES[0]);
                }
            }
            What::Async | What::Require | What::Allow | What::Tighten | What::Loosen => {}
        }
    }
}

/// What a caller sends when it creates an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Required fields that it knows of, beyond those of the first version.
    gives: u8,
    note: u16,
}

impl Request {
    /// A request of code that was written for this shape, with a note of so many characters if the shape allows it.
    pub fn new(schema: &Schema, note: u16) -> Request {
        Request { gives: schema.required, note: note.min(schema.note_max()) }
    }
    /// Whether the rules of a shape let it pass. A version that is kept alive keeps its own rules.
    pub fn check(&self, schema: &Schema) -> Result<(), Why> {
        if self.gives < schema.required {
            Err(Why::FieldRequired)
        } else if self.note > schema.note_max() {
            Err(Why::NoteTooLong)
        } else {
            Ok(())
        }
    }
}

/// Why a call is of no use to its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    UnknownField,
    Missing,
    WrongType,
    UnknownValue,
    /// 202 where 201 with the order was expected.
    NotDoneYet,
    FieldRequired,
    NoteTooLong,
}

/// What a reader makes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    Right,
    /// It reads without complaint, and has another value than the order.
    Misled(u8),
    Failed(Why),
}

/// A client's code: the shape that it was written for, and its habits.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    pub schema: Schema,
    /// The fields that it uses, one bit each.
    pub reads: u16,
    /// Validates the whole document: no unknown names, everything required there, types as declared.
    pub strict: bool,
    /// Its switch over `status` has no default.
    pub exhaustive: bool,
    /// It creates orders.
    pub creates: bool,
}

impl Reader {
    fn uses(&self, field: u8) -> bool {
        self.schema.has(field) && (self.strict || self.reads >> field & 1 == 1)
    }

    /// Reads the document of this order.
    pub fn read(&self, doc: &Document, order: &Order) -> Reading {
        let s = &self.schema;
        let unknown = |e: &&Entry| !(0..FIELDS).any(|f| s.has(f) && s.name(f) == e.name);
        if self.strict && doc.entries().iter().any(|e| unknown(&e)) {
            return Reading::Failed(Why::UnknownField);
        }
        let mut misled = None;
        for f in (0..FIELDS).filter(|f| self.uses(*f)) {
            let expected = s.value(f, order);
            let reads = self.reads >> f & 1 == 1;
            let Some(value) = doc.get(s.name(f)) else {
                if is_required(f) {
                    return Reading::Failed(Why::Missing);
                }
                if reads && expected.is_some() {
                    misled = Some(f);
                }
                continue;
            };
            if !s.is_type(&Entry { field: f, name: "", value }) {
                return Reading::Failed(Why::WrongType);
            }
            let known = f != STATUS || STATUSES[..s.statuses as usize].iter().any(|w| value == Value::Word(w));
            if reads && !known {
                if self.exhaustive {
                    return Reading::Failed(Why::UnknownValue);
                }
                // The default branch of its switch.
                continue;
            }
            if reads && expected != Some(value) {
                misled = Some(f);
            }
        }
        misled.map_or(Reading::Right, Reading::Misled)
    }
}

/// What a change does to a client that is not told of it: the worst that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    None,
    /// Nothing fails, and something is wrong.
    Misleads,
    Breaks,
}

/// The table of compatibility.
pub fn harm(change: Change, client: &Reader) -> Harm {
    let reads = client.reads >> change.field & 1 == 1;
    let when = |yes: bool| if yes { Harm::Breaks } else { Harm::None };
    // A field that may be absent is not missed by a parser.
    let gone = if is_required(change.field) { Harm::Breaks } else { Harm::Misleads };
    match change.what {
        What::AddField => when(client.strict),
        What::AddValue => when(client.exhaustive && reads),
        What::Rename if client.strict => Harm::Breaks,
        What::Remove if client.strict && is_required(change.field) => Harm::Breaks,
        What::Rename | What::Remove => {
            if reads {
                gone
            } else {
                Harm::None
            }
        }
        What::Retype => when(reads || client.strict),
        What::Remean => {
            if reads {
                Harm::Misleads
            } else {
                Harm::None
            }
        }
        What::Async | What::Require | What::Tighten => when(client.creates),
        What::Allow | What::Loosen => Harm::None,
    }
}

/// A shape with the change that made it of another.
#[derive(Clone, Copy, Debug)]
struct Shape {
    schema: Schema,
    before: u8,
    change: Change,
}

/// What is served: every shape there has been, and which of them each version promises.
#[derive(Clone, Debug)]
pub struct Registry {
    shapes: Vec<Shape>,
    /// For each version, oldest first: the shape it began with, and the one it has now.
    versions: Vec<(u8, u8)>,
}

/// Shapes that there can be.
pub const SHAPES_MAX: usize = 120;

impl Registry {
    /// Version 1 alone.
    pub fn new() -> Registry {
        let none = Change { what: What::Allow, field: 0 };
        Registry { shapes: vec![Shape { schema: Schema::FIRST, before: 0, change: none }], versions: vec![(0, 0)] }
    }

    /// How many versions there are; the newest has this number.
    pub fn newest(&self) -> u8 {
        self.versions.len() as u8
    }
    /// The index of the shape of a version, counted from 1.
    pub fn shape_of(&self, version: u8) -> u8 {
        self.versions[version as usize - 1].1
    }
    pub fn schema(&self, shape: u8) -> &Schema {
        &self.shapes[shape as usize].schema
    }
    /// The shape that the service itself works with.
    pub fn head(&self) -> &Schema {
        self.schema(self.shape_of(self.newest()))
    }

    /// Changes the newest version under its number, or makes a new version of it.
    pub fn ship(&mut self, what: What, field: u8, new_version: bool) -> Option<Change> {
        if self.shapes.len() == SHAPES_MAX {
            return None;
        }
        let before = self.shape_of(self.newest());
        let (change, schema) = self.schema(before).change(what, field)?;
        let shape = self.shapes.len() as u8;
        self.shapes.push(Shape { schema, before, change });
        if new_version {
            self.versions.push((shape, shape));
        } else if let Some(last) = self.versions.last_mut() {
            last.1 = shape;
        }
        Some(change)
    }

    /// The newest version has not been changed since it began.
    pub fn is_as_it_began(&self) -> bool {
        self.versions.last().is_none_or(|(first, now)| first == now)
    }

    /// Takes the last change back: the newest version has its former shape, or is withdrawn if it began with this
    /// change. `None` if there is nothing to take back.
    pub fn roll_back(&mut self) -> Option<RolledBack> {
        let (first, now) = *self.versions.last()?;
        let shape = self.shapes[now as usize];
        if first != now {
            self.versions.last_mut()?.1 = shape.before;
            return Some(RolledBack { change: shape.change, withdrawn: false });
        }
        if self.versions.len() == 1 {
            return None;
        }
        self.versions.pop();
        Some(RolledBack { change: shape.change, withdrawn: true })
    }

    /// The changes between the newest shape and that of a version, newest first.
    fn since(&self, version: u8) -> impl Iterator<Item = (Change, &Schema)> {
        let target = self.shape_of(version);
        let mut at = self.shape_of(self.newest());
        core::iter::from_fn(move || {
            let shape = &self.shapes[at as usize];
            (at != target).then(|| {
                at = shape.before;
                (shape.change, self.schema(at))
            })
        })
    }

    /// How many adapters a response of this version passes.
    pub fn adapters(&self, version: u8) -> usize {
        self.since(version).count()
    }

    /// The document of an order as this version promises it: rendered in the newest shape, then adapted change by
    /// change.
    pub fn serve(&self, version: u8, order: &Order) -> Document {
        let mut doc = self.head().render(order);
        for (change, before) in self.since(version) {
            change.undo(before, &mut doc, order);
        }
        doc
    }

    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.shapes.len() * size_of::<Shape>() + self.versions.len() * 2
    }
}

impl Default for Registry {
    fn default() -> Registry {
        Registry::new()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RolledBack {
    pub change: Change,
    /// The version that began with it is gone.
    pub withdrawn: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn changes() -> impl Strategy<Value = Vec<(usize, u8, bool)>> {
        prop::collection::vec((0usize..What::ALL.len(), 0u8..FIELDS, any::<bool>()), 0..16)
    }

    fn registry(changes: &[(usize, u8, bool)]) -> Registry {
        let mut r = Registry::new();
        for (what, field, new) in changes {
            r.ship(What::ALL[*what], *field, *new);
        }
        r
    }

    fn reader(schema: Schema, habits: u16) -> Reader {
        let has = |bit: u16| habits >> bit & 1 == 1;
        Reader { schema, reads: habits & 0x1ff, strict: has(9), exhaustive: has(10), creates: has(11) }
    }

    /// Everything that can happen to a client of this shape: reading many orders, creating with many notes.
    fn worst(client: &Reader, served: &Schema) -> Harm {
        let mut worst = Harm::None;
        for i in 0..200u64 {
            let bits = crate::kernel::mix(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let order = Order::new(i as u32, bits, served.statuses);
            let harm = match client.read(&served.render(&order), &order) {
                Reading::Right => Harm::None,
                Reading::Misled(_) => Harm::Misleads,
                Reading::Failed(_) => Harm::Breaks,
            };
            worst = worst.max(harm);
        }
        if client.creates {
            let refused = (1..=500).any(|n| Request::new(&client.schema, n).check(served).is_err());
            let later = served.accepts != client.schema.accepts;
            if refused || later {
                worst = Harm::Breaks;
            }
        }
        worst
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// v3 -> v2 -> v1 is what v1's own renderer would have written, and valid for v1.
        #[test]
        fn the_chain_of_adapters_is_direct_rendering(list in changes(), bits: u64) {
            let r = registry(&list);
            let order = Order::new(7, bits, r.head().statuses);
            for v in 1..=r.newest() {
                let schema = r.schema(r.shape_of(v));
                let served = r.serve(v, &order);
                prop_assert_eq!(served, schema.render(&order), "v{}", v);
                prop_assert!(schema.admits(&served));
                prop_assert!(r.adapters(v) >= (r.newest() - v) as usize);
            }
        }

        /// The table says what really happens when a change meets code that was not told.
        #[test]
        fn the_table_is_what_happens(list in changes(), what in 0usize..What::ALL.len(), field in 0u8..FIELDS, habits: u16) {
            let mut r = registry(&list);
            let client = reader(*r.head(), habits);
            prop_assert_eq!(worst(&client, r.head()), Harm::None);
            if let Some(change) = r.ship(What::ALL[what], field, false) {
                prop_assert_eq!(worst(&client, r.head()), harm(change, &client), "{:?}", change);
                // Whoever asks for the old version, or writes new code, is not harmed.
                prop_assert_eq!(worst(&reader(*r.head(), habits), r.head()), Harm::None);
            }
        }

        /// Taken back, in place or with its version: the shapes are those from before.
        #[test]
        fn rolling_back_undoes(list in changes(), what in 0usize..What::ALL.len(), field in 0u8..FIELDS, new: bool) {
            let mut r = registry(&list);
            let (head, newest) = (*r.head(), r.newest());
            if let Some(change) = r.ship(What::ALL[what], field, new) {
                prop_assert_eq!(r.newest(), newest + u8::from(new));
                prop_assert_eq!(r.roll_back(), Some(RolledBack { change, withdrawn: new }));
            }
            prop_assert_eq!((*r.head(), r.newest()), (head, newest));
            while r.roll_back().is_some() {}
            prop_assert_eq!((*r.head(), r.newest()), (Schema::FIRST, 1));
        }
    }

    #[test]
    fn an_order_as_json() {
        let order = Order { id: 42, gross_cents: 11_900, net_cents: 10_000, status: 3, customer: 0, note: None };
        let mut r = Registry::new();
        assert!(r.ship(What::AddValue, 0, false).is_some());
        assert!(r.ship(What::Rename, TOTAL, true).is_some());
        assert!(r.ship(What::Retype, ID, true).is_some());
        assert_eq!(r.serve(3, &order).json(), r#"{"id":"42","amount":11900,"status":"on_hold","customer":"Ada"}"#);
        assert_eq!(r.serve(1, &order).json(), r#"{"id":42,"total":11900,"status":"on_hold","customer":"Ada"}"#);
        let old = Schema::FIRST.render(&order).json();
        assert_eq!(old, r#"{"id":42,"total":11900,"status":"open","customer":"Ada"}"#, "a value it does not know");
        assert_eq!((r.adapters(1), r.adapters(3)), (2, 0));
    }

    #[test]
    fn what_makes_no_sense_is_not_a_change() {
        let s = Schema::FIRST;
        for (what, field) in [(What::Retype, CUSTOMER), (What::Remean, ID), (What::Rename, ADDED), (What::Remove, 8)] {
            assert_eq!(s.change(what, field), None, "{what:?}");
        }
        let removed = s.change(What::Remove, STATUS).unwrap().1;
        assert_eq!(removed.change(What::AddValue, 0), None);
        let five = (0..5).try_fold(s, |s, _| s.change(What::AddField, 0).map(|c| c.1));
        assert_eq!(five, None, "there are four to add");
    }

    /// Documents of an order after one change, as the first version's promise has them.
    #[test]
    fn a_document_is_admitted_if_it_keeps_the_whole_promise() {
        let (first, order) = (Schema::FIRST, Order { status: 3, ..Order::new(42, u64::MAX, 3) });
        let own = first.render(&order);
        assert!(first.admits(&own));
        for (what, field, same, admitted) in [
            (What::AddField, 0, false, false),
            (What::AddValue, 0, false, false),
            (What::Rename, TOTAL, false, false),
            (What::Retype, TOTAL, false, false),
            (What::Remove, TOTAL, false, false),
            (What::Remove, NOTE, false, true),
            (What::Remean, TOTAL, false, true),
            (What::Tighten, 0, true, true),
        ] {
            let doc = first.change(what, field).unwrap().1.render(&order);
            assert_eq!((doc == own, first.admits(&doc)), (same, admitted), "{what:?} {field}: {}", doc.json());
        }
    }

    /// Added, taken away and added again: what an adapter takes out need not be the last.
    #[test]
    fn added_fields_come_and_go_and_each_says_its_own() {
        let order = Order { id: 42, gross_cents: 11_900, net_cents: 10_000, status: 0, customer: 0, note: None };
        let mut r = Registry::new();
        for _ in ADDED..FIELDS {
            r.ship(What::AddField, 0, false);
        }
        r.ship(What::Remove, ADDED, false);
        r.ship(What::AddField, 0, true);
        let json = |version, more: &str| {
            let own = r#"{"id":42,"total":11900,"status":"open","customer":"Ada""#;
            let all = format!(r#"{own}{more},"carrier":"north","gift":"yes","locale":"fr"}}"#);
            assert_eq!(r.serve(version, &order).json(), all);
        };
        json(2, r#","eta":"monday""#);
        json(1, "");
    }

    #[test]
    fn notes_are_tightened_and_loosened_step_by_step() {
        let steps = |s: Schema, what| {
            core::iter::successors(Some(s), move |s| s.change(what, 0).map(|c| c.1)).collect::<Vec<Schema>>()
        };
        let down = steps(Schema::FIRST, What::Tighten);
        assert_eq!(down.iter().map(Schema::note_max).collect::<Vec<_>>(), [200, 80, 30]);
        let up = steps(down[2], What::Loosen);
        assert_eq!(up.iter().map(Schema::note_max).collect::<Vec<_>>(), [30, 80, 200, 500]);
    }

    #[test]
    fn a_version_is_as_it_began_until_it_is_changed_in_place() {
        let mut r = Registry::new();
        let mut seen = vec![r.is_as_it_began()];
        for new_version in [false, true, false] {
            r.ship(What::Rename, TOTAL, new_version);
            seen.push(r.is_as_it_began());
        }
        r.roll_back();
        seen.push(r.is_as_it_began());
        assert_eq!(seen, [true, false, true, false, true]);
    }
}
