//! Sticky assignment: balanced first, and then as few moves as that allows.
//!
//! A pure function of its arguments. The same members and the same holders give the same answer.

use std::collections::{BTreeMap, BTreeSet};

use processor::ports::TopicPartition;

/// Who shall have each partition. `members` are the topics each member subscribes to; `holders`
/// are who has a partition now. Partitions nobody subscribes to are absent.
pub(super) fn assign(
    members: &BTreeMap<&str, BTreeSet<&str>>,
    partitions: &BTreeSet<TopicPartition>,
    holders: &BTreeMap<TopicPartition, String>,
) -> BTreeMap<TopicPartition, String> {
    let mut held: BTreeMap<&str, Vec<TopicPartition>> = members.keys().map(|name| (*name, Vec::new())).collect();
    let mut homeless = Vec::new();
    for partition in partitions {
        let subscribed =
            |name: &&String| members.get(name.as_str()).is_some_and(|topics| topics.contains(&*partition.topic));
        match holders.get(partition).filter(subscribed).and_then(|name| held.get_mut(name.as_str())) {
            Some(list) => list.push(partition.clone()),
            None => homeless.push(partition.clone()),
        }
    }
    for partition in homeless {
        if let Some(name) = lightest(members, &held, &partition.topic) {
            held.entry(name).or_default().push(partition);
        }
    }
    while let Some((from, at, to)) = next_move(members, &held) {
        let partition = held.entry(from).or_default().remove(at);
        held.entry(to).or_default().push(partition);
    }
    held.into_iter().flat_map(|(name, list)| list.into_iter().map(move |at| (at, name.to_owned()))).collect()
}

type Held<'a> = BTreeMap<&'a str, Vec<TopicPartition>>;

/// The subscriber of a topic with the fewest partitions; the first by name among equals.
fn lightest<'a>(members: &BTreeMap<&'a str, BTreeSet<&str>>, held: &Held<'a>, topic: &str) -> Option<&'a str> {
    let subscribers = members.iter().filter(|(_, topics)| topics.contains(topic));
    subscribers.map(|(name, _)| *name).min_by_key(|name| held.get(name).map_or(0, Vec::len))
}

/// A move from the member with most to one with at least two fewer, if there is any: from, which, to.
fn next_move<'a>(members: &BTreeMap<&'a str, BTreeSet<&str>>, held: &Held<'a>) -> Option<(&'a str, usize, &'a str)> {
    let mut by_load: Vec<(&'a str, &Vec<TopicPartition>)> = held.iter().map(|(name, list)| (*name, list)).collect();
    by_load.sort_by_key(|(_, list)| std::cmp::Reverse(list.len()));
    by_load.iter().find_map(|(from, list)| {
        list.iter().enumerate().rev().find_map(|(at, partition)| {
            let to = lightest(members, held, &partition.topic)?;
            (held.get(to).map_or(0, Vec::len) + 2 <= list.len()).then_some((*from, at, to))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(partitions: i32) -> BTreeSet<TopicPartition> {
        (0..partitions).map(|partition| TopicPartition::new("t", partition)).collect()
    }

    fn members<'a>(names: &[&'a str]) -> BTreeMap<&'a str, BTreeSet<&'static str>> {
        names.iter().map(|name| (*name, BTreeSet::from(["t"]))).collect()
    }

    fn count(assignment: &BTreeMap<TopicPartition, String>, name: &str) -> usize {
        assignment.values().filter(|holder| *holder == name).count()
    }

    #[test]
    fn a_third_member_takes_a_third_and_nothing_else_moves() {
        let before = assign(&members(&["a", "b"]), &topic(9), &BTreeMap::new());
        let after = assign(&members(&["a", "b", "c"]), &topic(9), &before);
        assert_eq!((count(&after, "a"), count(&after, "b"), count(&after, "c")), (3, 3, 3));
        let moved = after.iter().filter(|(partition, holder)| before[partition] != **holder);
        assert!(moved.clone().all(|(_, holder)| holder == "c"));
        assert_eq!(moved.count(), 3);
    }

    #[test]
    fn what_a_leaver_had_is_spread_and_the_rest_stays() {
        let before = assign(&members(&["a", "b", "c"]), &topic(9), &BTreeMap::new());
        let after = assign(&members(&["a", "c"]), &topic(9), &before);
        assert!(
            before.iter().filter(|(_, holder)| *holder != "b").all(|(partition, holder)| after[partition] == *holder)
        );
        assert!(count(&after, "a").abs_diff(count(&after, "c")) <= 1);
    }

    #[test]
    fn a_member_gets_only_topics_it_subscribes_to() {
        let members = BTreeMap::from([("a", BTreeSet::from(["t", "u"])), ("b", BTreeSet::from(["u"]))]);
        let mut partitions = topic(3);
        partitions.extend((0..2).map(|partition| TopicPartition::new("u", partition)));
        let assignment = assign(&members, &partitions, &BTreeMap::new());
        assert_eq!((count(&assignment, "a"), count(&assignment, "b")), (3, 2));
    }
}
