//! What every kind of work needs: the first stock, something to pick, a movement to post.

use anyhow::Result;
use postgres::{Client, GenericClient};

use super::{Dice, Shelf};

const SET_UP: &str = "
INSERT INTO categories (name, path) VALUES ('food', 'food'), ('dairy', 'food/dairy'), ('tools', 'tools');
INSERT INTO suppliers (code, name, lead_time_days) VALUES
    ('SUP-1', 'Northern Dairies', 2), ('SUP-2', 'Ironworks & Sons', 9.5), ('SUP-3', 'Far East Trading 远东', 30);
INSERT INTO locations (code, name, type, zone, region) VALUES
    ('STORE-1', 'High Street', 'S', 'Europe/Berlin', 'north'), ('STORE-2', 'Station', 'S', 'Europe/London', 'north'),
    ('DC-1', 'Depot', 'W', 'UTC', NULL)";

/// Products with a first stock everywhere.
const PRODUCTS: &str = "
INSERT INTO products (sku, name, category_id, supplier_id, cost, price, lead_time_days, tags)
SELECT 'SKU-' || i, 'item ' || i, 1 + i % 3, 1 + i % 3, 0.25 * i, 0.5 * i, 1 + i % 9,
       CASE WHEN i % 3 = 0 THEN 'scored' END
FROM generate_series(1, $1::bigint) i";
const FIRST_STOCK: &str = "
INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reason)
SELECT p.id, l.id, 'ADJUST', 20 + (p.id * 7 + l.id * 13) % 60 + 0.5 * (p.id % 2), 'opening stock'
FROM products p, locations l WHERE NOT (p.id % 10 = 0 AND l.type = 'S')";

pub(super) fn set_up(client: &mut Client, products: i64) -> Result<u64> {
    let mut tx = client.transaction()?;
    tx.batch_execute(SET_UP)?;
    let rows = tx.execute(PRODUCTS, &[&products])? + tx.execute(FIRST_STOCK, &[])?;
    tx.commit()?;
    Ok(rows + 9)
}

/// Up to `most` different balances with something on them, in the order of their keys.
pub(super) fn shelves(client: &mut impl GenericClient, dice: &mut Dice, most: i64) -> Result<Vec<Shelf>> {
    let total: i64 = client.query_one("SELECT count(*) FROM stock_balances WHERE on_hand >= 3", &[])?.get(0);
    let first = dice.roll(total - most + 1);
    let query = "SELECT product_id, location_id, on_hand::float8 FROM stock_balances WHERE on_hand >= 3
                 ORDER BY location_id, product_id OFFSET $1 LIMIT $2";
    let shelf = |row: postgres::Row| Shelf { product: row.get(0), location: row.get(1), on_hand: row.get(2) };
    Ok(client.query(query, &[&first, &most])?.into_iter().map(shelf).collect())
}

/// A movement, as every application posts it.
pub(super) fn post(
    client: &mut impl GenericClient,
    shelf: &Shelf,
    kind: &str,
    quantity: f64,
    reference: &str,
) -> Result<u64> {
    let statement = "INSERT INTO stock_ledger (product_id, location_id, movement_type, quantity, reference)
                     VALUES ($1, $2, $3, $4::float8, $5)";
    Ok(client.execute(statement, &[&shelf.product, &shelf.location, &kind, &quantity, &reference])?)
}
