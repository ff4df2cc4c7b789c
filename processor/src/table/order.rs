//! Keys in their order, four bytes each: what a look at all keys of a prefix needs.
//!
//! A sorted list with a short list of newcomers beside it, merged when that has grown to an eighth of
//! the other. It holds numbers only; whoever asks says what key a number has.

use super::KeyId;

#[derive(Default)]
pub(super) struct KeyOrder {
    sorted: Vec<KeyId>,
    newcomers: Vec<KeyId>,
    /// So many of the newcomers are in order.
    in_order: usize,
}

/// Newcomers are merged when there are more than this, and an eighth of the sorted ones.
const FEW: usize = 64;

impl KeyOrder {
    pub(super) fn push(&mut self, id: KeyId) {
        self.newcomers.push(id);
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(KeyId) -> bool) {
        self.sorted.retain(|id| stays(*id));
        self.newcomers.retain(|id| stays(*id));
        // Those that stay keep their order; how many of them were in order is not known any more.
        self.in_order = 0;
    }

    /// Up to `limit` numbers of keys that begin with `prefix` and are not before `from`, in order of key.
    pub(super) fn range<'k>(
        &mut self,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
        key_of: &impl Fn(KeyId) -> &'k [u8],
    ) -> Vec<KeyId> {
        self.settle(key_of);
        let begin = |list: &[KeyId]| list.partition_point(|id| key_of(*id) < from.max(prefix));
        let (mut a, mut b) = (&self.sorted[begin(&self.sorted)..], &self.newcomers[begin(&self.newcomers)..]);
        let mut found = Vec::new();
        while found.len() < limit {
            let first = match (a.first(), b.first()) {
                (Some(x), Some(y)) if key_of(*x) < key_of(*y) => take(&mut a),
                (_, Some(_)) => take(&mut b),
                (Some(_), None) => take(&mut a),
                (None, None) => None,
            };
            match first.filter(|id| key_of(*id).starts_with(prefix)) {
                Some(id) => found.push(id),
                None => break,
            }
        }
        found
    }

    fn settle<'k>(&mut self, key_of: &impl Fn(KeyId) -> &'k [u8]) {
        let by_key = |x: &KeyId, y: &KeyId| key_of(*x).cmp(key_of(*y));
        if self.in_order < self.newcomers.len() {
            // Stable sorts find the run that is in order already.
            self.newcomers.sort_by(by_key);
            self.in_order = self.newcomers.len();
        }
        if self.newcomers.len() > FEW.max(self.sorted.len() / 8) {
            self.sorted.append(&mut self.newcomers);
            self.sorted.sort_by(by_key);
            self.in_order = 0;
        }
    }
}

fn take(list: &mut &[KeyId]) -> Option<KeyId> {
    let (first, rest) = list.split_first()?;
    *list = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_of_a_prefix_is_found_in_order(
            keys in proptest::collection::btree_set("[ab]{1,6}", 0..300), asked in "[ab]{0,2}", limit in 1_usize..40, cut in 0_usize..300,
        ) {
            // First sight in an order of its own.
            let mut seen: Vec<&String> = keys.iter().collect();
            seen.sort_by_key(|key| (key.len(), std::cmp::Reverse(key.as_str())));
            let key_of = |id: KeyId| seen[id.index()].as_bytes();
            let mut order = KeyOrder::default();
            for i in 0..seen.len() {
                order.push(KeyId(i as u32));
                if i == cut {
                    order.range(b"", b"", 1, &key_of);
                }
            }
            let expected: Vec<&[u8]> = keys.iter().filter(|key| key.starts_with(&asked)).map(String::as_bytes).collect();
            let (mut found, mut from) = (Vec::new(), Vec::new());
            loop {
                let page = order.range(asked.as_bytes(), &from, limit, &key_of);
                let Some(last) = page.last() else { break };
                from = [key_of(*last), &[0]].concat();
                found.extend(page.into_iter().map(key_of));
            }
            prop_assert_eq!(found, expected);
        }
    }
}
