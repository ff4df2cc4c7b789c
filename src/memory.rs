//! The memory of this process and the limit of its container. It must never look at the host's memory: a
//! container that sizes itself by that is killed.

use std::fs;

/// Limit of the container (cgroup), in bytes; `None` where there is none.
pub fn limit_bytes() -> Option<u64> {
    // cgroup version 2, then version 1.
    let files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    files.iter().find_map(|file| fs::read_to_string(file).ok()).and_then(|text| limit_of(&text))
}

/// Where there is no limit to take a share of.
const DEFAULT_STATE_BYTES: u64 = 512 << 20;
/// Of the container's memory, in percent: the rest is for the stores' caches, client queues and headroom.
const STATE_SHARE: u64 = 30;

/// What the states in memory may take, unless somebody says otherwise.
pub fn of_states() -> usize {
    let bytes = limit_bytes().map_or(DEFAULT_STATE_BYTES, |bytes| bytes / 100 * STATE_SHARE);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// Memory of this process that is in RAM, in bytes; `None` where the system does not tell.
pub fn resident_bytes() -> Option<u64> {
    fs::read_to_string("/proc/self/status").ok().and_then(|text| resident_of(&text))
}

/// `max`, and the huge number by which version 1 says the same, are no limit.
fn limit_of(text: &str) -> Option<u64> {
    text.trim().parse::<u64>().ok().filter(|bytes| *bytes < 1 << 50)
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_told_from_a_limit() {
        assert_eq!(limit_of("2147483648\n"), Some(2 << 30));
        for unlimited in ["max\n", "9223372036854771712", "", "?"] {
            assert_eq!(limit_of(unlimited), None);
        }
    }

    #[test]
    fn resident_memory_is_read_from_the_kernels_words() {
        assert_eq!(resident_of("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), Some(2 << 20));
        assert_eq!(resident_of("Name:\tx\n"), None);
    }
}
