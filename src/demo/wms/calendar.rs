//! When people shop: by day of the week and hour of the local day.

use schemas::{Day, Timestamp, time::SECOND_MS};

use super::{network::Site, random::Random};

/// Sales of a weekday relative to the average day, Monday first.
const WEEKDAYS: [f64; 7] = [0.84, 0.82, 0.86, 0.92, 1.10, 1.26, 1.20];

/// Sales by hour of the local day while the store is open.
const HOURS: [f64; 24] = [
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.5, 0.8, 1.0, 1.3, 1.1, 0.9, 0.9, 1.0, 1.2, 1.5, 1.6, 1.4, 0.9, 0.4,
    0.1,
];

/// The weight of a local day.
#[must_use]
pub fn weekday(day: Day) -> f64 {
    // 1970-01-01 was a Thursday: three days after a Monday.
    WEEKDAYS[(day.0 + 3).rem_euclid(7) as usize]
}

/// A moment of a local day while the store is open, by the hours' weights; whole seconds.
pub fn moment(site: &Site, day: Day, random: &mut Random) -> Timestamp {
    let hours = site.open..site.close;
    let total: f64 = hours.clone().map(|h| HOURS[h as usize]).sum();
    let mut left = random.unit() * total;
    let mut hour = site.open;
    for h in hours {
        hour = h;
        left -= HOURS[h as usize];
        if left < 0.0 {
            break;
        }
    }
    site.at(day, hour).plus_ms(random.whole(0, 3599) * SECOND_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::wms::network::sites;

    #[test]
    fn shoppers_come_while_the_store_is_open_and_most_in_the_evening() {
        let store = &sites(1)[1];
        let mut random = Random::seeded(3);
        let day = Day(20_000);
        let mut evening = 0;
        for _ in 0..1000 {
            let at = moment(store, day, &mut random);
            assert_eq!(store.zone.day_of(at), day);
            let hour = (at.since(store.at(day, 0)) / 3_600_000) as usize;
            assert!((10..22).contains(&hour), "{hour}");
            evening += usize::from((18..21).contains(&hour));
        }
        assert!((260..400).contains(&evening), "{evening}");
    }

    #[test]
    fn the_week_averages_to_one() {
        let sum: f64 = (0..7).map(|d| weekday(Day(20_000 + d))).sum();
        assert!((sum - 7.0).abs() < 1e-9);
    }
}
