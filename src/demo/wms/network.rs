//! Where the chain keeps stock: one warehouse and its stores, with their real time zones.

use schemas::{Day, Location, Timestamp, Zone, time::HOUR_MS};

/// One location of the chain, as the simulation needs it.
#[derive(Clone, Debug)]
pub struct Site {
    pub location: Location,
    pub zone: Zone,
    pub warehouse: bool,
    /// Sales relative to an average store.
    pub size: f64,
    /// Days a delivery from the warehouse travels.
    pub transit_days: i32,
    /// Local opening hours `[open, close)`.
    pub open: i64,
    pub close: i64,
    /// The ordered part of the source its records are written to.
    pub partition: i32,
}

/// Partitions of the WMS as a source: the warehouse with every second store, and the other stores.
pub const SOURCE_PARTITIONS: i32 = 2;

/// `(name, Chinese name, time zone, region, size, transit days, open, close)`
type Row = (&'static str, &'static str, &'static str, &'static str, f64, i32, i64, i64);

const WAREHOUSE: Row = ("Kunshan distribution centre", "昆山配送中心", "Asia/Shanghai", "east", 0.0, 0, 6, 22);

const STORES: [Row; 16] = [
    ("Shanghai Nanjing Road", "上海南京路店", "Asia/Shanghai", "east", 1.6, 1, 10, 22),
    ("Beijing Wangfujing", "北京王府井店", "Asia/Shanghai", "north", 1.4, 1, 10, 22),
    ("Shanghai Xujiahui", "上海徐家汇店", "Asia/Shanghai", "east", 1.3, 1, 10, 22),
    ("Guangzhou Tianhe", "广州天河店", "Asia/Shanghai", "south", 1.2, 1, 10, 22),
    ("Hangzhou West Lake", "杭州西湖店", "Asia/Shanghai", "east", 1.1, 1, 9, 22),
    ("Shenzhen Nanshan", "深圳南山店", "Asia/Shanghai", "south", 1.2, 1, 10, 22),
    ("Chengdu Chunxi Road", "成都春熙路店", "Asia/Shanghai", "west", 1.0, 2, 10, 22),
    ("Wuhan Jianghan Road", "武汉江汉路店", "Asia/Shanghai", "central", 0.8, 1, 10, 21),
    ("Urumqi Youhao", "乌鲁木齐友好店", "Asia/Urumqi", "west", 0.6, 3, 9, 21),
    ("Hong Kong Mong Kok", "香港旺角店", "Asia/Hong_Kong", "south", 1.1, 2, 11, 22),
    ("Singapore Orchard", "新加坡乌节路店", "Asia/Singapore", "overseas", 0.9, 3, 10, 22),
    ("London Soho", "伦敦苏豪店", "Europe/London", "overseas", 0.8, 4, 10, 20),
    ("Xi'an Bell Tower", "西安钟楼店", "Asia/Shanghai", "west", 0.9, 2, 10, 21),
    ("Tokyo Ikebukuro", "东京池袋店", "Asia/Tokyo", "overseas", 0.9, 3, 10, 21),
    ("San Francisco Market Street", "旧金山市场街店", "America/Los_Angeles", "overseas", 0.7, 4, 10, 20),
    ("Berlin Mitte", "柏林米特店", "Europe/Berlin", "overseas", 0.7, 4, 10, 20),
];

/// The largest chain there are names for.
pub const MAX_STORES: usize = STORES.len();

/// The warehouse first, then `stores` stores (at most [`MAX_STORES`]).
#[must_use]
pub fn sites(stores: usize) -> Vec<Site> {
    let warehouse = site("DC-01".to_owned(), &WAREHOUSE, true, 0);
    let stores = STORES
        .iter()
        .take(stores)
        .zip(1..)
        .map(|(row, number): (_, i32)| site(format!("STORE-{number:02}"), row, false, number % SOURCE_PARTITIONS));
    std::iter::once(warehouse).chain(stores).collect()
}

fn site(code: String, row: &Row, warehouse: bool, partition: i32) -> Site {
    let (name, name_zh, zone, region, size, transit_days, open, close) = *row;
    let location = Location {
        location: code,
        name: Some(name.to_owned()),
        name_zh: Some(name_zh.to_owned()),
        time_zone: Some(zone.to_owned()),
        region: Some(region.to_owned()),
        kind: Some(if warehouse { "warehouse" } else { "store" }.to_owned()),
    };
    let zone = Zone::named(zone).unwrap_or(Zone::UTC);
    Site { location, zone, warehouse, size, transit_days, open, close, partition }
}

impl Site {
    pub fn code(&self) -> &str {
        &self.location.location
    }

    /// The instant of `hours` after the start of a local day.
    pub fn at(&self, day: Day, hours: i64) -> Timestamp {
        self.zone.start_of(day).plus_ms(hours * HOUR_MS)
    }

    /// `hours` o'clock of the local day that lies `days` after the one `from` falls into.
    pub fn later(&self, from: Timestamp, days: i32, hours: i64) -> Timestamp {
        self.at(Day(self.zone.day_of(from).0 + days), hours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_location_is_named_twice_and_has_a_zone_the_database_knows() {
        let sites = sites(MAX_STORES);
        assert_eq!(sites.len(), MAX_STORES + 1);
        for site in &sites {
            let zone = site.location.time_zone.as_deref().unwrap();
            assert!(Zone::named(zone).is_some(), "{zone}");
            assert!(site.location.name_zh.is_some());
            assert!(site.open < site.close);
        }
        assert_eq!(sites.iter().filter(|s| s.warehouse).count(), 1);
    }
}
