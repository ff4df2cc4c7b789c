//! The name of an instance that nobody named: the same after a restart.

/// `POD_NAME`, else the host's name.
pub(super) fn of_this_machine() -> String {
    let pod = std::env::var("POD_NAME").ok();
    let host = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
    pod.and_then(named).or_else(|| host().and_then(named)).unwrap_or_else(|| "quartermaster".to_owned())
}
