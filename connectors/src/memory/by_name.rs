//! Things found by name, each under an index that stays valid for the life of the log.

use std::collections::BTreeMap;

pub(super) struct ByName<T> {
    by_name: BTreeMap<String, usize>,
    all: Vec<T>,
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), all: Vec::new() }
    }
}

impl<T> ByName<T> {
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The index of this name; what stands there is made if it is new.
    pub(super) fn index_or(&mut self, name: &str, make: impl FnOnce() -> T) -> usize {
        if let Some(index) = self.find(name) {
            return index;
        }
        let index = self.all.len();
        self.by_name.insert(name.to_owned(), index);
        self.all.push(make());
        index
    }

    /// The index of this name; what stands there is empty if it is new.
    pub(super) fn index(&mut self, name: &str) -> usize
    where
        T: Default,
    {
        self.index_or(name, T::default)
    }

    pub(super) fn get(&self, index: usize) -> &T {
        &self.all[index]
    }

    pub(super) fn get_mut(&mut self, index: usize) -> &mut T {
        &mut self.all[index]
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// In the order they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.iter_mut()
    }
}
