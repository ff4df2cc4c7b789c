//! Which fields each type of change takes, and how each field is read.

use schemas::ChangeKind;

use super::model::{ItemField, PlaceField};

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Text,
    Quantity,
    Money,
    Number,
    Whole,
    Time,
    Day,
    Tags,
}

impl Want {
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Quantity => "a quantity",
            Self::Money => "an amount of money",
            Self::Number => "a number",
            Self::Whole => "a whole number",
            Self::Time => "a time",
            Self::Day => "a date",
            Self::Tags => "a list of texts",
        }
    }

    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::Quantity | Self::Money | Self::Number | Self::Whole)
    }

    pub(crate) const fn is_time(self) -> bool {
        matches!(self, Self::Time | Self::Day)
    }
}

/// A field of a change, beside what every change has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Quantity,
    OrderId,
    Customer,
    UnitPrice,
    PoId,
    Supplier,
    ExpectedAt,
    Reason,
    Document,
    Book,
    Counted,
    OnHand,
    Lot,
    ExpiresOn,
    From,
    To,
}

impl Field {
    pub(crate) const ALL: [(&'static str, Self, Want); 16] = [
        ("quantity", Self::Quantity, Want::Quantity),
        ("order_id", Self::OrderId, Want::Text),
        ("customer", Self::Customer, Want::Text),
        ("unit_price", Self::UnitPrice, Want::Money),
        ("po_id", Self::PoId, Want::Text),
        ("supplier", Self::Supplier, Want::Text),
        ("expected_at", Self::ExpectedAt, Want::Time),
        ("reason", Self::Reason, Want::Text),
        ("document", Self::Document, Want::Text),
        ("book", Self::Book, Want::Quantity),
        ("counted", Self::Counted, Want::Quantity),
        ("on_hand", Self::OnHand, Want::Quantity),
        ("lot", Self::Lot, Want::Text),
        ("expires_on", Self::ExpiresOn, Want::Day),
        ("from", Self::From, Want::Text),
        ("to", Self::To, Want::Text),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field, _)| *field == self).map_or("", |(name, ..)| name)
    }
}

/// Fields a change cannot do without, and those it may have.
pub(crate) const fn takes(kind: ChangeKind) -> (&'static [Field], &'static [Field]) {
    use Field::{
        Book, Counted, Customer, Document, ExpectedAt, ExpiresOn, From, Lot, OnHand, OrderId, PoId, Quantity, Reason,
        Supplier, To, UnitPrice,
    };
    match kind {
        ChangeKind::Sold | ChangeKind::SaleCancelled | ChangeKind::Returned => {
            (&[Quantity], &[OrderId, Customer, UnitPrice])
        }
        ChangeKind::Received => (&[Quantity], &[PoId, Supplier]),
        ChangeKind::TransferredIn => (&[Quantity], &[From, Document]),
        ChangeKind::TransferredOut => (&[Quantity], &[To, Document]),
        ChangeKind::Adjusted | ChangeKind::Scrapped => (&[Quantity], &[Reason, Document]),
        ChangeKind::Counted => (&[Counted], &[Book, Document]),
        ChangeKind::Reserved | ChangeKind::Released => (&[Quantity, OrderId], &[]),
        ChangeKind::Ordered => (&[Quantity, PoId], &[Supplier, ExpectedAt]),
        ChangeKind::OrderCancelled => (&[PoId], &[Quantity]),
        ChangeKind::BalanceObserved => (&[OnHand], &[]),
        ChangeKind::LotReceived => (&[Quantity, Lot], &[ExpiresOn, PoId, Supplier]),
    }
}

/// What a row may mean that was there before capturing began: a state, never something that happened.
pub(crate) const BASELINES: [ChangeKind; 3] = [ChangeKind::BalanceObserved, ChangeKind::Ordered, ChangeKind::Reserved];

pub(crate) const ITEM_FIELDS: [(&str, ItemField, Want); 12] = [
    ("name", ItemField::Name, Want::Text),
    ("name_zh", ItemField::NameZh, Want::Text),
    ("category", ItemField::Category, Want::Text),
    ("supplier", ItemField::Supplier, Want::Text),
    ("unit_cost", ItemField::UnitCost, Want::Money),
    ("unit_price", ItemField::UnitPrice, Want::Money),
    ("lead_time_days", ItemField::LeadTimeDays, Want::Number),
    ("pack_size", ItemField::PackSize, Want::Quantity),
    ("minimum_order_quantity", ItemField::MinimumOrderQuantity, Want::Quantity),
    ("shelf_life_days", ItemField::ShelfLifeDays, Want::Whole),
    ("tags", ItemField::Tags, Want::Tags),
    ("superseded_by", ItemField::SupersededBy, Want::Text),
];

pub(crate) const PLACE_FIELDS: [(&str, PlaceField, Want); 5] = [
    ("name", PlaceField::Name, Want::Text),
    ("name_zh", PlaceField::NameZh, Want::Text),
    ("time_zone", PlaceField::TimeZone, Want::Text),
    ("region", PlaceField::Region, Want::Text),
    ("kind", PlaceField::Kind, Want::Text),
];

#[cfg(test)]
mod tests {
    use schemas::{ChangeFields, Day, Money, Quantity, Timestamp};

    use super::*;

    const KINDS: [ChangeKind; 15] = [
        ChangeKind::Sold,
        ChangeKind::SaleCancelled,
        ChangeKind::Returned,
        ChangeKind::Received,
        ChangeKind::TransferredIn,
        ChangeKind::TransferredOut,
        ChangeKind::Adjusted,
        ChangeKind::Counted,
        ChangeKind::Scrapped,
        ChangeKind::Reserved,
        ChangeKind::Released,
        ChangeKind::Ordered,
        ChangeKind::OrderCancelled,
        ChangeKind::BalanceObserved,
        ChangeKind::LotReceived,
    ];

    fn filled(fields: &[Field]) -> ChangeFields<'static> {
        let mut f = ChangeFields::default();
        let text = || Some("x".into());
        for field in fields {
            match field {
                Field::Quantity => f.quantity = Some(Quantity::from_units(1)),
                Field::OrderId => f.order_id = text(),
                Field::Customer => f.customer = text(),
                Field::UnitPrice => f.unit_price = Some(Money::from_micros(1)),
                Field::PoId => f.po_id = text(),
                Field::Supplier => f.supplier = text(),
                Field::ExpectedAt => f.expected_at = Some(Timestamp::from_millis(1)),
                Field::Reason => f.reason = text(),
                Field::Document => f.document = text(),
                Field::Book => f.book = Some(Quantity::from_units(1)),
                Field::Counted => f.counted = Some(Quantity::from_units(1)),
                Field::OnHand => f.on_hand = Some(Quantity::from_units(1)),
                Field::Lot => f.lot = text(),
                Field::ExpiresOn => f.expires_on = Some(Day(1)),
                Field::From => f.from = text(),
                Field::To => f.to = text(),
            }
        }
        f
    }

    #[test]
    fn what_a_change_takes_is_what_its_type_takes() {
        let every: Vec<Field> = Field::ALL.iter().map(|(_, field, _)| *field).collect();
        for kind in KINDS {
            let (required, optional) = takes(kind);
            let both: Vec<Field> = required.iter().chain(optional).copied().collect();
            let change = filled(&every).build(kind).unwrap();
            assert_eq!(change.fields(), filled(&both), "{kind:?} keeps other fields");
            assert!(filled(required).build(kind).is_ok(), "{kind:?} needs more");
            for missing in required {
                let rest: Vec<Field> = both.iter().filter(|field| *field != missing).copied().collect();
                let error = filled(&rest).build(kind).unwrap_err();
                assert!(error.message.contains(missing.name()), "{kind:?} without {}: {error}", missing.name());
            }
        }
    }
}
