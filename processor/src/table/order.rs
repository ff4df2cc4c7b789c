//! Keys in their order, four bytes each: what a look at all keys of a prefix needs.
//!
//! Sorted runs, each less than half as long as the one before: a newcomer is merged as often as there are runs
//! (logarithmic method, Bentley & Saxe 1980), so that a look may follow every new key. It holds numbers only; whoever asks
//! says what key a number has.

use super::KeyId;

#[derive(Default)]
pub(super) struct KeyOrder {
    runs: Vec<Vec<KeyId>>,
    newcomers: Vec<KeyId>,
}

impl KeyOrder {
    pub(super) fn push(&mut self, id: KeyId) {
        self.newcomers.push(id);
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(KeyId) -> bool) {
        for run in self.runs.iter_mut().chain([&mut self.newcomers]) {
            run.retain(|id| stays(*id));
        }
        self.runs.retain(|run| !run.is_empty());
    }

    /// Gives back the room that it does not need.
    pub(super) fn shrink(&mut self) {
        self.runs.iter_mut().chain([&mut self.newcomers]).for_each(Vec::shrink_to_fit);
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
        let mut found = Vec::new();
        for run in &self.runs {
            let begin = run.partition_point(|id| key_of(*id) < from.max(prefix));
            let within = run[begin..].iter().take_while(|id| key_of(**id).starts_with(prefix));
            found.extend(within.take(limit));
        }
        found.sort_unstable_by(|x, y| key_of(*x).cmp(key_of(*y)));
        found.truncate(limit);
        found
    }

    fn settle<'k>(&mut self, key_of: &impl Fn(KeyId) -> &'k [u8]) {
        if self.newcomers.is_empty() {
            return;
        }
        let mut last = std::mem::take(&mut self.newcomers);
        last.sort_by(|x, y| key_of(*x).cmp(key_of(*y)));
        while let Some(before) = self.runs.pop_if(|before| before.len() <= 2 * last.len()) {
            last = merged(before, last, key_of);
        }
        self.runs.push(last);
    }
}

fn merged<'k>(mut run: Vec<KeyId>, newer: Vec<KeyId>, key_of: &impl Fn(KeyId) -> &'k [u8]) -> Vec<KeyId> {
    run.extend(newer);
    // A stable sort finds that these are two runs.
    run.sort_by(|x, y| key_of(*x).cmp(key_of(*y)));
    run
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
