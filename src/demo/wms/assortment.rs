//! What the chain sells: several hundred items with prices, suppliers, packs and the pace they sell at.

use schemas::{CatalogItem, Money, Quantity};

use super::{
    names::{FAMILIES, Family, SUPPLIERS, Word},
    random::Random,
};

/// One item, with what only the simulation may know about it.
#[derive(Clone, Debug)]
pub struct Product {
    pub item: CatalogItem,
    /// Order lines a day in an average store on an average day.
    pub lines_per_day: f64,
    /// Chance that a line is for more than one piece.
    pub multiple: f64,
    pub price: Money,
    pub pack: i64,
    pub minimum_order: i64,
    pub lead_days: i64,
    /// Chance that a supplier's delivery comes late.
    pub late: f64,
    pub shelf_life_days: Option<i32>,
}

/// The largest assortment there are names for.
#[must_use]
pub fn max_items() -> usize {
    FAMILIES.iter().map(|f| f.styles.len() * f.variants.len()).sum()
}

/// `items` items in a fixed order, families interleaved so that any number is a mixed assortment.
#[must_use]
pub fn assortment(items: usize, random: &mut Random) -> Vec<Product> {
    let mut products = Vec::with_capacity(items);
    let deepest = FAMILIES.iter().map(|f| f.styles.len() * f.variants.len()).max().unwrap_or(0);
    for depth in 0..deepest {
        for family in &FAMILIES {
            if depth < family.styles.len() * family.variants.len() && products.len() < items {
                // Variants vary fastest within a style, styles in turn: neighbours differ in both.
                let style = family.styles[depth % family.styles.len()];
                let variant = family.variants[depth / family.styles.len()];
                products.push(product(family, depth, style, variant, random));
            }
        }
    }
    products
}

fn product(family: &Family, depth: usize, style: Word, variant: Word, random: &mut Random) -> Product {
    let (supplier, lead_days, late) = SUPPLIERS[family.suppliers[(depth / 3) % 2]];
    let price = Money::from_micros(random.whole(family.price.0, family.price.1) * 1_000_000 - 100_000);
    let cost = Money::from_micros((price.as_f64() * random.between(0.4, 0.6) * 100.0).round() as i64 * 10_000);
    // Log-normal: a few items sell many times what the median sells.
    let lines_per_day = (0.5 * libm::exp(1.1 * random.normal())).clamp(0.04, 12.0);
    let minimum_order = family.pack * random.whole(1, 2);
    let item = CatalogItem {
        sku: format!("{}-{:03}", family.code, depth + 1),
        name: Some(format!("{} {}, {}", style.0, family.name.0, variant.0)),
        name_zh: Some(format!("{}{}（{}）", style.1, family.name.1, variant.1)),
        category: Some(family.category.to_owned()),
        supplier: Some(supplier.to_owned()),
        unit_cost: Some(cost),
        unit_price: Some(price),
        lead_time_days: Some(lead_days as f64),
        pack_size: Some(Quantity::from_units(family.pack)),
        minimum_order_quantity: Some(Quantity::from_units(minimum_order)),
        shelf_life_days: family.shelf_life_days,
        tags: if lines_per_day > 2.5 { vec!["bestseller".to_owned()] } else { Vec::new() },
        superseded_by: None,
    };
    Product {
        item,
        lines_per_day,
        multiple: family.multiple,
        price,
        pack: family.pack,
        minimum_order,
        lead_days,
        late,
        shelf_life_days: family.shelf_life_days,
    }
}

impl Product {
    pub fn sku(&self) -> &str {
        &self.item.sku
    }

    /// Pieces of one order line: one, or (with the family's chance) two to four.
    pub fn basket(&self, random: &mut Random) -> i64 {
        if random.chance(self.multiple) { random.whole(2, 4) } else { 1 }
    }

    /// Mean pieces per line: 1 with chance 1 − m, else uniform over 2, 3, 4.
    pub fn mean_basket(&self) -> f64 {
        1.0 + 2.0 * self.multiple
    }

    /// Mean square of the pieces per line: (4 + 9 + 16) / 3 for a multiple line.
    pub fn mean_square_basket(&self) -> f64 {
        1.0 - self.multiple + self.multiple * 29.0 / 3.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn items_are_distinct_and_complete() {
        let products = assortment(max_items(), &mut Random::seeded(1));
        let skus: BTreeSet<_> = products.iter().map(|p| p.sku().to_owned()).collect();
        let names: BTreeSet<_> = products.iter().map(|p| p.item.name.clone()).collect();
        let chinese: BTreeSet<_> = products.iter().map(|p| p.item.name_zh.clone()).collect();
        assert_eq!((skus.len(), names.len(), chinese.len()), (max_items(), max_items(), max_items()));
        assert!(products.iter().all(|p| p.item.unit_cost < p.item.unit_price && p.lead_days > 0));
    }
}
