//! A mapping, checked and compiled: plain values that the translator executes. It knows no YAML.
//!
//! Columns are numbers within their table, tables are numbers within the mapping: nothing is looked
//! up by name while records are translated.

use std::collections::HashMap;

use schemas::{ChangeKind, Zone};

use super::change_fields::Field;
use crate::wms::decimal::Decimal;
use crate::wms::row::Operation;
use crate::wms::value::Reading;

/// Everything a mapping file says.
#[derive(Debug)]
pub struct Mapping {
    pub id: String,
    pub connector: Connector,
    pub routing: Routing,
    /// Of dates and times that come without one.
    pub zone: Zone,
    pub park: Park,
    pub(crate) tables: Vec<Table>,
    pub(super) by_name: HashMap<String, usize>,
}

impl Mapping {
    /// The tables that are captured for this mapping, in the order of the file.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.name.as_str())
    }

    /// Whether anything is said about this table.
    pub fn names(&self, table: &str) -> bool {
        self.by_name.contains_key(table)
    }

    pub(crate) fn table_ix(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    Postgresql,
    Mysql,
}

/// How records of the tables come into topics: what order they have among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// All tables in one topic with one partition: the order of commits.
    Database,
    /// Each table in its own topic: no order across tables.
    Table,
    /// All tables in one topic, partitioned by SKU: order within a SKU.
    Sku,
}

impl Connector {
    pub(super) const NAMES: [(&'static str, Self); 2] = [("postgresql", Self::Postgresql), ("mysql", Self::Mysql)];
}

impl Routing {
    pub(super) const NAMES: [(&'static str, Self); 3] =
        [("database", Self::Database), ("table", Self::Table), ("sku", Self::Sku)];
}

/// How much may wait for rows that have not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Park {
    pub most: usize,
    /// By the source's clock.
    pub for_ms: i64,
}

impl Default for Park {
    fn default() -> Self {
        Self { most: 10_000, for_ms: 600_000 }
    }
}

/// One captured table.
#[derive(Debug)]
pub(crate) struct Table {
    pub name: String,
    /// What identifies a row. `None`: the columns of the record's key.
    pub key: Option<Vec<usize>>,
    /// Every column a rule, a lookup or the key needs.
    pub columns: Vec<ColumnName>,
    /// Columns kept in images, ascending.
    pub remembered: Vec<usize>,
    /// Sums kept in images.
    pub figures: Vec<Figure>,
    /// Something of its rows is remembered.
    pub has_images: bool,
    /// Rules look rows of this table up.
    pub looked_up: bool,
    /// A rule looks something up: rows of this table may have to wait.
    pub looks_up: bool,
    pub catalog: Option<ItemRule>,
    pub location: Option<PlaceRule>,
    pub events: Vec<EventRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ColumnName {
    pub name: String,
    pub tag: Tag,
}

/// What a value in an image is called, so that images outlive changes of the mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tag(pub u32);

/// A figure of a row whose differences are movements.
#[derive(Debug)]
pub(crate) struct Figure {
    pub of: Expr,
    /// The figure is 0 where these do not hold.
    pub only_when: Vec<Condition>,
    pub tag: Tag,
}

/// Where a value comes from, and what is done with it.
#[derive(Debug)]
pub(crate) struct Expr {
    pub from: From,
    pub modifiers: Modifiers,
}

#[derive(Debug)]
pub(crate) enum From {
    Constant(String),
    Column(usize),
    Lookup(Box<Lookup>),
    FirstOf(Vec<Expr>),
    Join { parts: Vec<Expr>, with: String },
    Split { of: Box<Expr>, at: String },
    Sum(Vec<Expr>),
}

/// A value of the row that `by` identifies in another table (or in the same).
#[derive(Debug)]
pub(crate) struct Lookup {
    pub table: usize,
    pub by: Vec<Expr>,
    /// Read on the row that was found.
    pub column: Expr,
}

#[derive(Debug, Default)]
pub(crate) struct Modifiers {
    pub map: Option<Vec<(String, String)>>,
    pub default: Option<String>,
    pub trim: bool,
    pub negate: bool,
    pub absolute: bool,
    pub times: Option<Factor>,
    pub reading: Reading,
}

#[derive(Debug)]
pub(crate) enum Factor {
    Constant(Decimal),
    Of(Box<Expr>),
}

#[derive(Debug)]
pub(crate) struct Condition {
    pub of: Expr,
    pub test: Test,
}

#[derive(Debug)]
pub(crate) enum Test {
    AnyOf(Vec<Scalar>),
    Not(Box<Test>),
    Above(Decimal),
    Below(Decimal),
    IsNull(bool),
    All(Vec<Test>),
}

/// A value to compare with. Numbers are compared as numbers, whatever their spelling.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scalar {
    pub text: String,
    pub number: Option<Decimal>,
}

/// The operations a rule applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct On(u8);

impl On {
    pub(super) const NAMES: [(&'static str, Self); 4] =
        [("create", Self(1)), ("update", Self(2)), ("delete", Self(4)), ("snapshot", Self(8))];
    pub(crate) const CREATE: Self = Self(1);
    pub(crate) const DELETE: Self = Self(4);
    pub(crate) const SNAPSHOT: Self = Self(8);

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) const fn of(operation: Operation) -> Self {
        match operation {
            Operation::Create => Self(1),
            Operation::Update => Self(2),
            Operation::Delete => Self(4),
            Operation::Snapshot => Self(8),
            Operation::Truncate => Self(0),
        }
    }
}

/// One row → one stock change.
#[derive(Debug)]
pub(crate) struct EventRule {
    pub on: On,
    pub when: Vec<Condition>,
    pub kind: ChangeKind,
    pub sku: Expr,
    pub location: Expr,
    pub occurred_at: Option<Expr>,
    pub difference: Option<Difference>,
    pub fields: Vec<(Field, Expr)>,
}

/// The quantity is how far a figure rose, or fell.
#[derive(Debug)]
pub(crate) struct Difference {
    pub figure: usize,
    pub rising: bool,
    pub modifiers: Modifiers,
}

/// One row → one item.
#[derive(Debug)]
pub(crate) struct ItemRule {
    pub when: Vec<Condition>,
    pub sku: Expr,
    pub fields: Vec<(ItemField, Expr)>,
}

/// One row → one location.
#[derive(Debug)]
pub(crate) struct PlaceRule {
    pub when: Vec<Condition>,
    pub location: Expr,
    pub fields: Vec<(PlaceField, Expr)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemField {
    Name,
    NameZh,
    Category,
    Supplier,
    UnitCost,
    UnitPrice,
    LeadTimeDays,
    PackSize,
    MinimumOrderQuantity,
    ShelfLifeDays,
    Tags,
    SupersededBy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceField {
    Name,
    NameZh,
    TimeZone,
    Region,
    Kind,
}
