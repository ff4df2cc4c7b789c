//! What is there, by SQL over the tables of the WMS alone.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use postgres::Client;

/// Thousandths of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stock {
    /// `None`: the WMS keeps no balance of it.
    pub on_hand: Option<i64>,
    pub reserved: i64,
    pub on_order: i64,
}

/// By SKU and location.
pub type Truth = BTreeMap<(String, String), Stock>;

const QUERY: &str = "
SELECT p.sku, l.code, (b.on_hand * 1000)::bigint,
       coalesce((r.reserved * 1000)::bigint, 0), coalesce((o.on_order * 1000)::bigint, 0)
FROM stock_balances b
FULL JOIN (SELECT product_id, location_id, sum(quantity - fulfilled) AS reserved
           FROM reservations WHERE status = 'ACTIVE' GROUP BY 1, 2) r USING (product_id, location_id)
FULL JOIN (SELECT i.product_id, o.location_id, sum(greatest(i.quantity - i.received - i.cancelled, 0)) AS on_order
           FROM purchase_order_lines i JOIN purchase_orders o ON o.id = i.order_id
           WHERE i.status IN ('OPEN', 'CLOSED') GROUP BY 1, 2) o USING (product_id, location_id)
JOIN products p ON p.id = product_id
JOIN locations l ON l.id = location_id";

/// Balances that the ledger does not lead to.
const CHECK: &str = "
SELECT count(*) FROM stock_balances b
LEFT JOIN (SELECT product_id, location_id, sum(quantity) AS total FROM stock_ledger GROUP BY 1, 2) s
    USING (product_id, location_id)
WHERE b.on_hand <> coalesce(s.total, 0)";

/// On hand, reserved and on order of every SKU at every location that has any of them.
pub fn truth(client: &mut Client) -> Result<Truth> {
    let wrong: i64 = client.query_one(CHECK, &[])?.get(0);
    ensure!(wrong == 0, "{wrong} balances of the WMS are not the sum of its ledger");
    let rows = client.query(QUERY, &[])?;
    let entry = |row: postgres::Row| {
        let stock = Stock { on_hand: row.get(2), reserved: row.get(3), on_order: row.get(4) };
        ((row.get(0), row.get(1)), stock)
    };
    Ok(rows.into_iter().map(entry).collect())
}
