//! Secrets of channels: from files, read again when they change, or from a variable. Never printed.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::ChannelError;

/// Secrets of one kind. `K` is what a text is parsed into; it should not be printable.
pub struct Secrets<K> {
    files: Vec<PathBuf>,
    parse: fn(&str) -> Result<K, &'static str>,
    /// From elsewhere than files.
    fixed: Vec<K>,
    cached: Mutex<Cached<K>>,
}

struct Cached<K> {
    /// When each file was changed last.
    changed: Vec<Option<SystemTime>>,
    keys: Vec<K>,
}

impl<K: Clone> Secrets<K> {
    /// Reads them all; a file may hold several, separated by white space. `texts`: what to call each
    /// source in messages, and its secrets.
    pub fn load(
        files: Vec<PathBuf>,
        texts: &[(&str, String)],
        parse: fn(&str) -> Result<K, &'static str>,
    ) -> Result<Self, ChannelError> {
        let mut fixed = Vec::new();
        for (source, text) in texts {
            fixed.extend(parse_all(source, text, parse)?);
        }
        let cached = read_all(&files, parse)?;
        Ok(Self { files, parse, fixed, cached: Mutex::new(cached) })
    }

    /// The secrets in force, those of files first. A file that was changed is read again; one that
    /// cannot be read, or not parsed, leaves what was in force.
    pub fn current(&self) -> Vec<K> {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let changed: Vec<_> = self.files.iter().map(|file| changed_at(file)).collect();
        if changed != cached.changed {
            match read_all(&self.files, self.parse) {
                Ok(read) => {
                    tracing::info!(files = ?self.files, "secrets read again");
                    *cached = read;
                }
                Err(error) => {
                    tracing::error!(%error, "secrets cannot be read again; going on with those in force");
                    cached.changed = changed;
                }
            }
        }
        cached.keys.iter().chain(&self.fixed).cloned().collect()
    }
}

fn changed_at(file: &Path) -> Option<SystemTime> {
    std::fs::metadata(file).and_then(|about| about.modified()).ok()
}

fn read_all<K>(files: &[PathBuf], parse: fn(&str) -> Result<K, &'static str>) -> Result<Cached<K>, ChannelError> {
    let mut cached = Cached { changed: Vec::new(), keys: Vec::new() };
    for file in files {
        // Before the content: a change between the two is then seen next time.
        cached.changed.push(changed_at(file));
        cached.keys.extend(parse_all(&file.display().to_string(), &read(file)?, parse)?);
    }
    Ok(cached)
}

/// The text of a file that holds a secret.
pub fn read(file: &Path) -> Result<String, ChannelError> {
    std::fs::read_to_string(file).map_err(|error| {
        ChannelError(format!("cannot read {}: {error}; mount the secret there, or name another file", file.display()))
    })
}

fn parse_all<K>(source: &str, text: &str, parse: fn(&str) -> Result<K, &'static str>) -> Result<Vec<K>, ChannelError> {
    let mut keys = Vec::new();
    for (nth, word) in text.split_whitespace().enumerate() {
        keys.push(parse(word).map_err(|what| ChannelError(format!("{source}, secret {}: {what}", nth + 1)))?);
    }
    if keys.is_empty() {
        return Err(ChannelError(format!("{source} holds no secret")));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<u32, &'static str> {
        text.parse().map_err(|_| "not a number")
    }

    /// Writes a file and makes sure that it looks changed.
    fn write(file: &Path, text: &str, nth: u64) {
        std::fs::write(file, text).unwrap();
        let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000 + nth);
        std::fs::File::options().write(true).open(file).unwrap().set_modified(at).unwrap();
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_broken_one_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        write(&file, "1 2\n", 1);
        let secrets = Secrets::load(vec![file.clone()], &[("X", "9".to_owned())], number).unwrap();
        assert_eq!(secrets.current(), [1, 2, 9]);
        write(&file, "3\n", 2);
        assert_eq!(secrets.current(), [3, 9]);
        write(&file, "broken\n", 3);
        assert_eq!(secrets.current(), [3, 9]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(secrets.current(), [3, 9]);
        write(&file, "4\n", 5);
        assert_eq!(secrets.current(), [4, 9]);
    }

    #[test]
    fn what_is_wrong_is_told_without_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let refused = |files: Vec<PathBuf>| Secrets::load(files, &[], number).err().map_or_else(String::new, |e| e.0);
        assert!(refused(vec![file.clone()]).contains("cannot read"));
        write(&file, "7 hush", 1);
        let message = refused(vec![file.clone()]);
        assert!(message.contains("secret 2") && !message.contains("hush"), "{message}");
        write(&file, " \n", 2);
        assert!(refused(vec![file]).contains("holds no secret"));
    }
}
