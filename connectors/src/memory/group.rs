//! A consumer group: who is in it, who holds which partition, and what is committed.
//!
//! Handover is cooperative: a partition that shall move stays with its holder until that member
//! has been told, has drained it and says so. No partition ever has two holders.
//!
//! ```text
//!            the target polls                 the target changed, the holder polls
//!   Free ─────────────────────▶ Assigned ──────────────────────────────▶ Revoking
//!    ▲                           │    ▲                                     │
//!    │   the holder leaves,      │    │ the holder polls                    │ complete_revoke
//!    ├───────────────────────────┘    │                                     │
//!    ├── the target changed ──── Untold ◀── the same instance rejoins       │
//!    └──────────────────────────────────────────────────────────────────────┘
//! ```

use std::collections::{BTreeMap, BTreeSet};

use processor::ports::{GroupMetadata, Offsets, TopicPartition};

use super::assignor::assign;

/// What the member that holds a partition knows about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Assigned,
    Revoking,
}

struct Held {
    by: String,
    told: Told,
}

#[derive(Default)]
struct Slot {
    held: Option<Held>,
    target: Option<String>,
}

struct Member {
    id: u64,
    /// The member id that travels with offsets.
    name: String,
    topics: BTreeSet<String>,
    /// Since when its client is gone without a word, on the log's clock.
    gone_since_ms: Option<i64>,
}

/// What a member has to be told at its next poll.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Assigned(Vec<TopicPartition>),
    Revoking(Vec<TopicPartition>),
}

/// Where a client stands in its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Member,
    /// Put out: it may join again.
    Expelled,
    /// Another client took its instance.
    Replaced,
}

#[derive(Default)]
pub(super) struct Group {
    generation: i32,
    members: BTreeMap<String, Member>,
    slots: BTreeMap<TopicPartition, Slot>,
    pub(super) committed: Offsets,
    joined: u64,
    /// Changes whenever a member might have something to be told.
    pub(super) version: u64,
}

impl Group {
    /// Adds a member or hands its seat to a new client of the same instance. `available` are all
    /// partitions of `topics`. Returns the new client's member id.
    pub(super) fn join(&mut self, instance: &str, topics: &[String], available: Vec<TopicPartition>) -> u64 {
        self.joined += 1;
        let topics: BTreeSet<String> = topics.iter().cloned().collect();
        let known = self.members.get(instance).is_some_and(|member| member.topics == topics);
        let name = member_name(instance, self.joined);
        let member = Member { id: self.joined, name, topics, gone_since_ms: None };
        self.members.insert(instance.to_owned(), member);
        for at in available {
            self.slots.entry(at).or_default();
        }
        for held in self.slots.values_mut().filter_map(|slot| slot.held.as_mut()).filter(|held| held.by == instance) {
            held.told = Told::Nothing;
        }
        self.version += 1;
        if !known {
            self.rebalance();
        }
        self.joined
    }

    /// Takes a member out; what it held is free at once.
    pub(super) fn leave(&mut self, instance: &str) {
        if self.members.remove(instance).is_none() {
            return;
        }
        for slot in self.slots.values_mut() {
            slot.held.take_if(|held| held.by == instance);
        }
        self.rebalance();
    }

    pub(super) fn standing(&self, instance: &str, id: u64) -> Standing {
        match self.members.get(instance) {
            Some(member) if member.id == id => Standing::Member,
            Some(_) => Standing::Replaced,
            None => Standing::Expelled,
        }
    }

    /// The client of this member is gone without leaving.
    pub(super) fn went_silent(&mut self, instance: &str, id: u64, now_ms: i64) {
        if let Some(member) = self.members.get_mut(instance).filter(|member| member.id == id) {
            member.gone_since_ms = Some(now_ms);
        }
    }

    /// Takes out every member that went silent at or before `silent_since_ms`.
    pub(super) fn expire(&mut self, silent_since_ms: i64) {
        let gone = |member: &Member| member.gone_since_ms.is_some_and(|since| since <= silent_since_ms);
        let expired: Vec<String> =
            self.members.iter().filter(|(_, member)| gone(member)).map(|(name, _)| name.clone()).collect();
        for instance in &expired {
            self.leave(instance);
        }
    }

    /// What to tell a member now; telling it moves the partitions on in their life.
    pub(super) fn tell(&mut self, instance: &str) -> Option<Notice> {
        let revoking = self.tell_revoking(instance);
        if !revoking.is_empty() {
            return Some(Notice::Revoking(revoking));
        }
        let assigned = self.tell_assigned(instance);
        (!assigned.is_empty()).then_some(Notice::Assigned(assigned))
    }

    fn tell_revoking(&mut self, instance: &str) -> Vec<TopicPartition> {
        let mut revoking = Vec::new();
        let mut freed = false;
        for (at, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.target.as_deref() != Some(instance)) {
            let Some(held) = slot.held.as_mut().filter(|held| held.by == instance) else { continue };
            match held.told {
                Told::Assigned => {
                    held.told = Told::Revoking;
                    revoking.push(at.clone());
                }
                Told::Nothing => {
                    slot.held = None;
                    freed = true;
                }
                Told::Revoking => {}
            }
        }
        if freed {
            self.rebalance();
        }
        revoking
    }

    fn tell_assigned(&mut self, instance: &str) -> Vec<TopicPartition> {
        let mut assigned = Vec::new();
        for (at, slot) in self.slots.iter_mut().filter(|(_, slot)| slot.target.as_deref() == Some(instance)) {
            match &mut slot.held {
                Some(held) if held.by != instance || held.told != Told::Nothing => {}
                held => {
                    *held = Some(Held { by: instance.to_owned(), told: Told::Assigned });
                    assigned.push(at.clone());
                }
            }
        }
        assigned
    }

    /// Frees partitions a member was told to give up. The first that it was not is returned.
    pub(super) fn complete_revoke(
        &mut self,
        instance: &str,
        partitions: &[TopicPartition],
    ) -> Result<(), TopicPartition> {
        let given_up =
            |slot: &Slot| slot.held.as_ref().is_some_and(|held| held.by == instance && held.told == Told::Revoking);
        if let Some(kept) = partitions.iter().find(|at| !self.slots.get(*at).is_some_and(given_up)) {
            return Err(kept.clone());
        }
        for at in partitions {
            self.slots.entry(at.clone()).or_default().held = None;
        }
        self.rebalance();
        Ok(())
    }

    fn rebalance(&mut self) {
        self.generation += 1;
        self.version += 1;
        let members: BTreeMap<&str, BTreeSet<&str>> = self
            .members
            .iter()
            .map(|(name, member)| (name.as_str(), member.topics.iter().map(String::as_str).collect()))
            .collect();
        let partitions: BTreeSet<TopicPartition> = self.slots.keys().cloned().collect();
        let targets = assign(&members, &partitions, &self.leanings());
        for (at, slot) in &mut self.slots {
            slot.target = targets.get(at).cloned();
        }
    }

    /// Who should rather have a partition: its holder, else whom it was meant for. One that is
    /// being revoked is leaning towards whom it was revoked for.
    fn leanings(&self) -> BTreeMap<TopicPartition, String> {
        let leaning = |slot: &Slot| match &slot.held {
            Some(held) if held.told != Told::Revoking => Some(held.by.clone()),
            _ => slot.target.clone(),
        };
        self.slots.iter().filter_map(|(at, slot)| Some((at.clone(), leaning(slot)?))).collect()
    }

    pub(super) fn metadata(&self, group: &str, instance: &str, id: u64) -> GroupMetadata {
        GroupMetadata {
            group: group.to_owned(),
            member: member_name(instance, id),
            generation: self.generation,
            instance: Some(instance.to_owned()),
        }
    }

    /// Why offsets sent with this proof cannot be taken, if they cannot.
    pub(super) fn refusal(&self, proof: &GroupMetadata) -> Option<String> {
        let anonymous = proof.generation < 0 && proof.member.is_empty();
        if anonymous && self.members.is_empty() {
            return None;
        }
        if !self.members.values().any(|member| member.name == proof.member) {
            return Some(format!("{:?} is no member of group {}", proof.member, proof.group));
        }
        (proof.generation != self.generation)
            .then(|| format!("group {} is at generation {}, not {}", proof.group, self.generation, proof.generation))
    }

    /// Whether some member subscribes to a topic.
    pub(super) fn subscribes(&self, topic: &str) -> bool {
        self.members.values().any(|member| member.topics.contains(topic))
    }
}

fn member_name(instance: &str, id: u64) -> String {
    format!("{instance}-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partitions(count: i32) -> Vec<TopicPartition> {
        (0..count).map(|partition| TopicPartition::new("t", partition)).collect()
    }

    fn join(group: &mut Group, instance: &str) -> u64 {
        group.join(instance, &["t".to_owned()], partitions(4))
    }

    fn two_members() -> Group {
        let mut group = Group::default();
        join(&mut group, "a");
        assert_eq!(group.tell("a"), Some(Notice::Assigned(partitions(4))));
        join(&mut group, "b");
        group
    }

    #[test]
    fn a_partition_moves_only_after_its_holder_gave_it_up() {
        let mut group = two_members();
        assert_eq!(group.tell("b"), None);
        let Some(Notice::Revoking(moving)) = group.tell("a") else { panic!("a has to give up something") };
        assert_eq!(moving.len(), 2);
        assert_eq!(group.tell("b"), None);
        group.complete_revoke("a", &moving).unwrap();
        assert_eq!(group.tell("b"), Some(Notice::Assigned(moving)));
        assert_eq!(group.tell("a"), None);
    }

    #[test]
    fn what_is_not_being_revoked_cannot_be_given_up() {
        let mut group = two_members();
        assert_eq!(group.complete_revoke("a", &partitions(1)), Err(TopicPartition::new("t", 0)));
    }

    #[test]
    fn a_partition_whose_taker_left_comes_back_to_its_holder() {
        let mut group = two_members();
        let Some(Notice::Revoking(moving)) = group.tell("a") else { panic!("a has to give up something") };
        group.leave("b");
        assert_eq!(group.tell("a"), None, "it is still draining");
        group.complete_revoke("a", &moving).unwrap();
        assert_eq!(group.tell("a"), Some(Notice::Assigned(moving)));
    }

    #[test]
    fn a_static_member_that_returns_changes_no_generation() {
        let mut group = Group::default();
        let first = join(&mut group, "a");
        group.tell("a");
        let generation = group.generation;
        let second = join(&mut group, "a");
        assert_eq!(group.generation, generation);
        assert_eq!(group.standing("a", first), Standing::Replaced);
        assert_eq!(group.standing("a", second), Standing::Member);
        assert_eq!(group.tell("a"), Some(Notice::Assigned(partitions(4))));
    }

    #[test]
    fn a_silent_member_keeps_its_partitions_until_it_expires() {
        let mut group = Group::default();
        let id = join(&mut group, "a");
        group.tell("a");
        group.went_silent("a", id, 100);
        join(&mut group, "b");
        group.expire(99);
        assert_eq!(group.tell("b"), None);
        group.expire(100);
        assert_eq!(group.tell("b"), Some(Notice::Assigned(partitions(4))));
    }

    #[test]
    fn offsets_need_the_current_member_and_generation() {
        let mut group = Group::default();
        let id = join(&mut group, "a");
        let proof = group.metadata("g", "a", id);
        assert_eq!(group.refusal(&proof), None);
        join(&mut group, "b");
        assert!(group.refusal(&proof).is_some_and(|reason| reason.contains("generation")));
        group.leave("a");
        assert!(group.refusal(&proof).is_some_and(|reason| reason.contains("no member")));
    }
}
