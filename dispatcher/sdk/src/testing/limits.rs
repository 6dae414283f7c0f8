//! Limits of the server that a test keeps too, so that what is too large there is too large here. They are
//! those of the server's `session/src/config.rs`, which has the reasons; a test compares them.

use std::time::Duration;

/// Life of a session that is not used.
pub const IDLE_DEFAULT: Duration = Duration::from_secs(14 * 24 * 3600);
/// Life of a session, used or not.
pub const ABSOLUTE_DEFAULT: Duration = Duration::from_secs(90 * 24 * 3600);
/// "Last seen" is written this often at most.
pub const SEEN_WRITE_EVERY: Duration = Duration::from_secs(60);
/// Bytes of a key.
pub const KEY_BYTES_MAX: usize = 128;
/// Bytes of one value.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one session, keys and values.
pub const SESSION_BYTES_MAX: usize = 256 * 1024;
/// Keys of one session, flashes among them.
pub const SESSION_KEYS_MAX: usize = 128;
/// Flashes that wait to be shown.
pub const FLASHES_MAX: usize = 16;
/// Bytes of a flash's kind and text together.
pub const FLASH_BYTES_MAX: usize = 4 * 1024;
/// Bytes of a user's name.
pub const USER_BYTES_MAX: usize = 255;
/// Sessions of one user.
pub const SESSIONS_PER_USER_MAX: usize = 64;
/// Bytes of a connection's or an instance's name.
pub const NAME_BYTES_MAX: usize = 128;
/// Bytes of a password.
pub const PASSWORD_BYTES_MAX: usize = 1024;
/// Bytes that may be sealed.
pub const SEALED_BYTES_MAX: usize = 2800;

#[cfg(test)]
mod tests {
    #[test]
    fn they_are_the_servers() {
        let server = include_str!("../../../../session/src/config.rs");
        let server: Vec<&str> = server.lines().collect();
        let ours = include_str!("limits.rs").lines();
        let ours: Vec<&str> = ours.filter(|line| line.starts_with("pub const")).collect();
        assert!(!ours.is_empty());
        for line in ours {
            assert!(server.contains(&line), "the server has no {line}");
        }
    }
}
