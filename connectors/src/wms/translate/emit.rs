//! What one row becomes under one rule.

use std::borrow::Cow;

use processor::operator::Rejection;
use schemas::change::identifier;
use schemas::{
    CatalogItem, ChangeFields, DecodeError, InventoryEvent, Location, Money, Quantity, SourcePosition, Timestamp, Zone,
};

use super::evaluate::Number;
use super::row_view::{Row, Stop};
use super::{INVALID_LOCATION, event_id};
use crate::wms::decimal::Decimal;
use crate::wms::mapping::{
    Difference, EventRule, Expr, Field, Figure, ItemField, ItemRule, Modifiers, PlaceField, PlaceRule,
};

/// What every event of one record has in common.
pub(super) struct Origin<'o> {
    /// Name of the source, as configured.
    pub source: &'o str,
    pub partition: i32,
    pub position: &'o str,
    pub time: Timestamp,
    /// The row's key.
    pub key: &'o str,
}

impl Row<'_> {
    /// The stock change; `None` where the rule's conditions do not hold.
    pub(super) fn event(
        &self,
        rule: &EventRule,
        ix: usize,
        moved: Option<Quantity>,
        origin: &Origin<'_>,
    ) -> Result<Option<InventoryEvent<'static>>, Stop> {
        if !self.holds(&rule.when)? {
            return Ok(None);
        }
        let named = |stop| self.in_rule(ix, stop);
        let sku = self.identity(&rule.sku, "sku").map_err(named)?;
        let location = self.identity(&rule.location, "location").map_err(named)?;
        let fields = self.fields(rule, moved).map_err(named)?;
        let change = fields.build(rule.kind).map_err(|error| self.in_rule(ix, rejected(error)))?;
        let occurred_at = match &rule.occurred_at {
            Some(expr) => self.time(expr)?.unwrap_or(origin.time),
            None => origin.time,
        };
        let source = SourcePosition {
            source: Cow::Owned(origin.source.to_owned()),
            partition: origin.partition,
            position: Cow::Owned(origin.position.to_owned()),
            time: origin.time,
        };
        let event_id = Cow::Owned(event_id(origin, &self.table.name, ix));
        let (sku, location) = (Cow::Owned(sku), Cow::Owned(location));
        Ok(Some(InventoryEvent { event_id, sku, location, occurred_at, source: Some(source), change }))
    }

    fn fields(&self, rule: &EventRule, moved: Option<Quantity>) -> Result<ChangeFields<'static>, Stop> {
        let mut fields = ChangeFields::default();
        if let (Some(moved), Some(difference)) = (moved, &rule.difference) {
            fields.quantity = Some(self.quantity_moved(moved, difference)?);
        }
        let text = |expr: &Expr| Ok::<_, Stop>(self.text(expr)?.map(Cow::Owned));
        for (field, expr) in &rule.fields {
            match field {
                Field::Quantity => fields.quantity = self.quantity(expr, "quantity")?,
                Field::Book => fields.book = self.quantity(expr, "book")?,
                Field::Counted => fields.counted = self.quantity(expr, "counted")?,
                Field::OnHand => fields.on_hand = self.quantity(expr, "on_hand")?,
                Field::UnitPrice => fields.unit_price = self.money(expr, "unit_price")?,
                Field::ExpectedAt => fields.expected_at = self.time(expr)?,
                Field::ExpiresOn => fields.expires_on = self.day(expr)?,
                Field::OrderId => fields.order_id = text(expr)?,
                Field::Customer => fields.customer = text(expr)?,
                Field::PoId => fields.po_id = text(expr)?,
                Field::Supplier => fields.supplier = text(expr)?,
                Field::Reason => fields.reason = text(expr)?,
                Field::Document => fields.document = text(expr)?,
                Field::Lot => fields.lot = text(expr)?,
                Field::From => fields.from = text(expr)?,
                Field::To => fields.to = text(expr)?,
            }
        }
        Ok(fields)
    }

    fn quantity_moved(&self, moved: Quantity, difference: &Difference) -> Result<Quantity, Stop> {
        let Modifiers { negate, times, .. } = &difference.modifiers;
        if !negate && times.is_none() {
            return Ok(moved);
        }
        let value = Decimal::from_integer(moved.thousandths()).times(thousandth());
        let value = value.map_err(|error| out_of_field("quantity", Decimal::ZERO, &error))?;
        let number = self.modified(Number { value, round: false }, &difference.modifiers)?;
        as_quantity(number, "quantity")
    }

    /// A figure of the row; 0 where it does not count or is null.
    pub(super) fn figure(&self, figure: &Figure) -> Result<Quantity, Stop> {
        if !self.holds(&figure.only_when)? {
            return Ok(Quantity::ZERO);
        }
        let quantity = self.quantity(&figure.of, "quantity").map_err(|stop| self.in_part("a figure", stop))?;
        Ok(quantity.unwrap_or_default())
    }

    fn quantity(&self, expr: &Expr, field: &str) -> Result<Option<Quantity>, Stop> {
        self.number(expr)?.map(|number| as_quantity(number, field)).transpose()
    }

    fn money(&self, expr: &Expr, field: &str) -> Result<Option<Money>, Stop> {
        let Some(number) = self.number(expr)? else { return Ok(None) };
        let exact = number.value.money(number.round);
        exact.map(Some).map_err(|error| of_class(DecodeError::INVALID_MONEY, field, number.value, &error))
    }

    /// Days, sizes: a number that is not negative.
    fn plain_number(&self, expr: &Expr, field: &str) -> Result<Option<f64>, Stop> {
        let Some(number) = self.number(expr)? else { return Ok(None) };
        let value: f64 = number.value.to_string().parse().unwrap_or(f64::NAN);
        if value.is_finite() && value >= 0.0 {
            return Ok(Some(value));
        }
        Err(out_of_field(field, number.value, &"expected a number ≥ 0"))
    }

    fn whole(&self, expr: &Expr, field: &str) -> Result<Option<i32>, Stop> {
        let Some(number) = self.number(expr)? else { return Ok(None) };
        let whole = number.value.integer(number.round).map_err(|e| out_of_field(field, number.value, &e))?;
        let fits = i32::try_from(whole).ok().filter(|whole| *whole >= 0);
        fits.map(Some).ok_or_else(|| out_of_field(field, number.value, &"expected a whole number ≥ 0"))
    }

    /// A SKU or the code of a location: there, and fit to be a key.
    fn identity(&self, expr: &Expr, field: &str) -> Result<String, Stop> {
        let Some(text) = self.text(expr)? else {
            let message = format!("`{field}` is missing: its column is null or empty; exclude such rows with `when`");
            return Err(Stop::reject(DecodeError::MISSING_FIELD, message));
        };
        identifier(field, &text).map_err(rejected)?;
        Ok(text)
    }

    /// The SKU of an item; `None` where the row is none, or not any more.
    pub(super) fn item_sku(&self, rule: &ItemRule) -> Result<Option<String>, Stop> {
        if !self.holds(&rule.when)? {
            return Ok(None);
        }
        self.identity(&rule.sku, "sku").map(Some).map_err(|stop| self.in_part("catalog", stop))
    }

    pub(super) fn item(&self, rule: &ItemRule, sku: &str) -> Result<CatalogItem, Stop> {
        self.read_item(rule, sku).map_err(|stop| self.in_part("catalog", stop))
    }

    fn read_item(&self, rule: &ItemRule, sku: &str) -> Result<CatalogItem, Stop> {
        let mut item = CatalogItem { sku: sku.to_owned(), ..CatalogItem::default() };
        for (field, expr) in &rule.fields {
            match field {
                ItemField::Name => item.name = self.text(expr)?,
                ItemField::NameZh => item.name_zh = self.text(expr)?,
                ItemField::Category => item.category = self.text(expr)?,
                ItemField::Supplier => item.supplier = self.text(expr)?,
                ItemField::UnitCost => item.unit_cost = self.money(expr, "unit_cost")?,
                ItemField::UnitPrice => item.unit_price = self.money(expr, "unit_price")?,
                ItemField::LeadTimeDays => item.lead_time_days = self.plain_number(expr, "lead_time_days")?,
                ItemField::PackSize => item.pack_size = self.quantity(expr, "pack_size")?,
                ItemField::MinimumOrderQuantity => {
                    item.minimum_order_quantity = self.quantity(expr, "minimum_order_quantity")?;
                }
                ItemField::ShelfLifeDays => item.shelf_life_days = self.whole(expr, "shelf_life_days")?,
                ItemField::Tags => item.tags = self.tags(expr)?,
                ItemField::SupersededBy => item.superseded_by = self.text(expr)?,
            }
        }
        Ok(item)
    }

    /// The code of a location; `None` where the row is none, or not any more.
    pub(super) fn place_code(&self, rule: &PlaceRule) -> Result<Option<String>, Stop> {
        if !self.holds(&rule.when)? {
            return Ok(None);
        }
        self.identity(&rule.location, "location").map(Some).map_err(|stop| self.in_part("location", stop))
    }

    pub(super) fn place(&self, rule: &PlaceRule, code: &str) -> Result<Location, Stop> {
        let mut place = Location { location: code.to_owned(), ..Location::default() };
        for (field, expr) in &rule.fields {
            let text = self.text(expr).map_err(|stop| self.in_part("location", stop))?;
            match field {
                PlaceField::Name => place.name = text,
                PlaceField::NameZh => place.name_zh = text,
                PlaceField::TimeZone => place.time_zone = text,
                PlaceField::Region => place.region = text,
                PlaceField::Kind => place.kind = text,
            }
        }
        match place.time_zone.as_deref().filter(|name| Zone::named(name).is_none()) {
            None => Ok(place),
            Some(name) => {
                let message = format!("unknown time zone {name:?}; use an IANA name such as \"Europe/London\"");
                Err(self.in_part("location", Stop::reject(INVALID_LOCATION, message)))
            }
        }
    }

    #[cold]
    fn in_rule(&self, ix: usize, stop: Stop) -> Stop {
        self.in_part(&format!("events[{ix}]"), stop)
    }

    /// Names the rule, unless the message names its table already.
    #[cold]
    fn in_part(&self, part: &str, stop: Stop) -> Stop {
        match stop {
            Stop::Reject(rejection) if !rejection.message.starts_with("table ") => {
                let message = format!("table {}, {part}: {}", self.table.name, rejection.message);
                Stop::Reject(Rejection::new(rejection.class, message))
            }
            other => other,
        }
    }
}

fn thousandth() -> Decimal {
    Decimal::parse("0.001").unwrap_or(Decimal::ZERO)
}

fn rejected(error: DecodeError) -> Stop {
    Stop::Reject(Rejection::new(error.class, error.message))
}

#[cold]
fn of_class(class: &'static str, field: &str, value: Decimal, error: &dyn std::fmt::Display) -> Stop {
    let hint = if value.is_zero() { "" } else { "; `round: true` rounds, `times` converts" };
    Stop::reject(class, format!("`{field}` would be {value}: {error}{hint}"))
}

#[cold]
fn out_of_field(field: &str, value: Decimal, error: &dyn std::fmt::Display) -> Stop {
    Stop::reject(DecodeError::INVALID_NUMBER, format!("`{field}` would be {value}: {error}"))
}

fn as_quantity(number: Number, field: &str) -> Result<Quantity, Stop> {
    let exact = number.value.quantity(number.round);
    exact.map_err(|error| of_class(DecodeError::INVALID_QUANTITY, field, number.value, &error))
}
