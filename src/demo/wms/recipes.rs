//! The problems that are planted, as a table a planner can read.
//!
//! Every recipe names the alert kind that must catch it. How long a shelf takes to run down depends on
//! the seed, so a problem ends when the books say so, not at a date.

use schemas::AlertKind;

/// One planted problem of one item at one location.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    pub kind: AlertKind,
    pub story: (&'static str, &'static str),
    pub place: Place,
    /// Wanted pace of the item there, units a day.
    pub units_per_day: (f64, f64),
    /// Wanted lead time of its supplier, days.
    pub lead_days: (i64, i64),
    /// Days into the live weeks.
    pub starts_day: i32,
    /// `(hours after the start, what happens)`.
    pub steps: &'static [(i64, Step)],
    pub relief: Option<Relief>,
}

#[derive(Clone, Copy, Debug)]
pub enum Place {
    Warehouse,
    /// The n-th store, counted around when there are fewer.
    Store(usize),
}

#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// The planner overlooks this shelf.
    Freeze,
    /// Deliveries do not come.
    Block,
    /// The supplier calls off everything that is open.
    CancelOrders,
    /// The supplier confirms only this share of the reorder level, and does not deliver it in time.
    PartOrder { share: f64 },
    /// Only so many days of cover are left, as a record of this kind says.
    Leave { days_of_cover: f64, found_by: Found },
    /// One customer takes everything.
    BulkBuyer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Balance,
    Stocktake,
    Adjustment,
}

/// How a problem ends: once on hand is down to `below_days` of cover, help comes after `after_hours`,
/// with `days` of cover beyond what was on its way.
#[derive(Clone, Copy, Debug)]
pub struct Relief {
    pub below_days: f64,
    pub after_hours: i64,
    pub days: f64,
}

const fn relief(below_days: f64, after_hours: i64, days: f64) -> Relief {
    Relief { below_days, after_hours, days }
}

pub const RECIPES: [Recipe; 12] = [
    Recipe {
        kind: AlertKind::StockOut,
        story: ("delivery lost on the road", "送货途中丢失"),
        place: Place::Store(0),
        units_per_day: (5.0, 12.0),
        lead_days: (3, 5),
        starts_day: 1,
        steps: &[(0, Step::Block)],
        relief: Some(relief(0.0, 30, 0.0)),
    },
    Recipe {
        kind: AlertKind::StockOut,
        story: ("shipments held at customs", "货物被海关扣留"),
        place: Place::Store(11),
        units_per_day: (2.5, 8.0),
        lead_days: (3, 5),
        starts_day: 1,
        steps: &[(0, Step::Block)],
        relief: Some(relief(0.0, 40, 0.0)),
    },
    Recipe {
        kind: AlertKind::StockOut,
        story: ("supplier's lorry never arrives", "供应商货车迟迟未到"),
        place: Place::Warehouse,
        units_per_day: (12.0, 60.0),
        lead_days: (3, 4),
        starts_day: 2,
        steps: &[(0, Step::Block)],
        relief: Some(relief(0.0, 20, 0.0)),
    },
    Recipe {
        kind: AlertKind::LowStock,
        story: ("hot seller, late supplier", "热销商品，供应商迟交"),
        place: Place::Warehouse,
        units_per_day: (30.0, 150.0),
        lead_days: (4, 6),
        starts_day: 2,
        steps: &[(0, Step::Freeze), (1, Step::PartOrder { share: 0.15 })],
        relief: Some(relief(0.0, 18, 7.0)),
    },
    Recipe {
        kind: AlertKind::LowStock,
        story: ("buyer on leave, nothing ordered", "采购员休假，无人下单"),
        place: Place::Store(1),
        units_per_day: (4.0, 12.0),
        lead_days: (3, 6),
        starts_day: 3,
        steps: &[(0, Step::Freeze)],
        relief: Some(relief(0.0, 24, 7.0)),
    },
    Recipe {
        kind: AlertKind::LowStock,
        story: ("supplier calls off its orders", "供应商取消订单"),
        place: Place::Warehouse,
        units_per_day: (10.0, 60.0),
        lead_days: (7, 10),
        starts_day: 4,
        steps: &[(0, Step::Freeze), (0, Step::CancelOrders)],
        relief: Some(relief(0.8, 12, 8.0)),
    },
    Recipe {
        kind: AlertKind::LowStock,
        story: ("runs low, restored in time", "库存偏低，及时补货"),
        place: Place::Store(2),
        units_per_day: (4.0, 12.0),
        lead_days: (3, 6),
        starts_day: 7,
        steps: &[(0, Step::Freeze)],
        relief: Some(relief(0.8, 6, 6.0)),
    },
    Recipe {
        kind: AlertKind::StockOut,
        story: ("shelf stolen empty overnight", "夜间被盗一空"),
        place: Place::Store(3),
        units_per_day: (3.0, 10.0),
        lead_days: (3, 10),
        starts_day: 9,
        steps: &[(4, Step::Leave { days_of_cover: 0.0, found_by: Found::Balance })],
        relief: None,
    },
    Recipe {
        kind: AlertKind::LowStock,
        story: ("theft: balance drops", "疑似被盗，库存骤降"),
        place: Place::Store(4),
        units_per_day: (4.0, 12.0),
        lead_days: (3, 6),
        starts_day: 10,
        steps: &[(0, Step::Freeze), (96, Step::Leave { days_of_cover: 0.9, found_by: Found::Balance })],
        relief: Some(relief(0.0, 20, 6.0)),
    },
    Recipe {
        kind: AlertKind::LowStock,
        story: ("water damage in the back room", "后仓进水受损"),
        place: Place::Store(7),
        units_per_day: (3.0, 10.0),
        lead_days: (3, 6),
        starts_day: 12,
        steps: &[(0, Step::Freeze), (72, Step::Leave { days_of_cover: 0.8, found_by: Found::Adjustment })],
        relief: Some(relief(0.3, 8, 6.0)),
    },
    Recipe {
        kind: AlertKind::StockOut,
        story: ("one customer buys everything", "一位顾客全部买走"),
        place: Place::Store(5),
        units_per_day: (3.0, 10.0),
        lead_days: (3, 10),
        starts_day: 14,
        steps: &[(15, Step::BulkBuyer)],
        relief: None,
    },
    Recipe {
        kind: AlertKind::StockOut,
        story: ("stocktake finds an empty shelf", "盘点发现货架已空"),
        place: Place::Store(6),
        units_per_day: (2.0, 8.0),
        lead_days: (3, 10),
        starts_day: 18,
        steps: &[(22, Step::Leave { days_of_cover: 0.0, found_by: Found::Stocktake })],
        relief: None,
    },
];

/// One item that suddenly everybody wants, at several stores.
#[derive(Clone, Copy, Debug)]
pub struct Surge {
    pub story: (&'static str, &'static str),
    pub stores: &'static [usize],
    /// Wanted pace in the slowest of these stores, lines a day.
    pub lines_per_day: (f64, f64),
    pub starts_day: i32,
    /// Local hour at which it begins, in each store.
    pub hour: i64,
    pub factor: f64,
    pub hours: i64,
}

pub const SURGES: [Surge; 3] = [
    Surge {
        story: ("goes viral in a livestream", "直播带货爆火"),
        stores: &[0, 1, 4, 9],
        lines_per_day: (1.5, 4.0),
        starts_day: 5,
        hour: 12,
        factor: 6.0,
        hours: 72,
    },
    Surge {
        story: ("a video goes round overseas", "海外短视频走红"),
        stores: &[10, 11],
        lines_per_day: (1.5, 4.0),
        starts_day: 15,
        hour: 11,
        factor: 6.0,
        hours: 60,
    },
    Surge {
        story: ("local festival clears the shelf", "本地节庆抢购"),
        stores: &[8],
        lines_per_day: (1.5, 4.0),
        starts_day: 20,
        hour: 10,
        factor: 6.0,
        hours: 48,
    },
];
