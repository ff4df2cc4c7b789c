//! A shop's week: when the next line of the synthetic stream happens.

use crate::stream::{DAY_MS, START};

const MINUTE_MS: i64 = 60_000;
/// The shops' clock is eight hours ahead of UTC.
const SHOP_OFFSET_MS: i64 = 8 * 3_600_000;
/// Share of a shop's sales by local hour, in thousandths of the busiest hour.
const HOURS: [u32; 24] =
    [5, 2, 1, 1, 2, 10, 60, 200, 420, 600, 720, 800, 780, 640, 560, 580, 700, 900, 1000, 920, 700, 420, 150, 40];
/// Monday to Sunday, in percent.
const WEEKDAYS: [u32; 7] = [85, 85, 90, 95, 110, 135, 120];

/// When the next line happens: minute by minute, as many as the hour and the weekday bring.
pub(crate) struct ShopClock {
    /// Lines in a minute of the busiest hour of an average weekday.
    busiest: f64,
    minute: i64,
    due: f64,
    in_minute: (u32, u32),
}

impl ShopClock {
    pub(crate) fn new(lines_per_day: f64) -> Self {
        let (hours, weekdays): (u32, u32) = (HOURS.iter().sum(), WEEKDAYS.iter().sum());
        let average = f64::from(weekdays) / 700.0;
        let busiest = lines_per_day / (f64::from(hours) / 1000.0 * 60.0 * average);
        Self { busiest, minute: START.millis() / MINUTE_MS, due: 0.0, in_minute: (0, 0) }
    }

    /// Milliseconds since 1970, in whole seconds, never going back.
    pub(crate) fn tick(&mut self) -> i64 {
        while self.in_minute.0 == self.in_minute.1 {
            self.minute += 1;
            self.due += self.busiest * Self::weight(self.minute * MINUTE_MS + SHOP_OFFSET_MS);
            self.in_minute = (0, self.due as u32);
            self.due = self.due.fract();
        }
        let (done, all) = self.in_minute;
        self.in_minute.0 += 1;
        self.minute * MINUTE_MS + i64::from(60 * done / all) * 1000
    }

    fn weight(local_ms: i64) -> f64 {
        let hour = local_ms.div_euclid(3_600_000).rem_euclid(24) as usize;
        // 1970-01-01 was a Thursday, three days after a Monday.
        let weekday = (local_ms.div_euclid(DAY_MS) + 3).rem_euclid(7) as usize;
        f64::from(HOURS[hour] * WEEKDAYS[weekday]) / 100_000.0
    }
}
