//! Account events: what is written down, how it is folded, how old shapes are read.
//!
//! ```text
//!   command --> decide(state) --> event --> [ append ]        the only place where rules are checked
//!   stored event --> upcast --> event --> apply(state) --> state     the fold: never refuses
//! ```
//!
//! The two halves have different duties. *Deciding* happens once, when a command comes, and may say no.
//! *Applying* happens whenever the state is needed, to facts that cannot be refused any more. A rule that
//! is checked while folding would change the past when the rule changes.
//!
//! Amounts were whole euros in the first shape of the events (v1) and are cents in the second (v2). The
//! *upcaster* turns a v1 event into a v2 event when it is read; what is stored stays as it is. A new
//! version of an event must be convertible from the old one, otherwise it is a new kind of event.
//! Source: G. Young, *Versioning in an Event Sourced System* (2017), chapters "Basic Type Based
//! Versioning" and "Weak Schema".
//!
//! Leaves out: several currencies, interest, kinds that split or merge when they are upcast.

/// What can have happened to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Opened,
    Deposited,
    Withdrawn,
    /// A later fact that puts an earlier, wrong one right; the wrong one stays.
    Corrected,
    Closed,
    /// The holder's personal data is to be erased.
    Forgotten,
}

impl Kind {
    pub const ALL: [Kind; 6] =
        [Kind::Opened, Kind::Deposited, Kind::Withdrawn, Kind::Corrected, Kind::Closed, Kind::Forgotten];

    /// The name that is written into the log.
    pub fn name(self) -> &'static str {
        ["Opened", "Deposited", "Withdrawn", "Corrected", "Closed", "Forgotten"][self as usize]
    }
    /// Whether its holder gets an e-mail about it.
    pub fn is_payment(self) -> bool {
        matches!(self, Kind::Deposited | Kind::Withdrawn)
    }
    /// Whether an amount belongs to it.
    pub fn has_amount(self) -> bool {
        self.is_payment() || self == Kind::Corrected
    }
}

/// An event in the shape that the code of today knows: v2, in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    /// Positive for payments; a correction may have either sign.
    pub cents: i64,
}

/// An event as it was written, in the shape of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    pub kind: Kind,
    /// 1: `amount` is in whole euros. 2: in cents.
    pub schema: u8,
    pub amount: i32,
}

/// The code that reads and writes events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codec {
    /// The version it writes, and reads without help.
    pub schema: u8,
    /// Whether it still has the upcaster from v1 to v2.
    pub upcaster: bool,
}

/// No code here can read an event of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub schema: u8,
}

impl Codec {
    /// The first version, before v2 exists.
    pub const V1: Codec = Codec { schema: 1, upcaster: false };
    /// The second version with its upcaster.
    pub const V2: Codec = Codec { schema: 2, upcaster: true };

    /// A stored event in today's shape.
    pub fn read(&self, e: Written) -> Result<Event, Unreadable> {
        let amount = i64::from(e.amount);
        match (e.schema, self.schema) {
            (1, 1) => Ok(Event { kind: e.kind, cents: amount * 100 }),
            (1, 2) if self.upcaster => Ok(upcast(e)),
            (2, 2) => Ok(Event { kind: e.kind, cents: amount }),
            _ => Err(Unreadable { schema: e.schema }),
        }
    }

    /// An event as this code writes it. Version 1 has no cents: what is below a euro is lost.
    pub fn write(&self, e: Event) -> Written {
        let cents = if self.schema == 1 { e.cents / 100 } else { e.cents };
        Written { kind: e.kind, schema: self.schema, amount: cents as i32 }
    }
}

/// From v1 to v2: whole euros become cents.
pub fn upcast(v1: Written) -> Event {
    Event { kind: v1.kind, cents: i64::from(v1.amount) * 100 }
}

/// The state of an account: nothing but what its events add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    pub cents: i64,
    pub open: bool,
    /// Whether its events hold a name that has not been asked to be erased.
    pub named: bool,
    /// Deposits, withdrawals and corrections so far.
    pub entries: u32,
}

impl Account {
    /// One step of the fold.
    #[must_use]
    pub fn apply(mut self, e: Event) -> Account {
        match e.kind {
            Kind::Opened => (self.open, self.named) = (true, true),
            Kind::Deposited | Kind::Corrected => self.cents += e.cents,
            Kind::Withdrawn => self.cents -= e.cents,
            Kind::Closed => self.open = false,
            Kind::Forgotten => self.named = false,
        }
        self.entries += u32::from(e.kind.has_amount());
        self
    }

    /// The rules of the business, checked when a command comes: what it would write down.
    pub fn decide(&self, wanted: Event) -> Result<Event, Refusal> {
        match wanted.kind {
            Kind::Opened if self.open => Err(Refusal::AlreadyOpen),
            Kind::Opened => Ok(wanted),
            _ if !self.open => Err(Refusal::NotOpen),
            Kind::Deposited | Kind::Withdrawn if wanted.cents <= 0 => Err(Refusal::NotPositive),
            Kind::Withdrawn if self.cents < wanted.cents => Err(Refusal::NoFunds),
            Kind::Closed if self.cents != 0 => Err(Refusal::NotEmpty),
            _ => Ok(wanted),
        }
    }
}

/// Why a command writes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    AlreadyOpen,
    NotOpen,
    NotPositive,
    NoFunds,
    NotEmpty,
}

impl Refusal {
    pub const ALL: [Refusal; 5] =
        [Refusal::AlreadyOpen, Refusal::NotOpen, Refusal::NotPositive, Refusal::NoFunds, Refusal::NotEmpty];

    pub fn words(self) -> &'static str {
        match self {
            Refusal::AlreadyOpen => "the account is open already",
            Refusal::NotOpen => "the account is not open",
            Refusal::NotPositive => "the amount must be more than 0",
            Refusal::NoFunds => "the balance is too low",
            Refusal::NotEmpty => "an account is closed with a balance of 0",
        }
    }
}

/// A state that was folded once and kept, in the layout of the code that kept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// How many events it is the fold of.
    pub version: u32,
    /// 1: the balance is in whole euros. 2: in cents.
    pub layout: u8,
    balance: i64,
    open: bool,
    named: bool,
    entries: u32,
}

impl Snapshot {
    pub fn of(state: Account, version: u32, layout: u8) -> Snapshot {
        let balance = if layout == 1 { state.cents / 100 } else { state.cents };
        Snapshot { version, layout, balance, open: state.open, named: state.named, entries: state.entries }
    }

    /// The state, as code that expects `layout` reads it. Right only if the layouts agree: nothing in the
    /// bytes says that a number was meant in euros.
    pub fn read_as(&self, layout: u8) -> Account {
        let cents = if layout == 1 { self.balance * 100 } else { self.balance };
        Account { cents, open: self.open, named: self.named, entries: self.entries }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn any_event() -> impl Strategy<Value = Event> {
        (0..6usize, -500i64..500).prop_map(|(k, euros)| Event { kind: Kind::ALL[k], cents: euros * 100 })
    }

    proptest! {
        /// What v1 wrote is read by v2 as what v1 meant; v2 reads what it wrote.
        #[test]
        fn an_upcast_event_means_the_same(e in any_event()) {
            prop_assert_eq!(Codec::V2.read(Codec::V1.write(e)), Ok(e));
            prop_assert_eq!(Codec::V1.read(Codec::V1.write(e)), Ok(e));
            prop_assert_eq!(Codec::V2.read(Codec::V2.write(e)), Ok(e));
            // Without the upcaster the old ones are lost to the code, and new ones always were to the old code.
            let bare = Codec { schema: 2, upcaster: false };
            prop_assert_eq!(bare.read(Codec::V1.write(e)), Err(Unreadable { schema: 1 }));
            prop_assert_eq!(Codec::V1.read(Codec::V2.write(e)), Err(Unreadable { schema: 2 }));
        }

        /// Commands that pass the rules never overdraw an account; the fold says the same as the books.
        #[test]
        fn what_was_decided_never_overdraws(wanted in prop::collection::vec(any_event(), 0..60)) {
            let mut state = Account::default();
            let mut books = 0;
            for w in wanted {
                if w.kind == Kind::Corrected {
                    continue; // A correction says what was true, whatever that makes of the balance.
                }
                if let Ok(e) = state.decide(w) {
                    books += match e.kind { Kind::Deposited => e.cents, Kind::Withdrawn => -e.cents, _ => 0 };
                    state = state.apply(e);
                }
                prop_assert!(state.cents >= 0);
                prop_assert_eq!(state.cents, books);
            }
        }

        #[test]
        fn a_snapshot_is_right_for_its_own_layout_only(euros in 1i64..10_000, layout in 1u8..3) {
            let state = Account { cents: euros * 100, open: true, named: true, entries: 7 };
            let snapshot = Snapshot::of(state, 9, layout);
            prop_assert_eq!(snapshot.read_as(layout), state);
            prop_assert_ne!(snapshot.read_as(3 - layout), state);
        }
    }

    #[test]
    fn rules_are_checked_when_deciding_and_not_when_folding() {
        let e = |kind, cents| Event { kind, cents };
        let open = Account::default().apply(e(Kind::Opened, 0));
        assert_eq!(Account::default().decide(e(Kind::Deposited, 100)), Err(Refusal::NotOpen));
        assert_eq!(open.decide(e(Kind::Opened, 0)), Err(Refusal::AlreadyOpen));
        assert_eq!(open.decide(e(Kind::Withdrawn, 100)), Err(Refusal::NoFunds));
        assert_eq!(open.decide(e(Kind::Deposited, 0)), Err(Refusal::NotPositive));
        assert_eq!(open.apply(e(Kind::Deposited, 1)).decide(e(Kind::Closed, 0)), Err(Refusal::NotEmpty));
        assert_eq!(open.apply(e(Kind::Withdrawn, 100)).cents, -100);
    }
    /// Opened once, paid into, paid out to the last cent, closed: nothing stands in the way of that.
    #[test]
    fn a_whole_life_is_allowed() {
        let mut state = Account::default();
        for (kind, cents) in [(Kind::Opened, 0), (Kind::Deposited, 300), (Kind::Withdrawn, 100), (Kind::Withdrawn, 200)]
        {
            let e = Event { kind, cents };
            assert_eq!(state.decide(e), Ok(e));
            state = state.apply(e);
        }
        let close = Event { kind: Kind::Closed, cents: 0 };
        assert_eq!(state.decide(close), Ok(close));
        assert_eq!(state.entries, 3, "one deposit, two withdrawals");
        assert_eq!(state.apply(Event { kind: Kind::Corrected, cents: -1 }).entries, 4);
        assert_eq!(state.apply(close).decide(close), Err(Refusal::NotOpen));
    }

    #[test]
    fn kinds_are_written_as_they_are_called_and_payments_have_amounts() {
        for kind in Kind::ALL {
            assert_eq!(kind.name(), format!("{kind:?}"));
            assert!(kind.has_amount() || !kind.is_payment());
        }
        let of = |what: fn(Kind) -> bool| Kind::ALL.into_iter().filter(|k| what(*k)).collect::<Vec<_>>();
        assert_eq!(of(Kind::is_payment), [Kind::Deposited, Kind::Withdrawn], "a correction is not money that moves");
        assert_eq!(of(Kind::has_amount), [Kind::Deposited, Kind::Withdrawn, Kind::Corrected]);
    }
}
